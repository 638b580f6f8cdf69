"""Where each stream stands: origin, checkpoint, blocks, and which Dagster instance drives it.

What a tick makes of it is decided in ingest/tick.py; only the tick moves a checkpoint. Pauses are pauses.py's.
"""
# ruff: noqa: S608 - SQL is made of constants

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.rows import class_row

from stats_assets.database.connection import Connection
from stats_assets.database.ledger.ledger import BLOCK, WITH_BLOCKS, LedgerRow, Work, block_of, rows
from stats_assets.streams import TABLE, Stream
from stats_assets.words import in_words

INSTANCE_LEASE = timedelta(seconds=60)  # so long after its last tick an instance drives a stream
BLOCKS_A_TICK = 1_000  # a tick looks at so many blocks; it advances over more in the next ticks


class StreamBusy(Exception):
    """Another tick, or another Dagster instance, drives the stream just now; the message says which."""


@dataclass(frozen=True)
class StreamRow:
    """A stream's row."""

    stream: Stream
    origin: int | None
    checkpoint: int | None
    """Every sequence from the origin to here is done; None: nothing was ever done."""
    paused_until: datetime | None
    pause_reason: str | None
    instance_id: str | None
    """The Dagster instance that drove it last."""
    ticked_at: datetime | None
    """When that was."""
    now: datetime
    """By the database's clock, by which all pauses are measured."""
    seek_to: int | None
    """Where a person wants the checkpoint."""
    shown: int | None
    """The cursor that the last tick gave to Dagster, which may not have stored it."""
    seek_from_feed: bool = False
    """The seek is made because the feed's numbers began again."""
    quiet_until: datetime | None = None
    """The feed refused by a limit: nobody of the stream asks it until then."""
    quiet_reason: str | None = None

    @property
    def cursor(self) -> int | None:
        """How far all is done, as the newest tick found: the checkpoint trails it, while the sensor is off for ever."""
        return None if self.checkpoint is None else max(self.checkpoint, self.shown or self.checkpoint)

    def is_driven_by_another(self, instance_id: str) -> bool:
        """Whether another Dagster instance than this one drives it, and has ticked lately."""
        if self.instance_id in (None, instance_id) or self.ticked_at is None:
            return False
        return self.now - self.ticked_at <= INSTANCE_LEASE

    @property
    def held(self) -> tuple[datetime, str] | None:
        """Until when no run is begun, and why: the stream pauses, or the feed wants quiet; None: they may begin."""
        ends = ((self.paused_until, self.pause_reason), (self.quiet_until, self.quiet_reason))
        return max(((until, why or "") for until, why in ends if until and until > self.now), default=None)


@contextmanager
def driving(
    connection: Connection, stream: Stream, instance_id: str, lease: timedelta = INSTANCE_LEASE
) -> Iterator[StreamRow]:
    """One transaction in which this instance's tick alone drives the stream. Raises StreamBusy.

    A stream that is new here starts from OSMesa's checkpoint, if the database has one.
    """
    # By ON CONFLICT alone, or inside the transaction, another tick would wait for this one; it is to skip.
    connection.execute(
        "INSERT INTO streams (stream) SELECT %(stream)s"
        " WHERE NOT EXISTS (SELECT FROM streams WHERE stream = %(stream)s) ON CONFLICT DO NOTHING",
        {"stream": stream},
    )
    with connection.transaction():
        locked = connection.execute(
            "SELECT stream FROM streams WHERE stream = %s FOR UPDATE SKIP LOCKED", (stream,)
        )
        if not locked.rowcount:
            raise StreamBusy(f"Another tick of {stream} is at work; this one waits for the next round.")
        connection.execute(
            "UPDATE streams SET origin = c.sequence + 1, checkpoint = c.sequence FROM checkpoints AS c"
            " WHERE stream = %s AND checkpoint IS NULL AND proc_name = %s AND c.sequence > 0",
            (stream, TABLE[stream].proc_name),
        )
        _notice_a_clock_set_back(connection, stream, lease)
        row = stream_of(connection, stream)
        assert row is not None  # noqa: S101 - it is locked
        taken = connection.execute(
            "UPDATE streams SET instance_id = %(instance)s, lease_until = now() + %(lease)s WHERE stream = %(stream)s"
            " AND (instance_id IS NULL OR instance_id = %(instance)s OR lease_until < now()) RETURNING 1",
            {"stream": stream, "instance": instance_id, "lease": lease},
        ).fetchone()
        if taken is None:
            raise StreamBusy(
                f"Another Dagster instance drives {stream} on this database. Switch its sensor off there;"
                f" this one takes over {in_words(lease.total_seconds())} after its last tick."
            )
        yield row


def stream_of(connection: Connection, stream: Stream) -> StreamRow | None:
    """The stream's row; None: no tick has seen it yet."""
    with connection.cursor(row_factory=class_row(StreamRow)) as cursor:
        return cursor.execute(
            "SELECT stream, origin, checkpoint, paused_until, pause_reason, instance_id, seek_to, shown,"
            " seek_from_feed, lease_until - %s AS ticked_at, clock_timestamp() AS now, quiet_until, quiet_reason"
            " FROM streams WHERE stream = %s",
            (INSTANCE_LEASE, stream),
        ).fetchone()


