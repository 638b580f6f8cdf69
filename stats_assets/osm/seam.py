"""The antimeridian: lines go the short way, and what is on it lies on both sides (docs/definitions.md, section 2).

Here: unrolling longitudes, so that a line is whole in one plane. Not here: rings and regions.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely

from stats_assets.osm.positions import Floats, turns_of, unrolled


def jumps(xy: Floats) -> bool:
    """Are two successive positions more than 180° of longitude apart?"""
    x = xy[:, 0]
    return bool(x.max() - x.min() > 180.0 and (np.abs(np.diff(x)) > 180.0).any())


def on_seam(xy: Floats) -> bool:
    """Is one of the positions at ±180°?"""
    return bool((np.abs(xy[:, 0]) == 180.0).any())


def places(xy: Floats) -> Floats:
    """The positions, with 180° as -180°: so that the same places are equal. No line: 180° to 0° goes another way."""
    return np.column_stack((np.where(xy[:, 0] == 180.0, -180.0, xy[:, 0]), xy[:, 1]))


def unroll(xy: Floats) -> Floats:
    """The line with longitudes that go on beyond ±180°, instead of jumping."""
    return np.column_stack((unrolled(xy[:, 0]), xy[:, 1]))


def in_one_plane(lines: Sequence[Floats]) -> list[Floats] | None:
    """All lines cut open at one meridian that none of them crosses or touches; None where there is no such meridian."""
    spans = sorted(_span(line[:, 0]) for line in lines)
    turns, east = max(end for _, end in spans)
    reach = (turns - 1, east)
    gap, cut = 0.0, None
    for west, end in spans:
        if west > reach:
            width = west[1] - reach[1] - 360.0 * reach[0]
            if cut is None or width > gap:
                gap, cut = width, west[1]
        reach = max(reach, end)
    if cut is None:
        return None
    cut = 180.0 if cut == -180.0 else cut  # what is at the seam goes to one side
    return [
        np.column_stack((np.where(line[:, 0] < cut, line[:, 0] + 360.0, line[:, 0]), line[:, 1]))
        for line in lines
    ]


def _span(x: Floats) -> tuple[tuple[int, float], tuple[int, float]]:
    """A line's westernmost and easternmost longitude, each with how often it went around before, from the west on.

    180° is -180° after one more turn. Nothing is added up: lines that touch must not come apart by a rounding.
    """
    at_east = x == 180.0
    turns, x = turns_of(x) + at_east, np.where(at_east, -180.0, x)
    order = np.lexsort((x, turns))[[0, -1]]
    (first, last), (west, east) = turns[order].tolist(), x[order].tolist()
    return (0, west), (last - first, east)


def copies(geometry: Any) -> list[Any]:
    """A geometry that reaches the seam or goes beyond, as often as it shows between -180° and 180°."""
    west, _, east, _ = shapely.bounds(geometry).tolist()
    first, last = math.ceil((-180.0 - east) / 360.0), math.floor((180.0 - west) / 360.0)
    return [_turned(geometry, turns) if turns else geometry for turns in range(first, last + 1)]


def _turned(geometry: Any, turns: int) -> Any:
    offset = np.array([360.0 * turns, 0.0])
    return shapely.transform(geometry, lambda xy: xy + offset)


def reaching(geometries: Any) -> Any:
    """The numbers of the geometries that reach ±180° or go beyond."""
    bounds = shapely.bounds(geometries)
    with np.errstate(invalid="ignore"):  # an empty geometry has no bounds
        return np.flatnonzero((bounds[:, 0] <= -180.0) | (bounds[:, 2] >= 180.0))
