"""Where each stream stands, as monitors read it. How a person is shown it is cli/status.py's."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from stats_assets.database.alert_book import HookState, hook_states
from stats_assets.database.collation import collation_warning
from stats_assets.database.connection import Connection, clock
from stats_assets.database.facts.ranges import Away, away, held
from stats_assets.database.ledger import asked
from stats_assets.database.ledger.doubts import doubts
from stats_assets.database.ledger.leases import leases
from stats_assets.database.ledger.ledger import Work
from stats_assets.database.ledger.newest import newest_committed
from stats_assets.database.ledger.ranges import Span, counted_under_older, islands, skipped
from stats_assets.database.ledger.stream_rows import StreamRow, begun_at, stream_of, troubled
from stats_assets.database.ledger.waiting import waiting
from stats_assets.database.open_transactions import OpenTransaction, oldest_transaction
from stats_assets.database.statistics.applier import queued
from stats_assets.database.statistics.verdicts import NEVER, Verdict, verdict
from stats_assets.ingest.feed_head import of_look
from stats_assets.monitoring import lag, oldest
from stats_assets.monitoring.lag import BEHIND, STALLED
from stats_assets.monitoring.switches import UNKNOWN, Switches
from stats_assets.streams import STREAMS, Stream
from stats_assets.system import Stats

RATE_MINUTES = 10
DOUBTS = 5  # flagged sequences that are named
RATE_SEQUENCES = 5_000  # how far below the checkpoint the rate is measured
LATELY = timedelta(minutes=2)  # a commit since then says that runs come
BEGINNING = timedelta(minutes=10)  # so long a stream that is new is not called stalled


@dataclass(frozen=True)
class StreamStatus:
    """Where one stream stands."""

    origin: int | None
    cursor: int | None
    """The checkpoint."""
    head: int | None
    """The feed's, None: not known."""
    trouble: str | None
    """Why the head is not known."""
    newest: int | None
    """How far it is counted, past what waits (database/ledger/newest.py). The lag is measured by it."""
    ahead: bool
    """The cursor is beyond the feed's head."""
    another: bool
    """The feed was at the cursor once: so this is another server, or its numbering began again."""
    lag_seconds: float | None
    feed_age_seconds: float | None
    """How old the feed's own time is."""
    rate: float
    """Sequences a minute, over the last ten."""
    eta_seconds: float | None
    in_flight: list[Span]
    """Of the stream's own runs. Ranges have both ends included, here and below."""
    by_hand: list[Span]
    """Of all other runs."""
    waiting: list[int]
    quarantined: list[int]
    holes: list[int]
    reasons: dict[int, str]
    """Of what waits, is quarantined or a hole."""
    flagged: int
    """How many sequences have a counted body that is doubtful."""
    unreadable: int
    """How many actions or changesets could not be read, in all of them."""
    doubts: dict[int, str]
    """Why, of the newest that are flagged."""
    skipped: list[Span]
    islands: list[Span]
    """What is done before the origin."""
    older_definitions: list[Span]
    """What was counted under others than the present ones."""
    seek_to: int | None
    ticked_at: datetime | None
    """When its sensor last ticked."""
    committed_at: datetime | None
    """When a sequence was last committed."""
    paused: str | None
    paused_until: datetime | None
    beginning: bool
    """It is so new that it is not called stalled."""
    requests: dict[str, dict[str, int]]
    """What its feed was asked: heads, bodies and their bytes; `hour`: since that began, `day`: of 24 hours."""
    sensor_on: bool | None = None
    """None: it is not known here."""
    not_followed: str | None = None
    """The sensor is off, or no longer ticks: what, and what to do."""

    @property
    def exit_code(self) -> int:
        """0 fine, 1 behind, 2 stalled, not followed or ahead of the head, 3 unreachable.

        The worse of the stream's and the feed's.
        """
        if self.head is None:
            return 3
        lost = self.cursor is None or self.ahead or self.another
        if lost or self.not_followed or self.stands_still or (self.feed_age_seconds or 0) >= STALLED:
            return 2
        return 1 if max(self.lag_seconds or 0, self.feed_age_seconds or 0) >= BEHIND else 0

    @property
    def at_head(self) -> bool:
        """Whether all that the feed has is done."""
        done = self.cursor if self.newest is None else max(self.newest, self.cursor or 0)
        return self.head is not None and done is not None and done >= self.head

    @property
    def stands_still(self) -> bool:
        """Whether it is behind, and nothing is done about it."""
        idle = not self.rate and not self.in_flight and not self.beginning
        return idle and not self.at_head and (self.lag_seconds or 0) >= BEHIND

    @property
    def word(self) -> str:
        """What the exit code says."""
        if self.cursor is None and self.head is not None:
            return "not begun"
        if self.another:
            return "another numbering"
        if self.ahead:
            return "ahead of the head"
        if self.not_followed:
            return "switched off" if self.sensor_on is False else "no ticks"
        return ("fine", "behind", "stalled", "feed out of reach")[self.exit_code]


