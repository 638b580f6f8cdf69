"""Moving a stream's checkpoint by hand: back (all above is due again), forward (what is between is skipped).

Only a tick does so, in its transaction; a person asks for it by the sensor's cursor, or by `stats-assets seek`.
"""

from stats_assets.database.connection import Connection
from stats_assets.database.ledger import block_of
from stats_assets.database.streams import Stream, save_checkpoint


def rewind(connection: Connection, stream: Stream, checkpoint: int) -> None:
    """Lower the checkpoint; all above it is due again. Nothing is deleted: old facts stay until replaced.

    Costs a row a block: the blocks' epoch rises, and only in the first, partial one are rows touched.
    """
    first = block_of(checkpoint + 1)
    # The ledger before its blocks, and in order, as everywhere.
    connection.execute(
        "SELECT FROM ledger WHERE stream = %s AND (sequence BETWEEN %s AND %s OR sequence > %s AND work <> 'idle')"
        " ORDER BY sequence FOR UPDATE",
        (stream, first, checkpoint, checkpoint),
    )
    connection.execute(
        "UPDATE ledger_blocks SET epoch = epoch + 1, done = 0 WHERE stream = %s AND block >= %s",
        (stream, first),
    )
    connection.execute(
        """
        WITH kept AS (
            UPDATE ledger AS l SET epoch = b.epoch
            FROM ledger_blocks AS b
            WHERE l.stream = %(stream)s AND l.sequence BETWEEN %(first)s AND %(checkpoint)s
                AND b.stream = l.stream AND b.block = %(first)s AND l.epoch = b.epoch - 1
            RETURNING 1
        )
        UPDATE ledger_blocks SET done = (SELECT count(*) FROM kept) WHERE stream = %(stream)s AND block = %(first)s
        """,
        {"stream": stream, "first": first, "checkpoint": checkpoint},
    )
    connection.execute(
        "UPDATE ledger SET work = CASE work WHEN 'trying' THEN 'trying' ELSE 'idle' END, previous = 'idle',"
        " not_before = NULL, attempts = 0, missing_since = NULL"
        " WHERE stream = %s AND sequence > %s AND work <> 'idle'",
        (stream, checkpoint),
    )
    save_checkpoint(connection, stream, checkpoint)


def request_seek(connection: Connection, stream: Stream, sequence: int) -> None:
    """Ask the next tick to bring the checkpoint to `sequence`; it replaces an earlier request."""
    connection.execute(
        "INSERT INTO streams (stream, seek_to) VALUES (%s, %s)"
        " ON CONFLICT (stream) DO UPDATE SET seek_to = excluded.seek_to",
        (stream, sequence),
    )


def save_seek(connection: Connection, stream: Stream, left: int | None) -> None:
    """What is left of the request after a tick; None: it is fulfilled."""
    connection.execute("UPDATE streams SET seek_to = %s WHERE stream = %s", (left, stream))


def skip(connection: Connection, stream: Stream, after: int, last: int) -> None:
    """What is not done above `after` up to `last` is skipped, and counts as done."""
    parameters = {"stream": stream, "first": after + 1, "last": last, "block": block_of(after + 1)}
    connection.execute(
        "INSERT INTO ledger_blocks (stream, block)"
        " SELECT %(stream)s, generate_series(%(block)s, %(last)s, 100) ON CONFLICT DO NOTHING",
        parameters,
    )
    connection.execute(
        """
        INSERT INTO ledger AS l (stream, sequence, result, epoch)
        SELECT b.stream, s, 'skipped', b.epoch
        FROM ledger_blocks AS b, generate_series(greatest(b.block, %(first)s), least(b.block + 99, %(last)s)) AS s
        WHERE b.stream = %(stream)s AND b.block BETWEEN %(block)s AND %(last)s
        ORDER BY s
        ON CONFLICT (stream, sequence) DO UPDATE SET
            result = CASE l.result WHEN 'none' THEN 'skipped' ELSE l.result END,
            work = CASE l.work WHEN 'waiting' THEN 'idle' ELSE l.work END,
            epoch = greatest(l.epoch, excluded.epoch)
        """,
        parameters,
    )
    # Counted only when no commit can be between its ledger row and its block.
    connection.execute(
        "SELECT FROM ledger_blocks WHERE stream = %(stream)s AND block BETWEEN %(block)s AND %(last)s"
        " ORDER BY block FOR UPDATE",
        parameters,
    )
    connection.execute(
        """
        UPDATE ledger_blocks AS b SET done = (
            SELECT count(*) FROM ledger AS l
            WHERE l.stream = b.stream AND l.sequence BETWEEN b.block AND b.block + 99 AND l.epoch >= b.epoch
        )
        WHERE stream = %(stream)s AND block BETWEEN %(block)s AND %(last)s
        """,
        parameters,
    )
