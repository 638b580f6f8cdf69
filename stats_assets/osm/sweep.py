"""A sweep over segments: in what order they lie at each vertex, and whether they cross; in n log n steps.

Here: the order and the crossings, decided exactly. Not here: which ring a segment belongs to.
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import cmp_to_key
from itertools import groupby, pairwise
from typing import NamedTuple

from stats_assets.osm.positions import Floats

Point = tuple[float, float]
# A segment in the sweep: its left (of equal longitudes: lower) end, its right one, its number.
_Segment = tuple[float, float, float, float, int]
# Beyond this share of its terms the sign of a determinant is certain in doubles (Shewchuk's bound).
_CERTAIN = 3.4e-16


class InvalidError(ValueError):
    """No valid multipolygon has these segments: they cross, or lie on one another."""


class Vertex(NamedTuple):
    """What meets at a place: the numbers of segments to its left and to its right, each from the lowest up.

    A segment that passes is in both. `below` is the segment right below all of them.
    """

    place: Point
    left: list[int]
    right: list[int]
    below: int | None


def sweep(begins: Floats, ends: Floats) -> Iterator[Vertex]:
    """The vertices of segments (n, 2) from left to right. Raises InvalidError at the latest where one lies.

    A segment may pass through another's end. Segments without length are left out.
    """
    events: list[tuple[float, float, _Segment | None]] = []
    for number, ((ax, ay), (bx, by)) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        if (ax, ay) == (bx, by):
            continue
        if (bx, by) < (ax, ay):
            ax, ay, bx, by = bx, by, ax, ay
        events.append((ax, ay, (ax, ay, bx, by, number)))
        events.append((bx, by, None))
    events.sort(key=lambda event: event[:2])
    status: list[_Segment] = []  # what the sweep line meets, from the lowest up
    for (x, y), group in groupby(events, key=lambda event: event[:2]):
        started = [segment for _, _, segment in group if segment is not None]
        first = _lowest_not_below(status, x, y)
        last = first
        left: list[int] = []
        while last < len(status) and _side(status[last], x, y) == 0:
            segment = status[last]
            left.append(segment[4])
            if (segment[2], segment[3]) != (x, y):
                started.append((x, y, segment[2], segment[3], segment[4]))
            last += 1
        if len(started) > 1:
            started.sort(key=cmp_to_key(_turn))
            if any(_turn(lower, upper) == 0 for lower, upper in pairwise(started)):
                raise InvalidError
        status[first:last] = started
        after = first + len(started)
        if first > 0 and first < len(status):
            _check(status[first - 1], status[first])
        if started and after < len(status):
            _check(status[after - 1], status[after])
        yield Vertex((x, y), left, [s[4] for s in started], status[first - 1][4] if first else None)


def _lowest_not_below(status: list[_Segment], x: float, y: float) -> int:
    low, high = 0, len(status)
    while low < high:
        middle = (low + high) // 2
        if _side(status[middle], x, y) > 0:
            low = middle + 1
        else:
            high = middle
    return low


def _side(segment: _Segment, x: float, y: float) -> float:
    """Above 0: the place is above the segment, 0: on its line, below 0: below it."""
    ax, ay, bx, by, _ = segment
    return _determinant(ax, ay, bx, by, x, y)


def _turn(one: _Segment, other: _Segment) -> int:
    """The order, from the lowest up, of two segments that begin in one place."""
    side = _side(one, other[2], other[3])
    return (side < 0) - (side > 0)


def _check(lower: _Segment, upper: _Segment) -> None:
    """Raises InvalidError where they cross; one may end on the other."""
    a, b = _side(lower, upper[0], upper[1]), _side(lower, upper[2], upper[3])
    if (a > 0 and b < 0) or (a < 0 and b > 0):
        c, d = _side(upper, lower[0], lower[1]), _side(upper, lower[2], lower[3])
        if (c > 0 and d < 0) or (c < 0 and d > 0):
            raise InvalidError


def _determinant(ax: float, ay: float, bx: float, by: float, x: float, y: float) -> float:
    one, other = (bx - ax) * (y - ay), (by - ay) * (x - ax)
    value = one - other
    doubt = _CERTAIN * (abs(one) + abs(other))
    if value > doubt or -value > doubt or doubt == 0.0 or (x == bx and y == by) or (x == ax and y == ay):
        return value
    fractions = map(Fraction, (ax, ay, bx, by, x, y))
    a, b, c, d, e, f = fractions
    exact = (c - a) * (f - b) - (d - b) * (e - a)
    return (exact > 0) - (exact < 0)
