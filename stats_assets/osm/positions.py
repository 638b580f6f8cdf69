"""Positions of many lines in two columns, so that they are measured and located many at a time.

Here: collecting lines and seeing which are broken or closed. Not here: measures, rings, regions.
"""

from array import array
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats_assets.osm.values import read_degrees

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]


def as_floats(degrees: Iterable[str | float | None]) -> "array[float]":
    """Degrees as numbers; NaN for what is missing or none."""
    texts = list(degrees)
    try:
        return array("d", map(float, texts))  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return array("d", (d if isinstance(d, float) else read_degrees(d) for d in texts))


class Lines(NamedTuple):
    """Lines in columns: line i has the positions `start[i]` … `start[i] + size[i]` of `x`, `y` (degrees)."""

    x: Floats
    y: Floats
    known: Bools  # a position: is it there, and on Earth (±180, ±90)?
    start: Integers
    size: Integers
    missing: Integers  # how many of a line's positions are not known
    closed: Bools  # first position = last; False where broken

    def xy(self, line: int) -> Floats:
        """The known positions of a line, shape (n, 2), longitude first."""
        part = slice(self.start[line], self.start[line] + self.size[line])
        positions = np.column_stack((self.x[part], self.y[part]))
        return positions[self.known[part]] if self.missing[line] else positions

    def broken(self, line: int) -> bool:
        """A position is missing, or there are fewer than 2 (definitions, section 2)."""
        return bool(self.missing[line] or self.size[line] < 2)


class Positions:
    """Collects lines."""

    def __init__(self) -> None:
        self._latitudes, self._longitudes = array("d"), array("d")
        self._starts = array("q", [0])

    def __len__(self) -> int:
        """How many positions there are."""
        return len(self._latitudes)

    def add(self, latitudes: Iterable[str | float | None], longitudes: Iterable[str | float | None]) -> int:
        """Add a line; returns its number."""
        start = len(self._latitudes)
        try:
            self._latitudes.extend(map(float, latitudes))  # type: ignore[arg-type]
            self._longitudes.extend(map(float, longitudes))  # type: ignore[arg-type]
        except (ValueError, TypeError):
            del self._latitudes[start:], self._longitudes[start:]
            self._latitudes.extend(as_floats(latitudes))
            self._longitudes.extend(as_floats(longitudes))
        self._starts.append(len(self._latitudes))
        return len(self._starts) - 2

    def lines(self) -> Lines:
        x, y = np.array(self._longitudes, dtype=np.float64), np.array(self._latitudes, dtype=np.float64)
        bounds = np.array(self._starts, dtype=np.int64)
        start, size = bounds[:-1], np.diff(bounds)
        with np.errstate(invalid="ignore"):
            known = (np.abs(x) <= 180.0) & (np.abs(y) <= 90.0)
        unknown = np.concatenate(([0], np.cumsum(~known)))
        missing = unknown[bounds[1:]] - unknown[bounds[:-1]]
        closed = (missing == 0) & (size > 1)
        first, last = start[closed], start[closed] + size[closed] - 1
        closed[closed] = (x[first] == x[last]) & (y[first] == y[last])
        return Lines(x, y, known, start, size, missing, closed)
