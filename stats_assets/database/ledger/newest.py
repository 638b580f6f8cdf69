"""How far a stream has come: the newest sequence that is counted, past what waits by its own fault.

What waits is waiting.py's, what was given up is stream_rows.py's; what it means in seconds is monitoring/lag.py's.
"""
# ruff: noqa: S608 - SQL is made of constants

from stats_assets.database.connection import Connection
from stats_assets.database.ledger.ledger import WITH_BLOCKS
from stats_assets.streams import Stream

MOST_PAST = 50_000  # rows that are looked at behind a sequence that waits


def newest_committed(connection: Connection, stream: Stream, cursor: int) -> int | None:
    """The newest committed sequence before which nothing is left out, but for what failed and waits; None: none is.

    What a backfill has done farther on does not count: before it there is something that was never tried.
    """
    row = connection.execute(
        f"""
        SELECT sequence FROM ledger
        WHERE stream = %(stream)s AND result = 'committed' AND sequence <= coalesce((
            SELECT max(sequence) FROM (
                SELECT l.sequence, row_number() OVER (ORDER BY l.sequence) AS place
                FROM {WITH_BLOCKS}
                WHERE l.stream = %(stream)s AND l.sequence > %(cursor)s
                    AND (l.epoch >= b.epoch OR l.work = 'waiting' OR (l.work = 'trying' AND l.previous = 'waiting'))
                ORDER BY l.sequence LIMIT %(most)s
            ) AS past WHERE sequence = %(cursor)s + place
        ), %(cursor)s)
        ORDER BY sequence DESC LIMIT 1
        """,
        {"stream": stream, "cursor": cursor, "most": MOST_PAST},
    ).fetchone()
    return None if row is None else int(row[0])
