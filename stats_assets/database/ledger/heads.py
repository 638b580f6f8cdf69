"""How far each feed reached when it was last asked: stored by ticks, for all who want to know it.

When it is asked again is ingest/polling.py's; which answer is believed, ingest/feed_head.py's.
"""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from stats_assets.database.connection import Connection
from stats_assets.streams import Stream

A_LITTLE = 60  # sequences, an hour: servers behind one address are not equally far


@dataclass(frozen=True)
class Head:
    """What a feed said last; all None if it never was asked."""

    stream: Stream
    now: datetime
    """By the database's clock."""
    source: str | None = None
    """The feed's address, without credentials."""
    head: int | None = None
    feed_time: datetime | None = None
    """The feed's own time at the head."""
    asked_at: datetime | None = None
    """When it last answered."""
    moved_at: datetime | None = None
    """When `highest` was first seen."""
    delay_seconds: float | None = None
    """How long after its own time a head can be seen first; None: not learned, or a feed that keeps no time."""
    failed_at: datetime | None = None
    """Asking failed then, after that answer."""
    failure: str | None = None
    highest: int | None = None
    """The highest head that was believed in this numbering."""
    settled: int | None = None
    """The newest sequence whose body is final, as the feed said; -1: none is; None: it did not say."""
    quiet_until: datetime | None = None
    """Nobody may ask before."""
    quiet_reason: str | None = None

    @property
    def quiet(self) -> bool:
        """Whether the feed must not be asked now."""
        return self.quiet_until is not None and self.quiet_until > self.now

    def since(self, then: datetime | None) -> float | None:
        """Seconds from then to now; None: then is unknown."""
        return None if then is None else (self.now - then).total_seconds()


def head_of(connection: Connection, stream: Stream) -> Head:
    """What the stream's feed said last."""
    with connection.cursor(row_factory=class_row(Head)) as cursor:
        found = cursor.execute(
            "SELECT asked.stream, clock_timestamp() AS now, source, head, feed_time, settled, asked_at, moved_at,"
            " delay_seconds, failed_at, failure, quiet_until, quiet_reason,"
            " CASE WHEN h.numbering = coalesce(s.numbering, 0) THEN highest END AS highest"
            " FROM (SELECT %s::text AS stream) AS asked"
            " LEFT JOIN heads AS h ON h.stream = asked.stream LEFT JOIN streams AS s ON s.stream = asked.stream",
            (stream,),
        ).fetchone()
    assert found is not None  # noqa: S101 - one row, whatever is known
    return found


def saw(
    connection: Connection,
    stream: Stream,
    head: int,
    feed_time: datetime | None,
    *,
    source: str | None = None,
    delay_seconds: float | None = None,
    settled: int | None = None,
) -> None:
    """The feed answered, and is believed."""
    connection.execute(
        """
        INSERT INTO heads AS h (stream, head, feed_time, asked_at, moved_at, delay_seconds, source, highest, numbering,
            settled)
        VALUES (%(stream)s, %(head)s, %(feed_time)s, now(), now(), %(delay)s, %(source)s, %(head)s,
            coalesce((SELECT numbering FROM streams WHERE stream = %(stream)s), 0), %(settled)s)
        ON CONFLICT (stream) DO UPDATE SET head = excluded.head, feed_time = excluded.feed_time,
            asked_at = excluded.asked_at, delay_seconds = excluded.delay_seconds, source = excluded.source,
            moved_at = CASE WHEN h.numbering = excluded.numbering AND h.highest >= excluded.head THEN h.moved_at
                ELSE excluded.moved_at END,
            highest = CASE WHEN h.numbering = excluded.numbering THEN greatest(h.highest, excluded.highest)
                ELSE excluded.highest END,
            numbering = excluded.numbering, settled = excluded.settled, failed_at = NULL, failure = NULL
        """,
        {
            "stream": stream,
            "head": head,
            "feed_time": feed_time,
            "delay": delay_seconds,
            "source": source,
            "settled": settled,
        },
    )


def failed(connection: Connection, stream: Stream, failure: str) -> None:
    """The feed did not answer, or what it said is not believed: what it said before stays."""
    connection.execute(
        "INSERT INTO heads (stream, failed_at, failure) VALUES (%s, now(), %s)"
        " ON CONFLICT (stream) DO UPDATE SET failed_at = excluded.failed_at, failure = excluded.failure",
        (stream, failure.replace("\0", "\ufffd")[:2000]),
    )
