"""Windows of time: whole minutes, each (from, to]: an upload at 14:00:00 belongs to the minute before 14:00.

Texts become times here, local ones by their zone. What a sequence is, is feeds/sequences.py's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from stats_assets.feeds.sequences import FIRST_SINCE, covers, sequence_of

MINUTE = timedelta(minutes=1)
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2500, 1, 1, tzinfo=UTC)
"""No window reaches farther: nothing was edited there, and whatever is reckoned with its ends stays in the calendar."""
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:?\d\d)(:?\d\d(?:[.,]\d+)?)?)?\s*(Z|z|[+ -]?\d\d(?::?\d\d)?)?\Z"
)
_LAST = re.compile(r"([1-9]\d{0,5})(min|h|d|w)\Z")
_UNITS = {
    "min": MINUTE,
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_PERIOD = re.compile(r"(\d{4})(?:-(?:W(\d\d)|(\d\d)(?:-(\d\d))?))?\Z")
NAMED = ("day", "week", "month", "year")


class NoTime(ValueError):
    """A text that is no time; the message says why. `better`: one that would do."""

    def __init__(self, message: str, better: str | None = None) -> None:
        super().__init__(message)
        self.better = better


@dataclass(frozen=True, slots=True)
class Window:
    """The times t with `since < t <= until`, both whole minutes in UTC; None: without that end."""

    since: datetime | None = None
    until: datetime | None = None

    @property
    def sequences(self) -> tuple[int | None, int | None]:
        """The first and the last augmented diff in it; none are where the last is below the first."""
        first = None if self.since is None else sequence_of(self.since) + 1
        last = None if self.until is None else sequence_of(self.until)
        return first, last


def in_utc(time: datetime) -> str:
    """`2025-02-20T11:00Z`."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M}Z"


