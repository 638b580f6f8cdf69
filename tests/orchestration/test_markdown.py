"""Text of others in Dagster's UI: whatever it holds, Markdown shows it as it is."""

import re
from html import unescape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from stats_assets.orchestration.markdown import escaped

READER = MarkdownIt("commonmark", {"html": True}).enable(["strikethrough", "table"])
NASTY = [
    "the body ends before </osm>",
    "<html><title>Too & many</title></html>",
    "a <script>alert(1)</script> b",
    "&lt;osm&gt; &amp; &#35; &copy",
    "*all* **is** _well_ __here__ ~~no~~ stats_assets_here _x",
    "`code` ``more`` `half",
    "a | b | c",
    "#missingmaps ##x #1",
    "- not a list",
    "1. not one either",
    "12) nor that",
    "> no quotation",
    "---",
    "===",
    "[no link](http://x/) ![no picture](y) [1]: http://z",
    "http://user@feed/api?id=1&lt=2&copy;x=3_4",
    r"C:\*path\_here \\ \<",
    "ValueError('<osm version=\"0.6\">\n  *first*\n- second')",
    "道路*★*＃",
]


def read(markdown: str) -> str:
    """What a reader sees."""
    shown = unescape(re.sub(r"<[^>]*>", "", READER.render(markdown)))
    return " ".join(shown.split())


@pytest.mark.parametrize("text", NASTY)
def test_text_is_shown_as_it_is(text: str) -> None:
    assert read(escaped(text)) == " ".join(text.split())


@given(st.text("&<>*_|`#[]()~\\!-+=.;:/ \nab1é"))
@example("_a_")
def test_any_text_is_shown_as_it_is(text: str) -> None:
    assert read(escaped(text)) == " ".join(text.split())


def test_plain_text_is_left_alone() -> None:
    for text in ("2 h 42 min behind. 1 waits: 1100: broken", "stats-assets retry --stream augmented_diffs"):
        assert escaped(text) == text
