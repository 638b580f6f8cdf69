"""Charts as pure functions: well formed, true to their numbers, and readable without a style sheet."""

import gzip
import io
import json
import re
from datetime import date
from importlib import resources
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
import zxingcpp
from PIL import Image

import stats_assets.osm
from stats_assets.charts.bars import WIDTH, bar, progress
from stats_assets.charts.calendar import calendar, level
from stats_assets.charts.code import code
from stats_assets.charts.coverage import strip
from stats_assets.charts.curve import Step, curve
from stats_assets.charts.marks import top_of
from stats_assets.charts.world import outlines, world
from stats_assets.pictures.png import png

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
HOSTILE = '"><script>&'


def rects(drawn: str, name: str) -> list[dict[str, str]]:
    root = ElementTree.fromstring(drawn)  # noqa: S314 -- our own
    return [dict(one.attrib) for one in root.iter() if one.tag.endswith("rect") and one.get("class") == name]


def test_a_curve_is_as_high_as_its_numbers() -> None:
    steps = [Step(str(n), HOSTILE, float(n)) for n in (0, 10, 40, 20)]
    drawn = curve(steps, HOSTILE, "40")
    heights = [float(one["height"]) for one in rects(drawn, "added")]
    assert len(heights) == 3 and heights[1] == 4 * heights[0] == 2 * heights[2]
    assert "<script" not in drawn


def test_holes_are_hatched_doubts_outlined_and_nothing_is_drawn_where_nothing_is_known() -> None:
    steps = [
        Step("a", "before", None),
        Step("b", "hole", 5.0, missing=True),
        Step("c", "doubt", 5.0, flagged=True),
        Step("d", "running", 5.0, running=True),
    ]
    drawn = curve(steps, "edits", "5")
    assert [len(rects(drawn, name)) for name in ("hole", "outlined", "added")] == [2, 1, 3]
    assert [one.get("fill-opacity") for one in rects(drawn, "added")] == [None, None, "0.55"]
    ElementTree.fromstring(curve([], "none", "1"))  # noqa: S314


@pytest.mark.parametrize(
    ("most", "top"), [(0, 1), (1, 1), (7, 8), (10, 10), (27, 30), (230, 300), (1000, 1000), (1240, 1500)]
)
def test_an_axis_ends_with_a_round_number(most: int, top: int) -> None:
    assert top_of(most) == top >= most


def test_bars_share_one_width_and_small_parts_are_seen() -> None:
    widths = [
        float(one["width"])
        for name in ("added", "modified", "deleted")
        for one in rects(bar([600, 400, 0], 1000), name)
    ]
    assert widths == [600, 400] and WIDTH == 1000
    assert float(rects(bar([1, 0, 0], 1_000_000), "added")[0]["width"]) == 2
    assert float(rects(progress(3000, 1000), "added")[0]["width"]) == WIDTH
    assert rects(bar([0, 0, 0], 0), "added") == []


def test_a_calendar_has_fixed_steps_so_that_years_compare() -> None:
    assert [level(edits) for edits in (0, 1, 9, 10, 99, 100, 999, 1000, 10**7)] == [0, 1, 1, 2, 2, 3, 3, 4, 4]
    days = {date(2025, 2, 20): 1240, date(2025, 2, 19): 1, date(2025, 2, 3): 15}
    drawn = calendar(days, date(2025, 2, 20), "days", lambda day, edits: f"{day}: {edits}", MONTHS)
    assert [len(rects(drawn, f"q{shade}")) for shade in (2, 3, 5)] == [1, 1, 1]
    assert "2025-02-20: 1240" in drawn
    (none,) = re.findall(r'class="q0"[^>]* d="([^"]*)"', drawn)
    assert none.count("M") == 52 * 7 + 4 - 3
    begun = calendar({}, date(2025, 2, 20), "days", lambda *_: "", MONTHS, begins=date(2025, 2, 20))
    (hatched,) = re.findall(r'class="hole"[^>]* d="([^"]*)"', begun)
    assert hatched.count("M") == 52 * 7 + 3


@pytest.mark.parametrize(
    "address",
    [
        "https://stats.example/h/missingmaps;osmnepal/live?from=2025-02-20T14:00&tz=Africa/Nairobi",
        "http://127.0.0.1:8080/h/a",
        "https://stats.example/u/" + quote("काठमाडौं" * 8),
    ],
)
@pytest.mark.parametrize("scale", [3, 8])
def test_a_code_is_read_as_the_address(address: str, scale: int) -> None:
    drawn = code(address, HOSTILE)
    size = int(re.findall(r'viewBox="0 0 (\d+) ', drawn)[0])
    with Image.open(io.BytesIO(png(drawn, size * scale))) as picture:
        assert [one.text for one in zxingcpp.read_barcodes(picture.convert("L"))] == [address]


def test_what_is_too_long_for_a_code_is_none() -> None:
    with pytest.raises(ValueError, match="data"):
        code("x" * 5000, "too long")


def test_a_strip_shows_even_one_minute_of_a_year() -> None:
    drawn = strip([(0.5, 0.5 + 1 / 525_600)], [(0.9, 1.0)], "coverage")
    assert float(rects(drawn, "hole")[0]["width"]) >= 3
    assert float(rects(drawn, "outlined")[0]["x"]) == 900


def test_a_map_shows_each_country_that_there_is_small_ones_as_points() -> None:
    packaged = resources.files(stats_assets.osm).joinpath("data", "regions.geojson.gz").read_bytes()
    codes = {one["properties"]["code"] for one in json.loads(gzip.decompress(packaged))["features"]}
    codes = {code for code in codes if len(code) == 3}
    assert len(codes) > 200 and codes - set(outlines()) <= {"ATA", "ATF"}
    drawn = world(
        {"KEN": 1200, "MLT": 5, "USA-TX": 7, "NPL": 0, HOSTILE: 3}, HOSTILE, lambda code, n: f"{code} {n} <"
    )
    root = ElementTree.fromstring(drawn)  # noqa: S314
    kinds = [(one.tag.rpartition("}")[2], one.get("class"), one[0].text) for one in root if len(one)]
    assert kinds == [("path", "q5", "KEN 1200 <"), ("circle", "q2", "MLT 5 <")]
    assert len(drawn) < 20_000