def to_the_second(time: datetime) -> str:
    """`2025-02-20T11:02:00Z`."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"


def in_zone(time: datetime, zone: ZoneInfo) -> str:
    """`2025-02-20T14:00+03:00`."""
    return time.astimezone(zone).isoformat(timespec="minutes")


def floor(time: datetime) -> datetime:
    """The minute that it is in."""
    return time.replace(second=0, microsecond=0)


def zone_of(name: str) -> ZoneInfo:
    """An IANA zone. Raises NoTime."""
    try:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_+/-]{0,60}", name) or name == "localtime":
            raise ValueError
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise NoTime(f"{name[:60]!r} is no IANA time zone such as Africa/Nairobi.") from None


def time_of(text: str, zone: ZoneInfo) -> tuple[datetime, str | None]:
    """A minute in UTC, and what is to be said of it. Local where it has no offset. Raises NoTime."""
    found = _TIME.match(text.strip())
    if found is None:
        raise NoTime(
            f"{text[:40]!r} is no time: 2025-02-20T14:00, in the zone tz or with an offset (Z, +03:00), or a day."
        )
    day, clock, seconds, offset = found.groups()
    if seconds is not None:
        raise NoTime(
            f"{text[:40]!r} has seconds: facts are whole minutes, and so are a window's ends.",
            text.strip().replace(f"{clock}{seconds}", clock, 1),
        )
    try:
        local = datetime.strptime(f"{day}T{(clock or '0000').replace(':', '')}", "%Y-%m-%dT%H%M").replace(
            tzinfo=UTC
        )
    except ValueError:
        raise NoTime(f"{text[:40]!r} is in no calendar.") from None
    if offset is not None:
        return _within(_with_offset(text, local, offset, clock is not None), None)
    return _within(*_local(local.replace(tzinfo=None), zone))


def _within(time: datetime, said: str | None) -> tuple[datetime, str | None]:
    taken = min(max(time, EARLIEST), LATEST)
    if taken != time:
        said = f"nothing was edited beyond {in_utc(taken)}, which was taken."
    return taken, said


def _with_offset(text: str, local: datetime, offset: str, has_clock: bool) -> datetime:
    if not has_clock:
        raise NoTime(f"{text[:40]!r} has an offset and no time of day.")
    if offset in "Zz":
        return local
    digits = offset.lstrip("+ -").replace(":", "").ljust(4, "0")
    away = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if int(digits[2:]) > 59 or away > timedelta(hours=18):
        raise NoTime(f"{text[:40]!r} has no offset that there is, such as +03:00.")
    try:
        return local.replace(tzinfo=timezone(-away if offset[0] == "-" else away)).astimezone(UTC)
    except (OverflowError, ValueError):
        raise NoTime(f"{text[:40]!r} is in no calendar.") from None


def _local(local: datetime, zone: ZoneInfo) -> tuple[datetime, str | None]:
    try:
        first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    except OverflowError:
        raise NoTime(f"{local:%Y-%m-%dT%H:%M} is in no calendar.") from None
    if first.astimezone(zone).replace(tzinfo=None) != local:
        # In a gap the two readings are on both of its sides: what the clocks showed in its place is the later one's.
        shown = first.astimezone(zone)
        raise NoTime(
            f"{local:%Y-%m-%dT%H:%M} does not exist in {zone.key}: clocks went forward there.",
            f"{shown:%Y-%m-%dT%H:%M}",
        )
    said = None
    if first != second:
        said = (
            f"{local:%Y-%m-%dT%H:%M} comes twice in {zone.key}: the first was taken, {in_zone(first, zone)};"
            f" the second is {in_zone(second, zone)}."
        )
    return first.replace(second=0), said


def last_of(text: str, now: datetime) -> Window:
    """`7d` up to the minute that is running. Raises NoTime."""
    found = _LAST.match(text)
    try:
        if found is None:
            raise OverflowError
        return Window(max(floor(now) - int(found[1]) * _UNITS[found[2]], EARLIEST), floor(now))
    except OverflowError:
        raise NoTime(f"{text[:40]!r} is no length of time: 30min, 24h, 7d or 4w, say.", "7d") from None


def period_of(text: str, zone: ZoneInfo, now: datetime) -> Window:
    """`day`, `week`, `month` or `year`: the one that is running, to its end; or `2025`, `2025-02`, `2025-W08`,
    `2025-02-20`. By the zone's calendar. Raises NoTime.
    """
    try:
        first, last = _days(text, now.astimezone(zone).date())
        since, until = midnight(first, zone), midnight(last, zone)
        if not EARLIEST <= since < until <= LATEST:  # a day that a zone's calendar left out has no minutes
            raise ValueError
        return Window(since, until)
    except (ValueError, OverflowError):
        raise NoTime(
            f"{text[:40]!r} is no period: {', '.join(NAMED)}, 2025, 2025-02, 2025-W08 or 2025-02-20.", "week"
        ) from None


def _days(text: str, today: date) -> tuple[date, date]:
    if text in NAMED:
        first = first_day(text, today)
        return first, next_day(text, first)
    found = _PERIOD.match(text)
    if found is None:
        raise ValueError
    year, week, month, day = found.groups()
    if week is not None:
        first = date.fromisocalendar(int(year), int(week), 1)
        return first, next_day("week", first)
    first = date(int(year), int(month or 1), int(day or 1))
    return first, next_day("day" if day else "month" if month else "year", first)


def first_day(by: str, day: date) -> date:
    """The first day of the day's week (ISO), month or year; its own of a day."""
    if by == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(month=1 if by == "year" else day.month, day=1) if by != "day" else day


def next_day(by: str, first: date) -> date:
    """The first day after a day, week, month or year that begins with this one."""
    if by in ("day", "week"):
        return first + timedelta(days=1 if by == "day" else 7)
    return (
        first.replace(year=first.year + 1) if by == "year" else first_day("month", first + timedelta(days=31))
    )


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When the day begins in the zone, in UTC; where there is no midnight, with what comes in its place."""
    return floor(datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC))


def minutes_between(since: datetime, until: datetime) -> int:
    """Whole minutes; none where the one is not before the other."""
    return max(0, (until - since) // MINUTE)


def clipped(window: Window, begins: datetime, ends: datetime) -> tuple[datetime, datetime]:
    """Its ends where it has them, else these."""
    return window.since or begins, window.until or ends


def runs(sequences: Sequence[int]) -> list[tuple[int, int]]:
    """Numbers in order as first and last of those that follow each other."""
    found: list[tuple[int, int]] = []
    for number in sequences:
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def begin_of(sequence: int) -> datetime:
    """When a sequence's minute begins; times that no calendar has are cut to those that one has."""
    try:
        return covers(sequence).since
    except OverflowError:
        return FIRST_SINCE