def _notice_a_clock_set_back(connection: Connection, stream: Stream, lease: timedelta) -> None:
    """A last tick in the future: the clock was set back, and what waits would be due only when it is there again."""
    ahead = connection.execute(
        "UPDATE streams SET lease_until = now() + %(lease)s, paused_until = NULL, paused_at = NULL,"
        " quiet_until = quiet_until - (lease_until - now() - %(lease)s)"  # what was left of it at that tick
        " WHERE stream = %(stream)s AND lease_until > now() + %(lease)s",
        {"stream": stream, "lease": lease},
    )
    if ahead.rowcount:
        connection.execute(
            "UPDATE ledger SET since = now(), not_before = now(), missing_since = least(missing_since, now()),"
            " given_up_at = least(given_up_at, now()) WHERE stream = %s AND work <> 'idle' AND since > now()",
            (stream,),
        )


def troubled(connection: Connection, stream: Stream, work: Work) -> list[tuple[int, str]]:
    """The stream's sequences in that state of work, each with the reason."""
    return connection.execute(
        f"SELECT sequence, coalesce(reason, '') FROM {WITH_BLOCKS}"
        " WHERE l.stream = %s AND l.work = %s AND l.work <> 'idle'"
        " AND (l.work <> 'waiting' OR l.epoch < b.epoch) ORDER BY sequence",
        (stream, work),
    ).fetchall()


def given_up_for(connection: Connection, stream: Stream, work: Work) -> timedelta:
    """How long the oldest of the stream's quarantined sequences, or holes, is given up; nothing: 0."""
    row = connection.execute(
        "SELECT coalesce(now() - min(given_up_at), '0') FROM ledger"
        " WHERE stream = %s AND work = %s AND work <> 'idle'",
        (stream, work),
    ).fetchone()
    found: timedelta = row[0] if row else timedelta(0)
    return found


def begin(connection: Connection, stream: Stream, origin: int) -> None:
    """Set the stream's first sequence, once and for all."""
    connection.execute(
        "UPDATE streams SET origin = %s, begun_at = now() WHERE stream = %s AND origin IS NULL",
        (origin, stream),
    )
    save_checkpoint(connection, stream, origin - 1)


def begun_at(connection: Connection, stream: Stream) -> datetime | None:
    """When the stream's origin was set; None: not yet, or by an older version."""
    row = connection.execute("SELECT begun_at FROM streams WHERE stream = %s", (stream,)).fetchone()
    begun: datetime | None = row[0] if row else None
    return begun


def save_checkpoint(connection: Connection, stream: Stream, checkpoint: int) -> None:
    """Store the checkpoint, and its mirror for OSMesa's clients."""
    connection.execute(
        "UPDATE streams SET checkpoint = %(n)s WHERE stream = %(stream)s AND checkpoint IS DISTINCT FROM %(n)s",
        {"n": checkpoint, "stream": stream},
    )
    connection.execute(
        "INSERT INTO checkpoints AS c (proc_name, sequence) VALUES (%s, %s)"
        " ON CONFLICT (proc_name) DO UPDATE SET sequence = excluded.sequence"
        " WHERE c.sequence <> excluded.sequence",
        (TABLE[stream].proc_name, checkpoint),
    )


def save_shown(connection: Connection, stream: Stream, cursor: int) -> None:
    """The cursor that this tick gives."""
    connection.execute(
        "UPDATE streams SET shown = %(n)s WHERE stream = %(stream)s AND shown IS DISTINCT FROM %(n)s",
        {"n": cursor, "stream": stream},
    )


def blocks(connection: Connection, stream: Stream, first: int) -> dict[int, int]:
    """How many sequences are done in each block from `first` on (block → done), as far as a tick looks."""
    return dict(
        connection.execute(
            "SELECT block, done FROM ledger_blocks WHERE stream = %s AND block >= %s ORDER BY block LIMIT %s",
            (stream, first, BLOCKS_A_TICK),
        ).fetchall()
    )


def held(connection: Connection, stream: Stream, first: int) -> dict[int, int]:
    """How many sequences from block `first` on are neither done nor due: tried, or waiting (block → number)."""
    return dict(
        connection.execute(
            f"""
            SELECT b.block, count(*) FROM {WITH_BLOCKS}
            WHERE l.stream = %(stream)s AND l.sequence >= %(first)s AND l.work IN ('trying', 'waiting')
                AND l.epoch < b.epoch AND (l.work = 'trying' OR l.not_before > now())
            GROUP BY b.block
            """,
            {"stream": stream, "first": first},
        ).fetchall()
    )


def block_rows(connection: Connection, stream: Stream, wanted: Sequence[int]) -> dict[int, list[LedgerRow]]:
    """The ledger's rows of whole blocks, each block's in order."""
    found: dict[int, list[LedgerRow]] = {block: [] for block in wanted}
    for row in rows(connection, stream, [block + i for block in wanted for i in range(BLOCK)]):
        found[block_of(row.sequence)].append(row)
    return found


def all_done(connection: Connection, stream: Stream, after: int, last: int) -> bool:
    """Whether every sequence above `after` up to `last` is done; false too when that is more than a tick looks at."""
    span = last - after
    if span <= 0:
        return True
    if span > BLOCK * (BLOCKS_A_TICK + 1):
        return False
    row = connection.execute(
        f"SELECT count(*) FROM {WITH_BLOCKS}"
        " WHERE l.stream = %s AND l.sequence > %s AND l.sequence <= %s AND l.epoch >= b.epoch",
        (stream, after, last),
    ).fetchone()
    return row is not None and int(row[0]) == span
