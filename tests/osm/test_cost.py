"""What one feature costs is in proportion to its size: counted in comparisons and bytes, never in seconds."""

import io
import itertools
import math
import tracemalloc
from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest
import shapely

from benchmarks.relations import SHAPES, body, comb, slope, star
from stats_assets.osm import diff as diff_module
from stats_assets.osm.credit import Credits
from stats_assets.osm.diff import count_diff
from stats_assets.osm.joining import Piece
from stats_assets.osm.regions import Regions
from stats_assets.osm.rings import assemble
from stats_assets.osm.statistics import DiffStatistics
from tests.osm.documents import (
    Position,
    count,
    create,
    diff,
    modify,
    node,
    relation,
    squares,
    the_categories,
    way,
)
from tests.osm.steps import steps
from tests.osm.test_document import body_of
from tests.telling import telling

pytestmark = pytest.mark.large

INVALID = ("the same ring", "the same ring of 1,000")


def in_proportion(few: int, many: int) -> bool:
    """Of four times the size no more than n log n, with what every piece of work costs."""
    return many <= 4 * 1.5 * few + 100_000


@pytest.mark.parametrize(
    "shape", telling(SHAPES, "the same ring", "concentric rings", "a star in pieces", "squares")
)
def test_comparisons_of_a_relation(shape: str) -> None:
    def work(members: int) -> Callable[[], None]:
        pieces = [Piece(role, np.array(line)) for role, line in SHAPES[shape](members)]

        def assembled() -> None:
            assert assemble(pieces).valid == (shape not in INVALID)

        return assembled

    least = 1_000 if shape in INVALID else 500
    few, many = (steps(work(members)) for members in (least, 4 * least))
    assert in_proportion(few, many), (few, many)


@pytest.mark.parametrize("line", [comb, star], ids=["comb", "star"])
def test_comparisons_of_a_way(line: Callable[[int], list[Position]]) -> None:
    def work(teeth: int) -> Callable[[], None]:
        document = diff(create(way(1, line(teeth), {"landuse": "forest"})))

        def counted() -> None:
            assert count(document).changesets[0].measurements

        return counted

    few, many = (steps(work(teeth)) for teeth in (500, 2_000))
    assert in_proportion(few, many), (few, many)


def crossing(teeth: int) -> list[Position]:
    line: list[Position] = list(comb(teeth))
    line[1], line[3] = line[3], line[1]
    return line


def touching(teeth: int) -> list[Position]:
    """Two teeth end in one place."""
    line: list[Position] = list(comb(teeth))
    line[3] = line[1]
    return line


@pytest.mark.parametrize("made", [comb, star, crossing, touching])
def test_a_crowded_ring_is_valid_or_not_as_shapely_says(made: Callable[[int], list[Position]]) -> None:
    line = made(300)
    polygon: Any = shapely.Polygon([at for at in line if at is not None])
    valid = bool(shapely.is_valid(polygon))
    assert valid == (made in (comb, star))
    for element in (
        way(1, line, {"landuse": "x"}),
        relation(1, [("outer", line)], {"type": "multipolygon", "landuse": "x"}),
    ):
        assert ("landuse_km2_added" in count(diff(create(element))).changesets[0].measurements) == valid


@pytest.mark.parametrize(
    "shape", telling(SHAPES, "the same ring of 1,000", "a ring in long pieces", "holes", "one ring in pieces")
)
def test_memory_of_a_relation(shape: str) -> None:
    """What Python and numpy hold at most, beside the document."""

    def peak(members: int) -> int:
        pieces = [Piece(role, np.array(line)) for role, line in SHAPES[shape](members)]
        tracemalloc.start()
        assemble(pieces)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    few, many = peak(200), peak(800)
    assert many < 4 * few + 500_000
    assert many < 800 * 5_000  # of 32,000 members 160 MB


@pytest.mark.drill
def test_the_benchmark_of_relations() -> None:
    assert slope([1, 2, 4], [3, 6, 12]) == pytest.approx(1)
    for name, make in SHAPES.items():
        found = count(body(make(200)))
        (changeset,) = found.changesets
        assert (found.errors, found.envelope.error) == ((), None)
        assert bool(changeset.measurements) == (name not in INVALID), name


LONG = "y" * 100_000
MANY = 120  # of LONG: 12 MB


def read(actions: Iterable[str]) -> tuple[DiffStatistics, int]:
    """The statistics, and what counting held at most."""
    pieces = itertools.chain([b"<osm version='0.6'>"], (action.encode() for action in actions), [b"</osm>"])
    count(diff(create(node(1, tags={"shop": "x"}))))  # what is made once
    tracemalloc.start()
    found = count_diff(body_of(pieces), categories=the_categories(), regions=squares())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.envelope.error is None
    return found, most


