"""The antimeridian: a seam, not a wall around the Earth (docs/definitions.md, section 2)."""

from decimal import Decimal
from itertools import product

import numpy as np
import pytest
import shapely

from stats_assets.osm.measures import decimal, units
from stats_assets.osm.regions import Regions
from stats_assets.osm.seam import in_one_plane
from tests.osm.documents import (
    Member,
    Position,
    count,
    counted,
    create,
    delete,
    diff,
    gone,
    modify,
    node,
    relation,
    way,
)
from tests.osm.test_geometry import GEOD, square_km
from tests.telling import telling

ROAD, FOREST, SHOP = {"highway": "track"}, {"landuse": "forest"}, {"shop": "x"}
MULTIPOLYGON = {"type": "multipolygon", "landuse": "forest"}
# An island on either side of the seam, land that ends a little before it, and what a line around the Earth would meet.
SIDES = Regions(
    {
        "EAST": ("East of 180°", [shapely.box(-180, 0, -179, 10)]),
        "FAR": ("Far from it", [shapely.box(-170, -80, 170, 80)]),
        "WEST": ("West of 180°", [shapely.box(179, 0, 180, 10)]),
    }
)


def places(action: str) -> list[str]:
    return list(counted(action, regions=SIDES).countries)


def box(west: float, south: float, east: float, north: float) -> list[Position]:
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]


ACROSS = box(179.9, 1, -179.8, 2)


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ((180.0, 5.0), ["EAST", "WEST"]),
        ((-180.0, 5.0), ["EAST", "WEST"]),
        ((180.0, 11.0), []),
        ((179.9999999, 5.0), ["WEST"]),
    ],
)
def test_a_node_on_the_seam_is_on_both_sides(place: Position, found: list[str]) -> None:
    assert places(create(node(1, place, SHOP))) == found
    assert places(create(relation(1, [place], {"type": "site"}))) == found
    assert places(create(way(1, [place, None], ROAD))) == found  # broken: where its positions are
    assert places(create(relation(1, [("outer", [place, (179.95, 20.0)])], MULTIPOLYGON))) == found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ([(179.9, 5.0), (-179.9, 5.0)], ["EAST", "WEST"]),
        ([(-179.9, 5.0), (179.9, 5.0)], ["EAST", "WEST"]),
        ([(178.0, 11.0), (-179.5, 11.0)], []),
        ([(178.0, 14.0), (-178.0, 6.0)], ["EAST", "WEST"]),  # at 180° in latitude 10
        ([(178.0, 15.0), (-178.0, 6.0)], ["EAST"]),
        ([(179.5, 5.0), (180.0, 5.0)], ["EAST", "WEST"]),
        ([(179.5, 5.0), (180.0, 11.0)], ["WEST"]),
        ([(180.0, 5.0), (180.0, 6.0)], ["EAST", "WEST"]),  # along it
        ([(-180.0, -1.0), (-180.0, 11.0)], ["EAST", "WEST"]),  # no position is in them
        ([(180.0, 5.0), (-180.0, 6.0)], ["EAST", "WEST"]),
        ([(-179.5, 20.0), (180.0, 20.0), (-179.5, 20.0), (-179.5, 5.0)], ["EAST"]),
        ([(179.5, 5.0), (-179.5, 5.0), (179.5, 5.0), (-179.5, 5.0)], ["EAST", "WEST"]),
        ([(-90.0, 5.0), (90.0, 5.0)], ["FAR"]),  # just 180° apart: not more
        ([(175.0, 5.0), (-175.0, 5.0), (-60.0, 5.0), (60.0, 5.0), (175.0, 5.0)], ["EAST", "FAR", "WEST"]),
        (
            [(179.5, 20.0), (-60.0, 20.0), (60.0, 20.0), (179.5, 20.0), (-179.5, 5.0)],
            ["EAST", "FAR"],
        ),  # twice around
    ],
)
def test_a_line_goes_the_short_way(line: list[Position], found: list[str]) -> None:
    for action in (
        create(way(1, line, ROAD)),
        create(way(1, line[::-1], ROAD)),
        delete(way(1, line, ROAD), gone("way", 1)),
        create(relation(1, [("", line)], {"type": "route"})),
    ):
        assert places(action) == found


def test_a_ring_across_it_has_its_area() -> None:
    beside = box(178.9, 1, 179.2, 2)
    for ring in (ACROSS, ACROSS[::-1], ACROSS[2:] + ACROSS[1:3]):
        found = counted(create(way(1, ring, FOREST)), regions=SIDES)
        assert found.measurements == {"landuse_km2_added": square_km(ACROSS)}
        assert list(found.countries) == ["EAST", "WEST"]
    assert abs(square_km(ACROSS) - square_km(beside)) <= Decimal(
        "2e-9"
    )  # what lies elsewhere in that latitude
    bow_tie = [ACROSS[0], ACROSS[2], ACROSS[1], ACROSS[3], ACROSS[0]]
    assert counted(create(way(1, bow_tie, FOREST)), regions=SIDES).measurements == {}


