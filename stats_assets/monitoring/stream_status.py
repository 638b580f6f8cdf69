"""Where a stream stands, and all of them: what monitors read, and by which exit code and word it is fine or not. Pure.

How it is found out is status.py's; how a person is shown it, cli/status.py's.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stats_assets.database.alert_book import HookState
from stats_assets.database.facts.ranges import Away
from stats_assets.database.ledger.spans import Span
from stats_assets.database.open_transactions import OpenTransaction
from stats_assets.database.statistics.verdicts import NEVER, Verdict
from stats_assets.ingest.failover import Place
from stats_assets.monitoring import oldest
from stats_assets.monitoring.lag import BEHIND, STALLED
from stats_assets.monitoring.made_diffs import MakerStatus
from stats_assets.osm.compiled import READER
from stats_assets.streams import Stream


@dataclass(frozen=True)
class StreamStatus:
    """Where one stream stands."""

    origin: int | None
    cursor: int | None
    """As the newest tick gave it; the table `checkpoints` has it a tick later."""
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
    addresses: list[Place] = field(default_factory=list)
    """Where it can be read from, in order of preference: which is in use, and why another is not."""
    servers: dict[str, dict[str, int]] = field(default_factory=dict)
    """What each server was asked in 24 hours."""

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
    maker: MakerStatus | None = None
    """Of augmented diffs of our own making; None: none are made."""

    @property
    def exit_code(self) -> int:
        """The worst of the streams', and 1 at least when a verification failed."""
        maker = self.maker.exit_code if self.maker else 0
        return max(self.verification.bad, maker, *(stream.exit_code for stream in self.streams.values()))

    def as_json(self) -> dict[str, Any]:
        """As monitors read it."""
        return {
            "streams": {
                name: {"state": s.word} | vars(s) | {"addresses": [one._asdict() for one in s.addresses]}
                for name, s in self.streams.items()
            },
            "queued": self.queued,
            "verification": self.verification.as_json(),
            "facts_away": [one._asdict() | {"last": one.last} for one in self.facts_away],
            "held": self.held,
            "warnings": list(self.warnings),
            "alert_hooks": [vars(hook) for hook in self.hooks],
            "reader": READER,
            "oldest_transaction": self.oldest_transaction and oldest.as_json(self.oldest_transaction),
            **({"made_augmented_diffs": self.maker.as_json()} if self.maker else {}),
        }
