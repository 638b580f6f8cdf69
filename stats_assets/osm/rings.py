"""Multipolygons from their way members (definitions, section 2).

Here: joining lines into rings, and telling shells from holes. Not here: where a member's positions come from.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import shapely

from stats_assets.osm.measures import ring_area
from stats_assets.osm.positions import Floats

Point = tuple[float, float]
_NO_ROLE = ""


class BrokenError(ValueError):
    """The rings do not close; the message says where."""


class Piece(NamedTuple):
    """A line (n, 2) with its role: outer, inner, or none."""

    role: str
    xy: Floats


class Assembly(NamedTuple):
    """A multipolygon: its rings, and, unless invalid, its geometry and area in square metres."""

    rings: list[Any]
    valid: bool
    geometry: Any
    area: float


def assemble(pieces: Iterable[Piece]) -> Assembly:
    """The polygons of way members. Raises BrokenError where rings do not close, or where there is none.

    Invalid (self-crossing, rings that touch along a line, a hole outside) is what shapely calls not valid, in degrees.
    """
    rings = [Piece(role if role in ("outer", "inner") else _NO_ROLE, xy) for role, xy in _rings(list(pieces))]
    if not rings:
        raise BrokenError("no ring: it has no way members")
    lines = [shapely.linestrings(ring.xy) for ring in rings]
    invalid = Assembly(lines, False, None, 0.0)
    if any(len(ring.xy) < 4 for ring in rings):
        return invalid
    outlines: Any = [shapely.linearrings(ring.xy) for ring in rings]
    polygons: Any = shapely.polygons(outlines)
    if not shapely.is_valid(polygons).all():
        return invalid
    holes = _holes([ring.role for ring in rings], polygons)
    if holes is None:
        return invalid
    geometry = shapely.multipolygons(
        [
            shapely.Polygon(rings[shell].xy, [rings[hole].xy for hole in inside])
            for shell, inside in holes.items()
        ]
    )
    if not shapely.is_valid(geometry):
        return invalid
    area = sum(
        ring_area(rings[shell].xy) - sum(ring_area(rings[hole].xy) for hole in inside)
        for shell, inside in holes.items()
    )
    return Assembly(lines, True, geometry, area)


def _holes(roles: list[str], polygons: Any) -> dict[int, list[int]] | None:
    """Shell → its holes. None: a hole outside every shell."""
    inner, outer = shapely.STRtree(polygons).query(polygons, predicate="covered_by")
    around: dict[int, list[int]] = defaultdict(list)
    for ring, other in zip(inner.tolist(), outer.tolist(), strict=True):
        if ring != other:
            around[ring].append(other)
    is_hole = [
        role == "inner" or (role == _NO_ROLE and len(around[ring]) % 2 == 1)
        for ring, role in enumerate(roles)
    ]
    areas = shapely.area(polygons)
    holes: dict[int, list[int]] = {ring: [] for ring in range(len(roles)) if not is_hole[ring]}
    for ring in range(len(roles)):
        if is_hole[ring]:
            shells = [other for other in around[ring] if not is_hole[other]]
            if not shells:
                return None
            holes[min(shells, key=lambda shell: float(areas[shell]))].append(ring)
    return holes


def _rings(pieces: list[Piece]) -> list[Piece]:
    """Rings of the pieces: of one role first; what is left over is joined whatever its role."""
    rings: list[Piece] = []
    left: list[Piece] = []
    for role in ("outer", "inner"):
        closed, open_ = _join([piece for piece in pieces if piece.role == role])
        rings += closed
        left += open_
    closed, open_ = _join(left + [piece for piece in pieces if piece.role not in ("outer", "inner")])
    if open_:
        x, y = open_[0].xy[0]
        raise BrokenError(f"a ring does not close at latitude {y}, longitude {x}")
    return rings + closed


def _join(pieces: list[Piece]) -> tuple[list[Piece], list[Piece]]:
    """Join pieces at their ends. Returns the closed rings, and the pieces that are in none.

    A walk that comes by an end for the second time has closed a ring there, which is cut off: so rings that touch at
    an end stay two rings.
    """
    rings = [piece for piece in pieces if _end(piece, 0) == _end(piece, -1)]
    at: dict[Point, list[int]] = defaultdict(list)
    for number, piece in enumerate(pieces):
        if _end(piece, 0) != _end(piece, -1):
            at[_end(piece, 0)].append(number)
            at[_end(piece, -1)].append(number)
    used: set[int] = set()
    left: list[Piece] = []
    for number, piece in enumerate(pieces):
        if number in used or _end(piece, 0) == _end(piece, -1):
            continue
        path: list[Piece] = []  # turned so that each begins where the one before ends
        place = _end(piece, 0)
        passed: dict[Point, int] = {place: 0}
        step: int | None = number
        while step is not None:
            used.add(step)
            turned = pieces[step]
            if _end(turned, 0) != place:
                turned = Piece(turned.role, turned.xy[::-1])
            path.append(turned)
            place = _end(turned, -1)
            if place in passed:
                begin = passed[place]
                rings.append(_ring(path[begin:]))
                for gone in path[begin + 1 :]:
                    passed.pop(_end(gone, 0), None)
                del path[begin:]
            else:
                passed[place] = len(path)
            waiting = at[place]
            while waiting and waiting[-1] in used:
                waiting.pop()
            step = waiting[-1] if waiting else None
        left += path
    return rings, left


def _ring(path: list[Piece]) -> Piece:
    roles = {piece.role for piece in path}
    known = roles & {"outer", "inner"}
    role = known.pop() if len(known) == 1 else _NO_ROLE
    return Piece(role, np.concatenate([path[0].xy[:1], *(piece.xy[1:] for piece in path)]))


def _end(piece: Piece, index: int) -> Point:
    return float(piece.xy[index, 0]), float(piece.xy[index, 1])
