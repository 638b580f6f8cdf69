"""The counting against the demo world's own book, changeset by changeset, without feed or database."""

import gzip
import io
from collections import defaultdict
from decimal import Decimal

import pytest

from stats_assets.demo.truth.truth import truth
from stats_assets.demo.world.world import World
from stats_assets.osm.categories import Categories
from stats_assets.osm.diff import count_diff
from stats_assets.osm.regions import Regions
from tests.telling import drill

MINUTES = 250


# 7465438: a corner of a field was once "moved" to where it was, which the book took for an edit.
@pytest.mark.parametrize(("seed", "first"), [drill(1, 7465438), drill(2, 7465438), (3, 6000000)])
def test_counts_and_measures_equal_the_worlds_book(seed: int, first: int) -> None:
    world = World(seed=seed, first=first)
    categories, regions = Categories.load(None), Regions.load(None)
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    measures: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for sequence in range(first, first + MINUTES):
        body = io.BytesIO(gzip.decompress(world.augmented_diff(sequence)))
        for changeset in count_diff(body, categories=categories, regions=regions).changesets:
            for key, number in changeset.counts.items():
                counts[str(changeset.changeset)][key] += number
            for key, measure in changeset.measurements.items():
                measures[str(changeset.changeset)][key] += measure
    last = first + MINUTES - 1
    told = truth(world, augmented_diffs=last, changesets=world.newest_changeset_file(last) - 1)["changesets"]
    counted = {number: one for number, one in told.items() if one["counts"]}
    assert {number: dict(found) for number, found in counts.items()} == {
        number: one["counts"] for number, one in counted.items()
    }
    assert {number: dict(found) for number, found in measures.items() if found} == {
        number: {key: Decimal(text) for key, text in one["measurements"].items()}
        for number, one in counted.items()
        if one["measurements"]
    }
