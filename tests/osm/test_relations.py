"""Multipolygons, boundaries and other relations (docs/definitions.md, sections 2 and 4)."""

from decimal import Decimal

import pytest

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
    relation,
)
from tests.osm.test_geometry import square_km

FOREST = {"type": "multipolygon", "landuse": "forest"}


def box(west: float, south: float, size: float) -> list[Position]:
    east, north = west + size, south + size
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]


BIG, HOLE, ISLAND, BESIDE = box(1, 1, 1), box(1.2, 1.2, 0.5), box(1.3, 1.3, 0.2), box(2.5, 1, 1)
HALVES: list[tuple[str, list[Position]]] = [("outer", BIG[:3]), ("outer", BIG[2:])]


def area(members: list[Member], tags: dict[str, str] | None = None) -> Decimal | None:
    found = count(diff(create(relation(1, members, tags or FOREST))))
    assert found.errors == ()
    return found.changesets[0].measurements.get("landuse_km2_added")


def broken(members: list[Member]) -> str:
    found = count(diff(create(relation(1, members, FOREST))))
    (error,) = found.errors
    assert (error.type, found.features, found.changesets[0].measurements) == (3, 1, {})
    return error.reason


@pytest.mark.parametrize(
    "members",
    [
        [("outer", BIG)],
        [("", BIG)],
        [("whatever", BIG)],
        [("outer", BIG[::-1])],
        HALVES,
        HALVES[::-1],
        [("outer", BIG[:3]), ("outer", BIG[2:][::-1])],
        [("outer", BIG[:3]), ("", BIG[2:])],
        [("outer", BIG[:2]), ("", BIG[1:4]), ("outer", BIG[3:])],
        [("outer", BIG), (5.0, 5.0), "77"],  # node and relation members do not matter
        [("outer", BIG), None],
    ],
)
def test_one_ring(members: list[Member]) -> None:
    assert area(members) == square_km(BIG)


@pytest.mark.parametrize("tags", [{"type": "boundary"}, {"type": "Multipolygon"}, {"type": "x; boundary "}])
def test_types_that_are_polygons(tags: dict[str, str]) -> None:
    assert area([("outer", BIG)], {"landuse": "x"} | tags) == square_km(BIG)


@pytest.mark.parametrize(
    "roles", [("outer", "inner"), ("", ""), ("outer", ""), ("", "inner"), ("outer", "enclave")]
)
def test_a_hole_by_its_role_or_by_containment(roles: tuple[str, str]) -> None:
    assert area([(roles[1], HOLE), (roles[0], BIG)]) == square_km(BIG, HOLE)


@pytest.mark.parametrize("roles", [("outer", "inner", "outer"), ("", "", "")])
def test_an_island_in_the_hole(roles: tuple[str, str, str]) -> None:
    found = area(list(zip(roles, (BIG, HOLE, ISLAND), strict=True)))
    assert found is not None
    assert abs(found - square_km(BIG, HOLE) - square_km(ISLAND)) <= Decimal("2e-9")


def test_several_outer_rings() -> None:
    found = area([("outer", BIG), ("outer", BESIDE), ("inner", HOLE)])
    assert found is not None
    assert abs(found - square_km(BIG, HOLE) - square_km(BESIDE)) <= Decimal("2e-9")


def test_rings_that_touch_in_one_place_are_two() -> None:
    corner = box(2, 2, 1)
    found = area([("outer", BIG[:3]), ("outer", corner[:3]), ("outer", BIG[2:]), ("outer", corner[2:])])
    assert found is not None
    assert abs(found - square_km(BIG) - square_km(corner)) <= Decimal("2e-9")


@pytest.mark.parametrize(
    "members",
    [
        [("outer", [*BIG[:2], BIG[3], BIG[2], BIG[0]])],  # crosses itself
        [("outer", BIG), ("outer", box(2, 1, 1))],  # touch along a line
        [("outer", BIG), ("inner", BESIDE)],  # a hole outside
        [("inner", BIG)],
        [("outer", BIG), ("inner", box(1.5, 1.5, 1))],  # crosses the shell
        [("outer", BIG), ("outer", BIG)],
        [("outer", BIG), ("outer", HOLE)],
        [("outer", [BIG[0], BIG[1], BIG[0]])],
    ],
)
def test_invalid_is_unknown_but_no_error(members: list[Member]) -> None:
    assert area(members) is None
    assert list(counted(create(relation(1, members, FOREST))).countries) == ["LOW"]


