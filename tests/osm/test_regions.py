"""Regions: the packaged ones, a user's own, and who lies where (docs/definitions.md, section 5)."""

import gzip
import json
import math
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from stats_assets.osm.definitions_hash import PACKAGED_REGIONS
from stats_assets.osm.regions import Regions, RegionsError
from tests.osm.documents import Position, counted, create, delete, gone, located, modify, node, squares, way

SHOP, ROAD = {"shop": "x"}, {"highway": "x"}


@cache
def packaged() -> Regions:
    return Regions.load()


def codes_at(longitude: float, latitude: float) -> list[str]:
    points: Any = np.array([shapely.Point(longitude, latitude)])
    codes = list(packaged().codes)
    return sorted({codes[number] for _, number in located(packaged(), points)})


@pytest.mark.parametrize(
    ("place", "codes"),
    [
        ((2.35, 48.85), ["FRA"]),
        ((-61.55, 16.25), ["GLP"]),
        ((-97.7, 30.3), ["USA", "USA-TX"]),
        ((-77.03, 38.9), ["USA", "USA-DC"]),
        ((-157.8, 21.4), ["USA", "USA-HI"]),
        ((-150.0, 64.8), ["USA", "USA-AK"]),
        ((-66.1, 18.4), ["PRI"]),
        ((179.0, 66.5), ["RUS"]),
        ((-175.0, 66.5), ["RUS"]),
        ((34.1, 45.0), ["RUS"]),  # disputed places follow the data set
        ((20.9, 42.6), ["XKX"]),
        ((33.0, 35.3), ["CYP"]),  # Northern Cyprus
        ((33.94135, 35.12489), ["CYP"]),  # Famagusta
        ((33.36, 35.18), ["CYP"]),  # between the two
        ((31.6, 4.85), ["SSD"]),
        ((35.2, 31.9), ["PSE"]),
        ((9.52, 47.14), ["LIE"]),
        ((116.4, 39.9), ["CHN"]),
        ((114.16, 22.3), ["HKG"]),
        ((16.0, 78.2), ["SJM"]),
        ((13.0, 60.0), ["SWE"]),
        ((0.0, 0.0), []),
        ((-87.2, 27.5), ["USA"]),  # at sea: states end at the shore
    ],
)
def test_places_in_the_packaged_regions(place: tuple[float, float], codes: list[str]) -> None:
    assert codes_at(*place) == codes


@pytest.mark.parametrize(
    ("latitude", "code"), [(-17.0, "FJI"), (68.0, "RUS"), (71.0, "RUS"), (65.0, "RUS"), (-85.0, "ATA")]
)
def test_no_gap_at_the_antimeridian(latitude: float, code: str) -> None:
    for longitude in (180.0, -180.0, 179.9999999, -179.9999999, 179.995, -179.995):
        assert codes_at(longitude, latitude) == [code], longitude


def test_the_packaged_regions_are_complete() -> None:
    codes = packaged().codes
    states = [code for code in codes if code.startswith("USA-")]
    assert (len(codes), len(states)) == (306, 51)
    assert {"FXX", "EUE"}.isdisjoint(codes)
    biggest = {
        "AUS",
        "CHN",
        "DNK",
        "ECU",
        "ESP",
        "FIN",
        "FRA",
        "GBR",
        "IDN",
        "IND",
        "MYS",
        "NLD",
        "NOR",
        "NZL",
        "USA",
    }
    assert biggest <= set(codes)
    assert (codes["FRA"], codes["USA-NY"], codes["CHN"]) == (
        "France",
        "New York",
        "China",
    )
    assert all(len(code) == 3 and code.isupper() for code in codes if code not in states)


