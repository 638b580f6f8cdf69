"""Where the maker of augmented diffs stands, and what of it is wrong, in sentences. Pure: from the row of `made_diffs`.

There where OSMCHANGE_URL is set; else nothing of it is seen. How a person is shown it is cli/status.py's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from stats_assets.augment.window import MEANS
from stats_assets.database.made_diffs import MadeDiffs
from stats_assets.feeds.sequences import covers, sequence_of
from stats_assets.ingest.diff_making_tick import NO_PLANET, is_silent, why_another, why_waiting
from stats_assets.ingest.failover import Place
from stats_assets.monitoring.lag import BEHIND, SILENT, STALLED
from stats_assets.streams import MAKER_SENSOR
from stats_assets.words import at, in_words

A_DAY = 1440  # files of a minute: what came late before that is no news
SHOWN = 5


@dataclass(frozen=True)
class MakerStatus:
    """Where it stands."""

    feed: str
    """The address in use, without credentials."""
    head: int | None
    head_time: datetime | None
    feed_trouble: str | None
    quiet_until: datetime | None
    store: str | None
    begins: datetime | None
    sequence: int | None
    """The newest OsmChange file that was read."""
    reached: datetime | None
    made: int | None
    """The newest minute whose document was made."""
    settled: int | None
    """The newest minute that was made a last time."""
    lag_seconds: float | None
    """How long ago the newest made minute ended."""
    feed_age_seconds: float | None
    tallies: dict[str, int]
    noted: list[dict[str, Any]]
    """The newest late, held and passed versions."""
    doing: str | None
    trouble: str | None
    not_before: datetime | None
    ticked_at: datetime | None
    silent_since: datetime | None
    can_begin: bool
    now: datetime
    addresses: list[Place]
    """Where OsmChange can be read from, in order of preference: which is in use, and why another is not."""
    servers: dict[str, dict[str, int]] = field(default_factory=dict)
    """What each server was asked in 24 hours."""

    @property
    def exit_code(self) -> int:
        """0 fine, 1 behind, 2 stalled, can't go on or not followed, 3 the feed is out of reach."""
        if self.feed_trouble:
            return 3
        if self.trouble or self.is_another or self.silent_since or self.sequence is None:
            return 0 if self.sequence is None and self.doing else 2
        late = max(self.lag_seconds or 0.0, self.feed_age_seconds or 0.0)
        return 2 if late >= STALLED and not self.doing else 1 if late >= BEHIND else 0

    @property
    def is_another(self) -> bool:
        """Whether the feed has less than was read of it. One of several addresses is only behind then."""
        return self._has_less and len(self.addresses) == 1

    @property
    def _has_less(self) -> bool:
        return self.head is not None and self.sequence is not None and self.head < self.sequence

    @property
    def word(self) -> str:
        """What the exit code says."""
        if self.sequence is None:
            return "begins" if self.doing else "not begun"
        if self.is_another:
            return "another numbering"
        if self.silent_since:
            return "no ticks"
        return ("fine", "behind", "stalled", "feed out of reach")[self.exit_code]

    def lately(self, what: str) -> list[dict[str, Any]]:
        """The list's versions that came within about a day."""
        newest = self.sequence or 0
        return [one for one in self.noted if one["what"] == what and (one["sequence"] or 0) > newest - A_DAY]

    def sentences(self) -> Iterator[str]:
        """What is wrong, or worth to know, each with what to do."""
        if self.feed_trouble:
            until = (
                f" It is not asked before {at(self.quiet_until, self.now)}."
                if self.quiet_until and self.quiet_until > self.now
                else ""
            )
            yield f"{self.feed_trouble.rstrip('.')}.{until}"
        if self.trouble:
            again = f" Next try at {at(self.not_before, self.now)}, by itself." if self.not_before else ""
            yield f"{self.trouble.rstrip('.')}.{again}"
        elif self.sequence is None and not self.can_begin:
            yield f"{NO_PLANET}."
        elif self.doing:
            yield f"{self.doing}."
        if self._has_less and self.head is not None and self.sequence is not None:
            why = why_another if self.is_another else why_waiting
            yield f"{why(self.sequence, self.head)}."
        if self.silent_since:
            yield (
                f"its sensor has not ticked for {in_words((self.now - self.silent_since).total_seconds())}: it is"
                f" switched off (Automation in Dagster's UI, {MAKER_SENSOR}), or Dagster's daemon does not run."
            )
        elif self.ticked_at is None:
            yield f"its sensor has not ticked yet: {MAKER_SENSOR}, in Dagster's UI (Automation)."
        for what, means in MEANS.items():
            if total := self.tallies.get(what, 0):
                yield f"{total} versions {means}{_named(self.lately(what))}."

    def as_json(self) -> dict[str, Any]:
        """As monitors read it."""
        return {"state": self.word} | vars(self) | {"addresses": [one._asdict() for one in self.addresses]}


def maker_status(
    row: MadeDiffs, addresses: Sequence[Place], *, can_begin: bool, poll_seconds: float
) -> MakerStatus:
    """From the row. addresses: those of now; only what the one in use said counts."""
    feed = next(place.url for place in addresses if place.in_use)
    same = row.feed == feed
    ended = None if row.made is None else covers(row.made).until
    return MakerStatus(
        feed=feed,
        head=row.head if same else None,
        head_time=row.head_time if same else None,
        feed_trouble=row.feed_trouble if same else None,
        quiet_until=row.quiet_until if same else None,
        store=row.store,
        begins=row.begins,
        sequence=row.sequence,
        reached=row.reached,
        made=row.made,
        settled=None if row.settled_to is None else sequence_of(row.settled_to),
        lag_seconds=_age(ended, row.now),
        feed_age_seconds=_age(row.head_time if same else None, row.now),
        tallies=row.tallies,
        noted=row.noted,
        doing=row.doing,
        trouble=row.trouble,
        not_before=row.not_before,
        ticked_at=row.ticked_at,
        silent_since=is_silent(row, max(SILENT, 4 * poll_seconds)),
        can_begin=can_begin,
        now=row.now,
        addresses=list(addresses),
    )


def _age(then: datetime | None, now: datetime) -> float | None:
    return None if then is None else max(0.0, round((now - then).total_seconds(), 1))


def _named(versions: list[dict[str, Any]]) -> str:
    if not versions:
        return ", none of them within the last day"
    named = (
        f"{one['kind']} {one['id']} v{one['version']}"
        f" of {datetime.fromtimestamp(one['timestamp'], UTC):%F %T}"
        + ("" if one["belongs"] is None else f" (in {one['belongs']})")
        for one in versions[:SHOWN]
    )
    more = " …" if len(versions) > SHOWN else ""
    return f"; within the last day {', '.join(named)}{more}"