@pytest.mark.parametrize("sign", [1, -1])
def test_180_and_minus_180_are_one_place(sign: int) -> None:
    """A ring may close there, and pieces be joined; so may a ring that changes sides along the seam."""
    seam = 180.0 * sign
    ring: list[Position] = [(seam, 1), (179.5, 1), (179.5, 2), (-seam, 2), (-seam, 1)]
    plain: list[Position] = [(180.0, 1), (179.5, 1), (179.5, 2), (180.0, 2), (180.0, 1)]
    found = counted(create(way(1, ring, FOREST)), regions=SIDES)
    assert found.measurements == {"landuse_km2_added": square_km(plain)}
    assert list(found.countries) == ["EAST", "WEST"]
    pieces: list[Member] = [
        ("outer", [(seam, 1), (179.5, 1), (179.5, 2), (seam, 2)]),
        ("outer", [(-seam, 2), (-seam, 1)]),
    ]
    both: list[Member] = [pieces[0], ("", [(-seam, 2), (-179.5, 1.5), (-seam, 1)])]
    whole: list[Position] = [(180.0, 1), (179.5, 1), (179.5, 2), (180.0, 2), (-179.5, 1.5), (180.0, 1)]
    for members, expected in ((pieces, plain), (both, whole)):
        found = counted(create(relation(1, members, MULTIPOLYGON)), regions=SIDES)
        assert found.measurements == {"landuse_km2_added": square_km(expected)}
        assert list(found.countries) == ["EAST", "WEST"]


def test_what_was_cut_at_the_seam_stays_two() -> None:
    """As two closed rings, or as pieces that end where the others do: each side has its own edge along the seam."""
    west, east = box(179.5, 1, 180, 2), box(-180, 1, -179.5, 2)
    cut: list[Member] = [("outer", west[:3]), ("outer", east[:3]), ("outer", west[2:]), ("outer", east[2:])]
    for members in ([("outer", west), ("outer", east)], cut):
        found = counted(create(relation(1, members, MULTIPOLYGON)), regions=SIDES)
        assert abs(found.measurements["landuse_km2_added"] - square_km(west) - square_km(east)) <= Decimal(
            "2e-9"
        )


HOLES = [box(179.95, 1.2, -179.9, 1.8), box(179.92, 1.2, 179.97, 1.8), box(-179.95, 1.2, -179.85, 1.8)]
HOLES += [
    box(180, 1.2, -179.9, 1.8),
    box(-180, 1.2, -179.9, 1.8),
    box(179.92, 1.2, 180, 1.8),
    box(179.92, 1.2, -180, 1.8),
]


@pytest.mark.parametrize("hole", HOLES)
@pytest.mark.parametrize("roles", [("outer", "inner"), ("", "")])
def test_a_hole_on_either_side_and_across(roles: tuple[str, str], hole: list[Position]) -> None:
    rings: list[Member] = [(roles[0], ACROSS), (roles[1], hole)]
    pieces: list[Member] = [
        (roles[1], hole[2:]),
        (roles[0], ACROSS[:3]),
        (roles[1], hole[:3]),
        (roles[0], ACROSS[2:]),
    ]
    far: list[Member] = [("outer", box(-60, 1, -50, 2)), ("outer", box(20, 1, 30, 2))]
    for members in (rings, pieces):
        found = counted(create(relation(1, members, MULTIPOLYGON)), regions=SIDES)
        assert abs(found.measurements["landuse_km2_added"] - square_km(ACROSS, hole)) <= Decimal("2e-9")
        assert list(found.countries) == ["EAST", "WEST"]
        assert list(counted(create(relation(1, members + far, MULTIPOLYGON)), regions=SIDES).countries) == [
            "EAST",
            "FAR",
            "WEST",
        ]


def test_located_by_its_inside() -> None:
    around = box(178, -1, -178, 11)
    assert places(create(relation(1, [("outer", around)], MULTIPOLYGON))) == ["EAST", "WEST"]
    assert places(create(way(1, around, FOREST))) == []  # a way is a line
    hole = box(178.5, -0.5, -178.5, 10.5)
    assert places(create(relation(1, [("outer", around), ("inner", hole)], MULTIPOLYGON))) == []
    assert places(
        create(relation(1, [("outer", around), ("inner", box(178.5, -0.5, 180, 10.5))], MULTIPOLYGON))
    ) == ["EAST", "WEST"]
    assert (
        places(create(relation(1, [("outer", around), ("outer", hole)], MULTIPOLYGON))) == []
    )  # invalid: its rings


POLE: list[Position] = [(-120, 81), (0, 82), (120, 83), (-120, 81)]


