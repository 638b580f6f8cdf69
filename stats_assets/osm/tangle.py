"""Rings of paths that meet more than two at a place (docs/definitions.md, section 2).

Here: the one way to join them that can be valid. Not here: what is joined without a choice (joining).

The segments of a valid multipolygon leave no choice: along each of them inside and outside meet, so they say what is
inside, and each piece of the inside has one outline. It is followed from wedge to wedge, and cut where it comes by a
place again, so that no ring touches itself.
"""

from array import array
from collections.abc import Iterator, Sequence

import numpy as np

from stats_assets.osm.positions import Floats
from stats_assets.osm.sweep import InvalidError, Point, sweep

Path = tuple[set[str], Floats]  # the roles of its pieces, its positions
_Ring = list[tuple[int, Point]]  # parts of segments, each with the place where it begins


def untangle(paths: Sequence[Path]) -> list[Path]:
    """Rings of all paths, closed or open, of which an even number end at each place. Raises InvalidError."""
    segments = _Segments(paths)
    parts = _Parts(segments)
    return [segments.ring(ring, parts.segment) for ring in parts.rings()]


class _Segments:
    """The paths' segments, each with the one before and after it in its path (-1: the path ends)."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        lines = [_without_repeats(xy) for _, xy in paths]
        self.begins = np.concatenate([line[:-1] for line in lines])
        self.ends = np.concatenate([line[1:] for line in lines])
        self._owner = np.repeat(np.arange(len(lines)), [len(line) - 1 for line in lines]).tolist()
        count = len(self.begins)
        before, after = np.arange(count) - 1, np.arange(count) + 1
        first = 0
        for line in lines:
            last = first + len(line) - 2
            closed = last >= first and bool((line[0] == line[-1]).all())
            if last >= first:
                before[first], after[last] = (last, first) if closed else (-1, -1)
            first = last + 1
        self._before, self._after = before.tolist(), after.tolist()

    def follower(self, segment: int, place: Point) -> int:
        """The segment that must follow at the place; -1: any."""
        if place == tuple(self.begins[segment].tolist()):
            return self._before[segment]
        return self._after[segment] if place == tuple(self.ends[segment].tolist()) else segment

    def ring(self, parts: _Ring, segment_of: Sequence[int]) -> Path:
        """Its roles and positions. Raises InvalidError where it takes a path apart."""
        places: list[Point] = []
        for (before, _), (part, place) in zip([parts[-1], *parts[:-1]], parts, strict=True):
            one, other = segment_of[before], segment_of[part]
            if self.follower(one, place) not in (-1, other) or self.follower(other, place) not in (-1, one):
                raise InvalidError("no joining of these pieces is valid")
            if one != other:
                places.append(place)
        roles = set[str]().union(*(self._paths[self._owner[segment_of[part]]][0] for part, _ in parts))
        return roles, np.array([*places, places[0]])


class _Parts:
    """Segments, cut where others end on them, and how the outlines of the inside go on from one to the next."""

    def __init__(self, segments: _Segments) -> None:
        self.segment: list[int] = []  # of each part
        self._places: list[Point] = []
        # Of each part the number of the place where it begins and ends, and the part that goes on there.
        self._begin, self._end = array("q"), array("q")
        self._at_begin, self._at_end = array("q"), array("q")
        inside_above = bytearray()
        opened: dict[int, int] = {}  # segment → its part that the sweep line meets
        for number, vertex in enumerate(sweep(segments.begins, segments.ends)):
            self._places.append(vertex.place)
            inside = bool(inside_above[opened[vertex.below]]) if vertex.below is not None else False
            left, right = [opened.pop(segment) for segment in vertex.left], []
            for part in left:
                self._end[part] = number
            above = inside
            for segment in vertex.right:
                above = not above
                part = opened[segment] = len(self.segment)
                right.append(part)
                self.segment.append(segment)
                for column in (self._begin, self._end, self._at_begin, self._at_end):
                    column.append(number)
                inside_above.append(above)
            around = right + left[::-1]
            if inside:
                around.append(around.pop(0))
            for one, other in zip(around[::2], around[1::2], strict=True):
                for part, follower in ((one, other), (other, one)):
                    column = self._at_begin if self._begin[part] == number else self._at_end
                    column[part] = follower

    def rings(self) -> Iterator[_Ring]:
        """The outlines, cut where they come by a place again."""
        used = bytearray(len(self.segment))
        for first in range(len(self.segment)):
            if used[first]:
                continue
            path: list[tuple[int, int]] = []
            passed: dict[int, int] = {}
            part, place = first, self._begin[first]
            while True:
                if place in passed:
                    begin = passed[place]
                    yield [(along, self._places[at]) for along, at in path[begin:]]
                    for _, gone in path[begin:]:
                        del passed[gone]
                    del path[begin:]
                if used[part]:
                    break
                passed[place] = len(path)
                path.append((part, place))
                used[part] = True
                if place == self._begin[part]:
                    place, part = self._end[part], self._at_end[part]
                else:
                    place, part = self._begin[part], self._at_begin[part]


def _without_repeats(xy: Floats) -> Floats:
    kept = np.concatenate(([True], (np.diff(xy, axis=0) != 0).any(axis=1)))
    return xy[kept]
