"""Joining pieces to rings, rings to multipolygons: any order, any cut; the cost (docs/definitions.md, section 2)."""

import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from stats_assets.osm import crowding
from stats_assets.osm.joining import BrokenError, Piece
from stats_assets.osm.rings import assemble
from tests.conftest import examples
from tests.osm.steps import steps
from tests.telling import telling

GEOD = Geod(ellps="WGS84")
PROFILE = examples(25)


LENSES = [0.005, 0.002, -0.002, -0.005]


def piece(role: str, *positions: tuple[float, float]) -> Piece:
    return Piece(role, np.array(positions, dtype=np.float64))


def area_of(polygons: Any) -> float:
    """Square metres of shapely's polygons, from pyproj directly."""
    rings = [(1, p.exterior) for p in polygons] + [(-1, r) for p in polygons for r in p.interiors]
    return math.fsum(sign * abs(GEOD.geometry_area_perimeter(shapely.Polygon(r))[0]) for sign, r in rings)


SIZE = 3
CELLS = st.lists(st.booleans(), min_size=4 * SIZE * SIZE, max_size=4 * SIZE * SIZE).filter(any)


def region(cells: Sequence[bool], west: float = 10.0) -> list[Any]:
    """A multipolygon of some triangles of a lattice, four a square: rings that touch, holes, islands; up to eight
    segments meet. Edges are not straight to the axes, nor of equal length."""

    def corner(column: float, row: float) -> tuple[float, float]:
        return (west + 0.01 * column + 0.003 * row, 50.0 + 0.01 * row + 0.0007 * column * column)

    triangles = []
    for number, filled in enumerate(cells):
        column, row, side = number // 4 // SIZE, number // 4 % SIZE, number % 4
        around = [(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1)]
        if filled:
            middle = corner(column + 0.5, row + 0.5)
            triangles.append(
                shapely.Polygon([corner(*around[side]), corner(*around[(side + 1) % 4]), middle])
            )
    return list(shapely.get_parts(shapely.coverage_union_all(triangles)))


def cut(data: st.DataObject, polygons: Sequence[Any], roles: Sequence[str] = ("", "x")) -> list[Piece]:
    """The polygons' rings in pieces: cut anywhere, turned, shuffled; of some rings the role is known."""
    pieces: list[Piece] = []
    for polygon in polygons:
        for ring, known in [(polygon.exterior, "outer"), *((hole, "inner") for hole in polygon.interiors)]:
            open_ = list(ring.coords)[:-1]
            start = data.draw(st.integers(0, len(open_) - 1))
            line = np.array([*open_[start:], *open_[: start + 1]])
            cuts = sorted(data.draw(st.sets(st.integers(1, len(open_) - 1))))
            role = data.draw(st.sampled_from([known, *roles]))
            pieces += [Piece(role, line[a : b + 1]) for a, b in itertools.pairwise([0, *cuts, len(open_)])]
    turned = [Piece(p.role, p.xy[::-1]) if data.draw(st.booleans()) else p for p in pieces]
    return data.draw(st.permutations(turned))


@PROFILE
@given(CELLS, st.data())
@pytest.mark.parametrize("pairs", [10_000, -(10**9)], ids=["compared", "swept"])
@pytest.mark.parametrize("west", [10.0, 179.98], ids=["", "antimeridian"])
def test_a_multipolygon_cut_in_any_way_is_the_same(
    pairs: int, west: float, cells: list[bool], data: st.DataObject
) -> None:
    polygons = region(cells, west)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crowding, "PAIRS", pairs)
        pieces = cut(data, polygons)
        short = [Piece(p.role, np.column_stack((wrapped(p.xy[:, 0]), p.xy[:, 1]))) for p in pieces]
        found = assemble(short)
        assert found.valid
        assert math.isclose(found.area, area_of(polygons), rel_tol=1e-10)
        again = assemble([Piece(p.role, p.xy[::-1]) for p in reversed(short)])
        assert again.area == found.area  # to the last digit
        assert shapely.equals(again.geometry, found.geometry)


def wrapped(x: Any) -> Any:
    return np.where(x > 180.0, x - 360.0, x)


