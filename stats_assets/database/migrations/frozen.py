"""The SQL of a revision: files beside it in `versions/`, run once in each database, and never edited afterwards.

A test holds their hashes. What a later revision changes, it changes in a file of its own; views as a whole.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import op

VERSIONS = Path(__file__).parent / "versions"
# A view that is made of nothing lets go of all columns and functions, and stays: so do rights on it, and what others
# have made of it.
LET_GO = """
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT c.relname, string_agg(format('NULL::%s%s AS %I', format_type(atttypid, atttypmod),
            CASE WHEN attcollation <> 0 THEN format(' COLLATE %s', attcollation::regcollation) END, attname),
            ', ' ORDER BY attnum) AS columns
        FROM pg_class AS c JOIN pg_attribute ON attrelid = c.oid
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'v' AND attnum > 0 AND c.relname IN (
            'user_statistics', 'hashtag_statistics', 'hashtag_user_statistics', 'country_statistics',
            'user_days', 'hashtag_days', 'country_days')
        GROUP BY c.relname
    LOOP
        EXECUTE format('CREATE OR REPLACE VIEW %I AS SELECT %s', one.relname, one.columns);
    END LOOP;
END
$$
"""


def run(*names: str) -> None:
    """Run these files of `versions/`, in this order, in the migration's transaction."""
    connection = op.get_bind().connection.driver_connection
    assert connection is not None  # noqa: S101 - for the type checker
    for name in names:
        connection.execute((VERSIONS / name).read_bytes())


@contextmanager
def replacing_views(name: str) -> Iterator[None]:
    """Inside, no view of the statistics holds on to a column or a function; then they are what the file says.

    The file makes all of them, by CREATE OR REPLACE: a new column is the last one.
    """
    op.execute(LET_GO)
    yield
    run(name)
