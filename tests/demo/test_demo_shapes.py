"""Sizes against closed forms on the ellipsoid, and shapes that stay what they are."""

import math
from decimal import Decimal
from random import Random

import pytest
import shapely

from stats_assets.demo.world.places import BORDERS, TOWNS, Place
from stats_assets.demo.world.shapes import (
    Size,
    area_km2,
    draw_line,
    draw_ring,
    length_km,
    measure,
    move_corner,
    unambiguous,
)

A = 6378.137
F = 1 / 298.257223563
E2 = F * (2 - F)


def meridian_arc(south: float, north: float, steps: int = 2000) -> float:
    """Simpson's rule over the meridian's radius of curvature."""

    def radius(latitude: float) -> float:
        return A * (1 - E2) / math.pow(1 - E2 * math.sin(latitude) ** 2, 1.5)

    begin, end = math.radians(south), math.radians(north)
    step = (end - begin) / steps
    inner = math.fsum((4 if n % 2 else 2) * radius(begin + n * step) for n in range(1, steps))
    return (radius(begin) + inner + radius(end)) * step / 3


@pytest.mark.parametrize("degrees", [0.0000001, 0.01, 1.5])
def test_along_the_equator_a_length_is_radius_times_angle(degrees: float) -> None:
    found = length_km([(0, 378_000_000), (0, 378_000_000 + round(degrees * 1e7))])
    assert found == pytest.approx(A * math.radians(degrees), abs=1e-10)


@pytest.mark.parametrize(("south", "north"), [(0.0, 1.0), (48.75, 49.25), (-3.0, 2.0)])
def test_along_a_meridian_a_length_is_the_meridian_s(south: float, north: float) -> None:
    found = length_km([(round(south * 1e7), 5), (round(north * 1e7), 5)])
    assert found == pytest.approx(meridian_arc(south, north), abs=1e-9)


def test_the_octant_is_an_eighth_of_the_ellipsoid() -> None:
    e = math.sqrt(E2)
    ellipsoid = 2 * math.pi * A**2 * (1 + (1 - E2) / e * math.atanh(e))
    octant = [(0, 0), (0, 900_000_000), (900_000_000, 0), (0, 0)]
    assert area_km2(octant) == pytest.approx(ellipsoid / 8, rel=1e-12)
    assert area_km2(octant[::-1]) == area_km2(octant)


def test_a_measure_is_rounded_half_even_to_nine_decimals() -> None:
    assert measure(0.5**10, 0.0) == Decimal("0.000976562")
    assert measure(0.0, 3 * 0.5**10) == Decimal("0.002929688")
    assert measure(2.0, 3.5) == Decimal("1.500000000")


def test_what_lies_at_a_rounding_tie_is_not_drawn() -> None:
    assert not unambiguous(Size(1.0000000005, 0.0))
    assert not unambiguous(Size(2.25, 1.0000000005), Size(2.25, 0.0))
    assert unambiguous(Size(1.0000000002, 2.0))


@pytest.mark.parametrize("seed", range(40))
def test_rings_do_not_cross_themselves_however_their_corners_are_moved(seed: int) -> None:
    rng = Random(seed)  # noqa: S311
    ring = draw_ring(rng, TOWNS[seed % len(TOWNS)])
    corners = list(ring.corners)
    for _ in range(20):
        assert shapely.Polygon(corners).is_valid
        number = rng.randrange(len(corners))
        corners[number] = move_corner(rng, corners[number], ring.centre, ring.radius)


@pytest.mark.parametrize("place", BORDERS, ids=lambda place: place.name)
def test_what_is_drawn_at_a_border_reaches_far_over_it(place: Place) -> None:
    latitudes = [latitude / 1e7 for latitude, _ in draw_line(Random(1), place)]  # noqa: S311
    assert min(latitudes) <= place.latitude - 0.2
    assert max(latitudes) >= place.latitude + 0.2
