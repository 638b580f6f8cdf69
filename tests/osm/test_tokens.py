"""A single token of absurd size costs itself, not the file or the minute."""

import io
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from stats_assets.osm import document, tokens
from stats_assets.osm.changesets import ChangesetFile, read_changesets
from stats_assets.osm.diff import count_diff
from stats_assets.osm.tokens import LIMIT, OPEN_BYTES_LIMIT, RefusedError, Tokens
from tests.osm.documents import count, create, diff, node, squares, the_categories

PART = 4
"""Of this part of their sizes are the limits, and what is beyond them, but in drills."""
LONG = LIMIT // PART + (1 << 16) + 1
LONGER = 5_000_000 // PART
SIZES = (LONG, LONGER)
DRILLED = [LONG, 2_000_000 // PART, LONGER, pytest.param(12_000_000, marks=pytest.mark.drill)]
LEFT_OUT = {"value_left_out": 1}
FILL = 'a&amp;é > " '  # ends nowhere: cut anywhere, it is still a text

CHANGESET = (
    '<changeset id="2" created_at="2015-06-15T12:00:00Z" open="true" uid="7" user="one"{more}>'
    "{inside}</changeset>"
)
OTHER = (
    '<changeset id="{}" created_at="2015-06-15T12:00:00Z" open="true" uid="8" user="two">'
    '<tag k="comment" v="#other"/></changeset>'
)
TAG = '<tag k="comment" v="#kept"/>'
COMMENT = (
    '<discussion><comment uid="1" user="x" date="2016-01-01T00:00:00Z"><text>{}</text></comment></discussion>'
)

pytestmark = pytest.mark.large
# What nobody reads, of any size, loses nothing.
NOTHING_LOST = {
    "CDATA": COMMENT.format("<![CDATA[{}<x/>]]>"),
    "a comment": "<!-- {}<changeset id='9'/> -->",
    "a comment in a discussion": COMMENT.format("<!--{}-->"),
    "an instruction": "<?php {}?>",
    "a text": COMMENT.format("{}"),
    "a text between": "<x/>{}<x/>",
    "white space": "<x/>{}<x/>",
}


@pytest.fixture(autouse=True)
def smaller(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("drill") is None:
        monkeypatch.setattr(tokens, "LIMIT", LIMIT // PART)
        for module in (tokens, document):
            monkeypatch.setattr(module, "OPEN_BYTES_LIMIT", OPEN_BYTES_LIMIT // PART)


def long_text(size: int) -> str:
    return (FILL * (size // len(FILL) + 1))[:size].rpartition("a&amp;")[0].ljust(size)


def changesets(inside: str, more: str = "") -> ChangesetFile:
    one = CHANGESET.format(inside=inside, more=more)
    found = read_changesets(io.BytesIO(f"<osm>{OTHER.format(1)}{one}{OTHER.format(3)}</osm>".encode()))
    assert (found.envelope.complete, found.envelope.error) == (True, None)
    assert [one.hashtags for one in found.changesets if one.id != 2] == [("other",), ("other",)]
    return found


@pytest.mark.parametrize("size", DRILLED)
@pytest.mark.parametrize("case", NOTHING_LOST)
def test_what_is_never_read_costs_nothing(case: str, size: int) -> None:
    text = " " * size if case == "white space" else long_text(size)
    for inside in (NOTHING_LOST[case].format(text) + TAG, TAG + NOTHING_LOST[case].format(text)):
        found = changesets(inside)
        assert (found.changesets[1].id, found.changesets[1].hashtags, found.flags) == (2, ("kept",), {})
        if "discussion" in inside:
            assert found.newest == datetime(2016, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("size", DRILLED)
@pytest.mark.parametrize("quote", "\"'")
def test_a_value_costs_itself(size: int, quote: str) -> None:
    value = f"{quote}{long_text(size).replace(quote, '_')}{quote}"
    for inside in (f"{TAG}<tag k='created_by' v={value}/>", f"<tag v = {value} k='created_by' />{TAG}"):
        found = changesets(inside)
        assert (found.changesets[1].hashtags, found.changesets[1].editor) == (("kept",), None)
        assert found.flags == LEFT_OUT
        assert "v of <tag>" in found.examples[0]
    found = changesets(f"{TAG}<tag k={value} v='#x'/>")
    assert (found.changesets[1].hashtags, found.flags) == (("kept",), LEFT_OUT)
    found = changesets(f"{TAG}<discussion><comment date={value}/></discussion>")
    assert (found.changesets[1].hashtags, found.flags) == (("kept",), {**LEFT_OUT, "ignored_comment_date": 1})
    found = changesets(TAG, f" num_changes={value} closed_at={value}")
    assert (found.changesets[1].num_changes, found.changesets[1].hashtags) == (0, ("kept",))
    assert found.flags == {"ignored_num_changes": 1, "value_left_out": 2}
    found = changesets(TAG, f" comments_count={value}  min_lat = {value}")
    assert found.flags == {"ignored_box": 1, "ignored_comments_count": 1, "value_left_out": 2}


def test_of_an_id_it_costs_the_changeset() -> None:
    digits = "1" * LONGER
    for name in ("id", "uid", "created_at"):
        one = CHANGESET.format(inside=TAG, more="").replace(f' {name}="', f' {name}="{digits}', 1)
        found = read_changesets(io.BytesIO(f"<osm>{OTHER.format(1)}{one}</osm>".encode()))
        assert (found.envelope.complete, len(found.changesets), found.unreadable) == (True, 1, 1)
        assert found.flags["value_left_out"] == 1
    nameless = CHANGESET.format(inside=TAG, more="").replace('"one"', f'"{digits}"')
    found = read_changesets(io.BytesIO(f"<osm>{nameless}</osm>".encode()))
    assert (found.changesets[0].user, found.changesets[0].uid, found.flags) == (None, 7, LEFT_OUT)


SHOP = create(node(1, tags={"shop": "name-here"}))


@pytest.mark.parametrize(
    ("old", "new", "features", "flags"),
    [
        ('v="name-here"', 'v="{}"', 3, LEFT_OUT),
        ('k="shop"', 'k="{}"', 3, LEFT_OUT),
        (' id="1"', ' id="{}"', 2, {**LEFT_OUT, "unreadable_id": 1}),
        ("</node>", "<!-- {} --></node>", 3, {}),
        ("</node>", "<?x {}?></node>", 3, {}),
        ("</node>", "<![CDATA[{}]]></node>", 3, {}),
        ("</node>", "{}</node>", 3, {}),
        ("<node", "{}<node", 3, {}),
        ("<action", "<!-- {} --><action", 3, {}),
        ("</action>", "</action>\n<!-- {} -->", 3, {}),
        ("</action>", "</action>{}", 3, {"unreadable_text": 1}),
        ("<action", "<note>{}</note><action", 3, {}),
    ],
)
def test_in_a_diff(old: str, new: str, features: int, flags: dict[str, int]) -> None:
    assert old in SHOP
    for size in SIZES:
        text = long_text(size).replace('"', "_")
        action = SHOP.replace(old, new.format(text), 1)
        found = count(diff(create(node(5, tags={"shop": "x"})), action, create(node(6, tags={"shop": "x"}))))
        assert (found.envelope.complete, found.envelope.error) == (True, None)
        assert (found.features, found.flags) == (features, flags)


def test_before_the_root_and_in_it() -> None:
    body = diff(SHOP).replace(
        b"<osm", b"<!-- " + b"x" * LONGER + b" --><osm note='" + b"x" * LONGER + b"'", 1
    )
    found = count(body)
    assert (found.features, found.envelope.error, found.flags) == (1, None, LEFT_OUT)


def test_a_remark_is_read_however_long() -> None:
    remark = "runtime error: Query timed out " + "x" * LONGER
    for text in (remark, f"<![CDATA[{remark}]]>"):
        found = count(diff(SHOP).replace(b"</osm>", f"<remark>{text}</remark></osm>".encode()))
        assert (found.envelope.error, found.envelope.complete) == (None, True)
        (said,) = found.envelope.remarks
        assert said == remark[:1000]


@pytest.mark.parametrize("size", [LONG, pytest.param(5_000_000, marks=pytest.mark.drill)])
@pytest.mark.parametrize(
    "damage",
    [
        '<tag k="a" v="{}<"/>',
        '<tag k="a" v="<{}"/>',
        '<tag k="a" v="{}/><tag k="b" v=">',
        "<!-- {}",
        "<![CDATA[{}",
        "<?x {}",
        "{}<",
        "<tag {}/>",
    ],
)
def test_damage_costs_the_file_as_ever(damage: str, size: int) -> None:
    text = "x" * size
    for body in (
        f"<osm>{SHOP.replace('</node>', damage.format(text) + '</node>')}</osm>",
        f"<osm></osm>{damage.format(text)}",
    ):
        found = count(body.encode())
        assert found.envelope.error is not None
        assert not found.envelope.complete or "<osm></osm>" in body


def test_where_the_reads_end_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token at, above and below the limit, in reads of any size."""
    limit = 1 << 16
    monkeypatch.setattr("stats_assets.osm.tokens.LIMIT", limit)
    monkeypatch.setattr("stats_assets.osm.tokens.KEPT", 1 << 10)
    parts = ["<a>", "<!-- {} -->", "é&amp;{}", "<b c='{}' d=\"{}\"/>", "<![CDATA[{}]]>", "<?x {}?>", "</a>\n"]
    for size in (limit - 40, limit, limit + 1, limit + 5_000):
        body = "".join(part.format("x" * size, "y" * 9) for part in parts).encode()

        def read(chunk: int, body: bytes = body) -> tuple[bytes, int]:
            made, whole = Tokens(io.BytesIO(body)), b""
            while read := made.read(chunk):
                whole += read
            return whole, made.left_out

        found = {read(chunk) for chunk in (1000, 1 << 12, 10_007)}
        assert len(found) == 1
        ((whole, left_out),) = found
        assert left_out == (size > limit)
        assert (whole == body) == (size == limit - 40)


def test_short_documents_are_as_they_were_in_reads_of_any_size() -> None:
    bodies = [
        diff(SHOP, create(node(2, tags={"a": "x > y", "b": "it's"}))),
        b"<osm a='>' b=\"'>\"><!-- <a> - -- --><![CDATA[<x>]] >]]><?p > ?>text &lt; <a/></osm> ",
        b"<!DOCTYPE osm [<!ENTITY e '<x>'>]><osm/>",
        b"<osm><a b='<'/><!x></osm>",
        b"no xml",
        b"",
    ]
    for body in bodies:
        for chunk in range(1, 40):
            made, whole = Tokens(io.BytesIO(body)), b""
            while read := made.read(chunk):
                whole += read
            assert (whole, made.left_out) == (body, 0)


class Endless:
    def __init__(self, begin: bytes, piece: bytes) -> None:
        self.size, self._begin, self._piece = 0, begin, piece

    def read(self, size: int) -> bytes:
        begin, self._begin = self._begin, b""
        self.size += size
        return begin + self._piece * (size // len(self._piece))


@pytest.mark.parametrize("part", [16, pytest.param(1, marks=pytest.mark.drill)])
@pytest.mark.parametrize("begin", [b"<!-- ", b"<![CDATA[", b"<?x ", b"<a b='", b"", b"<a "])
def test_what_has_no_end_is_given_up(begin: bytes, part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LIMIT", "OPEN_BYTES_LIMIT", "SKIP_LIMIT"):
        monkeypatch.setattr(tokens, name, getattr(tokens, name) // part)
    source = Endless(begin, b"x y='' " if begin == b"<a " else b"xxxx")
    with pytest.raises(RefusedError, match="MB without an end"):
        Tokens(source).read(1 << 16)
    assert source.size < tokens.SKIP_LIMIT + (2 << 20) // part


MEMORY = """
import io, resource
from stats_assets.osm.changesets import read_changesets
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
text = b"x" * 25_000_000
before = peak()
for begin, end in ((b"<!-- ", b"-->"), (b"<![CDATA[", b"]]>"), (b"<tag k='a' v='", b"'/>"), (b"<a>", b"</a>")):
    head = b"<osm><changeset id='1' created_at='2015-06-15T12:00:00Z' open='true'>"
    parts = iter((head + begin, end + b"</changeset></osm>"))
    class Body(io.RawIOBase):
        left = 25_000_000
        def read(self, size):
            if self.left == 25_000_000 or self.left <= 0:
                self.left -= 1
                return next(parts, b"")
            self.left -= size
            return b"x" * size
    found = read_changesets(Body())
    assert found.envelope.complete and len(found.changesets) == 1, found
print(peak() - before)
"""


def test_memory_is_bounded() -> None:
    run = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)  # noqa: S603
    assert float(run.stdout) < 20


def test_an_action_of_many_long_values_costs_itself() -> None:
    """No single one is too long: the action is."""
    tags = "".join(f'<tag k="k{n}" v="{"x" * (900_000 // PART)}"/>' for n in range(6))
    found = count_diff(
        io.BytesIO(diff(SHOP.replace("</node>", tags + "</node>"), SHOP)),
        categories=the_categories(),
        regions=squares(),
    )
    assert (found.envelope.error, found.features) == (None, 1)
    assert found.flags == {"unreadable_size": 1}
