"""The antimeridian: lines that go the short way across it, and what lies on both of its sides (definitions, section 2).

Here: unrolling longitudes, so that a line is whole in one plane. Not here: rings and regions.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely

from stats_assets.osm.positions import Floats, unrolled


def jumps(xy: Floats) -> bool:
    """Are two successive positions more than 180° of longitude apart?"""
    x = xy[:, 0]
    return bool(x.max() - x.min() > 180.0 and (np.abs(np.diff(x)) > 180.0).any())


def on_seam(xy: Floats) -> bool:
    """Is one of the positions at ±180°?"""
    return bool((np.abs(xy[:, 0]) == 180.0).any())


def unroll(xy: Floats) -> Floats:
    """The line with longitudes that go on beyond ±180°, instead of jumping."""
    return np.column_stack((unrolled(xy[:, 0]), xy[:, 1]))


def in_one_plane(lines: Sequence[Floats]) -> list[Floats] | None:
    """All lines cut open at one meridian that none of them crosses; None where there is no such meridian."""
    spans: list[tuple[float, float]] = []
    for line in lines:
        x = unrolled(line[:, 0])
        west, width = float(x.min()), float(x.max() - x.min())
        west -= 360.0 * math.floor((west + 180.0) / 360.0)
        spans.append((west, west + width))
    reach = max(east for _, east in spans) - 360.0
    gap, cut = 0.0, 0.0
    for west, east in sorted(spans):
        if west - reach > gap:
            gap, cut = west - reach, (west + reach) / 2
        reach = max(reach, east)
    if not gap:
        return None
    cut -= 360.0 * math.floor((cut + 180.0) / 360.0)
    return [
        np.column_stack((np.where(line[:, 0] < cut, line[:, 0] + 360.0, line[:, 0]), line[:, 1]))
        for line in lines
    ]


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