@pytest.mark.parametrize(
    ("place", "codes"),
    [
        ((5.0, 1.0), ["LOW"]),
        ((10.0, 5.0), ["EAST", "LOW"]),  # on the border of two
        ((0.0, 0.0), ["LOW"]),  # a corner touches
        ((-1e-9, 0.0), []),
        ((5.0, 5.0), []),  # in the hole
        ((4.0, 5.0), ["LOW"]),  # on its edge
        ((180.0, 55.0), ["FAR"]),
        ((-180.0, 55.0), ["FAR"]),
    ],
)
def test_nodes(place: tuple[float, float], codes: list[str]) -> None:
    assert list(counted(create(node(1, place, SHOP))).countries) == codes


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ([(9.0, 1.0), (11.0, 1.0)], ["EAST", "LOW"]),
        ([(-1.0, 1.0), (21.0, 1.0)], ["EAST", "LOW"]),  # no position is in them
        ([(-1.0, -1.0), (1.0, -1.0)], []),
        ([(-1.0, 1.0), (1.0, -1.0)], ["LOW"]),  # touches the corner
        ([(4.5, 4.5), (5.5, 5.5)], []),  # in the hole
        ([(4.5, 4.5), (4.0, 4.5)], ["LOW"]),
        ([(-1.0, -1.0), (30.0, -1.0), (30.0, 30.0), (-1.0, 30.0), (-1.0, -1.0)], []),  # a line, closed or not
        ([(1.0, 1.0), (1.0, 1.0)], ["LOW"]),
        ([(179.0, 55.0), (-179.0, 55.0)], ["FAR"]),
        ([(179.0, 5.0), (-179.0, 5.0)], []),  # the short way, not across the map
        ([(-90.0, 5.0), (90.0, 5.0)], ["EAST", "LOW"]),  # 180° are not more than 180°
        ([(-179.0, 5.0), (179.0, 5.0), (15.0, 5.0)], ["EAST"]),
    ],
)
def test_ways(line: list[Position], codes: list[str]) -> None:
    assert list(counted(create(way(1, line, ROAD))).countries) == codes


def test_new_says_where_and_old_for_a_deletion() -> None:
    low, east = (1.0, 1.0), (11.0, 1.0)
    moved = modify(node(1, low, SHOP), node(1, east, SHOP, version=2))
    assert list(counted(moved).countries) == ["EAST"]
    assert list(counted(delete(node(1, low, SHOP), gone("node", 1))).countries) == ["LOW"]


def test_a_region_has_only_what_lies_in_it() -> None:
    found = counted(
        create(node(1, (1.0, 1.0), SHOP)),
        create(node(2, (11.0, 1.0), SHOP)),
        create(node(3, (50.0, 1.0), SHOP)),
        create(way(4, [(9.0, 1.0), (11.0, 1.0)], ROAD)),
    )
    assert found.counts == {"pois_added": 3, "roads_added": 1}
    for code in ("LOW", "EAST"):
        region = found.countries[code]
        assert (region.edit_count, region.counts) == (2, {"pois_added": 1, "roads_added": 1})
        assert region.measurements == found.measurements  # whole: nothing is clipped
    assert found.total_edits == 4


def test_locating_is_exact_for_many_random_lines() -> None:
    generator = np.random.default_rng(7)
    ends = generator.integers(-2, 23, size=(500, 2, 2)).astype(float)
    lines: Any = np.array([shapely.LineString(pair) for pair in ends if (pair[0] != pair[1]).any()])
    found = located(squares(), lines)
    low = shapely.Polygon(shapely.box(0, 0, 10, 10).exterior, [shapely.box(4, 4, 6, 6).exterior])
    shapes = {
        list(squares().codes).index("LOW"): low,
        list(squares().codes).index("EAST"): shapely.box(10, 0, 20, 10),
    }
    assert found == {
        (n, code) for n, line in enumerate(lines) for code, s in shapes.items() if line.intersects(s)
    }


def collection(*features: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


def feature(code: Any = "AAA", name: Any = "A", geometry: Any = None) -> dict[str, Any]:
    square = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]
    shape = geometry if geometry is not None else {"type": "Polygon", "coordinates": [square]}
    return {"type": "Feature", "properties": {"code": code, "name": name}, "geometry": shape}


def polygon(*ring: list[Any]) -> str:
    return json.dumps(collection(feature(geometry={"type": "Polygon", "coordinates": [ring]})))


def test_a_users_own_file_plain_or_gzip(tmp_path: Path) -> None:
    text = json.dumps(collection(feature("B", "Bee"), feature("A", "Ay"))).encode()
    (tmp_path / "own.geojson").write_bytes(text)
    (tmp_path / "own.gz").write_bytes(gzip.compress(text))
    plain, packed = Regions.load(tmp_path / "own.geojson"), Regions.load(tmp_path / "own.gz")
    assert plain.codes == packed.codes == {"A": "Ay", "B": "Bee"}
    assert plain.hash == packed.hash


def test_the_packaged_regions_hash_is_the_one_written_down() -> None:
    packaged = files("stats_assets.osm") / "data" / "regions.geojson.gz"
    with as_file(packaged) as path:
        assert Regions.load(path).hash == PACKAGED_REGIONS == Regions.load().hash


