"""The rule for documents, on hand-made envelopes and on bodies' two ends."""

from __future__ import annotations

import gzip
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stats_assets.feeds.body import Body
from stats_assets.feeds.outcomes import (
    BadAnswer,
    BrokenGeometryRemark,
    DuplicateQueryRefused,
    FeedError,
    FeedRefused,
    SequenceMissing,
    SequenceNotYetAvailable,
)
from stats_assets.feeds.validation import Glance, glance_at, judge_body, judge_envelope

UNTIL = datetime(2017, 3, 9, 4, 36, tzinfo=UTC)
GEOMETRY = "runtime error: Way 5 cannot be expanded at timestamp 2017-03-09T04:36:00Z."
TIMEOUT = 'runtime error: Query timed out in "query" at line 1 after 3 seconds.'


def envelope(**fields: Any) -> Glance:
    whole = Glance(root="osm", osm_base=UNTIL, remarks=(), complete=True, error=None, head=b"")
    return whole._replace(**fields)


@pytest.mark.parametrize("fields", [{}, {"osm_base": UNTIL + timedelta(days=900)}])
def test_good_envelopes(fields: dict[str, Any]) -> None:
    judge_envelope(envelope(**fields), url="u", until=UNTIL)


def test_osm_base_is_not_asked_of_directories() -> None:
    judge_envelope(envelope(osm_base=None), url="u", until=None)
    judge_envelope(envelope(osm_base=UNTIL - timedelta(days=1)), url="u", until=None)


EARLY = UNTIL - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("fields", "kind", "says"),
    [
        ({"root": None}, BadAnswer, "no XML document"),
        ({"root": None, "error": "Start tag expected"}, BadAnswer, "Start tag expected"),
        ({"root": "html"}, BadAnswer, "<html> in the place of <osm>"),
        ({"osm_base": EARLY}, SequenceNotYetAvailable, "ends at 2017-03-09T04:35:59Z"),
        ({"osm_base": EARLY, "complete": False, "error": "x"}, SequenceNotYetAvailable, "ends at"),
        ({"osm_base": EARLY, "remarks": (GEOMETRY,)}, SequenceNotYetAvailable, "ends at"),
        ({"osm_base": None}, BadAnswer, "no osm_base"),
        ({"complete": False}, BadAnswer, "cut off"),
        ({"error": "entities are refused"}, BadAnswer, "entities are refused"),
        ({"remarks": (TIMEOUT,)}, BadAnswer, "Query timed out"),
        ({"remarks": ("something new",)}, BadAnswer, "something new"),
        ({"remarks": ("",)}, BadAnswer, "remarks"),
        ({"remarks": (GEOMETRY, TIMEOUT)}, BadAnswer, "Query timed out"),
        ({"remarks": ("x" * 5000,)}, BadAnswer, "xxx…"),
        ({"remarks": (GEOMETRY, GEOMETRY)}, BrokenGeometryRemark, "Way 5 cannot be expanded"),
        ({"remarks": (GEOMETRY,), "complete": False}, BadAnswer, "cut off"),
    ],
)
def test_bad_envelopes(fields: dict[str, Any], kind: type[FeedError], says: str) -> None:
    with pytest.raises(kind, match=says) as raised:
        judge_envelope(envelope(**fields), url="http://feed/1", until=UNTIL)
    assert type(raised.value) is kind
    assert str(raised.value).startswith("http://feed/1: ")
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize(
    ("unreadable", "of", "good"),
    [(0, 0, True), (0, 5, True), (2, 4, True), (3, 6, True), (3, 5, False), (1, 1, False), (4, 4, False)],
)
def test_at_most_half_of_a_body_may_be_unreadable(unreadable: int, of: int, good: bool) -> None:
    def judge(**fields: Any) -> None:
        judge_envelope(
            envelope(**fields),
            url="u",
            until=UNTIL,
            unreadable=unreadable,
            of=of,
            example="node 1: no version",
        )

    if good:
        judge()
        with pytest.raises(BrokenGeometryRemark):
            judge(remarks=(GEOMETRY,))
        return
    says = re.escape(f"{unreadable} of {of} actions or changesets can't be read (node 1: no version)")
    for fields in ({}, {"remarks": (GEOMETRY,)}):
        with pytest.raises(BadAnswer, match=says):
            judge(**fields)
    with pytest.raises(SequenceNotYetAvailable):  # it will be another body then
        judge(osm_base=EARLY)


def test_remarks_may_be_left_to_others() -> None:
    for text in (TIMEOUT, GEOMETRY):
        judge_envelope(envelope(remarks=(text,)), url="u", until=None, remarks=False)


