"""How far a range of sequences is, as a backfill reports it: read from the ledger, never from runs."""
# ruff: noqa: S608 - SQL is made of constants

from datetime import datetime
from typing import NamedTuple

from stats_assets.database.connection import Connection
from stats_assets.database.ledger.ledger import BLOCK


class Trouble(NamedTuple):
    """A sequence that is not as it should be after a backfill, and why."""

    sequence: int
    work: str
    """The ledger's word, or `refused` of what was left as it was, with a reason."""
    reason: str


def done_since(connection: Connection, stream: str, start: int, end: int, since: datetime) -> int:
    """How many of the sequences start..end were committed, or found unchanged, since then."""
    row = connection.execute(
        "SELECT count(*) FROM ledger WHERE stream = %s AND sequence BETWEEN %s AND %s AND done_at >= %s",
        (stream, start, end, since),
    ).fetchone()
    return int(row[0]) if row else 0


def clean_blocks(connection: Connection, stream: str, start: int, end: int) -> dict[int, int]:
    """How many of start..end are committed and have no failed try behind them, by block."""
    return dict(
        connection.execute(
            f"SELECT sequence - sequence %% {BLOCK}, count(*) FROM ledger"
            " WHERE stream = %s AND sequence BETWEEN %s AND %s AND result = 'committed' AND work IN ('idle', 'trying')"
            " AND reason IS NULL GROUP BY 1",
            (stream, start, end),
        ).fetchall()
    )


def troubles(connection: Connection, stream: str, start: int, end: int, most: int) -> list[Trouble]:
    """The first of start..end whose last try failed."""
    return [
        Trouble(*row)
        for row in connection.execute(
            "SELECT sequence, CASE work WHEN 'idle' THEN 'refused' ELSE work END, coalesce(reason, '') FROM ledger"
            " WHERE stream = %s AND sequence BETWEEN %s AND %s AND (work IN ('waiting', 'quarantined', 'hole')"
            " OR work = 'idle' AND reason IS NOT NULL) ORDER BY sequence LIMIT %s",
            (stream, start, end, most),
        ).fetchall()
    ]


def left_as_they_were_since(
    connection: Connection, stream: str, start: int, end: int, since: datetime
) -> int:
    """How many of start..end were left as they were since then, in the longest row of them without a gap.

    These are the ones that `troubles` calls refused.
    """
    row = connection.execute(
        """
        SELECT count(*) FROM (
            SELECT sequence - row_number() OVER (ORDER BY sequence) AS span FROM ledger
            WHERE stream = %s AND sequence BETWEEN %s AND %s AND since >= %s AND work = 'idle' AND reason IS NOT NULL
                AND result = 'none'
        ) AS left_so GROUP BY span ORDER BY 1 DESC LIMIT 1
        """,
        (stream, start, end, since),
    ).fetchone()
    return int(row[0]) if row else 0
