"""Drawing shapes at a place, and their sizes: geodesics on WGS84 between the corners, asked of pyproj.

Nothing here knows of tags or of who draws.
"""

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise
from random import Random
from typing import NamedTuple

from pyproj import Geod

from stats_assets.demo.world.elements import Point
from stats_assets.demo.world.places import Place

_WGS84 = Geod(ellps="WGS84")
_DEGREE = 10**7
_NANO = Decimal("1E-9")
_TIE_MARGIN = 0.05


class Size(NamedTuple):
    """km, km². `valid`: the area is known. `whole`: not broken (docs/definitions.md, sections 2 and 4)."""

    length: float = 0.0
    area: float = 0.0
    valid: bool = True
    whole: bool = True


class Ring(NamedTuple):
    """Corners around a centre, which sees them all: any corner may go to or fro within 0.7 to 1.3 of
    `radius`.
    """

    centre: Point
    radius: int
    corners: list[Point]


def length_km(points: Sequence[Point]) -> float:
    return math.fsum(_segment(start, end) for start, end in pairwise(points)) / 1000


def area_km2(points: Sequence[Point]) -> float:
    """The area in a closed ring; the first point comes again as the last."""
    area, _ = _WGS84.polygon_area_perimeter(
        [longitude / _DEGREE for _, longitude in points[:-1]],
        [latitude / _DEGREE for latitude, _ in points[:-1]],
    )
    return abs(float(area)) / 1e6


def measure(new: float, old: float) -> Decimal:
    """What a feature adds to a measure: the difference, half-even to 9 decimals."""
    return Decimal(abs(new - old)).quantize(_NANO, rounding=ROUND_HALF_EVEN)


def unambiguous(new: Size, old: Size = Size()) -> bool:  # noqa: B008 (immutable)
    """Whether all that can be measured here is far from a rounding tie: another order of additions must not
    show.
    """
    values = (new.length, new.area, abs(new.length - old.length), abs(new.area - old.area))
    return all(abs(value * 1e9 % 1 - 0.5) > _TIE_MARGIN for value in values)


def draw_point(rng: Random, place: Place) -> Point:
    if place.across:
        return round(place.latitude * _DEGREE), round(place.longitude * _DEGREE) + rng.randint(
            -(10**6), 10**6
        )
    return (
        round(place.latitude * _DEGREE) + rng.randint(-400_000, 400_000),
        round(place.longitude * _DEGREE) + rng.randint(-400_000, 400_000),
    )


def draw_line(rng: Random, place: Place, start: Point | None = None) -> list[Point]:
    """Two to six points: along the equator where that is near, along a meridian, or winding."""
    if place.across:
        return _draw_crossing(rng, place)
    style = rng.choice(("winding", "meridian", "equator" if place.latitude == 0.0 else "winding"))
    point = start or draw_point(rng, place)
    if style == "equator" and start is None:
        point = 0, point[1]
    points = [point]
    heading = rng.uniform(0, 2 * math.pi)
    for _ in range(rng.randint(1, 5)):
        step = rng.randint(5_000, 30_000)
        heading += rng.uniform(-0.6, 0.6)
        north, east = {
            "winding": (round(step * math.sin(heading)), round(step * math.cos(heading))),
            "meridian": (step, 0),
            "equator": (0, step),
        }[style]
        points.append((points[-1][0] + north, points[-1][1] + east))
    return points


def _draw_crossing(rng: Random, place: Place) -> list[Point]:
    middle, east = draw_point(rng, place)
    reach = round(place.across * _DEGREE)
    return [(middle + part * reach // 2, east + rng.randint(-2_000, 2_000)) for part in (-2, -1, 1, 2)]


def draw_ring(rng: Random, place: Place, corners: int | None = None, radius: int | None = None) -> Ring:
    """Four to seven corners, seen from the centre at growing angles less than half a turn apart: never
    crossing.
    """
    centre = draw_point(rng, place)
    radius = radius or rng.choice((1_500, 3_000, 20_000, 40_000))
    return ring_around(rng, centre, radius, corners or rng.randint(4, 7))


def ring_around(rng: Random, centre: Point, radius: int, corners: int) -> Ring:
    points = []
    for corner in range(corners):
        angle = (corner + rng.uniform(-0.2, 0.2)) * 2 * math.pi / corners
        away = radius * rng.uniform(0.7, 1.3)
        points.append((centre[0] + round(away * math.sin(angle)), centre[1] + round(away * math.cos(angle))))
    return Ring(centre, radius, points)


def move_corner(rng: Random, corner: Point, centre: Point, radius: int) -> Point:
    north, east = corner[0] - centre[0], corner[1] - centre[1]
    factor = radius * rng.uniform(0.7, 1.3) / math.hypot(north, east)
    return centre[0] + round(north * factor), centre[1] + round(east * factor)


def _segment(start: Point, end: Point) -> float:
    _, _, metres = _WGS84.inv(start[1] / _DEGREE, start[0] / _DEGREE, end[1] / _DEGREE, end[0] / _DEGREE)
    return float(metres)
