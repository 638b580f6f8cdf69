"""Real answers of the feeds: the two minutes of 2017 against a naive second count, and all recorded answers."""

import gzip
import json
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from typing import Any

import pytest
import shapely
from pyproj import Geod

from stats_assets.osm.diff import count_diff
from stats_assets.osm.regions import Regions
from stats_assets.osm.statistics import DiffStatistics
from tests.categories import AREAS, LENGTHS
from tests.conftest import real_file
from tests.osm.documents import the_categories

Counts = dict[int, dict[str, Any]]
GEOD = Geod(ellps="WGS84")
EMPTY: tuple[int, int, dict[str, int], int] = (0, 0, {}, 0)  # actions, features, tallies, errors


@cache
def packaged_regions() -> Regions:
    return Regions.load()


@cache
def counted(name: str) -> DiffStatistics:
    with gzip.open(real_file(name)) as body:
        return count_diff(body, categories=the_categories(), regions=packaged_regions())  # type: ignore[arg-type]


def tags_of(element: ET.Element) -> dict[str, str]:
    return {tag.attrib["k"]: tag.attrib["v"] for tag in element.findall("tag")}


def line_of(way: ET.Element) -> tuple[list[float], list[float]]:
    nodes = way.findall("nd")
    return [float(nd.attrib["lon"]) for nd in nodes], [float(nd.attrib["lat"]) for nd in nodes]


def features(name: str) -> Iterator[tuple[int, str, dict[str, str], ET.Element | None, ET.Element | None]]:
    """Changeset, kind, tags, old, new: read the plain way, without what the two minutes don't have."""
    with gzip.open(real_file(name)) as body:
        actions = ET.parse(body).getroot().findall("action")  # noqa: S314
    pairs = []
    for action in actions:
        created = action.attrib["type"] == "create"
        old, new = (None, action[0]) if created else (action[0][0], action[1][0])
        pairs.append((action.attrib["type"], old, new))
    changed = {
        new.attrib["id"]: (new.attrib["timestamp"], int(new.attrib["changeset"]))
        for _, old, new in pairs
        if new.tag == "node" and (old is None or old.attrib["version"] != new.attrib["version"])
    }
    for kind, old, new in pairs:
        deleted = kind == "delete"
        changeset = int(new.attrib["changeset"])
        if old is not None and old.attrib["version"] == new.attrib["version"]:
            if new.tag == "relation":
                continue
            members = [nd.attrib["ref"] for side in (old, new) for nd in side.findall("nd")]
            movers = [changed[node] for node in members if node in changed]
            if not movers:
                continue
            changeset = max(movers)[1]
        shown = old if deleted and old is not None else new
        if not tags_of(shown):
            continue
        is_new = kind == "create" and int(new.attrib["version"]) <= 2
        word = "deleted" if deleted else "added" if is_new else "modified"
        yield changeset, word, tags_of(shown), old, None if deleted else new


def naive(name: str) -> tuple[Counts, Counts]:
    """Counts of all features, measurements of ways and nodes."""
    categories = the_categories()
    counts: Counts = defaultdict(lambda: defaultdict(int))
    measures: Counts = defaultdict(lambda: defaultdict(Decimal))
    for changeset, word, tags, old, new in features(name):
        element = (new if new is not None else old).tag  # type: ignore[union-attr]
        lengths, areas, known = [], [], True
        for side in (new, old):
            x, y = line_of(side) if side is not None and element == "way" else ([], [])
            lengths.append(GEOD.line_length(x, y) if x else 0.0)
            closed = len(x) >= 4 and (x[0], y[0]) == (x[-1], y[-1])
            natural = tags_of(side).get("natural") if side is not None else None
            is_area = closed and natural not in ("cliff", "coastline", "ridge", "tree_row")
            known = known and (not is_area or shapely.Polygon(list(zip(x, y, strict=True))).is_valid)
            areas.append(abs(GEOD.polygon_area_perimeter(x, y)[0]) if is_area else 0.0)
        for category in categories.of(element, tags):
            counts[changeset][f"{category}_{word}"] += 1
            for measure, (after, before), per_km in (
                (LENGTHS.get(category), lengths, 10**3),
                (AREAS.get(category), areas, 10**6),
            ):
                if measure and element == "way" and (known or measure not in AREAS.values()):
                    amount = Decimal(abs(after - before)) / per_km
                    amount = amount.quantize(Decimal("1e-9"), ROUND_HALF_EVEN)
                    measures[changeset][f"{measure}_{word}"] += amount
    return counts, measures


@pytest.mark.parametrize("name", ["2360002.adiff.xml.gz", "2360003.adiff.xml.gz"])
def test_the_two_minutes_as_a_naive_count_has_them(name: str) -> None:
    found = counted(name)
    counts, measures = naive(name)
    assert {c.changeset: c.counts for c in found.changesets} == counts
    for changeset in found.changesets:
        expected = {key: value for key, value in measures[changeset.changeset].items() if value}
        difference = set(changeset.measurements) ^ set(expected)
        assert all("km2" in key and key not in expected for key in difference)  # multipolygons'
        for key in set(expected) - difference:
            # A last digit may differ: pyproj adds a line's segments up in another order.
            more = changeset.measurements[key] - expected[key]
            assert abs(more) <= Decimal("2e-8") or (more > 0 and "km2" in key), key
    assert sum("km" in key for c in found.changesets for key in c.measurements) > 10