def body_of(content: bytes, folder: Path) -> Body:
    path = folder / "body"
    path.write_bytes(content)
    return Body(1, path, "http://feed/1", len(content), datetime.now(UTC), 0.1)


META = b'<osm version="0.6"><meta osm_base="2017-03-09T04:36:00Z"/>'


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "content",
    [
        META + b"</osm>",
        b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- a <b> --><!DOCTYPE osm>'
        + META
        + b"</osm >\n\n<!-- end -->\n",
        META + b"<!-- " + b"x" * 300_000 + b" --></osm>",
        META + b"<remark> " + GEOMETRY.encode() + b"</remark></osm>",
        META.replace(b'"', b"'") + b"</osm>",
    ],
)
def test_good_bodies(content: bytes, packed: bool, tmp_path: Path) -> None:
    judge_body(body_of(gzip.compress(content) if packed else content, tmp_path), until=UNTIL)


def test_an_empty_root_is_whole(tmp_path: Path) -> None:
    judge_body(
        body_of(b'<?xml version="1.0"?>\n<osm version="0.6" generator="a/b"/>\n', tmp_path), until=None
    )


S3 = b'<?xml version="1.0"?><Error><Code>%s</Code><Message>The key is not here.</Message></Error>'
PAGE = b"<html><p>data</p>\n<p><b>Error</b>: it &lt;broke&gt;\nhere %s</p><p>Error: more</p></html>"


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("content", "status", "kind", "says"),
    [
        (b"", 200, BadAnswer, "0 bytes"),
        (b" \n", 200, BadAnswer, "no message"),
        (META, 200, BadAnswer, "cut off"),
        (META + b"</osm>x", 200, BadAnswer, "cut off"),
        (META + b"</osm><!-- ", 200, BadAnswer, "cut off"),
        (META + b"</osm>" + b" " * 60_000 + b"x", 200, BadAnswer, "cut off"),
        (META + b"<remark>SIGTERM received</remark></osm>", 200, BadAnswer, "SIGTERM"),
        (b'<osm><meta osm_base="2017-03-09T04:35:59Z"/></osm>', 200, SequenceNotYetAvailable, "ends at"),
        (b'<osm><meta osm_base="tomorrow"/></osm>', 200, BadAnswer, "no osm_base"),
        (b"<osmChange></osmChange>", 200, BadAnswer, "<osmChange> in the place of <osm>"),
        (PAGE % b"", 200, BadAnswer, "status 200, 'Error: it <broke> here': <html> in the place of <osm>"),
        (PAGE % b"::duplicate_query", 200, DuplicateQueryRefused, "duplicate_query"),
        (PAGE % b"", 504, BadAnswer, "status 504, 'Error: it <broke> here': the server can't answer now"),
        (META + b"</osm>", 500, BadAnswer, "status 500"),
        (META + b"</osm>", 206, BadAnswer, "status 206"),
        (b"", 502, BadAnswer, "status 502, 'no message'"),
        (S3 % b"NoSuchKey", 200, SequenceMissing, "The key is not here"),
        (S3 % b"AccessDenied", 403, SequenceMissing, "status 403"),
        (S3 % b"SlowDown", 503, FeedRefused, "status 503, 'The key is not here.': asked too often"),
        (META + b"<remark>::rate_limited.</remark></osm>", 200, FeedRefused, "rate_limited"),
        (PAGE % b"::rate_limited", 200, FeedRefused, "asked too often"),
        (b"<html><title>Forbidden</title></html>", 403, BadAnswer, "'Forbidden': the server refuses"),
        (b"\x80\x81\x00\x01", 200, BadAnswer, "binary data"),
        (b"<p>" * 30_000, 200, BadAnswer, "<p> in the place of <osm>"),
    ],
)
def test_bad_bodies(
    content: bytes, packed: bool, status: int, kind: type[FeedError], says: str, tmp_path: Path
) -> None:
    body = body_of(gzip.compress(content) if packed and content else content, tmp_path)
    with pytest.raises(kind, match=re.escape(says)) as raised:
        judge_body(body, until=UNTIL, status=status)
    assert type(raised.value) is kind
    assert raised.value.body == body
    assert "\n" not in str(raised.value)


def test_a_gzip_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadAnswer, match=r"no XML|no message"):
        judge_body(body_of(gzip.compress(b""), tmp_path), until=None)


def test_a_remark_far_from_both_ends_is_left_to_the_parser(tmp_path: Path) -> None:
    filling = b"<a/>" * 50_000
    body = body_of(META + filling + b"<remark>x</remark>" + filling + b"</osm>", tmp_path)
    judge_body(body, until=UNTIL)
    assert glance_at(body.path, url=body.url).remarks == ()
