"""Which ring lies in which, and whether rings are a valid multipolygon together.

Here: shapely where few rings, or parts of one, are near each other, a sweep where many are: shapely compares each with
each. Not here: which are many (crowding), roles, areas.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import shapely

from stats_assets.osm.crowding import crowded, is_crowded
from stats_assets.osm.positions import Bools, Floats
from stats_assets.osm.sweep import InvalidError, Vertex, sweep

_CHUNK = 256  # rings whose pairs are held at once


class Nesting(NamedTuple):
    """`depth` of each ring: in how many others it lies; its hole-and-shell geometry, valid."""

    depth: list[int]
    geometry: Any


def nest(rings: Sequence[Floats], outlines: Any) -> Nesting:
    """The nesting of rings, given as positions and as linearrings. Raises InvalidError where it is not valid."""
    if is_crowded(rings, outlines):
        parents, depth = _Sweeping(rings, shapely.is_ccw(outlines)).result()
        return Nesting(depth, _geometry(parents, depth, outlines))
    polygons: Any = shapely.polygons(outlines)
    if not shapely.is_valid(polygons).all():
        raise InvalidError("a ring crosses or touches itself")
    parents, depth = _compare(polygons)
    del polygons  # as large as what follows
    if any(around and depth[parent] != around - 1 for parent, around in zip(parents, depth, strict=True)):
        raise InvalidError("rings cross, or are the same")
    geometry = _geometry(parents, depth, outlines)
    if not shapely.is_valid(geometry):
        raise InvalidError("rings cross, or touch along a line")
    return Nesting(depth, geometry)


def valid_rings(rings: Sequence[Floats], outlines: Any) -> Bools:
    """Which rings, given as positions and as linearrings, are valid by themselves."""
    many = crowded(rings)
    valid: Bools = np.ones(len(rings), dtype=np.bool_)
    valid[~many] = shapely.is_valid(shapely.polygons(outlines[~many]))
    for ring in np.flatnonzero(many).tolist():
        try:
            _Sweeping([rings[ring]], shapely.is_ccw(outlines[ring : ring + 1])).result()
        except InvalidError:
            valid[ring] = False
    return valid


def _compare(polygons: Any) -> tuple[list[int], list[int]]:
    """The smallest ring around each (-1: none), and how many are."""
    count = len(polygons)
    parents, depth = np.full(count, -1), np.zeros(count, dtype=np.int64)
    if count > 1:
        tree, areas = shapely.STRtree(polygons), shapely.area(polygons)
        smallest = np.full(count, np.inf)
        for start in range(0, count, _CHUNK):
            around, inside = tree.query(polygons[start : start + _CHUNK], predicate="covers")
            around += start
            around, inside = around[around != inside], inside[around != inside]
            np.add.at(depth, inside, 1)
            order = np.argsort(-areas[around], kind="stable")  # so that the smallest is the last, and stays
            around, inside = around[order], inside[order]
            smaller = areas[around] <= smallest[inside]
            around, inside = around[smaller], inside[smaller]
            parents[inside], smallest[inside] = around, areas[around]
    return parents.tolist(), depth.tolist()


def _geometry(parents: Sequence[int], depth: Sequence[int], outlines: Any) -> Any:
    holes: dict[int, list[int]] = defaultdict(list)
    for ring, parent in enumerate(parents):
        if depth[ring] % 2:
            holes[parent].append(ring)
    return shapely.multipolygons(
        [
            shapely.polygons(outlines[ring], outlines[holes[ring]] if ring in holes else None)
            for ring in range(len(parents))
            if depth[ring] % 2 == 0
        ]
    )


class _Sweeping:
    """Nesting by a sweep: a ring's first vertex shows what is below it; at each vertex its rings must not cross.

    Rings that touch must not cut the inside of a polygon in two: the rings of a polygon, with the places where they
    touch, are a graph without a cycle.
    """

    def __init__(self, rings: Sequence[Floats], is_ccw: Any) -> None:
        begins, ends = (
            np.concatenate([ring[part] for ring in rings]) for part in (slice(-1), slice(1, None))
        )
        owner = np.repeat(np.arange(len(rings)), [len(ring) - 1 for ring in rings])
        forward = (begins[:, 0] < ends[:, 0]) | ((begins[:, 0] == ends[:, 0]) & (begins[:, 1] < ends[:, 1]))
        self._inside_above = (forward == is_ccw[owner]).tolist()
        self._owner: list[int] = owner.tolist()
        self._parents: list[int | None] = [None] * len(rings)
        self._depth = [0] * len(rings)
        self._linked = list(range(len(rings)))
        for vertex in sweep(begins, ends):
            self._pass(vertex)

    def result(self) -> tuple[list[int], list[int]]:
        """The innermost ring around each (-1: none), and how many are."""
        if None in self._parents:
            raise InvalidError("a ring of one place")
        return [-1 if parent is None else parent for parent in self._parents], self._depth

    def _pass(self, vertex: Vertex) -> None:
        below = vertex.below
        for segment in vertex.right:
            ring = self._owner[segment]
            if self._parents[ring] is None:
                self._parents[ring] = self._inside(below)
                self._depth[ring] = self._depth_of(ring)
            below = segment
        around = [self._owner[segment] for segment in (*vertex.right, *reversed(vertex.left))]
        if len(around) > 2:
            if 2 * len(set(around)) != len(around):
                raise InvalidError("a ring touches itself")
            self._touch(around)

    def _inside(self, below: int | None) -> int:
        """The innermost ring around what is right above a segment."""
        if below is None:
            return -1
        ring = self._owner[below]
        parent = self._parents[ring]
        return ring if self._inside_above[below] or parent is None else parent

    def _depth_of(self, ring: int) -> int:
        parent = self._parents[ring]
        return 0 if parent is None or parent < 0 else self._depth[parent] + 1

    def _touch(self, around: Sequence[int]) -> None:
        open_: list[int] = []
        for ring in around:
            if open_ and open_[-1] == ring:
                open_.pop()
            else:
                open_.append(ring)
        if open_:
            raise InvalidError("rings cross where they touch")
        polygons: dict[int, int] = {}
        for ring in dict.fromkeys(around):
            shell = ring if self._depth[ring] % 2 == 0 else self._parents[ring] or 0
            first = polygons.setdefault(shell, ring)
            if first != ring:
                one, other = self._root(first), self._root(ring)
                if one == other:
                    raise InvalidError("rings that touch cut a polygon in two")
                self._linked[other] = one

    def _root(self, ring: int) -> int:
        linked = self._linked
        while linked[ring] != ring:
            linked[ring] = linked[linked[ring]]
            ring = linked[ring]
        return ring
