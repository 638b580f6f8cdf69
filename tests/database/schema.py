"""The schema as all revisions together make it, in PostgreSQL's own words. `make schema` writes it to docs/schema.sql,
for people to read; nothing runs that file. How it got so is in the revisions. No test is here.
"""

import re
import subprocess
import tempfile
from pathlib import Path

from stats_assets.database.migrations import migrate
from stats_assets.embedded_postgres.access import embedded_url
from stats_assets.embedded_postgres.place import _binaries

FILE = Path(__file__).parents[2] / "docs" / "schema.sql"
HEAD = """-- The schema as it is now: what all revisions (database/migrations/versions/) have made together.
-- To read, not to run. Written by `make schema`; a test compares it.
"""
PG_DUMP = _binaries() / "pg_dump"

_NOISE = re.compile(r"^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*)\n", re.MULTILINE)


def schema_of(url: str) -> str:
    """The schema of the database at this URL, without what differs from one server or owner to another."""
    command = [str(PG_DUMP), "--schema-only", "--no-owner", "--no-privileges", "-d", url]
    dumped = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603

    return (
        HEAD + "\n" + re.sub(r"\n{3,}", "\n\n", _NOISE.sub("", dumped)).strip().replace("public.", "") + "\n"
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)  # as the server's user is not root
        address = embedded_url(folder, grace=1)
        migrate(address)
        FILE.write_text(schema_of(address))
