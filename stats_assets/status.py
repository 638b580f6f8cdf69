"""Where each stream stands, as monitors read it. How a person is shown it is commands/status.py's."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from stats_assets.database.collation import collation_warning
from stats_assets.database.connection import Connection
from stats_assets.database.doubts import doubts
from stats_assets.database.fact_ranges import Away, away, held
from stats_assets.database.leases import leases
from stats_assets.database.ledger import Work
from stats_assets.database.newest import newest_committed
from stats_assets.database.ranges import Span, counted_under_older, islands, skipped
from stats_assets.database.statistics import queued
from stats_assets.database.streams import STREAMS, Stream, stream_of, troubled
from stats_assets.database.verdicts import NEVER, Verdict, verdict
from stats_assets.parts import Stats
from stats_assets.replication import HeadUnknown, covers

LAG_SECONDS = 600  # behind from here on: what OSMesa's monitor mailed about
RATE_MINUTES = 10
DOUBTS = 5  # flagged sequences that are named
RATE_SEQUENCES = 5_000  # how far below the checkpoint the rate is measured


@dataclass(frozen=True)
class StreamStatus:
    """One stream. cursor: the checkpoint; rate: sequences a minute over the last ten. newest: how far it is counted,
    past what waits (database/newest.py), by which the lag is measured; ahead: the cursor is beyond the feed's head.

    waiting, quarantined, holes: sequences, with `reasons`; in_flight (the stream's own runs), by_hand (all other runs),
    skipped, islands (done before the origin), older_definitions (counted under others than the present ones): ranges,
    both ends included. flagged: sequences whose counted body is doubtful, `doubts`: why, of the newest; unreadable: how
    many actions or changesets could not be read in all of them. ticked_at: when its sensor last ticked; committed_at:
    when a sequence was last committed.
    """

    origin: int | None
    cursor: int | None
    head: int | None
    trouble: str | None
    newest: int | None
    ahead: bool
    lag_seconds: float | None
    rate: float
    eta_seconds: float | None
    in_flight: list[Span]
    by_hand: list[Span]
    waiting: list[int]
    quarantined: list[int]
    holes: list[int]
    reasons: dict[int, str]
    flagged: int
    unreadable: int
    doubts: dict[int, str]
    skipped: list[Span]
    islands: list[Span]
    older_definitions: list[Span]
    seek_to: int | None
    ticked_at: datetime | None
    committed_at: datetime | None
    paused: str | None
    paused_until: datetime | None

    @property
    def exit_code(self) -> int:
        """0 fine, 1 behind, 2 stalled or ahead of the head, 3 unreachable."""
        if self.head is None:
            return 3
        if self.ahead:
            return 2
        if self.cursor is None or (self.head > self.cursor and not self.rate and not self.in_flight):
            return 2 if self.cursor is None or (self.lag_seconds or 0) >= LAG_SECONDS else 0
        return 1 if (self.lag_seconds or 0) >= LAG_SECONDS else 0

    @property
    def word(self) -> str:
        """What the exit code says."""
        if self.cursor is None and self.head is not None:
            return "not begun"
        if self.ahead:
            return "ahead of the head"
        return ("fine", "behind", "stalled", "feed out of reach")[self.exit_code]


@dataclass(frozen=True)
class Status:
    """All streams, how many changed changesets wait for the statistics, and what verifications say of these.

    facts_away: ranges whose facts are away; held: how many changed changesets wait for facts of theirs to be back.
    warnings: what to know of the database.
    """

    streams: dict[Stream, StreamStatus]
    queued: int
    verification: Verdict = NEVER
    facts_away: list[Away] = field(default_factory=list)
    held: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """The worst of the streams', and 1 at least when a verification failed."""
        return max(self.verification.bad, *(stream.exit_code for stream in self.streams.values()))

    def as_json(self) -> dict[str, Any]:
        """As monitors read it."""
        return {
            "streams": {name: {"state": s.word} | vars(s) for name, s in self.streams.items()},
            "queued": self.queued,
            "verification": self.verification.as_json(),
            "facts_away": [one._asdict() | {"last": one.last} for one in self.facts_away],
            "held": self.held,
            "warnings": list(self.warnings),
        }


def lag_seconds(stream: Stream, newest: int, head: int | None) -> float | None:
    """How old the newest counted sequence is; None: unknown. A changeset file is taken for a minute."""
    behind = None if head is None else max(0, head - newest) * 60.0
    if stream == "augmented_diffs":
        return max(behind or 0.0, round((datetime.now(UTC) - covers(newest)[1]).total_seconds(), 1))
    return behind


def is_ahead(cursor: int, newest: int | None, head: int | None) -> bool:
    """Whether the cursor lies beyond the feed's head, though the feed never was there: a seek, or another feed.

    A server that is a little behind the one that was read before is no such case.
    """
    if head is None or cursor <= head:
        return False
    return newest is None or newest <= head or cursor - head > LAG_SECONDS // 60


def in_words(seconds: float) -> str:
    """A time as a person says it: "90 s", "45 min", "5:20" hours, "2 days, 3:00"."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else str(timedelta(minutes=round(seconds / 60)))[:-3]


def of(stats: Stats) -> Status:
    """Ask database and feeds; a feed that can't be asked is said in `trouble`.

    Raises DatabaseUnreachable, SchemaNotReady, CategoriesError, RegionsError.
    """
    with stats.look() as connection:
        warning = collation_warning(connection)
        return Status(
            {stream: _stream(stats, connection, stream) for stream in STREAMS},
            queued(connection),
            verdict(connection),
            away(connection),
            held(connection),
            (warning,) if warning else (),
        )


def _stream(stats: Stats, connection: Connection, stream: Stream) -> StreamStatus:
    row = stream_of(connection, stream)
    cursor = row.checkpoint if row else None
    head, trouble = None, None
    try:
        head = stats.source(stream).head()
    except HeadUnknown as error:
        trouble = str(error)
    newest = None if cursor is None else newest_committed(connection, stream, cursor)
    rate, committed_at = _rate(connection, stream, cursor)
    behind = head - cursor if head is not None and cursor is not None else None
    alive = [
        lease
        for lease in leases(connection, stream)
        if not lease.released and lease.silent_seconds <= stats.settings.lease_stale_seconds
    ]
    doubtful = doubts(connection, stream, DOUBTS)
    works: tuple[Work, ...] = ("waiting", "quarantined", "hole")
    waiting, quarantined, holes = (dict(troubled(connection, stream, work)) for work in works)
    return StreamStatus(
        origin=row.origin if row else None,
        cursor=cursor,
        head=head,
        trouble=trouble,
        newest=newest,
        ahead=cursor is not None and is_ahead(cursor, newest, head),
        lag_seconds=None
        if cursor is None
        else lag_seconds(stream, cursor if newest is None else newest, head),
        rate=rate,
        eta_seconds=None
        if behind is None or (behind and not rate)
        else round(behind / rate * 60 if behind > 0 else 0),
        in_flight=[(one.start_sequence, one.end_sequence) for one in alive if not one.by_hand],
        by_hand=[(one.start_sequence, one.end_sequence) for one in alive if one.by_hand],
        waiting=list(waiting),
        quarantined=list(quarantined),
        holes=list(holes),
        reasons=waiting | quarantined | holes,
        flagged=doubtful.flagged,
        unreadable=doubtful.unreadable,
        doubts=dict(doubtful.newest),
        skipped=skipped(connection, stream),
        islands=islands(connection, stream),
        older_definitions=counted_under_older(connection, stream, stats.reader(stream).definitions),
        seek_to=row.seek_to if row else None,
        ticked_at=row.ticked_at if row else None,
        committed_at=committed_at,
        paused=row.held[1] if row and row.held else row.pause_reason if row else None,
        paused_until=row.held[0] if row and row.held else row.paused_until if row else None,
    )


def _rate(connection: Connection, stream: Stream, cursor: int | None) -> tuple[float, datetime | None]:
    """Sequences a minute, and when the last one was committed."""
    if cursor is None:
        return 0.0, None
    row = connection.execute(
        "SELECT count(*) FILTER (WHERE recent), extract(epoch FROM now() - min(done_at) FILTER (WHERE recent))::float8,"
        " max(done_at) FROM (SELECT done_at, done_at > now() - make_interval(mins => %s) AS recent"
        " FROM ledger WHERE stream = %s AND sequence > %s) AS near",
        (RATE_MINUTES, stream, cursor - RATE_SEQUENCES),
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate always answers
    if not row[0]:
        return 0.0, row[2]
    # After a start there are not ten minutes to divide by.
    return round(row[0] / max(row[1] / 60, 1), 2), row[2]