@dataclass(frozen=True)
class Status:
    """All streams, the statistics, and what they rest on."""

    streams: dict[Stream, StreamStatus]
    queued: int
    """How many changed changesets wait for the statistics."""
    verification: Verdict = NEVER
    """What verifications say of the statistics."""
    facts_away: list[Away] = field(default_factory=list)
    """Ranges whose facts are away."""
    held: int = 0
    """How many changed changesets wait for facts of theirs to be back."""
    warnings: tuple[str, ...] = ()
    """What to know of the database."""
    hooks: tuple[HookState, ...] = ()
    """Whether the alert hooks work."""
    oldest_transaction: OpenTransaction | None = None
    """What keeps dead rows for longest, if anything is open."""

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
            "alert_hooks": [vars(hook) for hook in self.hooks],
            "oldest_transaction": self.oldest_transaction and oldest.as_json(self.oldest_transaction),
        }


def of(stats: Stats, switches: Switches | Callable[[], Switches] = UNKNOWN) -> Status:
    """Ask database and feeds; a feed that can't be asked is said in `trouble`.

    switches: as they are; or how to ask for them, which is done only where a stream has not ticked just now.
    Raises DatabaseUnreachable, SchemaNotReady, CategoriesError, RegionsError.
    """
    switches = cache(switches) if callable(switches) else switches
    with stats.look() as connection:
        warning = collation_warning(connection)
        return Status(
            {stream: _stream(stats, connection, stream, switches) for stream in STREAMS},
            queued(connection),
            verdict(connection),
            away(connection),
            held(connection),
            (warning,) if warning else (),
            tuple(hook_states(connection)),
            oldest_transaction(connection),
        )


def _stream(
    stats: Stats, connection: Connection, stream: Stream, switches: Switches | Callable[[], Switches]
) -> StreamStatus:
    row = stream_of(connection, stream)
    poll_seconds = stats.settings.poll_seconds
    known = _known(row, switches, poll_seconds)
    cursor = row.checkpoint if row else None
    feed = of_look(connection, stats.source(stream), stream)
    now = clock(connection)
    newest = None if cursor is None else newest_committed(connection, stream, cursor)
    rate, committed_at = _rate(connection, stream, cursor)
    alive = [
        lease
        for lease in leases(connection, stream)
        if not lease.released and lease.silent_seconds <= stats.settings.lease_stale_seconds
    ]
    in_flight = sorted({(one.start_sequence, one.end_sequence) for one in alive if not one.by_hand})
    by_hand = sorted({(one.start_sequence, one.end_sequence) for one in alive if one.by_hand})
    comes = bool(in_flight) or (committed_at is not None and now - committed_at < LATELY)
    begun = begun_at(connection, stream)
    doubtful = doubts(connection, stream, DOUBTS)
    waits = dict(waiting(connection, stream, stats.settings.lease_stale_seconds))
    works: tuple[Work, ...] = ("quarantined", "hole")
    quarantined, holes = (dict(troubled(connection, stream, work)) for work in works)
    return StreamStatus(
        origin=row.origin if row else None,
        cursor=cursor,
        head=feed.head,
        trouble=feed.trouble if feed.head is None else None,
        newest=newest,
        ahead=cursor is not None and lag.is_ahead(cursor, newest, feed.head),
        another=cursor is not None and lag.is_another(cursor, newest, feed),
        lag_seconds=None
        if cursor is None
        else lag.lag_seconds(stream, cursor if newest is None else newest, feed, now),
        feed_age_seconds=lag.feed_age_seconds(feed, now),
        rate=rate,
        eta_seconds=_eta(feed.head, cursor, rate if comes else 0.0),
        in_flight=in_flight,
        by_hand=by_hand,
        waiting=list(waits),
        quarantined=list(quarantined),
        holes=list(holes),
        reasons=waits | quarantined | holes,
        flagged=doubtful.flagged,
        unreadable=doubtful.unreadable,
        doubts=dict(doubtful.newest),
        skipped=skipped(connection, stream),
        islands=islands(connection, stream),
        older_definitions=counted_under_older(connection, stream, stats.definitions(stream)),
        seek_to=row.seek_to if row else None,
        ticked_at=row.ticked_at if row else None,
        committed_at=committed_at,
        paused=row.held[1] if row and row.held else None,
        paused_until=row.held[0] if row and row.held else None,
        beginning=begun is not None and now - begun < BEGINNING,
        requests=dict(
            zip(("hour", "day"), (one._asdict() for one in asked.lately(connection, stream)), strict=True)
        ),
        sensor_on=known.is_on(stream, row.instance_id if row else None) if known else True,
        not_followed=lag.why_not_followed(stream, known, row, poll_seconds) if known else None,
    )


def _known(
    row: StreamRow | None, switches: Switches | Callable[[], Switches], poll_seconds: float
) -> Switches | None:
    """None: they need not be asked for, as the stream is followed: it ticked just now."""
    if not callable(switches):
        return switches
    return None if lag.ticked_just_now(row, poll_seconds) else switches()


def _eta(head: int | None, cursor: int | None, rate: float) -> float | None:
    """Seconds until the cursor is at the head; None: unknown, or no runs come."""
    if head is None or cursor is None or (head > cursor and not rate):
        return None
    return round((head - cursor) / rate * 60) if head > cursor else 0


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
