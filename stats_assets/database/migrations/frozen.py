"""The SQL of a revision: files beside it in `versions/`, run once in each database, and never edited afterwards.

A test holds their hashes. What a later revision changes, it changes in a file of its own.
"""

from pathlib import Path

from alembic import op

VERSIONS = Path(__file__).parent / "versions"


def run(*names: str) -> None:
    """Run these files of `versions/`, in this order, in the migration's transaction."""
    connection = op.get_bind().connection.driver_connection
    assert connection is not None  # noqa: S101 - for the type checker
    for name in names:
        connection.execute((VERSIONS / name).read_bytes())
