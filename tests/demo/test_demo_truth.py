"""The demo's truth against a naive count of its own feed files: two ways to the same numbers that share no code.

The naive count reads XML and asks the definitions; the truth never reads XML. Regions: the nearest place's.
"""

import gzip
import math
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, NamedTuple

import pytest
import shapely
from pyproj import Geod

from stats_assets.demo.truth.truth import truth
from stats_assets.demo.world.places import PLACES
from stats_assets.demo.world.world import World
from tests.categories import MEASURED, categories
from tests.categories import parts as values

MINUTES = 240
WGS84 = Geod(ellps="WGS84")


class Geometry(NamedTuple):
    """Longitude, latitude. `rings`: outer and inner, closed; `None`: broken or not an area."""

    points: list[tuple[float, float]]
    broken: bool = False
    rings: list[list[tuple[float, float]]] | None = None


class Counted(NamedTuple):
    changeset: int
    uid: str
    user: str
    counts: list[str]
    measurements: dict[str, Decimal]
    countries: set[str]
    broken: bool


def positions(nds: list[ET.Element]) -> list[tuple[float, float] | None]:
    return [(float(nd.attrib["lon"]), float(nd.attrib["lat"])) if "lat" in nd.attrib else None for nd in nds]


def geometry(element: ET.Element) -> Geometry:
    if element.tag == "node":
        return Geometry([p for p in positions([element]) if p])
    if element.tag == "way":
        all_of_it = positions(element.findall("nd"))
        known = [point for point in all_of_it if point]
        broken = len(known) < len(all_of_it) or len(known) < 2
        closed = not broken and len(known) > 3 and known[0] == known[-1]
        return Geometry(known, broken, [known] if closed else None)
    lines = [positions(member.findall("nd")) for member in element.findall("member[@type='way']")]
    nodes = [p for p in positions(element.findall("member[@type='node']")) if p]
    known = nodes + [point for line in lines for point in line if point]
    tags = {tag.attrib["k"]: tag.attrib["v"] for tag in element.findall("tag")}
    if tags.get("type") not in ("multipolygon", "boundary"):
        return Geometry(known)
    rings = list(close([[p for p in line if p] for line in lines]))
    broken = not rings or any(ring[0] != ring[-1] for ring in rings)
    return Geometry(known, broken, None if broken else sorted(rings, key=lambda r: -shapely.Polygon(r).area))


def close(lines: list[list[tuple[float, float]]]) -> Iterator[list[tuple[float, float]]]:
    left = [line for line in lines if line]
    while left:
        ring = left.pop(0)
        for line in list(left):
            if ring[-1] == line[0] and ring[0] != ring[-1]:
                ring = ring + line[1:]
                left.remove(line)
        yield ring


def size(key: str, tag: str, tags: dict[str, str], shape: Geometry) -> float | None:
    """km or km²; `None`: unknown."""
    if key.endswith("_km"):
        if tag != "way" or values(tags, "area") & {"yes", "true", "1"}:
            return 0.0
        longitudes, latitudes = zip(*shape.points, strict=True)
        return float(WGS84.line_length(longitudes, latitudes)) / 1000
    line_like = values(tags, "natural") & {"cliff", "coastline", "ridge", "tree_row"}
    if tag == "way" and (values(tags, "area") & {"no", "false", "0"} or line_like):
        return 0.0
    if shape.rings is None:
        return 0.0
    polygon = shapely.Polygon(shape.rings[0], shape.rings[1:])
    if not polygon.is_valid:
        return None
    parts = [abs(WGS84.geometry_area_perimeter(shapely.Polygon(ring))[0]) for ring in shape.rings]
    return float(parts[0] - math.fsum(parts[1:])) / 1e6


def countries(shape: Geometry) -> set[str]:
    found: set[str] = set()
    for longitude, latitude in shape.points:
        place = min(PLACES, key=lambda p: math.hypot(p.latitude - latitude, p.longitude - longitude))
        assert math.hypot(place.latitude - latitude, place.longitude - longitude) < 0.6
        found.update(place.codes)
    return found


