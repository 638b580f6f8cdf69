"""A sweep over segments: in what order they lie at each vertex, and whether they cross; in n log n steps.

Here: the order and the crossings, decided exactly. Not here: which ring a segment belongs to.
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import cmp_to_key
from itertools import groupby, pairwise
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from stats_assets.osm.positions import Floats

Point = tuple[float, float]
# A segment in the sweep: its left (of equal longitudes: lower) end, its right one, its number.
_Segment = tuple[float, float, float, float, int]
# Beyond this share of its terms the sign of a determinant is certain in doubles (Shewchuk's bound).
_CERTAIN = 3.4e-16
_CHUNK = 1 << 12  # events that are held as Python's objects


class InvalidError(ValueError):
    """No valid multipolygon has these segments: they cross, or lie on one another."""


class Vertex(NamedTuple):
    """The numbers of segments that meet at a place, to its left and to its right, each from the lowest up.

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
    status: list[_Segment] = []  # what the sweep line meets, from the lowest up
    for (x, y), group in groupby(_events(begins, ends), key=itemgetter(0)):
        started = [segment for _, segment in group if segment is not None]
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


def _events(begins: Floats, ends: Floats) -> Iterator[tuple[Point, _Segment | None]]:
    """Both ends of each segment, in order; with the left one comes the segment."""
    backward = (ends[:, 0] < begins[:, 0]) | ((ends[:, 0] == begins[:, 0]) & (ends[:, 1] < begins[:, 1]))
    left, right = (np.where(backward[:, None], *both) for both in ((ends, begins), (begins, ends)))
    numbers = np.flatnonzero((left != right).any(axis=1))
    left, right = left[numbers], right[numbers]
    places, count = np.concatenate((left, right)), len(numbers)
    order = np.lexsort((places[:, 1], places[:, 0]))
    for start in range(0, len(order), _CHUNK):
        part = order[start : start + _CHUNK]
        which = part % count
        for event, (x, y), (ax, ay), (bx, by), number in zip(
            part.tolist(),
            places[part].tolist(),
            left[which].tolist(),
            right[which].tolist(),
            numbers[which].tolist(),
            strict=True,
        ):
            yield (x, y), ((ax, ay, bx, by, number) if event < count else None)


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
