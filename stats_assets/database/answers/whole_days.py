"""Sequences as whole days of UTC, quarters of an hour around them, and the minutes that are left.

Arithmetic alone. Not here: what is kept of a day or a quarter, and how it is asked for (by_days.py, by_steps.py).
"""

from typing import NamedTuple

from stats_assets.database.answers.one_owner import Owned
from stats_assets.database.statistics.verification import BEGINS, LAST_SEQUENCE
from stats_assets.questions.windows import Window

DAY, QUARTER = 1440, 15


def ends(window: Window) -> tuple[int, int]:
    """A window as sequences [begin, end), as far as there can be any."""
    first, last = window.sequences
    begin = -BEGINS if first is None else min(max(first, 0), LAST_SEQUENCE)
    end = LAST_SEQUENCE if last is None else min(last + 1, LAST_SEQUENCE)
    return begin, max(begin, end)


def up(sequence: int, minutes: int) -> int:
    """The next beginning of a step, or this one."""
    past = BEGINS % minutes
    return -(-(sequence + past) // minutes) * minutes - past


def down(sequence: int, minutes: int) -> int:
    """The beginning of the step that it is in."""
    past = BEGINS % minutes
    return (sequence + past) // minutes * minutes - past


class Parts(NamedTuple):
    """Sequences [begin, end), and what of them is whole days, and whole days and quarters."""

    begin: int
    end: int
    days: tuple[int, int]
    summed: tuple[int, int]

    @property
    def quarters(self) -> list[tuple[int, int]]:
        """Those around the days."""
        return _not_empty((self.summed[0], self.days[0]), (self.days[1], self.summed[1]))

    @property
    def edges(self) -> list[tuple[int, int]]:
        """What is in no sum."""
        return _not_empty((self.begin, self.summed[0]), (self.summed[1], self.end))

    @property
    def around(self) -> list[tuple[int, int]]:
        """What is in no day."""
        return _not_empty((self.begin, self.days[0]), (self.days[1], self.end))


def _not_empty(*ranges: tuple[int, int]) -> list[tuple[int, int]]:
    return [(first, end) for first, end in ranges if first < end]


def smallest(owned: Owned) -> int:
    """Of how many minutes the shortest steps are whose sums are kept."""
    return DAY if owned.owner == "user" else QUARTER


def parts(owned: Owned, begin: int, end: int) -> Parts:
    """How sequences [begin, end) are made of days, quarters and what is left."""
    days = (up(begin, DAY), down(end, DAY))
    shortest = smallest(owned)
    summed = (up(begin, shortest), down(end, shortest))
    if summed[0] >= summed[1]:
        summed = (begin, begin)
    if days[0] >= days[1]:
        days = (summed[0], summed[0])
    return Parts(begin, end, days, summed)


def ends_of(parts: Parts) -> dict[str, int]:
    """As the SQL here is given them: begin and end, and of days (d0, d1), of these and quarters (q0, q1)."""
    (d0, d1), (q0, q1) = parts.days, parts.summed
    return {"begin": parts.begin, "end": parts.end, "d0": d0, "d1": d1, "q0": q0, "q1": q1}
