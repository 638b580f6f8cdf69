"""Rings of paths that meet more than two at a place (definitions, section 2).

Here: the one way to join them that can be valid. Not here: what is joined without a choice (joining).

The segments of a valid multipolygon leave no choice: along each of them inside and outside meet, so they say what is
inside, and each piece of the inside has one outline. It is followed from wedge to wedge, and cut where it comes by a
place again, so that no ring touches itself.
"""

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
        self._begin_places = list(map(tuple, self.begins.tolist()))
        self._end_places = list(map(tuple, self.ends.tolist()))

    def follower(self, segment: int, place: Point) -> int:
        """The segment that must follow at the place; -1: any."""
        if place == self._begin_places[segment]:
            return self._before[segment]
        return self._after[segment] if place == self._end_places[segment] else segment

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
        self._ends: list[tuple[Point, Point]] = []
        self._next: list[dict[Point, int]] = []  # of each part, by the place where it ends
        inside_above: list[bool] = []
        opened: dict[int, int] = {}  # segment → its part that the sweep line meets
        for vertex in sweep(segments.begins, segments.ends):
            place = vertex.place
            inside = inside_above[opened[vertex.below]] if vertex.below is not None else False
            left, right = [opened.pop(segment) for segment in vertex.left], []
            for part in left:
                self._ends[part] = (self._ends[part][0], place)
            above = inside
            for segment in vertex.right:
                above = not above
                part = opened[segment] = len(self.segment)
                right.append(part)
                self.segment.append(segment)
                self._ends.append((place, place))
                self._next.append({})
                inside_above.append(above)
            around = right + left[::-1]
            if inside:
                around.append(around.pop(0))
            for one, other in zip(around[::2], around[1::2], strict=True):
                self._next[one][place], self._next[other][place] = other, one

    def rings(self) -> Iterator[_Ring]:
        """The outlines, cut where they come by a place again."""
        used = [False] * len(self.segment)
        for first in range(len(self.segment)):
            if used[first]:
                continue
            path: _Ring = []
            passed: dict[Point, int] = {}
            part, place = first, self._ends[first][0]
            while True:
                if place in passed:
                    begin = passed[place]
                    yield path[begin:]
                    for _, gone in path[begin:]:
                        del passed[gone]
                    del path[begin:]
                if used[part]:
                    break
                passed[place] = len(path)
                path.append((part, place))
                used[part] = True
                begin_place, end_place = self._ends[part]
                place = end_place if place == begin_place else begin_place
                part = self._next[part][place]


def _without_repeats(xy: Floats) -> Floats:
    kept = np.concatenate(([True], (np.diff(xy, axis=0) != 0).any(axis=1)))
    return xy[kept]
