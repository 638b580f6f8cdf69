"""Lengths, areas, which sides are lines or areas, broken and invalid shapes (docs/definitions.md, sections 2 and 4)."""

import math
from collections.abc import Sequence
from decimal import Decimal

import pytest
from pyproj import Geod

from stats_assets.osm.measures import PER_METRE, decimal, units
from stats_assets.osm.positions import as_floats
from stats_assets.osm.values import read_degrees
from tests.osm.documents import (
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

A = 6378137.0  # WGS84's equatorial radius: on the equator an arc is its angle times this
GEOD = Geod(ellps="WGS84")
ROAD, FOREST = {"highway": "track"}, {"landuse": "forest"}
LINE: list[Position] = [(1.0, 0.0), (1.5, 0.0), (1.6, 0.0)]
SQUARE: list[Position] = [(1.0, 1.0), (1.1, 1.0), (1.1, 1.1), (1.0, 1.1), (1.0, 1.0)]
BIGGER: list[Position] = [(1.0, 1.0), (1.2, 1.0), (1.2, 1.1), (1.0, 1.1), (1.0, 1.0)]
BOW_TIE: list[Position] = [(1.0, 1.0), (1.1, 1.1), (1.1, 1.0), (1.0, 1.1), (1.0, 1.0)]
HOLE: list[Position] = [(1.02, 1.02), (1.04, 1.02), (1.04, 1.04), (1.02, 1.04), (1.02, 1.02)]


def equator(degrees: float) -> Decimal:
    return decimal(units(A * math.radians(degrees), PER_METRE))


def square_km(*rings: Sequence[Position]) -> Decimal:
    """The first ring's area less that of the others, from pyproj directly."""
    areas = [abs(GEOD.polygon_area_perimeter(*zip(*ring, strict=True))[0]) for ring in rings]
    return decimal(units(areas[0] - sum(areas[1:]), 1000))


def measured(*actions: str) -> dict[str, Decimal]:
    return counted(*actions).measurements


def near(found: Decimal, expected: Decimal) -> bool:
    return abs(found - expected) <= Decimal("2e-9")


@pytest.mark.parametrize(
    ("tags", "key"),
    [
        (ROAD, "road_km"),
        ({"waterway": "river"}, "waterway_km"),
        ({"natural": "coastline"}, "coastline_km"),
        ({"railway": "rail"}, "railline_km"),
    ],
)
def test_lengths_on_the_equator(tags: dict[str, str], key: str) -> None:
    (found,) = measured(create(way(1, LINE, tags))).items()
    assert found[0] == f"{key}_added"
    assert near(found[1], equator(0.6))


def test_length_of_every_kind_of_change() -> None:
    longer: list[Position] = [*LINE, (1.9, 0.0)]
    cases = {
        "road_km_added": create(way(1, LINE, ROAD)),
        "road_km_deleted": delete(way(1, LINE, ROAD), gone("way", 1)),
        "road_km_modified": modify(way(1, longer, ROAD), way(1, LINE, ROAD, version=2)),
    }
    expected = {"road_km_added": 0.6, "road_km_deleted": 0.6, "road_km_modified": 0.3}
    for key, action in cases.items():
        assert near(measured(action)[key], equator(expected[key]))
    assert measured(modify(way(1, LINE, ROAD), way(1, LINE, ROAD, version=2))) == {}
    assert measured(modify(way(1, LINE, ROAD), way(1, LINE[::-1], ROAD, version=2))) == {}


@pytest.mark.parametrize(
    ("old", "new", "degrees"),
    [
        ({}, ROAD, None),  # the old side counts whatever it was
        ({"building": "yes"}, ROAD, None),
        (ROAD | {"area": "yes"}, ROAD, 0.6),
        (ROAD | {"area": " TRUE ; x"}, ROAD, 0.6),
        (ROAD, ROAD | {"area": "1"}, 0.6),
        (ROAD | {"area": "no"}, ROAD, None),
        (ROAD | {"area": "yes"}, ROAD | {"area": "true"}, None),
        (ROAD | {"area": "no;yes"}, ROAD, 0.6),
    ],
)
def test_each_sides_tags_say_whether_it_is_a_line(
    old: dict[str, str], new: dict[str, str], degrees: float | None
) -> None:
    found = measured(modify(way(1, LINE, old), way(1, LINE, new, version=2)))
    if degrees is None:
        assert found == {}
    else:
        assert near(found["road_km_modified"], equator(degrees))


def test_relations_and_nodes_have_no_length() -> None:
    assert measured(create(relation(1, [("", LINE)], ROAD))) == {}
    assert measured(create(node(1, tags={"landuse": "x"}))) == {}


def test_area_of_every_kind_of_change() -> None:
    assert measured(create(way(1, SQUARE, FOREST))) == {"landuse_km2_added": square_km(SQUARE)}
    assert measured(create(way(1, SQUARE[::-1], FOREST))) == {"landuse_km2_added": square_km(SQUARE)}
    assert measured(delete(way(1, SQUARE, FOREST), gone("way", 1))) == {
        "landuse_km2_deleted": square_km(SQUARE)
    }
    change = modify(way(1, BIGGER, FOREST), way(1, SQUARE, FOREST, version=2))
    assert near(measured(change)["landuse_km2_modified"], square_km(BIGGER) - square_km(SQUARE))
    # a square of a tenth of a degree near the equator, by the sphere's formula, to one percent
    sphere = 6371.0**2 * math.radians(0.1) * (math.sin(math.radians(1.1)) - math.sin(math.radians(1.0)))
    assert math.isclose(float(square_km(SQUARE)), sphere, rel_tol=0.01)


@pytest.mark.parametrize(
    ("tags", "is_area"),
    [
        (FOREST, True),
        (FOREST | {"area": "no"}, False),
        (FOREST | {"area": "x; False"}, False),
        (FOREST | {"area": "0"}, False),
        (FOREST | {"area": "maybe"}, True),
        (FOREST | {"area": "yes;no"}, False),
        (FOREST | {"area": "NO ; Yes"}, False),
        (FOREST | {"natural": "cliff", "area": "yes;no"}, False),
        (FOREST | {"natural": "cliff;wood", "area": "1;yes"}, True),
        (FOREST | {"natural": "cliff"}, False),
        (FOREST | {"natural": "Tree_Row"}, False),
        (FOREST | {"natural": "ridge;wood"}, False),
        (FOREST | {"natural": "coastline"}, False),
        (FOREST | {"natural": "wood"}, True),
        (FOREST | {"natural": "cliff", "area": "yes"}, True),
        ({"natural": "water"}, True),
        (FOREST | {"highway": "track"}, True),
    ],
)
def test_which_closed_ways_are_areas(tags: dict[str, str], is_area: bool) -> None:
    found = measured(create(way(1, SQUARE, tags)))
    assert [value for key, value in found.items() if "km2" in key and value != square_km(SQUARE)] == []
    assert any("km2" in key for key in found) == is_area


@pytest.mark.parametrize(
    "line",
    [SQUARE[:-1], [SQUARE[0], SQUARE[1], SQUARE[0]], SQUARE[:3]],
    ids=["open", "three positions", "open triangle"],
)
def test_no_area(line: list[Position]) -> None:
    found = count(diff(create(way(1, line, FOREST))))
    assert (found.changesets[0].measurements, found.errors) == ({}, ())


def test_old_side_with_its_own_tags() -> None:
    """A building that becomes land use of the same shape measures nothing; one that was no area, its area."""
    for old, expected in [
        ({"building": "yes"}, {}),
        ({"area": "no"}, {"landuse_km2_modified": square_km(SQUARE)}),
    ]:
        assert measured(modify(way(1, SQUARE, old), way(1, SQUARE, FOREST, version=2))) == expected


def test_invalid_is_unknown_but_no_error() -> None:
    for action in (
        create(way(1, BOW_TIE, FOREST)),
        modify(way(1, BOW_TIE, FOREST), way(1, SQUARE, FOREST, version=2)),
        modify(way(1, SQUARE, FOREST), way(1, BOW_TIE, FOREST, version=2)),
        create(way(1, [SQUARE[0]] * 4, FOREST)),
    ):
        found = count(diff(action))
        assert (found.features, found.errors, found.changesets[0].measurements) == (1, (), {})
        assert list(found.changesets[0].countries) == ["LOW"]


def test_an_invalid_side_leaves_the_length() -> None:
    found = measured(create(way(1, BOW_TIE, FOREST | ROAD)))
    assert list(found) == ["road_km_added"]


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (create(way(1, [(1.0, 1.0), None, (1.1, 1.0)], ROAD)), "a position is missing"),
        (create(way(1, [(1.0, 1.0)], ROAD)), "fewer than 2 positions"),
        (create(way(1, [], ROAD)), "fewer than 2 positions"),
        (create(way(1, [(1.0, 1.0), (181.0, 1.0)], ROAD)), "a position is missing"),
        (create(way(1, [(1.0, 1.0), (1.0, -90.1)], ROAD)), "a position is missing"),
        (create(way(1, [(1.0, 1.0), (math.nan, 1.0)], ROAD)), "a position is missing"),
        (create(way(1, [(1.0, 1.0), (math.inf, 1.0)], ROAD)), "a position is missing"),
        (create(way(1, LINE, ROAD).replace('lon="1.5"', 'lon="1e999"')), "a position is missing"),
        (create(way(1, LINE, ROAD).replace('lon="1.5"', 'lon="east"')), "a position is missing"),
        (create(way(1, LINE, ROAD).replace('lon="1.5"', "")), "a position is missing"),
        (modify(way(1, [None], ROAD), way(1, LINE, ROAD, version=2)), "a position is missing"),
        (modify(way(1, LINE, ROAD), way(1, [(1.0, 1.0)], ROAD, version=2)), "fewer than 2 positions"),
        (create(node(1, None, tags={"shop": "x"})), "the position is missing"),
    ],
)
def test_a_broken_feature_counts_and_is_an_error(action: str, reason: str) -> None:
    found = count(diff(action))
    (error,) = found.errors
    assert (found.features, error.reason, error.id, error.visible) == (1, reason, 1, True)
    assert found.changesets[0].measurements == {}
    assert found.changesets[0].errors == 1
    assert (error.changeset, error.uid, error.user) == (10, 7, "anna")


