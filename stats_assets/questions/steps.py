"""The steps of a series: where each begins, in a zone's days and quarters of an hour. Pure."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from stats_assets.questions.windows import first_day, midnight, next_day

LENGTHS = {
    "15min": timedelta(minutes=15),
    "30min": timedelta(minutes=30),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
MOST_STEPS = 2_000
_USUAL = 100


class TooManySteps(ValueError):
    """More than 2,000 steps; `better`: a coarser step with which there are fewer, if there is one."""

    def __init__(self, better: str | None) -> None:
        super().__init__(better)
        self.better = better


def usual(since: datetime, until: datetime) -> str:
    """The step of one who asks for none: the finest with a hundred at most."""
    length = until - since
    return next((by for by, step in LENGTHS.items() if length <= step * _USUAL), "month")


def edges(since: datetime, until: datetime, by: str, zone: ZoneInfo) -> list[datetime]:
    """Where the steps of a window begin, and its end: the first and the last are as short as the window makes them.

    Raises TooManySteps.
    """
    found = [since]
    while (following := _next(found[-1], by, zone)) < until:
        found.append(following)
        if len(found) > MOST_STEPS:
            raise TooManySteps(_coarser(since, until, by))
    return [*found, until]


def _coarser(since: datetime, until: datetime, by: str) -> str | None:
    length = until - since
    names = list(LENGTHS)
    return next((n for n in names[names.index(by) + 1 :] if length < LENGTHS[n] * (MOST_STEPS - 2)), None)


def _next(time: datetime, by: str, zone: ZoneInfo) -> datetime:
    """The step after the one that a time is in begins then."""
    if by in ("day", "week", "month"):
        day = first_day(by, time.astimezone(zone).date())
        following = midnight(day, zone)
        while following <= time:
            day = next_day(by, day)
            following = midnight(day, zone)
        return following
    step = LENGTHS[by]
    following = _floor(time + step, step, zone)
    return following if following > time else time + step


def _floor(time: datetime, step: timedelta, zone: ZoneInfo) -> datetime:
    local = time.astimezone(zone)
    past = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
    return time - past % step


def days(since: datetime, until: datetime, zone: ZoneInfo) -> list[datetime]:
    """When each of the zone's days begins that a time from `since` to `until` lies in."""
    day = since.astimezone(zone).date()
    found = [midnight(day, zone)]
    while found[-1] <= until:
        day = next_day("day", day)
        found.append(midnight(day, zone))
    return found