@pytest.mark.parametrize(
    ("name", "actions", "features", "changesets", "tallies"),
    [
        ("2360002.adiff.xml.gz", 780, 90, 14, {"minor_relation": 1, "untagged": 689}),
        ("2360003.adiff.xml.gz", 1257, 246, 13, {"minor_relation": 5, "untagged": 1006}),
    ],
)
def test_the_two_minutes(
    name: str, actions: int, features: int, changesets: int, tallies: dict[str, int]
) -> None:
    found = counted(name)
    assert (found.actions, found.features, len(found.changesets)) == (actions, features, changesets)
    assert (found.tallies, found.errors) == (tallies, ())
    assert found.actions == found.features + sum(found.tallies.values())
    assert (found.envelope.root, found.envelope.complete, found.envelope.error) == ("osm", True, None)
    assert all(changeset.uid and changeset.user for changeset in found.changesets)
    assert all(changeset.countries for changeset in found.changesets)


ANSWERS = {
    # name: actions, features, tallies, errors
    "ancient-not-empty": (7, 0, {"untagged": 7}, 0),
    "bbox": (8, 3, {"minor_relation": 2, "untagged": 3}, 0),
    "bbox-moved-in": (3, 2, {"untagged": 1}, 0),
    "bbox-moved-out": (4, 0, {"left_view": 2, "minor_way": 2}, 0),
    "cache-half-written": (0, 0, {}, 0),
    "cache-hit": (9, 3, {"minor_relation": 2, "untagged": 4}, 0),
    "killed-truncated": (603, 150, {"untagged": 453}, 0),
    "late-after": (5, 4, {"untagged": 1}, 0),
    "late-before": (1, 1, {}, 0),
    "partial-above-status": (1, 1, {}, 0),
    "partial-completed": (2, 2, {}, 0),
    "script-create-version-2": (1, 1, {}, 0),
    "script-creates": (7, 3, {"untagged": 4}, 0),
    "script-delete-undelete": (1, 1, {}, 0),
    "script-deletes": (7, 3, {"untagged": 4}, 0),
    "script-edge-until": (2, 2, {}, 0),
    "script-extreme-places": (10, 4, {"untagged": 6}, 1),
    "script-far-move": (4, 3, {"untagged": 1}, 0),
    "script-inconsistent-node-gone": (4, 1, {"minor_relation": 1, "untagged": 2}, 0),
    "script-minor-by-moved-node": (9, 3, {"minor_relation": 2, "untagged": 4}, 0),
    "script-names": (4, 4, {}, 0),
    "script-no-change": (4, 4, {}, 0),
    "script-undeletes": (6, 2, {"untagged": 4}, 0),
    "script-unknown-members": (2, 2, {}, 2),
}
CUT = {"cache-half-written", "killed-truncated"}
REMARKS = {
    "remark-memory": "Query ran out of memory",
    "remark-timeout": "Query timed out",
    "terminated-remark": "SIGTERM received",
}


def answers() -> dict[str, Any]:
    index: dict[str, Any] = json.loads(real_file("overpass/index.json").read_text())
    return index


def test_every_recorded_answer() -> None:
    """All of overpass/: what is counted in it, and what the document says of itself."""
    seen = set()
    for name, answer in answers().items():
        if name == "gzip":
            continue  # the body itself is gzip: opening it is the fetcher's
        seen.add(name)
        found = counted(f"overpass/{name}.gz")
        root, complete = found.envelope.root, found.envelope.complete
        numbers = (found.actions, found.features, found.tallies, len(found.errors))
        assert numbers == ANSWERS.get(name, EMPTY), name
        if root == "osm":
            assert found.envelope.osm_base is not None, name
            assert complete == (name not in CUT), name
            assert (found.envelope.error is None) == complete, name
        else:
            assert not complete, name
            assert found.envelope.error, name
        assert bool(found.envelope.remarks) == (name in REMARKS), name
        assert REMARKS.get(name, "") in "".join(found.envelope.remarks), name
        if complete:
            assert found.actions == answer["actions"], name
    assert set(ANSWERS) | set(REMARKS) <= seen


def test_names_of_a_recorded_minute() -> None:
    found = {
        c.changeset: (c.uid, c.user, set(c.countries)) for c in counted("overpass/script-names.gz").changesets
    }
    assert found == {
        46700005: (1005, "eve (2)", {"FJI"}),
        46700006: (1006, 'quote " & <tag>', {"FJI"}),
        46700050: (1000, "anna", {"FJI"}),
    }


def test_the_late_minute_counts_more() -> None:
    before, after = (counted(f"overpass/late-{when}.gz") for when in ("before", "after"))
    assert before.content_hash != after.content_hash
    cached, fresh = (counted(f"overpass/{name}.gz") for name in ("cache-hit", "script-minor-by-moved-node"))
    assert cached.content_hash == fresh.content_hash
    assert cached.changesets == fresh.changesets


def test_bad_geometries_of_recorded_minutes() -> None:
    (short,) = counted("overpass/script-extreme-places.gz").errors
    assert (short.type, short.reason, short.nds) == (2, "fewer than 2 positions", (7000023516,))
    way, relation = counted("overpass/script-unknown-members.gz").errors
    assert (way.type, way.id, way.reason, len(way.nds)) == (2, 900000326, "a position is missing", 3)
    assert (relation.type, relation.nds) == (3, ())
    assert relation.reason == "a member way is broken: fewer than 2 positions"