def test_a_broken_feature_is_where_its_positions_are() -> None:
    # the line between them would lie in LOW, the positions do not
    found = counted(create(way(1, [(-1.0, 1.0), None, (11.0, 1.0)], ROAD)))
    assert list(found.countries) == ["EAST"]


DECIMAL = ["1.5", "+1.5", "15e-1", "15E-1", "01.50", "1.5e0", "1.5e+0"]
NOT_DECIMAL = [
    "1_5",
    "1.5 ",
    " 1.5",
    "\t1.5",
    "1.5\n",
    "1.5\u00a0",
    "１.5",
    "١.5",
    "1,5",
    "0x1",
    "nan",
    "inf",
    "-Infinity",
]
NOT_DECIMAL += ["", " ", ".", "e1", "1e", "1e5e", "--1", "1.5.0", "true", "1.5°", "1e999", "1" * 400]


@pytest.mark.parametrize("text", DECIMAL)
def test_positions_are_decimal_numbers(text: str) -> None:
    found = count(diff(create(way(1, LINE, ROAD).replace('lon="1.5"', f'lon="{text}"'))))
    assert found.errors == ()
    assert near(found.changesets[0].measurements["road_km_added"], equator(0.6))


@pytest.mark.parametrize(
    ("text", "latitude"), [("5.", 5.0), (".5", 0.5), ("-0", 0.0), ("-.5e1", -5.0), ("1e2", None)]
)
def test_short_and_signed_decimals(text: str, latitude: float | None) -> None:
    if latitude is None:
        assert math.isfinite(read_degrees(text))  # a number, but nowhere on Earth
    else:
        assert (read_degrees(text), as_floats([text])[0]) == (latitude, latitude)


