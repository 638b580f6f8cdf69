"""What an operator added to the tables that a sequence's facts are written to, and that computes something: generated
columns, defaults, indexes on expressions, checks, domains. Policies and rules on them PostgreSQL refuses as a whole.
Whose any other failure is, is database/failures.py's.
"""

import re
from typing import NamedTuple

import psycopg

from stats_assets.database.connection import Connection
from stats_assets.database.failures import DatabaseFailed, sentence

WRITTEN = (
    *("changeset_edits", "changeset_edits_countries", "errors"),
    *("changeset_metadata", "statistics_queue", "users"),
)
DOMAIN = "the domain of"
# In any language; `COPY table, line N: ` where no column's text was being read.
READING_A_COLUMN = re.compile(r'^COPY [^\n,:"]+,[^\n,:"]+,', re.MULTILINE)
# Of ours none of these tables has any.
COMPUTING = f"""
WITH written AS (
    SELECT oid, relname FROM pg_class
    WHERE relnamespace = to_regnamespace(quote_ident(current_schema())) AND relname = ANY(%(tables)s)
    UNION
    SELECT child.oid, child.relname FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
    JOIN pg_class AS parent ON parent.oid = inhparent
    WHERE parent.relnamespace = to_regnamespace(quote_ident(current_schema())) AND parent.relname = ANY(%(tables)s)
)
SELECT CASE WHEN attgenerated <> '' THEN 'the generated column' WHEN typtype = 'd' THEN '{DOMAIN}'
    ELSE 'the default of' END, relname || '.' || attname
FROM written JOIN pg_attribute ON attrelid = written.oid JOIN pg_type AS t ON t.oid = atttypid
WHERE attnum > 0 AND NOT attisdropped AND (typtype = 'd' OR (atthasdef AND attidentity = ''))
UNION SELECT 'the index', i.relname
FROM written JOIN pg_index ON indrelid = written.oid JOIN pg_class AS i ON i.oid = indexrelid
WHERE indexprs IS NOT NULL OR indpred IS NOT NULL
UNION SELECT 'the check', conname FROM written JOIN pg_constraint ON conrelid = written.oid WHERE contype IN ('c', 'x')
ORDER BY 1, 2
"""  # noqa: S608 - made of a constant


class Addition(NamedTuple):
    """One of them: what it is, and its name."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def additions(connection: Connection) -> list[Addition]:
    """All that compute something whenever facts are written; by kind and name."""
    rows = connection.execute(COMPUTING, {"tables": list(WRITTEN)}).fetchall()
    return [Addition(*row) for row in rows]


def require_data_to_be_wrong(connection: Connection, error: BaseException | None) -> None:
    """After a failure to write: that one of these raised it is not the sequence's. Raises DatabaseFailed then.

    An error of PostgreSQL's does not name the expression that raised it. So all of them are named, unless the text of
    a column was being read, which only a domain looks at.
    """
    if not isinstance(error, psycopg.DataError) or error.sqlstate is None:
        return
    found = additions(connection)
    if READING_A_COLUMN.search(error.diag.context or ""):
        found = [one for one in found if one.kind == DOMAIN]
    if found:
        said = sentence(error).rpartition(f"(SQLSTATE {error.sqlstate}).")
        raise DatabaseFailed(
            f"{said[0]}{said[1]} What is not of ours and computes something there: {', '.join(map(str, found))}."
            " Mend what raises it, or drop it."
        ) from error
