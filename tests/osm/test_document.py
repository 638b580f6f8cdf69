"""The stream's reader: what a document says of itself, hostile input, cut input, bounded memory."""

import io
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import cycle, product
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats_assets.osm import document, tokens, unfinished
from stats_assets.osm.changesets import read_changesets
from stats_assets.osm.diff import count_diff
from stats_assets.osm.document import Document
from tests.conftest import examples
from tests.osm.documents import (
    HIGHWAY,
    Member,
    count,
    create,
    delete,
    diff,
    gone,
    modify,
    node,
    relation,
    squares,
    the_categories,
    way,
)
from tests.telling import telling

SHOP = create(node(1, tags={"shop": "x"}))


class Stream(io.RawIOBase):
    """A body made while it is read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def body_of(pieces: Iterator[bytes]) -> BinaryIO:
    return io.BufferedReader(Stream(pieces))


def repeated(start: bytes, piece: bytes, megabytes: int, end: bytes = b"") -> Iterator[bytes]:
    yield start
    block = piece * (100_000 // len(piece) + 1)
    for _ in range(megabytes * 1_000_000 // len(block)):
        yield block
    yield end


def smaller(patch: pytest.MonkeyPatch) -> None:
    """A quarter of what may stay open: what is beyond it is made and read four times as fast."""
    for module in (tokens, document):
        patch.setattr(module, "OPEN_BYTES_LIMIT", 1 << 20)
        patch.setattr(module, "TOO_LONG", tokens.TOO_LONG.replace("4 MB", "1 MB"))
    for limit in ("MEMBER_POSITIONS_LIMIT", "OTHERS_LIMIT"):
        patch.setattr(unfinished, limit, getattr(unfinished, limit) // 4)


def test_the_envelope() -> None:
    remarks = "<remark> runtime error: x </remark><remark>y</remark>"
    found = count(diff(SHOP, after=remarks)).envelope
    assert found == (
        "osm",
        datetime(2017, 3, 9, 4, 18, 2, tzinfo=UTC),
        ("runtime error: x", "y"),
        True,
        None,
    )


@pytest.mark.parametrize(
    ("body", "root", "complete", "actions"),
    [
        (b"", None, False, 0),
        (b"2360020\n", None, False, 0),
        (b"   ", None, False, 0),
        (b"\x1f\x8b\x08", None, False, 0),
        (b"<", None, False, 0),
        (b"<osm", None, False, 0),
        (b"<osm/>", "osm", True, 0),
        (b"\xef\xbb\xbf<osm></osm>\n\n", "osm", True, 0),
        (b"<osm>" + SHOP.encode(), "osm", False, 1),
        (b"<osm>" + SHOP.encode() + b"</osm>", "osm", True, 1),
        (b"<osm>" + SHOP.encode() + b"</osm>garbage", "osm", True, 1),
        (b"<osm>" + SHOP.encode() + b"</osm><osm></osm>", "osm", True, 1),
        (
            b"<osm>" + SHOP.encode() + b"</html>",
            "osm",
            False,
            0,
        ),  # the last one before a break is not trusted
        (b"<osm>" + SHOP.encode() * 2 + b"\x00</osm>", "osm", True, 2),
        (b"<osm>" + SHOP.encode() * 2 + b"&nbsp;</osm>", "osm", False, 1),
        (b"<html>" + SHOP.encode() + b"</html>", "html", False, 0),
        (b"<html xmlns='x'><p/></html>", "html", False, 0),
        (b"<osm xmlns='x'>" + SHOP.encode() + b"</osm>", "osm", False, 0),
        (b"<os:></os:>", "os:", False, 0),
        (b"<?xml version='1.0' encoding='nonsense'?><osm/>", None, False, 0),
        (f"<?xml version='1.0' encoding='utf-16'?><osm>{SHOP}</osm>".encode("utf-16"), "osm", True, 1),
        (b"<osm><other>" + SHOP.encode() + b"</other></osm>", "osm", True, 1),  # one thing that can't be read
        (b"<osm><!-- <action> -->" + SHOP.encode() + b"<?pi?></osm>", "osm", True, 1),
        (
            b"<osm><a:b/>" + SHOP.encode() + b"</osm>",
            "osm",
            False,
            0,
        ),  # an unknown prefix is an error to lxml
        (b"<osm>" + SHOP.encode() + b"</osm><!-- c --><?pi?>\n", "osm", True, 1),
        (b"<osm><osm/>" + SHOP.encode() + b"</osm>", "osm", True, 1),
    ],
)
def test_good_and_bad_documents(body: bytes, root: str | None, complete: bool, actions: int) -> None:
    found = count(body)
    assert (found.envelope.root, found.envelope.complete, found.actions) == (root, complete, actions)
    assert found.bytes == len(body)
    bad_end = body.endswith((b"garbage", b"</osm><osm></osm>"))
    assert (found.envelope.error is None) == (complete and not bad_end)


ENTITY = b'<!DOCTYPE osm [<!ENTITY e "x">]>'
BOMB = (
    b"<!DOCTYPE osm [<!ENTITY a '"
    + b"x" * 50
    + b"'>"
    + b"".join(b"<!ENTITY %c '%s'>" % (98 + n, b"&%c;" % (97 + n) * 50) for n in range(9))
    + b"]>"
)


@pytest.mark.parametrize(
    "prolog",
    [
        ENTITY,
        BOMB,
        b'<!DOCTYPE osm SYSTEM "file:///etc/passwd">',
        b'<!DOCTYPE osm [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        b'<!DOCTYPE osm PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://127.0.0.1:9/x.dtd">',
    ],
)
def test_a_dtd_is_never_read(prolog: bytes) -> None:
    found = count(
        prolog + b"<osm>" + create(node(1, tags={"shop": "x"}, user="y")).encode() + b"&e;&j;</osm>"
    )
    assert (found.envelope.root, found.envelope.complete, found.actions) == ("osm", False, 0)
    assert found.envelope.error == "the document has a DTD, which is never read"


def test_an_entity_in_the_roots_own_attribute_does_not_explode() -> None:
    found = count(BOMB + b'<osm a="&j;"></osm>')
    assert found.actions == 0
    assert found.envelope.error


ENDLESS = [
    (b"<osm>", b"                ", "2 MB without an end"),
    (b"<osm>", b"text ", "2 MB without an end"),
    (b"<osm>", b"&#32;", "2 MB without an end"),
    (b"<osm><!-- ", b"> > >", "2 MB without an end"),
    (b"<osm><x a='", b">>>>>", "2 MB without an end"),
    (b"<osm><x ", b"aaaaa", "1 MB without an end"),
    (b"<osm><![CDATA[", b"     ", "2 MB without an end"),
    (b"<osm></osm>", b"     ", "2 MB without an end"),
    (b"<osm><action type='create'><node id='1'>", b"<tag k='a' v='b'/>", "2 MB without an end"),
    (b"<osm><action type='create'><way id='1'>", b"<nd/>", "2 MB without an end"),
    (b"<osm><action type='create'><relation id='1'>", b"<member/>", "2 MB without an end"),
    (
        b"<osm><action type='create'><relation id='1'>",
        b"<member/><tag k='a' v='b'/>",
        "2 MB without an end",
    ),
    (b"<osm><action type='create'><relation id='1'><member>", b"<nd lat='1'/>", "2 MB without an end"),
    (b"<osm><x>", b"<y a='b'/>", "1 MB without an end"),
    (b"<osm>", b"<action>", "Excessive depth"),
    (b"<osm a='", b"aaaaa", "2 MB without an end"),
    (b"<!-- x -->", b"<!-- x -->", "no root element in the first 1 MB"),
    (b"<!DOCTYPE osm [", b"<!ENTITY e 'x'>", "no root element in the first 1 MB"),
]


@pytest.mark.large
@pytest.mark.parametrize(
    ("start", "piece", "error"),
    telling(ENDLESS, *ENDLESS[2:8:2], *ENDLESS[8:9], *ENDLESS[12:]),
)
def test_given_up_early(start: bytes, piece: bytes, error: str, monkeypatch: pytest.MonkeyPatch) -> None:
    smaller(monkeypatch)
    monkeypatch.setattr(tokens, "SKIP_LIMIT", 2 << 20)  # of 64 MB
    read = 0

    def pieces() -> Iterator[bytes]:
        nonlocal read
        for block in repeated(start, piece, 10):
            read += len(block)
            yield block

    found = count_diff(body_of(pieces()), categories=the_categories(), regions=squares())
    assert found.envelope.error is not None
    assert error in found.envelope.error
    assert read < (4_500_000 if error.startswith("2 MB") else 1_500_000)


JUNK = """
import io, resource
from stats_assets.osm.categories import Categories
from stats_assets.osm.diff import count_diff
from stats_assets.osm.regions import Regions
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
categories, regions = Categories.load(), Regions.load()
before = peak()
for piece in (b"<x/>", b"<osm/>", b"<remark>x</remark>", b"<action> </action>", b"<!-- x --><x id='a'/>"):
    body = io.BytesIO(b"<osm>" + piece * (750_000 // len(piece)) + b"</osm>")
    assert count_diff(body, categories=categories, regions=regions).envelope.complete
print(peak() - before)
"""


@pytest.mark.large
def test_junk_is_not_kept() -> None:
    """750 kB of each take 9 MB and more as a tree."""
    run = subprocess.run([sys.executable, "-c", JUNK], capture_output=True, text=True, check=True)  # noqa: S603
    assert float(run.stdout) < 8


@pytest.mark.large
def test_a_relation_of_many_members_is_thinned_out_and_counts_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So long that it spans several chunks, and the limit from which members are packed."""

    def members(shift: float) -> list[Member]:
        boxes: list[Member] = [("outer", [(0.5, 0.5), (9.5, 0.5), (9.5, 9.5), (0.5, 9.5), (0.5, 0.5)])]
        for n in range(2500):
            x, y = 1 + (n % 100) * 0.02, 1 + (n // 100) * 0.02
            ring = [(x, y), (x + 0.01, y), (x + 0.01, y + 0.01 + shift), (x, y + 0.01), (x, y)]
            boxes.append(("inner", ring))
        return boxes

    tags = {"type": "multipolygon", "landuse": "forest"}
    old, new = relation(1, members(0), tags), relation(1, members(0.002), tags, version=2)
    body = diff(SHOP, modify(old, new), SHOP)
    assert len(body) > 900_000
    monkeypatch.setattr(document, "THIN_OUT_BYTES", 1 << 18)
    found = count(body)
    assert (found.features, found.errors, found.envelope.error) == (3, (), None)
    (changeset,) = found.changesets
    after, before = (count(diff(create(side))).changesets[0].measurements for side in (new, old))
    change = before["landuse_km2_added"] - after["landuse_km2_added"]
    assert abs(changeset.measurements["landuse_km2_modified"] - change) < change / 10**6
    monkeypatch.setattr("stats_assets.osm.unfinished.MEMBER_POSITIONS_LIMIT", 1000)
    found = count(body)
    assert (found.features, found.actions, found.envelope.error) == (2, 3, None)
    assert found.flags == {"unreadable_size": 1}
    assert found.examples == ("modify relation 1: a relation of more than 1,000 positions was not read",)


KINDS = ("create", "modify", "delete")
ABSURD = {
    "tags": ("<node id='9'>", "<tag k='a' v='b'/>", "</node>"),
    "other tags": ("<relation id='9' version='1'>", "<tag k='abcdefgh' v='地図'/>", "</relation>"),
    "nodes": ("<way id='9'>", "<nd ref='1' lat='1' lon='1'/>", "</way>"),
    "bare nodes": ("<way id='9'>", "<nd/>", "</way>"),
    "a member's nodes": ("<relation id='9'><member>", "<nd lat='1' lon='1'/>", "</member></relation>"),
    "members and tags": ("<relation id='9'>", "<member type='way'/><tag k='a' v='b'/>", "</relation>"),
    "what nobody knows": ("<node id='9'>", "<foo bar='1'/>", "</node>"),
    "nested": ("<node id='9'>", "<a b='1'><b><c d='2'>text</c></b></a>", "</node>"),
    "texts": ("<node id='9'>", "<!-- x -->some text", "</node>"),
    "elements": ("", "<node id='9'/>", ""),
    "sides": ("", "<old><node id='9'/></old>", ""),
}


@pytest.mark.large
@pytest.mark.parametrize(
    ("what", "kind"),
    telling(product(ABSURD, KINDS), *(zip(ABSURD, cycle(KINDS), strict=False))),  # each in one kind of action
)
def test_an_action_of_absurd_size_costs_itself(what: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside many others, so that all the chunks' ends are tried; its own tags make it no feature."""
    smaller(monkeypatch)
    monkeypatch.setattr(document, "THIN_OUT_BYTES", 1 << 18)
    begin, piece, end = ABSURD[what]
    before, after = ("", "") if kind == "create" else ("<old><node id='9'/></old><new>", "</new>")
    start = f"<osm>{SHOP * 3}<action type='{kind}'>{before}{begin}".encode()
    rest = f"{end}{after}</action>{SHOP * 5}</osm>".encode()
    found = count_diff(
        body_of(repeated(start, piece.encode(), 2, rest)), categories=the_categories(), regions=squares()
    )
    assert (found.envelope.error, found.envelope.complete) == (None, True)
    assert (found.features, found.actions, found.unreadable) == (8, 9, 1)
    assert found.flags == {"unreadable_size": 1}
    assert "n of more than " in found.examples[0]


@pytest.mark.large
def test_two_of_them_and_one_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    smaller(monkeypatch)
    tags = "<tag k='a' v='b'/>" * 75_000
    large = f"<action type='create'><node id='9'>{tags}</node></action>"
    found = count(diff(large, SHOP, large, large))
    assert (found.features, found.actions, found.flags) == (1, 4, {"unreadable_size": 3})
    assert found.examples[0].startswith("create node 9: ")


LARGE = """
import io, resource
from stats_assets.osm.categories import Categories
from stats_assets.osm.diff import count_diff
from stats_assets.osm.regions import Regions
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
categories, regions = Categories.load(), Regions.load()
piece = b"<tag k='a' v='b'/>" * 3000
def read(megabytes):
    left = [megabytes * (1 << 20) // len(piece)]
    class Body(io.RawIOBase):
        def read(self, size):
            left[0] -= 1
            if left[0] < -1:
                return b""
            return piece if left[0] >= 0 else b"</node></action></osm>"
    body = Body()
    first = [b"<osm><action type='create'><node id='9'>"]
    plain = body.read
    body.read = lambda size: first.pop() if first else plain(size)
    found = count_diff(body, categories=categories, regions=regions)
    assert found.envelope.complete and found.unreadable == 1, found
read(5)
before = peak()
read(20)
print(peak() - before)
"""


@pytest.mark.drill
def test_the_size_of_what_is_given_up_costs_no_memory() -> None:
    run = subprocess.run([sys.executable, "-c", LARGE], capture_output=True, text=True, check=True)  # noqa: S603
    assert float(run.stdout) < 15


EVERYTHING = diff(
    SHOP,
    modify(node(5, tags={"a": "b>c"}), node(5, tags={"a": "b>c"}, version=2)),
    delete(way(2, [(1.0, 1.0), (2.0, 1.0)], HIGHWAY), gone("way", 2)),
    create(relation(3, [("outer", [(1.0, 1.0), (2.0, 1.0)])], {"type": "site", "é": "🌍"})),
    after="<!-- a comment --><remark>x</remark>",
)


@pytest.mark.large
def test_cut_anywhere() -> None:
    """Of a body that ends early all actions before the end count, wherever the cut is."""
    end = EVERYTHING.index(b"</osm>") + len(b"</osm>")
    for size in range(len(EVERYTHING) + 1):
        found = count(EVERYTHING[:size])
        assert found.actions == EVERYTHING[:size].count(b"</action>"), EVERYTHING[:size]
        assert found.envelope.complete == (size >= end)
        assert (found.envelope.error is None) == (size >= end)


@pytest.mark.parametrize("chunk", [1, 7, 64, 1000])
def test_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    whole = count(EVERYTHING)
    monkeypatch.setattr("stats_assets.osm.document.CHUNK", chunk)
    assert count(EVERYTHING) == whole
    assert count(EVERYTHING[:-30]).actions == 4
    assert read_changesets(io.BytesIO(EVERYTHING)).content_hash


def test_errors_of_the_body_pass_through() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"<osm>"
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        count_diff(body_of(pieces()), categories=the_categories(), regions=squares())


def test_the_content_hash_is_that_of_the_actions() -> None:
    first = count(diff(SHOP))
    later = count(diff(SHOP, envelope="<note>another</note><meta osm_base='2020-01-01T00:00:00Z'/>"))
    assert first.content_hash == later.content_hash
    assert first.content_hash != count(diff(SHOP, SHOP)).content_hash
    assert first.content_hash != count(diff()).content_hash
    assert count(diff()).content_hash == count(b"<osm/>").content_hash
    utf16 = [
        f"<?xml version='1.0' encoding='utf-16'?><osm>{a}</osm>".encode("utf-16") for a in (SHOP, SHOP * 2)
    ]
    assert count(utf16[0]).content_hash != count(utf16[1]).content_hash


def test_the_batches_are_freed() -> None:
    read = Document(io.BytesIO(diff(*[SHOP] * 5000)), "action")
    seen: list[Any] = []
    for batch in read.batches():
        assert all(len(element) == 1 for element in batch)
        seen = [batch[0]]
    root = seen[0].getparent()
    assert root is None or len(root) < 5000
    assert read.envelope.complete


@examples(60)
@given(
    st.lists(
        st.tuples(st.integers(0, len(EVERYTHING) - 1), st.sampled_from(b"<>\"'=/&;019.-eN \x00\xff")),
        max_size=4,
    )
)
def test_no_damage_raises(damage: list[tuple[int, int]]) -> None:
    body = bytearray(EVERYTHING)
    for place, byte in damage:
        body[place] = byte
    found = count(bytes(body))
    ignored = sum(number for reason, number in found.tallies.items() if reason != "unknown_action_type")
    assert found.actions == found.features + ignored + found.unreadable
    assert read_changesets(io.BytesIO(body)).changesets == ()