def test_an_invalid_relation_is_located_by_its_rings() -> None:
    crossing: list[Position] = [(-5, -5), (30, -5), (30, 30), (20, 40), (40, 40), (-5, 30), (-5, -5)]
    assert counted(create(relation(1, [("outer", crossing)], FOREST))).countries == {}
    through: list[Position] = [(-5, 5), (30, -5), (30, 30), (20, 40), (40, 40), (-5, 30), (-5, 5)]
    assert set(counted(create(relation(1, [("outer", through)], FOREST))).countries) == {"EAST", "LOW"}


def test_a_valid_relation_is_located_by_its_inside() -> None:
    found = counted(create(relation(1, [("outer", box(-5, -5, 30))], FOREST)))
    assert set(found.countries) == {"EAST", "LOW"}
    holed: list[Member] = [("outer", box(-5, -5, 30)), ("inner", box(-1, -1, 22))]
    assert counted(create(relation(1, holed, FOREST))).countries == {}


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([("outer", BIG[:3])], "a ring does not close at latitude 1.0, longitude 1.0"),
        ([("outer", BIG), ("inner", HOLE[:4])], "a ring does not close at latitude 1.2, longitude 1.2"),
        ([("outer", [*BIG[:3], None, *BIG[3:]])], "a member way is broken: a position is missing"),
        ([("outer", BIG), ("outer", [])], "a member way is broken: fewer than 2 positions"),
        ([], "no ring: it has no way members"),
        ([(1.0, 1.0), "5"], "no ring: it has no way members"),
    ],
)
def test_broken(members: list[Member], reason: str) -> None:
    assert broken(members) == reason


def test_a_broken_relation_is_where_its_positions_are() -> None:
    members: list[Member] = [("outer", [(-1.0, 1.0), (11.0, 1.0), (-1.0, 2.0)])]
    assert list(counted(create(relation(1, members, FOREST))).countries) == ["EAST"]


def test_changes() -> None:
    small, big = relation(1, [("outer", HOLE)], FOREST), relation(1, [("outer", BIG)], FOREST, version=2)
    found = counted(modify(small, big)).measurements["landuse_km2_modified"]
    assert abs(found - square_km(BIG) + square_km(HOLE)) <= Decimal("1e-9")
    deleted = counted(delete(small, gone("relation", 1)))
    assert deleted.measurements == {"landuse_km2_deleted": square_km(HOLE)}
    assert list(deleted.countries) == ["LOW"]


def test_one_broken_or_invalid_side_is_enough() -> None:
    good = relation(1, [("outer", BIG)], FOREST, version=2)
    for old, errors in [([("outer", BIG[:3])], 1), ([("outer", BIG), ("inner", BESIDE)], 0)]:
        found = count(diff(modify(relation(1, old, FOREST), good)))
        assert (found.changesets[0].measurements, len(found.errors)) == ({}, errors)


def test_a_side_of_another_type_is_no_area() -> None:
    route = relation(1, [("", BIG[:3])], {"type": "route"})
    found = count(diff(modify(route, relation(1, [("outer", BIG)], FOREST, version=2))))
    assert found.changesets[0].measurements == {"landuse_km2_modified": square_km(BIG)}
    assert found.errors == ()


@pytest.mark.parametrize(
    ("members", "regions"),
    [
        ([], []),
        (["5"], []),
        ([(1.0, 1.0)], ["LOW"]),
        ([None, (11.0, 1.0)], ["EAST"]),
        ([("", [(9.0, 1.0), (11.0, 1.0)])], ["EAST", "LOW"]),
        ([("", [(-9.0, 1.0), None, (11.0, 1.0)])], ["EAST"]),
        ([(1.0, 1.0), ("", [(11.0, 1.0), (12.0, 1.0)])], ["EAST", "LOW"]),
        ([("", box(-5, -5, 30))], []),  # a line around them
    ],
)
def test_other_relations_are_where_their_members_are(members: list[Member], regions: list[str]) -> None:
    found = count(diff(create(relation(1, members, {"type": "site", "site": "x"}))))
    assert list(found.changesets[0].countries) == regions
    assert found.errors == ()
