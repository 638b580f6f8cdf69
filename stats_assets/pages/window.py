"""A window in words: what it is, how far it is counted, whether it may change, what is missing in it.

Words of PAGES' kind only: numbers of a window are numbers.py's and the blocks'.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from stats_assets.texts import times
from stats_assets.texts.language import Language

BEHIND, STOPPED = timedelta(minutes=3), timedelta(minutes=60)


@dataclass(frozen=True)
class Window:
    """An answer's window. `begin` and `end` None: without one; all times are in the window's zone."""

    language: Language
    zone: ZoneInfo
    clock: str
    begin: datetime | None
    end: datetime | None
    now: datetime
    complete_to: datetime | None
    final_at: datetime | None
    state: str
    expected: int
    missing: int
    flagged: int
    older: int
    rolling: bool = False
    """Whether it moves with the clock."""
    begins: datetime | None = None
    """When the data begin."""
    known_since: datetime | None = None
    """Since when what was before it is counted, without a stretch that lacks."""

    @property
    def counted(self) -> bool:
        """Whether all of it is counted, and nothing is missing."""
        return bool(self.end and self.complete_to and self.complete_to >= self.end and not self.missing)

    @property
    def before(self) -> int:
        """How many of its missing minutes lie before the data begin."""
        if self.begin is None or self.begins is None:
            return 0
        early = min(self.begins, self.end or self.begins) - self.begin
        return min(self.missing, max(0, int(early.total_seconds() // 60)))

    @property
    def has_past(self) -> bool:
        """Whether what was before it is known: else nobody can be called new in it."""
        since = self.known_since or self.begins
        return self.begin is not None and (since is None or since < self.begin)

    @property
    def running(self) -> bool:
        """Whether there will be more."""
        return self.end is None or self.end > self.now or self.rolling

    @property
    def lag(self) -> timedelta:
        """How far the numbers are behind, within the window."""
        if self.complete_to is None:
            return timedelta()
        until = self.now if self.running or self.end is None else self.end
        return max(until - self.complete_to, timedelta())

    def words(self) -> Markup:
        """`Uploaded 14:00–17:30, Nairobi`."""
        say, locale, place = (
            self.language.say,
            self.language.locale,
            times.place(self.zone, self.language.locale),
        )
        kind = "uploaded" if self.clock == "upload" else "changesets_of"
        if self.begin is None and self.end is None:
            return say(f"{kind}_all")
        if self.begin is None or self.end is None:
            one = self.begin or self.end
            assert one is not None  # noqa: S101 -- one of two
            when = f"{times.day(one.date(), locale)} {times.hour(one)}"
            return say(f"{kind}_{'since' if self.begin else 'until'}", time=when, place=place)
        begin, end = self.begin, self.end
        if times.is_midnight(begin) and times.is_midnight(end):
            span = times.days(begin.date(), end.date() - timedelta(days=1), locale)
        elif self.of_a_day:
            span = f"{times.hour(begin)}–{'24:00' if times.is_midnight(end) else times.hour(end)}"
        else:
            span = (
                f"{times.day(begin.date(), locale)} {times.hour(begin)} – "
                f"{times.day(end.date(), locale)} {times.hour(end)}"
            )
        return say(kind, span=span, place=place)

    @property
    def of_a_day(self) -> bool:
        """Whether its words are hours alone."""
        if (
            self.begin is None
            or self.end is None
            or (times.is_midnight(self.begin) and times.is_midnight(self.end))
        ):
            return False
        return self.begin.date() == self.end.date() or (
            times.is_midnight(self.end) and self.end - self.begin < timedelta(days=1)
        )

    def date(self) -> str:
        """The day, where the words are hours alone, and the zone's offset on it."""
        first = self.begin or self.end
        if first is None:
            if self.begins is None:
                return ""
            return str(
                self.language.say("data_begin", date=times.day(self.begins.date(), self.language.locale))
            )
        shift = times.offset(first)
        told = [] if shift == times.place(self.zone, self.language.locale) else [shift]  # UTC is said once
        return " · ".join(
            [times.long_day(first.date(), self.language.locale), *told] if self.of_a_day else told
        )

    def fresh(self) -> Markup:
        """`Counts uploads up to 14:32`."""
        if self.complete_to is None:
            return self.language.say("counts_nothing")
        when = times.moment(self.complete_to, self.now, self.language.locale)
        return self.language.say("stopped" if self.lag > STOPPED else "counts_up_to", time=when)

    def behind(self) -> Markup | None:
        """`12 minutes behind: uploads after 14:20 are not counted yet`."""
        if self.complete_to is None or not BEHIND < self.lag <= STOPPED:
            return None
        when = times.moment(self.complete_to, self.now, self.language.locale)
        return self.language.say("behind", n=int(self.lag.total_seconds() // 60), time=when)

    def warnings(self) -> Sequence[Markup]:
        """What is wrong with the numbers, worst first."""
        behind = self.behind()
        return [*([behind] if behind else []), *self.doubts()]

    def doubts(self) -> Sequence[Markup]:
        """What is missing or doubtful within what is counted."""
        say, found = self.language.say, []
        if self.before:
            assert self.begins is not None  # noqa: S101 -- or none would be before
            when = f"{times.day(self.begins.date(), self.language.locale)} {times.hour(self.begins)}"
            found.append(say("data_begin", date=when))
        if self.missing > self.before:
            found.append(say("missing", n=self.missing - self.before, of=self.expected))
        if self.flagged:
            found.append(say("flagged", n=self.flagged))
        if self.older:
            found.append(say("older_definitions", n=self.older))
        return found

    def change(self) -> Markup | None:
        """`May still change until 15:35`."""
        if self.final_at and self.final_at > self.now and not self.running:
            return self.language.say(
                "may_change", time=times.moment(self.final_at, self.now, self.language.locale)
            )
        return self.language.say("settled") if self.state == "settled" else None


def window_of(about: Mapping[str, Any], language: Language, coverage: Mapping[str, Any]) -> Window:
    """From an answer's `about` and the window's `coverage`, which may be empty."""
    query, minutes = about.get("query", {}), about.get("minutes") or {}
    zone = times.zone(query.get("tz"))

    def local(text: str | None) -> datetime | None:
        when = times.parsed(text)
        return when and when.astimezone(zone)

    now = local(about.get("as_of"))
    return Window(
        language=language,
        zone=zone,
        clock=query.get("clock", "upload"),
        begin=local(query.get("from")),
        end=local(query.get("to")),
        now=now or datetime.now(UTC).astimezone(zone),
        complete_to=local(about.get("complete_to")),
        final_at=local(about.get("final_at")),
        state=about.get("state", ""),
        expected=minutes.get("expected") or 0,
        missing=minutes.get("missing") or 0,
        flagged=minutes.get("flagged") or 0,
        older=minutes.get("older_definitions") or 0,
        rolling="last" in query,
        begins=local(coverage.get("begins")),
        known_since=local((coverage.get("window") or {}).get("known_since")),
    )