@PROFILE
@given(CELLS, st.data())
def test_a_piece_that_is_missing_breaks_it(cells: list[bool], data: st.DataObject) -> None:
    pieces = cut(data, region(cells))
    gone = data.draw(st.integers(0, len(pieces) - 1))
    closed = (pieces[gone].xy[0] == pieces[gone].xy[-1]).all()
    rest = pieces[:gone] + pieces[gone + 1 :]
    if closed and rest:
        assemble(rest)
    else:
        with pytest.raises(BrokenError):
            assemble(rest)


def joinings(pieces: Sequence[Piece]) -> list[list[np.ndarray[Any, Any]]]:
    """All ways to join the pieces to rings, tried one by one."""
    ends: dict[tuple[float, ...], list[tuple[int, int]]] = {}
    for number, p in enumerate(pieces):
        for end in (0, -1):
            ends.setdefault(tuple(p.xy[end]), []).append((number, end))
    found = []
    for choice in itertools.product(*(matchings(meeting) for meeting in ends.values())):
        partner = {one: other for pairs in choice for pair in pairs for one, other in (pair, pair[::-1])}
        left, rings = set(range(len(pieces))), []
        while left:
            number, end = min(left), 0
            ring: list[Any] = []
            while number in left:
                left.discard(number)
                ring += list(pieces[number].xy[:: 1 if end == 0 else -1])[:-1]
                number, end = partner[number, -1 - end]
            rings.append(np.array([*ring, ring[0]]))
        found.append(rings)
    return found


def matchings(meeting: Sequence[Any]) -> list[list[tuple[Any, Any]]]:
    if not meeting:
        return [[]]
    first, *rest = meeting
    return [
        [(first, rest[n]), *others]
        for n in range(len(rest))
        for others in matchings(rest[:n] + rest[n + 1 :])
    ]


def valid_area(rings: Sequence[np.ndarray[Any, Any]]) -> float | None:
    """Of rings without roles, the simple way."""
    if any(len(ring) < 4 for ring in rings):
        return None
    polygons = [shapely.Polygon(ring) for ring in rings]
    if not all(p.is_valid for p in polygons):
        return None
    around = [[o for o in polygons if o is not p and o.covers(p)] for p in polygons]
    shells: dict[int, tuple[Any, list[Any]]] = {
        id(p): (p, []) for p, others in zip(polygons, around, strict=True) if len(others) % 2 == 0
    }
    for p, others in zip(polygons, around, strict=True):
        if len(others) % 2:
            least = min(others, key=lambda o: o.area)
            if id(least) not in shells:
                return None
            shells[id(least)][1].append(p.exterior)
    whole = shapely.MultiPolygon([shapely.Polygon(p.exterior, holes) for p, holes in shells.values()])
    return area_of(whole.geoms) if whole.is_valid else None


LATTICE = st.tuples(st.integers(0, 3), st.integers(0, 2)).map(lambda at: (at[0] / 8 + at[1] / 64, at[1] / 8))


@st.composite
def closed_walks(draw: st.DrawFn) -> list[Piece]:
    """Closed walks over a few places, most of them no good, in at most seven pieces."""
    pieces: list[Piece] = []
    for _ in range(draw(st.integers(1, 3))):
        walk = draw(st.lists(LATTICE, min_size=3, max_size=6, unique=draw(st.booleans())))
        line = [p for p, before in zip(walk, [None, *walk], strict=False) if p != before]
        if len(line) > 1 and line[0] == line[-1]:
            line.pop()
        if len(line) < 2:
            continue
        line.append(line[0])
        cuts = sorted(draw(st.sets(st.integers(1, len(line) - 2), max_size=3)))
        pieces += [piece("", *line[a : b + 1]) for a, b in itertools.pairwise([0, *cuts, len(line) - 1])]
    return pieces[:0] if len(pieces) > 7 else pieces


@examples(40)
@given(closed_walks().filter(bool), st.data())
@pytest.mark.parametrize("pairs", [10_000, -(10**9)], ids=["compared", "swept"])
def test_valid_if_any_joining_is_and_never_by_the_order(
    pairs: int, pieces: list[Piece], data: st.DataObject
) -> None:
    areas = {round(area, 3) for rings in joinings(pieces) if (area := valid_area(rings)) is not None}
    assert len(areas) <= 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crowding, "PAIRS", pairs)
        for order in (pieces, data.draw(st.permutations(pieces))):
            turned = [Piece(p.role, p.xy[::-1]) if data.draw(st.booleans()) else p for p in order]
            found = assemble(turned)
            assert found.valid == bool(areas)
            if areas:
                assert {round(found.area, 3)} == areas


