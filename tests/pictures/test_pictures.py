"""Pictures: their size, what is on them in which script, that nobody is named, and codes that can be read."""

import struct
import unicodedata
import zlib
from types import SimpleNamespace
from typing import cast
from xml.etree import ElementTree as Xml

import pytest
import segno
from fastapi import FastAPI
from fastapi.testclient import TestClient

from stats_assets.charts.code import QUIET, code
from stats_assets.pictures.badge import badge
from stats_assets.pictures.png import png
from stats_assets.pictures.words import fitted, width_of
from stats_assets.questions.problem import Problem
from stats_assets.settings import Settings
from stats_assets.texts.language import LANGUAGES, language
from stats_assets.web import files, pictures
from stats_assets.web.serving import Serving
from tests.pages import content

WINDOW = "from=2025-02-20T14:00&to=2025-02-20T17:30&tz=Africa/Nairobi"


@pytest.fixture(scope="module")
def client() -> TestClient:
    app = FastAPI()
    made = SimpleNamespace(settings=Settings(_env_file=None), answer=content.answer, people="full")
    for module in (pictures, files):
        app.include_router(module.router(cast(Serving, made)))
    return TestClient(app, follow_redirects=False)


def pixels(image: bytes) -> tuple[int, int, list[bytes]]:
    """Width, height, and the rows of a PNG of 8 bits, RGBA."""
    assert image[:8] == b"\x89PNG\r\n\x1a\n"
    width, height, depth, colour = struct.unpack(">IIBB", image[16:26])
    assert (depth, colour) == (8, 6)
    data, at = b"", 8
    while at < len(image):
        (length,) = struct.unpack(">I", image[at : at + 4])
        if image[at + 4 : at + 8] == b"IDAT":
            data += image[at + 8 : at + 8 + length]
        at += length + 12
    raw, rows, before = zlib.decompress(data), [], bytearray(4 * width)
    for y in range(height):
        kind, row = (
            raw[y * (4 * width + 1)],
            bytearray(raw[y * (4 * width + 1) + 1 : (y + 1) * (4 * width + 1)]),
        )
        for x in range(4 * width):
            left, up = row[x - 4] if x > 3 else 0, before[x]
            corner = before[x - 4] if x > 3 else 0
            row[x] = (row[x] + (0, left, up, (left + up) // 2, _paeth(left, up, corner))[kind]) & 255
        rows.append(bytes(row))
        before = row
    return width, height, rows


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]


def test_a_poster_has_its_size_its_window_and_no_names(client: TestClient) -> None:
    image = client.get(f"/h/missingmaps.png?{WINDOW}")
    assert image.headers["content-type"] == "image/png"
    assert struct.unpack(">II", image.content[16:24]) == (1200, 630)
    svg = client.get(f"/h/missingmaps.svg?{WINDOW}").text
    said = " ".join(Xml.fromstring(svg).itertext())  # noqa: S314 - our own
    for part in (
        "#missingmaps",
        "14:00–17:30",
        "20 February 2025",
        "1,012",
        "3 of 210",
        "20 Feb 2025 17:32 (UTC+3)",
    ):
        assert part in said
    for path in ("/h/missingmaps.svg", "/uid/1101.svg", "/u/mapper-1101.svg"):
        drawn = client.get(f"{path}?{WINDOW}").text
        assert not any(str(row["name"]) in drawn for row in content.people() if row["name"])


def test_what_has_not_changed_is_not_sent_again(client: TestClient) -> None:
    first = client.get(f"/h/missingmaps.png?{WINDOW}")
    again = client.get(f"/h/missingmaps.png?{WINDOW}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


SCRIPTS = {
    "Latin": "Žluťoučký kůň ñandú ß",
    "Cyrillic": "Карта мира",
    "Greek": "χάρτης",
    "Arabic": "خريطة العالم",
    "Hebrew": "מפה",
    "Devanagari": "नेपाल मानचित्र क्षेत्र",
    "Bengali": "মানচিত্র",
    "Tamil": "வரைபடம்",
    "Telugu": "పటం",
    "Sinhala": "සිතියම",
    "Thai": "แผนที่",
    "Lao": "ແຜນທີ່",
    "Khmer": "ផែនទី",
    "Myanmar": "မြေပုံ",
    "Amharic": "ካርታ",
    "Georgian": "რუკა",
    "Armenian": "քարտեզ",
    "Han": "地图 地圖 地図",
    "Kana": "マップ ちず",
    "Hangul": "지도",
    "signs": "🌍 ⚠ +~−",
    "mixed": "#नेपाल + #地図 (خريطة) 🌍",
}


def drawn(words: str) -> bytes:
    return png(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="300" height="24"><text x="2" y="18" font-size="14"'
        f' font-family="Noto Sans">{words}</text></svg>'
    )


def test_every_script_that_names_are_in_is_drawn() -> None:
    """What a font has not is drawn as the empty box, the same for all signs."""
    seen: dict[bytes, str] = {}
    for script, words in SCRIPTS.items():
        boxes = "".join("\uffff" if unicodedata.category(c)[0] not in "ZM" else c for c in words).replace(
            "\uffff", "\U0010fffd"
        )
        assert drawn(words) != drawn(boxes), script
        for sign in words:
            if unicodedata.category(sign)[0] in "LS":
                assert drawn(sign) != drawn("\U0010fffd"), (script, sign)
        assert drawn(words) not in seen, (script, seen.get(drawn(words)))
        seen[drawn(words)] = script


@pytest.mark.parametrize("code_", LANGUAGES)
def test_a_poster_in_each_language(client: TestClient, code_: str) -> None:
    svg = client.get(f"/h/missingmaps.svg?{WINDOW}&lang={code_}").text
    tree = Xml.fromstring(svg)  # noqa: S314
    said = " ".join(tree.itertext())
    assert language(code_).say("n_people", n=31).striptags() in said
    right = language(code_).direction == "rtl"
    anchors = [one.get("text-anchor") for one in tree if one.tag.endswith("text")]
    assert set(anchors) == ({"end"} if right else {"start"})


def test_words_that_are_too_long_are_cut_and_not_let_out_of_the_picture() -> None:
    for words in ("#" + "w" * 255, "#" + "地" * 255, "नेपाल" * 60):
        short, size = fitted(words, 60, 1088, 30)
        assert width_of(short, size) <= 1088
        assert short.endswith("…")
    assert fitted("#osm", 60, 1088, 30) == ("#osm", 60)
    assert len(fitted("x" * 20_000, 60, 1088, 30)[0]) < 200


def test_hostile_names_are_text_in_pictures(client: TestClient) -> None:
    for drawn_ in (badge("<script>&\"'", "]]>"), client.get("/h/a%3Cb%3E;%22c.svg").text):
        Xml.fromstring(drawn_)  # noqa: S314
        assert "<script" not in drawn_ and "<b>" not in drawn_
    assert client.get("/badge/h/x.svg?show=edits&label=" + "x" * 9000).status_code == 200


def test_a_code_as_png_has_the_modules_of_its_address(client: TestClient) -> None:
    address = f"http://testserver/h/missingmaps;osmnepal?{WINDOW}"
    modules = [list(map(int, row)) for row in segno.make(address, error="m", micro=False).matrix]
    size = len(modules) + 2 * QUIET
    svg = client.get(f"/qr/h/missingmaps;osmnepal.svg?{WINDOW}").text
    assert svg == code(address, address)
    width, height, rows = pixels(png(svg, 2 * size))
    assert (width, height) == (2 * size, 2 * size)
    inner = range(QUIET, size - QUIET)
    assert [[int(rows[2 * y + 1][4 * (2 * x + 1)] < 128) for x in inner] for y in inner] == modules
    image = client.get(f"/qr/h/missingmaps;osmnepal.png?{WINDOW}").content
    assert struct.unpack(">II", image[16:24]) == (600, 600)
    with pytest.raises(Problem, match="telephone"):
        client.get("/qr/h/x.svg?title=" + "x" * 3000)