def count(body: bytes) -> Iterator[Counted]:
    root = ET.fromstring(body)  # noqa: S314 (the demo's own text)
    changed = {
        new.attrib["id"]: new
        for action in root.iter("action")
        for new in (action[0] if action.get("type") == "create" else action.find("new/*"),)
        if new is not None
        and new.tag == "node"
        and (
            action.get("type") != "modify" or new.attrib["version"] != action.find("old/*").attrib["version"]  # type: ignore[union-attr]
        )
    }
    for action in root.iter("action"):
        change = {"create": "modified", "modify": "modified", "delete": "deleted"}[action.attrib["type"]]
        old = action.find("old/*")
        new = action[0] if action.get("type") == "create" else action.find("new/*")
        assert new is not None
        if action.get("type") == "create" and new.attrib["version"] in ("1", "2"):
            change = "added"
        seen = old if change == "deleted" else new
        assert seen is not None
        tags = {tag.attrib["k"]: tag.attrib["v"] for tag in seen.findall("tag")}
        credit = new
        if old is not None and old.attrib["version"] == new.attrib["version"]:
            refs = {nd.attrib["ref"] for side in (old, new) for nd in side.findall("nd")}
            movers = [changed[ref] for ref in refs if ref in changed]
            if new.tag == "relation" or not movers:
                continue
            credit = max(movers, key=lambda node: (node.attrib["timestamp"], int(node.attrib["changeset"])))
        if not tags or credit.attrib["changeset"] == "0":
            continue
        sides = [
            (side, geometry(side)) for side in (old, None if change == "deleted" else new) if side is not None
        ]
        broken = any(shape.broken for _, shape in sides)
        names = categories(new.tag, tags)
        measurements = {}
        for key in (MEASURED[name] for name in names if name in MEASURED and not broken):
            parts = []
            for side, shape in sides:
                own = {tag.attrib["k"]: tag.attrib["v"] for tag in side.findall("tag")}
                parts.append((side is not old, size(key, side.tag, own, shape)))
            if any(part is None for _, part in parts):
                continue
            total = math.fsum(float(part or 0) * (1 if is_new else -1) for is_new, part in parts)
            if new.tag == "node":
                continue
            value = Decimal(abs(total)).quantize(Decimal("1e-9"), rounding=ROUND_HALF_EVEN)
            if value:
                measurements[f"{key}_{change}"] = value
        yield Counted(
            int(credit.attrib["changeset"]),
            credit.attrib["uid"],
            credit.attrib["user"],
            [f"{name}_{change}" for name in names],
            measurements,
            countries(sides[-1][1]),
            broken,
        )


@pytest.fixture(scope="module")
def world() -> World:
    return World(seed=1)


@pytest.fixture(scope="module")
def told(world: World) -> dict[str, Any]:
    last = world.first + MINUTES - 1
    return truth(world, augmented_diffs=last, changesets=world.newest_changeset_file(last))


def test_truth_is_what_a_naive_count_of_the_diffs_finds(world: World, told: dict[str, Any]) -> None:
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    sums: dict[tuple[int, str | None], Decimal] = defaultdict(Decimal)
    located: dict[tuple[int, str], int] = Counter()
    broken = 0
    for sequence in range(world.first, world.first + MINUTES):
        for feature in count(gzip.decompress(world.augmented_diff(sequence))):
            counts[feature.changeset].update(feature.counts)
            broken += feature.broken
            for code in feature.countries:
                located[feature.changeset, code] += 1
            for key, value in feature.measurements.items():
                sums[feature.changeset, key] += value
    with_edits = {int(number): c for number, c in told["changesets"].items() if c["total_edits"]}
    assert {number: c["counts"] for number, c in with_edits.items()} == {
        n: dict(c) for n, c in counts.items()
    }
    booked = {(n, k): Decimal(v) for n, c in with_edits.items() for k, v in c["measurements"].items()}
    assert booked == sums
    where = {(n, code): r["edit_count"] for n, c in with_edits.items() for code, r in c["countries"].items()}
    assert where == located
    assert broken == len([error for error in told["errors"] if error["changeset"]])