def lens(height: float, role: str = "outer") -> Piece:
    """From one place to another, by way of a third."""
    return piece(role, (10.0, 0.0), (10.005, height), (10.01, 0.0))


def between(*heights: float) -> float:
    return sum(
        area_of([shapely.Polygon([*lens(one).xy, *lens(other).xy[1:2]])])
        for one, other in zip(heights[::2], heights[1::2], strict=True)
    )


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_rings_that_touch_at_two_places(order: Sequence[int]) -> None:
    for turned in (1, -1):
        found = assemble([Piece("outer", lens(LENSES[n]).xy[::turned]) for n in order])
        assert found.valid
        assert math.isclose(found.area, between(*LENSES), rel_tol=1e-12)


def test_three_rings_between_two_places_and_one_around() -> None:
    heights = [-0.005, -0.004, -0.001, 0.001, 0.003, 0.004]
    pieces = [lens(height, "") for height in heights]
    assert math.isclose(assemble(pieces[::-1]).area, between(*heights), rel_tol=1e-12)
    # in a hole the outermost pieces are the hole's, and what is between the next ones is land again
    around = piece("outer", (9.0, -1.0), (11.0, -1.0), (11.0, 1.0), (9.0, 1.0), (9.0, -1.0))
    inner = assemble([around, *pieces])
    assert inner.valid
    assert len(shapely.get_parts(inner.geometry)) == 3  # the land around, and two islands
    islands = between(*heights[1:5])
    assert math.isclose(
        inner.area, area_of([shapely.Polygon(around.xy)]) - between(-0.005, 0.004) + islands, rel_tol=1e-12
    )


def test_roles_of_rings_that_touch_at_two_places() -> None:
    unlike = [lens(0.005), lens(0.002, ""), lens(-0.002), lens(-0.005, "inner")]  # both rings without a role
    assert math.isclose(assemble(unlike).area, between(*LENSES), rel_tol=1e-12)
    hole = [lens(0.005), lens(0.002), lens(-0.002, "inner"), lens(-0.005, "inner")]  # a hole outside
    assert not assemble(hole).valid


def square(size: float, role: str = "") -> Piece:
    return piece(role, (-size, -size), (size, -size), (size, size), (-size, size), (-size, -size))


@pytest.mark.parametrize(
    ("pieces", "valid"),
    [
        ([square(1, "inner")], False),
        ([square(1, "outer"), square(2, "outer")], False),
        ([square(1, "inner"), square(2, "inner")], False),
        ([square(1, "inner"), square(2, ""), square(3, "outer")], False),
        ([square(1, "outer"), square(2, ""), square(3, "outer")], True),
        ([square(1, ""), square(1, "")], False),
        ([square(1, ""), piece("", (0, 0), (0, 0))], False),  # a ring of two positions
        ([piece("", (0, 0), (1, 1), (0, 0))], False),
        ([piece("", (0, 0), (1, 1)), piece("", (1, 1), (0, 0))], False),
        ([piece("", (0, 0), (1, 1))] * 2, False),
        ([piece("", (0, 0), (1, 1))] * 4, False),
        ([square(1), piece("", (1, -1), (2, 0), (1, 1), (1, -1))], False),  # along a line
        ([square(1), piece("", (1, 0), (2, -1), (2, 1), (1, 0))], True),  # a place on the other's line
        ([square(2), piece("", (2, 0), (1, -1), (1, 1), (2, 0))], True),
        ([square(2), piece("", (2, 0), (1, -1), (-2, 0), (1, 1), (2, 0))], False),  # cuts the inside in two
        (
            [square(2), square(1), piece("", (1, 0), (0, -1), (-1, 0), (0, 1), (1, 0))],
            True,
        ),  # ... an island may
        # one way that comes by a place twice is not taken apart
        ([piece("", (0, 0), (1, 1), (1, -1), (0, 0), (-1, 1), (-1, -1), (0, 0))], False),
        ([piece("", (1, 1), (1, -1), (0, 0), (-1, 1)), piece("", (-1, 1), (-1, -1), (0, 0), (1, 1))], False),
        ([piece("", (0, 0), (1, 1), (1, -1), (0, 0)), piece("", (0, 0), (-1, 1), (-1, -1), (0, 0))], True),
    ],
)
@pytest.mark.parametrize("pairs", [10_000, -(10**9)], ids=["compared", "swept"])
def test_valid_or_not(monkeypatch: pytest.MonkeyPatch, pairs: int, pieces: list[Piece], valid: bool) -> None:
    monkeypatch.setattr(crowding, "PAIRS", pairs)
    for order in itertools.permutations(pieces):
        found = assemble(order)
        assert found.valid == valid
        assert shapely.bounds(found.geometry).tolist() == [
            *np.min([p.xy.min(axis=0) for p in pieces], axis=0),
            *np.max([p.xy.max(axis=0) for p in pieces], axis=0),
        ]


