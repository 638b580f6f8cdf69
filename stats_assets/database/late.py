"""What is due once more though it is done: bodies to be read again when settled, and what was given up, once a day.

So is what waits below the checkpoint, where no tick comes by: a backfill's failures. None of it is urgent: the tick
asks for it when nothing else is due. What is due for the first time is tick.py's.
"""

from collections.abc import Sequence

from stats_assets.database.connection import Connection

MOST = 100  # sequences a look
BATCH = 30  # minutes that are read again together: a run for each would double the runs


def late(connection: Connection, stream: str, settled: int | None) -> list[int]:
    """Sequences that are due once more, in order: given up and due for their daily try, left by a backfill, or to be
    read again.

    settled: the newest that may be read again, None: none is.
    """
    given_up = connection.execute(
        """
        SELECT l.sequence FROM ledger AS l
        JOIN ledger_blocks AS b ON b.stream = l.stream AND b.block = l.sequence - l.sequence %% 100
        WHERE l.stream = %(stream)s AND l.work IN ('quarantined', 'hole', 'waiting') AND l.work <> 'idle'
            AND l.not_before <= now() AND (l.epoch >= b.epoch OR l.work = 'waiting'
                AND l.sequence <= (SELECT checkpoint FROM streams WHERE stream = %(stream)s))
        ORDER BY l.sequence LIMIT %(most)s
        """,
        {"stream": stream, "most": MOST},
    ).fetchall()
    unsettled = connection.execute(
        "SELECT sequence FROM ledger WHERE stream = %s AND result = 'committed' AND settled_at IS NULL"
        " AND work = 'idle' AND sequence <= %s ORDER BY sequence LIMIT %s",
        (stream, settled, MOST),
    ).fetchall()
    ripe = settled is not None and bool(unsettled) and unsettled[0][0] <= settled - BATCH
    return sorted({row[0] for row in (*given_up, *(unsettled if ripe else ()))})


def retry(connection: Connection, stream: str, sequences: Sequence[int] | None = None) -> list[int]:
    """Make what waits or was given up due at once, all of it or these sequences; which ones that are."""
    rows = connection.execute(
        "UPDATE ledger SET not_before = now() WHERE stream = %s AND work IN ('quarantined', 'hole', 'waiting')"
        " AND work <> 'idle' AND (%s::bigint[] IS NULL OR sequence = ANY (%s)) RETURNING sequence",
        (stream, sequences, sequences),
    ).fetchall()
    return sorted(row[0] for row in rows)
