"""Hashtags (definitions, section 6)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats_assets.osm import hashtags_in_comment, hashtags_of


@pytest.mark.parametrize(
    ("comment", "hashtags"),
    [
        ("", []),
        ("no hashtag", []),
        ("#one", ["one"]),
        ("a #Two and #THREE.", ["two", "three"]),
        ("#a#b", ["a", "b"]),
        ("##a", ["a"]),
        ("# a", []),
        ("#a #b #a #A", ["a", "b"]),
        ("#hotosm-project-1234: roads", ["hotosm-project-1234"]),
        ("#hotosm:project", ["hotosm:project"]),
        ("#a::", ["a:"]),  # one is dropped
        ("#:", []),
        ("#a,b #c;d #e.f #g/h #i(j) #k!l #m?n", ["a", "c", "e", "g", "i", "k", "m"]),
        ("#a'b #c\"d #e$f #g%h #i*j #k<l #m=n #o>p", ["a", "c", "e", "g", "i", "k", "m", "o"]),
        ("#a@b #c[d #e]f #g^h #i{j #k|l #m}n #o~p #q\\r", ["a", "c", "e", "g", "i", "k", "m", "o", "q"]),
        ("#a_b #c-d #e&f #g+h #i`j", ["a_b", "c-d", "e&f", "g+h", "i`j"]),
        ("#a\u2013b #c\u2026 #d\u2e3a", ["a", "c", "d"]),
        ("#a\u00a0b #c\u3000d #e\tf\n#g", ["a", "c", "e", "g"]),
        ("#12345", []),
        ("#1a", ["1a"]),
        ("#-_-", []),
        ("#über #ÉCOLE #МИР #地図 #مسجد", ["über", "école", "мир", "地図", "مسجد"]),
        ("#🚲 #🇩🇪 #1🌍 #❤️ #☃", ["🚲", "🇩🇪", "1🌍", "❤️", "☃"]),
        ("#1️⃣ #→ #€ #½", []),  # digits, arrows, currencies and fractions are no pictographs
        ("#\U0001f3fb", []),  # a skin tone alone
        ("#a\x00b #c\ud800", ["a\ufffdb", "c\ufffd"]),
    ],
)
def test_comments(comment: str, hashtags: list[str]) -> None:
    assert hashtags_in_comment(comment) == hashtags


@pytest.mark.parametrize(
    ("comment", "tag", "hashtags"),
    [
        (None, None, []),
        ("#a", None, ["a"]),
        (None, "#a;#b", ["a", "b"]),
        (None, "a; b ;;c d", ["a", "b", "c"]),
        ("#b #a", "#a;c;#B", ["b", "a", "c"]),
        (None, "some #a;b", ["a", "b"]),
        (None, "123;;:", []),
        (None, "#a:;b:", ["a", "b"]),
    ],
)
def test_both_tags(comment: str | None, tag: str | None, hashtags: list[str]) -> None:
    assert hashtags_of(comment, tag) == hashtags


@given(st.text())
def test_what_comes_out_is_a_hashtag(text: str) -> None:
    for hashtag in hashtags_in_comment(text):
        assert hashtag
        assert not re.search(r"[\s#;,.\u2000-\u206f\x00\ud800-\udfff]", hashtag)
        assert hashtags_in_comment(f"#{hashtag}:") == [hashtag]
