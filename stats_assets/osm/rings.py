"""Multipolygons from their way members (docs/definitions.md, section 2).

Here: what is valid, and its area. Not here: joining lines into rings (joining), which ring is in which (nesting).
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import shapely

from stats_assets.osm import seam
from stats_assets.osm.joining import INNER, NO_ROLE, OUTER, BrokenError, Piece, join
from stats_assets.osm.measures import ring_area
from stats_assets.osm.nesting import nest
from stats_assets.osm.positions import Floats
from stats_assets.osm.sweep import InvalidError

__all__ = ["Assembly", "BrokenError", "Piece", "assemble"]


class Assembly(NamedTuple):
    """A multipolygon: `geometry` to locate it by (invalid: the lines of its rings), and its area in square metres.

    Longitudes go on beyond ±180° where it crosses the antimeridian.
    """

    valid: bool
    geometry: Any
    area: float


def assemble(pieces: Iterable[Piece]) -> Assembly:
    """The polygons of way members. Raises BrokenError where rings do not close, or where there is none.

    Invalid (self-crossing, rings that touch along a line, a hole outside) is what shapely calls not valid, in degrees.
    So is a ring around a pole: it does not close in any plane.
    """
    pieces = [Piece(role if role in (OUTER, INNER) else NO_ROLE, xy) for role, xy in pieces]
    if not pieces:
        raise BrokenError("no ring: it has no way members")
    try:
        return _assemble(_rings(_with_length(pieces)))
    except InvalidError:
        lines = shapely.MultiLineString([seam.unroll(piece.xy) for piece in pieces])
        return Assembly(False, lines, 0.0)


def _with_length(pieces: list[Piece]) -> list[Piece]:
    """The pieces without those that are one place, where another piece ends: joined to it they change nothing."""
    points = [_is_one_place(piece.xy) for piece in pieces]
    if not any(points):
        return pieces
    at = [
        (piece, seam.places(piece.xy[[0, -1]]).tolist(), point)
        for piece, point in zip(pieces, points, strict=True)
    ]
    ends = {tuple(end) for _, both, point in at if not point for end in both}
    return [piece for piece, (place, _), point in at if not point or tuple(place) not in ends]


def _is_one_place(xy: Floats) -> bool:
    if xy[0, 1] != xy[-1, 1]:  # so it is with almost all, and costs nothing
        return False
    line = seam.places(xy)
    return bool((line == line[0]).all())


def _on_seam(pieces: list[Piece]) -> bool:
    return any(seam.on_seam(piece.xy) for piece in pieces)


def _rings(pieces: list[Piece]) -> list[Piece]:
    """Rings in one plane. Raises BrokenError, InvalidError."""
    if not any(seam.jumps(piece.xy) for piece in pieces):
        try:
            return join(pieces)
        except BrokenError:
            if not _on_seam(pieces):
                raise
            # What ends at 180° may go on at -180°.
    plane = seam.in_one_plane([piece.xy for piece in pieces])
    if plane is not None:
        return join([Piece(piece.role, xy) for piece, xy in zip(pieces, plane, strict=True)])
    # All the way around the Earth: each ring in a plane of its own.
    try:
        joined = join(pieces)
    except BrokenError:
        if not _on_seam(pieces):
            raise
        joined = join(pieces, over_seam=True)
    rings = [Piece(ring.role, seam.unroll(ring.xy)) for ring in joined]
    if any(ring.xy[0, 0] != ring.xy[-1, 0] for ring in rings):
        raise InvalidError("a ring around a pole")
    return rings


def _assemble(rings: Sequence[Piece]) -> Assembly:
    xys = [ring.xy for ring in rings]
    outlines = shapely.linearrings(
        np.concatenate(xys), indices=np.repeat(np.arange(len(xys)), [len(xy) for xy in xys])
    )
    depth, geometry = nest(xys, outlines)
    if any(ring.role == (INNER, OUTER)[around % 2] for ring, around in zip(rings, depth, strict=True)):
        raise InvalidError("a hole outside, or a shell inside another")
    area = math.fsum(ring_area(xy) * (-1) ** around for xy, around in zip(xys, depth, strict=True))
    return Assembly(True, geometry, area)