@pytest.mark.parametrize("text", NOT_DECIMAL)
def test_what_is_no_decimal_number_is_missing(text: str) -> None:
    escaped = text.replace("\t", "&#9;").replace("\n", "&#10;")
    broken = [
        create(way(1, LINE, ROAD).replace('lon="1.5"', f'lon="{escaped}"')),
        create(node(1, (1.5, 1.5), {"shop": "x"}).replace('lat="1.5"', f'lat="{escaped}"')),
        create(relation(1, [("", LINE)], {"type": "boundary"}).replace('lon="1.5"', f'lon="{escaped}"')),
    ]
    for action in broken:
        found = count(diff(action))
        assert (len(found.errors), found.changesets[0].measurements) == (1, {})
        assert "missing" in found.errors[0].reason


def test_a_position_for_a_nodes_old_side_is_not_asked() -> None:
    found = count(diff(modify(node(1, None, {"shop": "x"}), node(1, tags={"shop": "x"}, version=2))))
    assert (found.features, found.errors) == (1, ())


def test_errors_of_one_element_are_numbered() -> None:
    broken = create(way(1, [(1.0, 1.0)], ROAD, refs=[5]))
    other = create(way(2, [(1.0, 1.0)], ROAD))
    found = count(diff(broken, other, broken))
    assert [(e.type, e.id, e.ordinal) for e in found.errors] == [(2, 1, 0), (2, 1, 1), (2, 2, 0)]
    assert found.errors[0].nds == (5,)