def long_values(kind: str) -> Iterator[str]:
    line: list[Position] = [(1.0, 1.0), (2.0, 2.0)]
    for n in range(MANY):
        text = f"{n}{LONG}"
        if kind == "value":
            yield create(way(n + 1, line, {"highway": text, "type": text, "area": text}))
        elif kind == "version":
            yield create(node(n + 1, tags={"shop": "x"}, version=text))
        elif kind == "time":
            yield create(node(n + 1, tags={"shop": "x"}, timestamp=text))
        elif kind == "user":
            yield create(node(n + 1, tags={"shop": "x"}, user=text))
        elif kind == "broken":
            yield create(way(n + 1, [line[0], None], {"highway": "x", "note": text}))
        elif kind == "nobody's":
            yield create(node(n + 1, tags={"shop": "x", "note": text}, changeset=None))
        elif kind == "moved":
            there: list[Position] = [(1.0, 1.0), (3.0, 3.0)]
            yield modify(
                *(way(n + 1, at, {"highway": "x", "note": text}, refs=[n + 1, 10**6]) for at in (line, there))
            )
            yield create(node(n + 1))


@pytest.mark.parametrize(
    "kind", telling(("value", "version", "time", "user", "broken", "nobody's", "moved"), "version", "broken")
)
def test_long_values_are_not_kept(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(diff_module, "BATCH_BYTES", 1 << 20)
    found, most = read(long_values(kind))
    assert most < 8_000_000
    if kind not in ("version", "time", "nobody's"):
        assert found.features == MANY
    for error in found.errors:
        assert len(error.tags["note"]) == 255
    if kind == "user":
        (changeset,) = found.changesets
        assert (len(changeset.user or ""), found.flags) == (255, {"user_too_long": MANY})


def test_a_moved_way_costs_some_hundred_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    def actions(number: int) -> Iterator[str]:
        for n in range(number):
            tags = {"highway": "track", "name": f"lane {n}"}
            lines: list[list[Position]] = [[(1 + n / 9999, 1.0), (x, 2.0)] for x in (2.0, 3.0)]
            yield modify(*(way(n + 1, line, tags, refs=[2 * n + 1, 2 * n + 2]) for line in lines))

    def most(number: int) -> int:
        return read(itertools.chain([create(node(1))], actions(number)))[1]

    monkeypatch.setattr(diff_module, "BATCH_FEATURES", 50)
    few, many = most(300), most(900)
    assert (many - few) / 600 < 1_000


def test_a_changed_node_costs_a_dozen_bytes() -> None:
    """Kept until the end, as a way that it moved may come last: then no more is needed for it."""
    number, credits = 1_000_000, Credits()
    tracemalloc.start()
    one = credits.number(("2017-03-09T04:17:01Z", "50", "7", "anna"), deleted=False)
    for start in range(0, number, 1_000):
        credits.changed(array("q", range(start, start + 1_000)), one)
    kept, _ = tracemalloc.get_traced_memory()
    (found,) = credits.newest(array("q", range(number - 1_000, number)), array("q", [1_000]))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found is not None
    assert found.changeset == 50
    assert kept < 16 * number
    assert most - kept < 5_000_000


def test_what_of_a_broken_feature_is_kept_is_bounded() -> None:
    tags = {f"key {n} {'k' * 300}": "v" * 300 for n in range(100)}
    found = count(diff(create(way(1, [(1.0, 1.0), *[None] * 3_000], tags))))
    (error,) = found.errors
    assert sum(len(key) + len(value) for key, value in error.tags.items()) <= 10_000
    assert len(error.tags) == 19
    assert error.nds == tuple(range(1000, 3000))


def test_places_are_located_in_parts() -> None:
    """Each of many members meets each of many regions: not all pairs are held at once."""
    regions = Regions({f"R{n:03}": ("x", [shapely.box(n / 10, 0, n / 10 + 0.1, 1)]) for n in range(400)})
    members: list[Any] = [("", [(-1.0, n / 3000), (41.0, 1 - n / 3000)]) for n in range(3_000)]
    document = diff(create(relation(1, members, {"type": "site", "shop": "x"})))
    tracemalloc.start()
    found = count_diff(io.BytesIO(document), categories=the_categories(), regions=regions)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found.changesets[0].countries) == 400
    assert most < 40_000_000


def test_slopes_are_read_from_logarithms() -> None:
    assert math.isnan(slope([1], [1]))
    assert io.BytesIO(body([])).read().startswith(b"<osm")
