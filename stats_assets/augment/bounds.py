"""The box around a way or a relation, as Overpass draws it: across the antimeridian where that is shorter.

Read in its source (`calc_bounds`), and compared with a running one. How it is printed is document.py's.
"""

from collections.abc import Iterable
from typing import NamedTuple

from stats_assets.augment.versions import Position

HALF = 1_800_000_000
"""180 degrees."""


class Box(NamedTuple):
    """In units of 10⁻⁷ degrees. One across the antimeridian has its west above its east."""

    west: int
    south: int
    east: int
    north: int


def box_of(positions: Iterable[Position]) -> Box | None:
    """The box around positions; None: there are none."""
    south = west = HALF + 1
    north = east = -HALF - 1
    wrapped_west, wrapped_east = HALF, -HALF
    for lon, lat in positions:
        south, north = min(south, lat), max(north, lat)
        west, east = min(west, lon), max(east, lon)
        if lon > 0:
            wrapped_west = min(wrapped_west, lon)
        else:
            wrapped_east = max(wrapped_east, lon)
    if north < south:
        return None
    if east - west <= HALF:
        return Box(west, south, east, north)
    if wrapped_west - wrapped_east > HALF:
        return Box(wrapped_west, south, wrapped_east, north)
    return Box(-HALF, south, HALF, north)
