"""Positions of many lines in two columns, so that they are measured and located many at a time.

Here: collecting lines and seeing which are broken or closed. Not here: measures, rings, regions.
"""

from array import array
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from stats_assets.osm.values import read_degrees

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]
_IN_DECIMALS = b"0123456789.-+eE"
Degrees: TypeAlias = "Sequence[str | None] | array[float] | bytes"
"""Degrees as text, as numbers, or as these packed."""


def as_floats(degrees: Degrees) -> "array[float]":
    """Degrees as numbers; NaN for what is missing or no decimal number."""
    if isinstance(degrees, array):
        return degrees
    if isinstance(degrees, bytes):
        return array("d", degrees)
    try:
        found = array("d", map(float, degrees))  # type: ignore[arg-type]
        if not "".join(degrees).encode().translate(None, _IN_DECIMALS):  # type: ignore[arg-type]
            return found
    except (ValueError, TypeError):
        pass
    return array("d", map(read_degrees, degrees))


def turns_of(x: Floats) -> Integers:
    """How often a line has gone eastward around ±180 before each of its longitudes (degrees): it goes the short way."""
    step = np.diff(x)
    return np.concatenate(([0], np.cumsum((step < -180.0).astype(np.int64) - (step > 180.0))))


def unrolled(x: Floats) -> Floats:
    """A line's longitudes (degrees) that go on beyond ±180 where the next position is more than 180° away."""
    return x + 360.0 * turns_of(x)


class Lines(NamedTuple):
    """Lines in columns: line i has the positions `start[i]` … `start[i] + size[i]` of `x`, `y` (degrees)."""

    x: Floats
    y: Floats
    plane: Floats  # `x`, going on beyond ±180 where a line crosses the antimeridian
    known: Bools  # a position: is it there, and on Earth (±180, ±90)?
    start: Integers
    size: Integers
    missing: Integers  # how many of a line's positions are not known
    closed: Bools  # first position = last, ±180 being the same; False where broken

    def xy(self, line: int) -> Floats:
        """The known positions of a line, shape (n, 2), longitude first."""
        part = slice(self.start[line], self.start[line] + self.size[line])
        positions = np.column_stack((self.x[part], self.y[part]))
        return positions[self.known[part]] if self.missing[line] else positions

    def gather(self, which: Sequence[int]) -> tuple[Integers, Integers]:
        """The positions of these lines: their places in the columns, and the number of the line in `which`."""
        start, count = (column[np.array(which, dtype=np.int64)] for column in (self.start, self.size))
        ends = np.cumsum(count)
        total = int(ends[-1]) if len(ends) else 0
        return (
            np.arange(total) + np.repeat(start - (ends - count), count),
            np.repeat(np.arange(len(which)), count),
        )

    def broken(self, line: int) -> bool:
        """A position is missing, or there are fewer than 2 (docs/definitions.md, section 2)."""
        return bool(self.missing[line] or self.size[line] < 2)


class Positions:
    """Collects lines."""

    def __init__(self) -> None:
        self._latitudes, self._longitudes = array("d"), array("d")
        self._starts = array("q", [0])

    def __len__(self) -> int:
        """How many positions there are."""
        return len(self._latitudes)

    def add(self, latitudes: Degrees, longitudes: Degrees) -> int:
        """Add a line; returns its number."""
        if isinstance(latitudes, bytes) and isinstance(longitudes, bytes):
            self._latitudes.frombytes(latitudes)
            self._longitudes.frombytes(longitudes)
        else:
            self._latitudes.extend(as_floats(latitudes))
            self._longitudes.extend(as_floats(longitudes))
        self._starts.append(len(self._latitudes))
        return len(self._starts) - 2

    def lines(self) -> Lines:
        """What was collected, as it is, not copied: nothing can be added any more."""
        x, y = np.asarray(self._longitudes), np.asarray(self._latitudes)
        bounds = np.array(self._starts, dtype=np.int64)
        start, size = bounds[:-1], np.diff(bounds)
        with np.errstate(invalid="ignore"):
            known = (np.abs(x) <= 180.0) & (np.abs(y) <= 90.0)
        unknown = np.concatenate(([0], np.cumsum(~known)))
        missing = unknown[bounds[1:]] - unknown[bounds[:-1]]
        closed = (missing == 0) & (size > 1)
        first, last = start[closed], start[closed] + size[closed] - 1
        same = (x[first] == x[last]) | ((np.abs(x[first]) == 180.0) & (np.abs(x[last]) == 180.0))
        closed[closed] = same & (y[first] == y[last])
        return Lines(x, y, _plane(x, bounds, missing), known, start, size, missing, closed)


def _plane(x: Floats, bounds: Integers, missing: Integers) -> Floats:
    with np.errstate(invalid="ignore"):
        far = np.flatnonzero(np.abs(np.diff(x)) > 180.0)
    crossing = np.unique(np.searchsorted(bounds, far, side="right") - 1)
    plane = x.copy() if len(crossing) else x
    for line in crossing[missing[crossing] == 0].tolist():
        part = slice(bounds[line], bounds[line + 1])
        plane[part] = unrolled(x[part])
    return plane