def test_a_measure_depends_on_its_feature_alone() -> None:
    ways = [create(way(n, [(n / 7, n / 3), (n / 7.1, n / 3.1)], ROAD, changeset=n)) for n in range(1, 20)]
    together = {c.changeset: c.measurements for c in count(diff(*ways)).changesets}
    for number, action in enumerate(ways, 1):
        assert measured(action) == together[number]


@pytest.mark.parametrize(
    ("metres", "expected"),
    [(0.5e-6, 0), (1.5e-6, 2), (2.5e-6, 2), (1.0, 10**6), (0.0, 0), (1e7, 10**13), (1 / 3, 333333)],
)
def test_rounding_is_half_even_and_exact(metres: float, expected: int) -> None:
    # 0.5e-6 and its like are no exact halves as floats: the true value decides
    exact = Decimal(metres) * 10**6
    assert units(metres, PER_METRE) == int(exact.to_integral_value(rounding="ROUND_HALF_EVEN"))
    assert abs(units(metres, PER_METRE) - expected) <= 1


@pytest.mark.parametrize(
    ("amount", "expected"), [(0.5, 0), (1.5, 2), (2.5, 2), (3.5, 4), (0.25, 0), (0.75, 1)]
)
def test_exact_halves(amount: float, expected: int) -> None:
    assert units(amount, 1) == expected


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (1, "0.000000001"),
        (10**9, "1"),
        (1_500_000_000, "1.5"),
        (100 * 10**9, "100"),
        (10**20, "100000000000"),
    ],
)
def test_decimals_have_no_trailing_zeros_and_no_exponent(amount: int, text: str) -> None:
    assert f"{decimal(amount):f}" == text


def test_the_antimeridian_is_short_on_the_ellipsoid() -> None:
    found = measured(create(way(1, [(179.9, 0.0), (-179.9, 0.0)], ROAD)))
    assert near(found["road_km_added"], equator(0.2))
