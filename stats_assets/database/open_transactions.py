"""The oldest transaction that is open at the database: as long as it is, no dead row that it might see is reused.

Who began it, and since when, as far as PostgreSQL tells it to the role that asks. What is made of it is status.py's.
"""

from datetime import datetime
from typing import NamedTuple

from psycopg.rows import class_row

from stats_assets.database.connection import Connection

# The one that holds back the clearing away of dead rows for longest comes first; then who may do so any moment. What a
# role may not see of others' sessions the owner's function says, as far as the owner may.
OLDEST = """
WITH found AS (
    SELECT 'a session' AS what, a.pid::text AS id, a.usename::text AS "user", a.application_name AS application,
        coalesce(s.state, a.state) AS state, coalesce(s.since, a.xact_start) AS since,
        greatest(age(backend_xmin), age(backend_xid)) AS behind
    FROM pg_stat_activity AS a LEFT JOIN sessions_seen() AS s USING (pid)
    WHERE a.pid <> pg_backend_pid()
        AND (a.datname = current_database() OR (a.datname IS NULL AND usename IS NOT NULL AND backend_xmin IS NOT NULL))
        AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL OR coalesce(s.since, a.xact_start) IS NOT NULL)
        AND coalesce(s.kind, a.backend_type, '') NOT IN ('autovacuum worker', 'parallel worker')
    UNION ALL
    SELECT 'a prepared transaction', gid, owner::text, '', 'prepared', prepared, age(transaction)
    FROM pg_prepared_xacts WHERE database = current_database()
    UNION ALL
    SELECT 'a replication slot', slot_name::text, NULL, '', CASE WHEN active THEN 'active' ELSE 'not active' END, NULL,
        age(xmin)
    FROM pg_replication_slots WHERE xmin IS NOT NULL
)
SELECT *, behind IS NOT NULL AS keeps_dead_rows, clock_timestamp() AS now FROM found
ORDER BY behind DESC NULLS LAST, since NULLS LAST LIMIT 1
"""


class OpenTransaction(NamedTuple):
    """Whose it is, and since when it is open."""

    what: str
    id: str
    """A session's process, a prepared transaction's or a replication slot's name."""
    user: str | None
    application: str
    """As the program calls itself."""
    state: str | None
    """PostgreSQL's word; None: the role may not see it."""
    since: datetime | None
    """None: the role may not see it."""
    behind: int | None
    """How many transactions have begun since the oldest state that it might look at; None: it looks at none now."""
    keeps_dead_rows: bool
    now: datetime
    """By the database's clock."""

    @property
    def seconds(self) -> float | None:
        """For how long it is open."""
        return None if self.since is None else max(0.0, (self.now - self.since).total_seconds())


def oldest_transaction(connection: Connection) -> OpenTransaction | None:
    """The oldest, but for the one that asks; None: no other is open."""
    with connection.cursor(row_factory=class_row(OpenTransaction)) as cursor:
        return cursor.execute(OLDEST).fetchone()
