"""What is due once more though it is done (late work). What is due for the first time is ingest/tick.py's.

Bodies are read a second time when they have settled, and again when they are flagged and a person asks for that. What
was given up is tried once a day. What a backfill left waiting below the checkpoint is due here too, as no tick looks
there. None of it is urgent: the tick asks for it when nothing else is due.
"""
# ruff: noqa: S608 - SQL is made of constants

from collections.abc import Sequence
from datetime import timedelta

from stats_assets.database.connection import Connection
from stats_assets.database.ledger.ledger import WITH_BLOCKS

MOST = 100  # sequences a look
BATCH = 30  # minutes that are read again together: a run for each would double the runs
STANDS = timedelta(minutes=30)  # when the head has not moved for so long, a batch does not wait to be full
LONG_AGO = timedelta(hours=2)  # nor when its oldest body was read so long ago


def late(connection: Connection, stream: str, settled: int | None, batch: int = BATCH) -> list[int]:
    """Sequences that are due once more, in order: for their daily try, left by a backfill, or to be read again.

    settled: the newest that may be read again; None: none may. batch: how many of these are worth a run. Fewer are,
    too, when the feed's head stands still, or the oldest was read long ago.
    """
    given_up = connection.execute(
        f"""
        SELECT l.sequence FROM {WITH_BLOCKS}
        WHERE l.stream = %(stream)s AND l.work IN ('quarantined', 'hole', 'waiting') AND l.work <> 'idle'
            AND l.not_before <= now() AND (l.epoch >= b.epoch OR l.work = 'waiting'
                AND l.sequence <= (SELECT checkpoint FROM streams WHERE stream = %(stream)s))
        ORDER BY l.sequence LIMIT %(most)s
        """,
        {"stream": stream, "most": MOST},
    ).fetchall()
    flagged = connection.execute(
        "SELECT sequence FROM ledger WHERE stream = %s AND flagged IS NOT NULL AND reread_at <= now()"
        " AND result = 'committed' AND work = 'idle' ORDER BY sequence LIMIT %s",
        (stream, MOST),
    ).fetchall()
    unsettled = connection.execute(
        """
        SELECT sequence, reread_at IS NOT NULL OR fetched_at < now() - %(long_ago)s
            OR EXISTS (SELECT FROM heads AS h WHERE h.stream = l.stream AND h.moved_at < now() - %(stands)s)
        FROM ledger AS l
        WHERE stream = %(stream)s AND result = 'committed' AND settled_at IS NULL AND work = 'idle'
            AND sequence <= %(settled)s AND (reread_at IS NULL OR reread_at <= now())
        ORDER BY sequence LIMIT %(most)s
        """,
        {"stream": stream, "settled": settled, "most": MOST, "stands": STANDS, "long_ago": LONG_AGO},
    ).fetchall()
    ripe = settled is not None and any(
        waits or sequence <= settled - batch for sequence, waits in unsettled[:1]
    )
    return sorted({row[0] for row in (*given_up, *flagged, *(unsettled if ripe else ()))})


def retry(connection: Connection, stream: str, sequences: Sequence[int] | None = None) -> list[int]:
    """Make due at once what waits, was given up or is flagged: all of it, or of these sequences. Returns which ones."""
    given = {"stream": stream, "wanted": None if sequences is None else list(sequences)}
    rows = connection.execute(
        """
        WITH tried AS (
            UPDATE ledger SET not_before = now()
            WHERE stream = %(stream)s AND work IN ('quarantined', 'hole', 'waiting') AND work <> 'idle'
                AND (%(wanted)s::bigint[] IS NULL OR sequence = ANY (%(wanted)s))
            RETURNING sequence
        ), read AS (
            UPDATE ledger SET reread_at = now()
            WHERE stream = %(stream)s AND flagged IS NOT NULL AND result = 'committed' AND work = 'idle'
                AND (%(wanted)s::bigint[] IS NULL OR sequence = ANY (%(wanted)s))
            RETURNING sequence
        )
        SELECT sequence FROM tried UNION SELECT sequence FROM read ORDER BY sequence
        """,
        given,
    ).fetchall()
    return [row[0] for row in rows]
