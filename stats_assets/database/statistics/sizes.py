"""How many rows tables and views have, and what was counted lately: for an observation, in bounded time.

Up to MOST rows are counted; of more the number is the planner's estimate. Nothing here writes.
"""
# ruff: noqa: S608 - SQL is made of constants

from datetime import date, datetime
from typing import Final

from stats_assets.database.connection import Connection
from stats_assets.database.statistics.owners import OWNERS

MOST = 100_000
LATELY = 6_000  # sequences, four days of minutes: so far back is looked for what was done within a day
DAYS = 30

_RANKED = "aggregates_ranked WHERE owner = '{}'"
ROWS_OF: Final[dict[str, str]] = {
    "changeset_edits": "changeset_edits",
    "changeset_metadata": "changeset_metadata",
    "checkpoints": "checkpoints",
    **{spec.view: _RANKED.format(owner) for owner, spec in OWNERS.items()},
    **{
        f"{owner}_days": f"aggregate_days WHERE owner = '{owner}'" for owner in ("user", "hashtag", "country")
    },
}
"""What stands for each one's rows where that is quicker to count; of countries without OSMesa's other codes."""


def row_count(connection: Connection, name: str) -> int:
    """Of a table or view of ROWS_OF: exact up to MOST, above that about."""
    source = ROWS_OF[name]
    row = connection.execute(
        f"SELECT count(*) FROM (SELECT FROM {source} LIMIT {MOST + 1}) AS counted".encode()
    ).fetchone()
    counted = int(row[0]) if row else 0
    if counted <= MOST:
        return counted
    row = connection.execute(f"EXPLAIN (FORMAT JSON) SELECT FROM {source}".encode()).fetchone()
    return max(counted, int(row[0][0]["Plan"]["Plan Rows"]) if row else 0)


def committed_by_hour(connection: Connection, stream: str) -> list[tuple[datetime, int]]:
    """How many sequences of the stream were committed in each of the last 24 hours, the oldest first."""
    return connection.execute(
        """
        SELECT hour, count(l.sequence)
        FROM generate_series(date_trunc('hour', now()) - interval '23 h', now(), interval '1 h') AS hour
        LEFT JOIN ledger AS l ON l.stream = %(stream)s AND l.result = 'committed'
            AND l.sequence > (SELECT max(sequence) FROM ledger WHERE stream = %(stream)s) - %(lately)s
            AND l.done_at >= hour AND l.done_at < hour + interval '1 h'
        GROUP BY hour ORDER BY hour
        """,
        {"stream": stream, "lately": LATELY},
    ).fetchall()


def edits_by_day(connection: Connection) -> list[tuple[date, int]]:
    """All users' edits of each of the last 30 days, the oldest first."""
    return connection.execute(
        """
        SELECT of::date, coalesce(sum(d.edits), 0)::bigint
        FROM generate_series((now() AT TIME ZONE 'UTC')::date - %s, (now() AT TIME ZONE 'UTC')::date, '1 day') AS of
        LEFT JOIN aggregate_days AS d ON d.owner = 'user' AND d.day = of::date
        GROUP BY 1 ORDER BY 1
        """,
        (DAYS - 1,),
    ).fetchall()
