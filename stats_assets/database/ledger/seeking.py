"""Moving a stream's checkpoint by hand: back (all above is due again), forward (what is between is skipped).

Only a tick does so, in its transaction; a person asks for it by the sensor's cursor, or by `stats-assets seek`.
"""

from collections.abc import Callable
from dataclasses import replace

from stats_assets.database.connection import Connection
from stats_assets.database.ledger.ledger import BLOCK, block_of
from stats_assets.database.ledger.stream_rows import StreamRow, save_checkpoint, stream_of
from stats_assets.streams import TABLE, Stream

MOST_SKIPPED = 50_000  # sequences that are listed as skipped when another feed begins farther on


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


def request_seek(connection: Connection, stream: Stream, sequence: int, *, from_feed: bool = False) -> None:
    """Ask the next tick to bring the checkpoint to `sequence`; it replaces an earlier request.

    from_feed: the feed's numbers began again, or it is another feed (see `begin_again`).
    """
    connection.execute(
        "INSERT INTO streams (stream, seek_to, seek_from_feed) VALUES (%s, %s, %s) ON CONFLICT (stream)"
        " DO UPDATE SET seek_to = excluded.seek_to, seek_from_feed = excluded.seek_from_feed",
        (stream, sequence, from_feed),
    )
    if from_feed:  # what is known of the head is the old numbering's
        connection.execute("DELETE FROM heads WHERE stream = %s", (stream,))


def save_seek(connection: Connection, stream: Stream, left: int | None) -> None:
    """What is left of the request after a tick; None: it is fulfilled."""
    connection.execute(
        "UPDATE streams SET seek_to = %s, seek_from_feed = false WHERE stream = %s", (left, stream)
    )


def begin_again(
    connection: Connection, row: StreamRow, head: int | None, warn: Callable[[str], None]
) -> StreamRow:
    """Carry out a request to follow a feed whose numbers began again, or another; what is left is an ordinary seek.

    Bodies archived before are another numbering's from here on. The origin moves where it would be in the way: down,
    or up over what was never there. While the head is unknown the request waits.

    Returns the row with that seek; without one, while the request waits.
    """
    target = row.seek_to
    if target is None or not row.seek_from_feed:
        return row
    if head is None or target > head:
        if head is None:
            warn(
                f"The seek to {target} from the feed waits until the feed's head is known: it may lie beyond it."
            )
        else:
            warn(f"The seek to {target} is dropped: it lies beyond the feed's head, {head}.")
            save_seek(connection, row.stream, None)
        return replace(row, seek_to=None, seek_from_feed=False)
    done = row.cursor
    # Numbers that went back are all of the new numbering, also where nothing is done again now.
    above = -1 if not TABLE[row.stream].numbers_are_minutes and done is not None and head < done else target
    # Bodies are dated by a run's clock or a server's: by either, none that is counted by now is of the new numbering.
    connection.execute(
        "UPDATE streams AS s SET numbering = numbering + 1, archive_not_above = %s, seek_from_feed = false,"
        " archive_since = greatest(clock_timestamp(), (SELECT max(fetched_at) + interval '1 us' FROM ledger AS l"
        " WHERE l.stream = s.stream)) WHERE stream = %s",
        (above, row.stream),
    )
    warn(
        f"From {target + 1} on all is read from the feed: what the archive had of it is another numbering's."
    )
    origin = row.origin
    if done is not None:
        if target > done + MOST_SKIPPED:
            origin = target + 1
            save_checkpoint(connection, row.stream, target)
        elif target <= done:
            origin = target + 1 if origin is None else min(origin, target + 1)
            rewind(connection, row.stream, target)
        connection.execute("UPDATE streams SET origin = %s WHERE stream = %s", (origin, row.stream))
    found = stream_of(connection, row.stream)
    assert found is not None  # noqa: S101 - it is locked
    return found


def skip(connection: Connection, stream: Stream, after: int, last: int) -> None:
    """What is not done above `after` up to `last` is skipped, and counts as done."""
    parameters = {
        "stream": stream,
        "first": after + 1,
        "last": last,
        "block": block_of(after + 1),
        "size": BLOCK,
    }
    connection.execute(
        "INSERT INTO ledger_blocks (stream, block)"
        " SELECT %(stream)s, generate_series(%(block)s::bigint, %(last)s, %(size)s) ON CONFLICT DO NOTHING",
        parameters,
    )
    connection.execute(
        """
        INSERT INTO ledger AS l (stream, sequence, result, epoch)
        SELECT b.stream, s, 'skipped', b.epoch
        FROM ledger_blocks AS b,
            generate_series(greatest(b.block, %(first)s), least(b.block + %(size)s - 1, %(last)s)) AS s
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
            WHERE l.stream = b.stream AND l.sequence BETWEEN b.block AND b.block + %(size)s - 1 AND l.epoch >= b.epoch
        )
        WHERE stream = %(stream)s AND block BETWEEN %(block)s AND %(last)s
        """,
        parameters,
    )
