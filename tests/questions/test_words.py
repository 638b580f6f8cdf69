"""Editors' families, exact JSON, cursors, likeness."""

from decimal import Decimal
from typing import Any

import pytest

from stats_assets.questions.cursors import after_of, cursor
from stats_assets.questions.editors import family
from stats_assets.questions.exact_json import written
from stats_assets.questions.likeness import distance


@pytest.mark.parametrize(
    ("editor", "expected"),
    [
        ("JOSM/1.5 (18513 en)", "JOSM"),
        ("iD 2.20.1", "iD"),
        ("Go Map!! 4.2", "Go Map!!"),
        ("Every Door Android 4.0", "Every Door Android"),
        ("StreetComplete v55.1", "StreetComplete"),
        ("reverter_plugin/30550;JOSM/1.5", "reverter_plugin"),
        ("/1.0", "/1.0"),
        ("7 Maps", "7 Maps"),
        ("RapiD", "RapiD"),
    ],
)
def test_families_of_editors(editor: str, expected: str) -> None:
    assert family(editor) == expected


def test_numbers_are_exact() -> None:
    value: Any = {
        "a": Decimal("41.203118274"),
        "b": Decimal("1E+3"),
        "c": Decimal("0E-9"),
        "d": [1, None, True, "é\n"],
    }
    assert written(value) == '{"a":41.203118274,"b":1000,"c":0,"d":[1,null,true,"é\\n"]}'
    with pytest.raises(TypeError):
        written({"a": 0.1})  # type: ignore[dict-item]


def test_cursors_come_back_also_as_the_whole_address() -> None:
    text = cursor("41.2", "地図")
    assert after_of(text, by_id=False).key == "地図"
    assert after_of(f"/api/v1/leaderboard?limit=4&after={text}", by_id=False).value == "41.2"
    with pytest.raises(ValueError, match="cursor"):
        after_of(text, by_id=True)


def test_likeness() -> None:
    assert distance("misingmaps", "missingmaps", 2) == 1
    assert distance("missignmaps", "missingmaps", 2) == 1
    assert distance("osm", "osmnepal", 2) is None
    assert distance("abcdef", "fedcba", 2) is None
