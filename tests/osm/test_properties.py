"""What must hold for any diff: the order of actions, changesets and batches change no number."""

import math
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats_assets.osm.rings import BrokenError, Piece, assemble
from stats_assets.osm.statistics import ChangesetStatistics
from tests.conftest import examples
from tests.osm.documents import (
    Member,
    Position,
    count,
    create,
    delete,
    diff,
    gone,
    modify,
    node,
    relation,
    way,
)

TAGS = st.sampled_from(
    [
        {},
        {"highway": "track"},
        {"highway": "track", "area": "yes"},
        {"landuse": "forest"},
        {"natural": "cliff"},
        {"natural": "water", "building": "yes"},
        {"railway": "rail", "waterway": "dam"},
        {"type": "multipolygon", "landuse": "meadow"},
        {"type": "site", "shop": "x;y"},
        {"name": "é"},
    ]
)
DEGREES = st.integers(-2, 22).map(float)
POSITIONS = st.one_of(st.tuples(DEGREES, DEGREES), st.none())
CLOSED = st.lists(st.tuples(DEGREES, DEGREES), min_size=3, max_size=5).map(lambda line: [*line, line[0]])
LINES: st.SearchStrategy[Sequence[Position]] = st.one_of(st.lists(POSITIONS, max_size=5), CLOSED)
MEMBERS: st.SearchStrategy[list[Member]] = st.lists(
    st.one_of(st.tuples(st.sampled_from(["outer", "inner", ""]), CLOSED), POSITIONS, st.just("5")), max_size=3
)
PROFILE = examples(30)


@st.composite
def elements(draw: st.DrawFn, kind: str, id_: int, version: int, changeset: int) -> str:
    tags = draw(TAGS)
    time = f"2017-03-09T04:17:{draw(st.integers(0, 59)):02}Z"
    meta = {"version": version, "changeset": changeset, "timestamp": time, "uid": changeset}
    if kind == "node":
        return node(id_, draw(POSITIONS), tags, **meta)
    if kind == "way":
        line = draw(LINES)
        refs = draw(st.lists(st.integers(1, 5), min_size=len(line), max_size=len(line)))
        return way(id_, line, tags, refs, **meta)
    return relation(id_, draw(MEMBERS), tags, **meta)


@st.composite
def actions(draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(["node", "node", "way", "way", "relation"]))
    id_, changeset = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    version = draw(st.integers(1, 3))
    new = draw(elements(kind, id_, version, changeset))
    change = draw(st.sampled_from([create, modify, delete]))
    if change is create:
        return create(new)
    if change is delete:
        return delete(new, gone(kind, id_, version=version + 1, changeset=changeset, uid=changeset))
    return modify(draw(elements(kind, id_, draw(st.integers(1, 3)), 9)), new)


@PROFILE
@given(
    st.lists(actions(), max_size=8).flatmap(lambda found: st.tuples(st.just(found), st.permutations(found)))
)
def test_the_order_of_actions_does_not_matter(orders: tuple[list[str], list[str]]) -> None:
    first, other = (count(diff(*order)) for order in orders)
    assert (first.changesets, first.errors, first.tallies) == (other.changesets, other.errors, other.tallies)


@PROFILE
@given(st.lists(actions(), max_size=6))
def test_every_action_is_counted_or_tallied_or_an_error(found: list[str]) -> None:
    counted = count(diff(*found))
    assert counted.actions == len(found) == counted.features + sum(counted.tallies.values())
    assert len(counted.errors) == sum(c.errors for c in counted.changesets)
    for changeset in counted.changesets:
        parts = [(changeset.counts, changeset.measurements)]
        parts += [(region.counts, region.measurements) for region in changeset.countries.values()]
        for counts, measurements in parts:
            assert all(counts.values())
            assert all(value > 0 for value in measurements.values())
            assert all("E" not in f"{value:f}" for value in measurements.values())
        for region in changeset.countries.values():
            assert all(region.counts[key] <= changeset.counts[key] for key in region.counts)
            assert all(region.measurements[key] <= changeset.measurements[key] for key in region.measurements)


@PROFILE
@given(st.lists(actions(), min_size=1, max_size=4))
def test_batches_do_not_matter(found: list[str]) -> None:
    whole = count(diff(*found))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stats_assets.osm.diff.BATCH_FEATURES", 1)
        patch.setattr("stats_assets.osm.document.CHUNK", 100)
        assert count(diff(*found)) == whole


def sums(changesets: Sequence[ChangesetStatistics]) -> tuple[dict[str, int], dict[str, Decimal]]:
    counts: dict[str, int] = {}
    measurements: dict[str, Decimal] = {}
    for changeset in changesets:
        for key, number in changeset.counts.items():
            counts[key] = counts.get(key, 0) + number
        for key, amount in changeset.measurements.items():
            measurements[key] = measurements.get(key, Decimal(0)) + amount
    return counts, measurements


@PROFILE
@given(st.lists(st.tuples(LINES, TAGS, st.integers(1, 4)), max_size=6))
def test_splitting_among_changesets_conserves_the_sums(
    found: list[tuple[list[Position], dict[str, str], int]],
) -> None:
    together = count(diff(*(create(way(n, line, tags)) for n, (line, tags, _) in enumerate(found))))
    apart = count(diff(*(create(way(n, line, tags, changeset=c)) for n, (line, tags, c) in enumerate(found))))
    assert sums(together.changesets) == sums(apart.changesets)
    assert together.features == apart.features


@PROFILE
@given(actions(), st.integers(2, 4))
def test_duplicates_count_each(action: str, times: int) -> None:
    once, often = count(diff(action)), count(diff(*[action] * times))
    counts, measurements = sums(once.changesets)
    assert sums(often.changesets) == (
        {key: number * times for key, number in counts.items()},
        {key: amount * times for key, amount in measurements.items()},
    )
    assert [error.ordinal for error in often.errors] == list(range(times * len(once.errors)))


@PROFILE
@given(st.integers(3, 12), st.data())
def test_a_ring_cut_in_any_way_is_the_same_ring(corners: int, data: st.DataObject) -> None:
    """A polygon's ring, cut into ways that are turned and shuffled, has the area of the uncut one."""
    angles = [2 * math.pi * n / corners for n in range(corners)]
    ring = np.array([(math.cos(a), math.sin(a)) for a in angles] + [(1.0, 0.0)])
    ring[0] = ring[-1]
    cuts = sorted(data.draw(st.sets(st.integers(1, corners - 1), min_size=1)))
    pieces = [
        Piece(data.draw(st.sampled_from(["outer", "", "x"])), ring[a : b + 1])
        for a, b in zip([0, *cuts], [*cuts, corners], strict=True)
    ]
    turned = [Piece(p.role, p.xy[::-1]) if data.draw(st.booleans()) else p for p in pieces]
    found = assemble(data.draw(st.permutations(turned)))
    whole = assemble([Piece("outer", ring)])
    assert found.valid
    assert math.isclose(found.area, whole.area, rel_tol=1e-12)
    with pytest.raises(BrokenError):
        assemble(turned[1:])