def test_the_hash_is_that_of_the_meaning(tmp_path: Path) -> None:
    def hash_of(*features: Any, **layout: Any) -> str:
        path = tmp_path / "own.geojson"
        path.write_text(json.dumps(collection(*features), **layout))
        return Regions.load(path).hash

    turned = {"type": "Polygon", "coordinates": [[[1, 1], [0, 1], [0, 0], [1, 0], [1, 1]]]}
    wider = {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 1], [0, 1], [0, 0]]]}
    first = hash_of(feature(), feature("B"))
    assert first == hash_of(feature("B"), feature(geometry=turned), indent=1)
    assert (
        len({first, hash_of(feature(geometry=wider), feature("B")), hash_of(feature(name="X"), feature("B"))})
        == 3
    )


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ("{", "can't be read as GeoJSON"),
        ("[]", "a GeoJSON FeatureCollection was expected"),
        (json.dumps(collection()), "no features"),
        (json.dumps(collection(feature(code=None))), "feature 1 needs the properties `code` and `name`"),
        (json.dumps(collection(feature(code=" "))), "feature 1 needs"),
        (json.dumps(collection(feature(name=3))), "feature 1 needs"),
        (json.dumps(collection(7)), "feature 1 needs"),
        (json.dumps(collection({"properties": [1]})), "feature 1 needs"),
        (json.dumps(collection(feature(code="\ud800"))), "must be text that a database holds"),
        (json.dumps(collection(feature(name="a\0"))), "must be text that a database holds"),
        (polygon([math.nan, 0], [1, 0], [1, 1], [0, 0]), "can't be read"),
        (polygon([0, 0], [math.inf, 0], [1, 1], [0, 0]), "can't be read"),
        (polygon([0, 0], [1e308, 0], [1, 1], [0, 0]), "longitude and latitude in degrees"),
        (polygon(["0", "0"], ["1", "0"], ["1", "1"], ["0", "0"]), "can't be read"),
        (polygon([None, None], [1, 0], [1, 1], [None, None]), "can't be read"),
        (polygon([True, 0], [1, 0], [1, 1], [True, 0]), "can't be read"),
        (json.dumps(collection(feature() | {"geometry": None})), "must be a Polygon"),
        (json.dumps(collection(feature(geometry=[]))), "must be a Polygon"),
        (json.dumps(collection(feature(geometry={"type": ["Polygon"]}))), "must be a Polygon"),
        (polygon([10**400, 0], [1, 0], [1, 1], [0, 0]), "can't be read"),
        ("[" * 100_000, "can't be read as GeoJSON"),
        (json.dumps(collection(feature(), feature())), "feature 2: code AAA stands twice"),
        (json.dumps(collection(feature(geometry={}))), "feature 1 (AAA): the geometry must be a Polygon"),
        (
            json.dumps(collection(feature(geometry={"type": "Point", "coordinates": [1, 1]}))),
            "must be a Polygon",
        ),
        (json.dumps(collection(feature(geometry={"type": "Polygon", "coordinates": []}))), "empty"),
        (json.dumps(collection(feature(geometry={"type": "Polygon", "coordinates": "x"}))), "can't be read"),
        (polygon([0, 0], [500000, 0], [5, 5], [0, 0]), "longitude and latitude in degrees"),
        (polygon([0, 0], [1, 1], [1, 0], [0, 1], [0, 0]), "not valid: Self-intersection"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, document: str, complaint: str) -> None:
    path = tmp_path / "own.geojson"
    path.write_text(document)
    with pytest.raises(RegionsError) as error:
        Regions.load(path)
    assert complaint in str(error.value)
    assert str(path) in str(error.value)


def test_a_broken_gzip_and_a_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"{}" * 99)[:-9])
    for name in ("cut.gz", "none", ".", "a\0b"):
        with pytest.raises(RegionsError, match="can't be read"):
            Regions.load(tmp_path / name)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=12,
)
GEOMETRY = JSON | st.fixed_dictionaries(
    {"type": st.sampled_from(["Polygon", "MultiPolygon"]), "coordinates": JSON}
)
CONTENT = st.one_of(
    st.binary(),
    st.binary().map(lambda raw: b"\x1f\x8b" + raw),
    JSON.map(lambda value: json.dumps(value).encode()),
    GEOMETRY.map(lambda geometry: json.dumps(collection(feature(geometry=geometry))).encode()),
)


@given(CONTENT)
@hypothesis_settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_content_is_regions_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.geojson"
    path.write_bytes(content)
    try:
        Regions.load(path)
    except RegionsError as error:
        assert str(path) in str(error)


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_too_large_for_borders_is_refused_before_it_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    monkeypatch.setattr("stats_assets.osm.regions.MOST", 1 << 20)
    monkeypatch.setattr(json, "loads", None)
    content = b" " * (2 << 20)
    file = tmp_path / "large.geojson"
    file.write_bytes(gzip.compress(content) if packed else content)  # 2 KB, packed
    with pytest.raises(RegionsError, match=f"^{file}: of more than 1 MB"):
        Regions.load(file)