def test_a_ring_around_a_pole_closes_in_no_plane() -> None:
    """Invalid, not broken: its area is unknown."""
    cap: list[Position] = [(lon, 85) for lon in range(-170, 180, 20)]
    for ring in (POLE, [*cap, cap[0]]):
        for action in (
            create(way(1, ring, FOREST)),
            create(relation(1, [("outer", ring)], MULTIPOLYGON)),
            create(relation(1, [("outer", ring[:3]), ("outer", ring[2:])], MULTIPOLYGON)),
            modify(way(1, ACROSS, FOREST), way(1, ring, FOREST, version=2)),
        ):
            found = count(diff(action), SIDES)
            assert (found.features, found.errors, found.changesets[0].measurements) == (1, (), {})


AROUND: list[Position] = [(-180, 85), (-60.1, 84), (-0.3, 86.3), (15.3, 83.9), (128.7, 85.4)]
AROUND_BY_HALVES: list[Position] = [(-180, 85), (-90, 84), (0, 86), (90, 85)]


BESIDE: list[list[Member]] = [[], [("outer", box(10, 1, 11, 2))]]
WRITTEN = list(product([AROUND, AROUND_BY_HALVES], ["180", "-180", "both", "crossed"], [1, -1], BESIDE))


@pytest.mark.parametrize(
    ("around", "seam", "direction", "beside"),
    telling(WRITTEN, *WRITTEN[::5]),  # each value of each argument
)
def test_a_ring_once_around_however_it_is_written(
    around: list[Position], seam: str, direction: int, beside: list[Member]
) -> None:
    """Where it meets itself, in which pieces, and in which direction: it has no area, and is not broken."""
    start: dict[str, list[Position]] = {
        "180": [(180, 85)],
        "-180": [(-180, 85)],
        "both": [(180, 85), (-180, 85)],
        "crossed": [(179.9, 85), (-179.9, 85)],
    }
    ring = [*start[seam], *around[1:]]
    count_ = len(ring)
    for first in range(count_):
        turned = [ring[(first + n) % count_] for n in range(count_ + 1)][::direction]
        other = [(-lon, lat) if abs(lon) == 180 else (lon, lat) for lon, lat in turned]  # type: ignore[misc]
        for written in (turned, [*turned[:-1], other[-1]], [other[0], *turned[1:]]):
            actions = [create(way(1, written, FOREST))] if not beside else []
            for cut in range(1, count_):
                for second in (written, other):
                    pieces: list[Member] = [("outer", written[: cut + 1]), ("outer", second[cut:])]
                    actions.append(create(relation(cut, [*pieces, *beside], MULTIPOLYGON)))
                    actions.append(create(relation(cut, [*beside, *pieces[::-1]], MULTIPOLYGON)))
            found = count(diff(*actions), SIDES)
            assert found.errors == ()
            assert found.changesets[0].measurements == {}


def test_lines_that_touch_do_not_come_apart_by_a_rounding() -> None:
    """Of a meridian that none touches: 15.3 - 360 + 360 is not 15.3."""
    west, east = np.array([(-180, 50.0), (15.3, 4)]), np.array([(15.3, 4.0), (-0.3, 6), (-180, 50)])
    for lines in ([west, east], [west[::-1], east[::-1]], [-west, -east]):
        assert in_one_plane(lines) is None
    cut = in_one_plane([west])
    assert cut is not None
    assert [line.tolist() for line in cut] == [[[180, 50], [15.3, 4]]]


def test_land_that_runs_along_the_seam_to_the_pole() -> None:
    """Antarctica, as it is drawn: along 180°, along the pole, and back along -180°, in steps of up to 180°."""
    coast: list[Position] = [(-180, -84), (-90, -75), (0, -70), (90, -66), (180, -84)]
    ring = [*coast, (180.0, -90.0), (0.0, -90.0), (-180.0, -90.0), coast[0]]
    found = counted(create(way(1, ring, FOREST)), regions=SIDES).measurements
    assert found == {"landuse_km2_added": square_km(ring)}
    pieces: list[Member] = [("outer", coast), ("outer", ring[4:])]
    assert counted(create(relation(1, pieces, MULTIPOLYGON)), regions=SIDES).measurements == found


def test_rings_all_the_way_around() -> None:
    """No meridian is free to cut at: each ring is in a plane of its own."""
    belt = [
        box(west, 20, (west + 100 + 180) % 360 - 180, 21 + n % 2)
        for n, west in enumerate(range(-175, 180, 90))
    ]
    shifted = [[(x, y + 10 * n) for x, y in ring] for n, ring in enumerate(belt)]  # type: ignore[misc]
    found = counted(create(relation(1, [("outer", ring) for ring in shifted], MULTIPOLYGON)), regions=SIDES)
    assert abs(found.measurements["landuse_km2_added"] - sum(map(square_km, shifted))) <= Decimal("1e-8")


def test_lengths_do_not_know_the_seam() -> None:
    line: list[Position] = [(179.9, 5.0), (180.0, 5.5), (-179.9, 5.0)]
    metres = GEOD.line_length([p[0] for p in line if p], [p[1] for p in line if p])
    assert counted(create(way(1, line, ROAD))).measurements == {
        "road_km_added": decimal(units(metres, 10**6))
    }
