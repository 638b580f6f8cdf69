"""Small files that were read wrongly once, and what they must give (geometry and categories)."""

import gzip
import itertools
import re
from decimal import Decimal

import pytest

from stats_assets.osm.regions import Regions
from stats_assets.osm.statistics import DiffStatistics
from tests.conftest import real_file
from tests.osm.documents import count


def case(name: str) -> bytes:
    body = real_file(f"cases/{name}").read_bytes()
    return gzip.decompress(body) if name.endswith(".gz") else body


def summary(found: DiffStatistics) -> dict[int, tuple[dict[str, Decimal | int], list[str]]]:
    assert found.envelope.complete
    assert found.errors == ()
    return {c.changeset: ({**c.counts, **c.measurements}, list(c.countries)) for c in found.changesets}


def test_the_antimeridian() -> None:
    found = summary(count(case("antimeridian.adiff.xml"), Regions.load()))
    assert {changeset: places for changeset, (_, places) in found.items()} == {
        6301: ["FJI"],
        6302: ["RUS"],
        6303: ["FJI"],
        6304: ["FJI"],
    }
    assert found[6301][0] == {"roads_added": 1, "road_km_added": Decimal("1.065981304")}


def test_nodes_at_180() -> None:
    found = summary(count(case("nodes-at-180.adiff.xml"), Regions.load()))
    assert [places for _, places in found.values()] == [["FJI"], ["FJI"], ["RUS"], ["RUS"]]


def test_area_yes_and_no() -> None:
    assert summary(count(case("area-yes-no.adiff.xml")))[9][0] == {"landuse_added": 1, "natural_added": 1}


def test_touching_rings_in_every_order_of_the_members() -> None:
    body = case("touching-rings.adiff.xml").decode()
    members = re.findall("<member.*?</member>", body, re.DOTALL)
    assert len(members) == 4
    for order in itertools.permutations(members):
        there = iter(order)
        changed = re.sub("<member.*?</member>", lambda _, there=there: next(there), body, flags=re.DOTALL)  # type: ignore[misc]
        found, _ = summary(count(changed.encode()))[9]
        assert found == {"landuse_added": 1, "landuse_km2_added": Decimal("0.369272163")}


def test_a_ring_of_unlike_roles() -> None:
    found, _ = summary(count(case("ring-of-unlike-roles.adiff.xml")))[9]
    assert found["landuse_km2_added"] == Decimal("0.615453607")


def test_values_that_say_nothing() -> None:
    found = summary(count(case("not-there-values.adiff.xml")))
    assert {changeset: counts for changeset, (counts, _) in found.items()} == {
        **{changeset: {"other_added": 1} for changeset in (9001, 9004, 9007, 9010)},
        9011: {"buildings_added": 1},
    }


@pytest.mark.parametrize(
    ("name", "area"), [("same-ring-500-times", None), ("concentric-rings-500", Decimal("0.616684512"))]
)
def test_500_rings(name: str, area: Decimal | None) -> None:
    found, _ = summary(count(case(f"{name}.adiff.xml.gz")))[5]
    assert found == {"landuse_added": 1} | ({"landuse_km2_added": area} if area else {})