def ring(west: float, south: float, size: float, role: str = "") -> Piece:
    east, north = west + size, south + size
    return piece(role, (west, south), (east, south), (east, north), (west, north), (west, south))


def petal(number: int, of: int) -> Piece:
    one, other = (2 * math.pi * (number + part) / of for part in (0, 0.4))
    return piece("outer", (0, 0), (math.cos(one), math.sin(one)), (math.cos(other), math.sin(other)), (0, 0))


def bead(number: int, of: int) -> list[Piece]:
    one, other = (2 * math.pi * (n % of) / of for n in (number, number + 1))
    middle = one + math.pi / of
    ends = [(math.cos(angle), math.sin(angle)) for angle in (one, other)]
    return [
        piece("outer", ends[0], (r * math.cos(middle), r * math.sin(middle)), ends[1])
        for r in (math.cos(math.pi / of) * 0.9999, 1.0001)
    ]


def strip(west: float, width: float) -> Piece:
    return piece("", (west, 0), (west + 1, 1), (west + 1 + width, 1), (west, 0))


def halves(whole: Piece) -> list[Piece]:
    return [Piece(whole.role, whole.xy[:3]), Piece(whole.role, whole.xy[2:])]


MANY: dict[str, tuple[Callable[[int], list[Piece]], bool]] = {
    "the same ring": (lambda n: [ring(0, 0, 1, "outer")] * n, False),
    "the same piece": (lambda n: [piece("", (0, 0), (1, 1))] * n, False),
    "one in another": (lambda n: [ring(-k / n, -k / n, 2 * k / n) for k in range(1, n + 1)], True),
    "touching in one place": (lambda n: [petal(k, n) for k in range(n)], True),
    "ends in one place": (lambda n: [half for k in range(n) for half in halves(petal(k, n))], True),
    "between two places": (lambda n: [piece("", (0, 0), (0.5, k / n - 0.5), (1, 0)) for k in range(n)], True),
    "a string of beads": (lambda n: [half for k in range(n) for half in bead(k, n)], True),
    "strips": (lambda n: [strip(k / n, 0.5 / n) for k in range(n)], True),
    "crossing": (lambda n: [ring(k / n / 2, k / n / 2, 1) for k in range(n)], False),
    "holes": (
        lambda n: [ring(0, 0, 9), *(ring((k + 1) / n, (k + 1) / n, 0.5 / n, "inner") for k in range(n))],
        True,
    ),
    "one ring": (lambda n: cut_everywhere(n), True),
}


def cut_everywhere(count: int) -> list[Piece]:
    angles = [2 * math.pi * (n % count) / count for n in range(count + 1)]
    places = [(math.cos(angle), math.sin(angle)) for angle in angles]
    return [piece("", one, other) for one, other in itertools.pairwise(places)]


@pytest.mark.large
@pytest.mark.parametrize("kind", telling(MANY, "the same ring", "between two places", "crossing"))
def test_the_cost_grows_no_faster_than_n_log_n(kind: str) -> None:
    """Counted, not timed: comparisons of a place with a segment, and pairs of rings that are looked at."""
    make, valid = MANY[kind]

    def work(count: int) -> None:
        assert assemble(make(count)).valid == valid

    few, many = (steps(partial(work, count)) for count in (500, 2_000))
    assert many <= 4 * 1.5 * few + 20_000
    assert many <= 100 * 2_000 * math.log2(2_000)


def test_a_way_of_one_position_changes_nothing_where_another_ends() -> None:
    square = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.0)])
    point = np.array([(1.0, 1.0), (1.0, 1.0)])
    halves = [Piece("", square[:3]), Piece("", square[2:])]
    assert assemble([*halves, Piece("", point)])[0:3:2] == assemble(halves)[0:3:2]
    assert not assemble([*halves, Piece("", point + 5)]).valid
