"""Every recorded answer of a real Overpass server leads to its outcome: fetched over HTTP, parsed, judged."""

from __future__ import annotations

import gzip
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from lxml import etree

from stats_assets.feeds.body import Body, open_body
from stats_assets.feeds.outcomes import (
    BadAnswer,
    DuplicateQueryRefused,
    FeedRefused,
    HeadUnknown,
    SequenceNotYetAvailable,
)
from stats_assets.feeds.overpass import OverpassSource
from stats_assets.feeds.validation import judge_envelope

if TYPE_CHECKING:
    from tests.feeds.conftest import FeedServer, MakeHttp

GOOD = Body
DIFFS = {
    "future-next": (
        SequenceNotYetAvailable,
        "data ends at 2017-03-09T04:17:00Z, the sequence at 2017-03-09T04:18",
    ),
    "partial-above-status": (SequenceNotYetAvailable, "data ends at"),
    "partial-completed": (GOOD, ""),
    "late-before": (GOOD, ""),
    "late-after": (GOOD, ""),
    "script-creates": (GOOD, ""),
    "script-empty-minute": (GOOD, ""),
    "script-minor-by-moved-node": (GOOD, ""),
    "script-deletes": (GOOD, ""),
    "script-undeletes": (GOOD, ""),
    "script-create-version-2": (GOOD, ""),
    "script-delete-undelete": (GOOD, ""),
    "script-edge-until": (GOOD, ""),
    "script-unknown-members": (GOOD, ""),
    "script-far-move": (GOOD, ""),
    "script-names": (GOOD, ""),
    "script-extreme-places": (GOOD, ""),
    "script-no-change": (GOOD, ""),
    "script-inconsistent-node-gone": (GOOD, ""),
    "future-far": (SequenceNotYetAvailable, "data ends at"),
    # Before the server's history nothing in the answer's envelope tells; one does not ask for it.
    "ancient-empty": (GOOD, ""),
    "ancient-not-empty": (GOOD, ""),
    "id-year-10000": (
        BadAnswer,
        'status 400, \'Error: line 1: static error: The attribute "date" must be empty',
    ),
    "id-with-letters": (BadAnswer, 'status 400, \'Error: line 1: static error: The attribute "augmented"'),
    "debug": (BadAnswer, "data=[adiff:"),
    "bbox": (GOOD, ""),
    "bbox-moved-out": (GOOD, ""),
    "bbox-moved-in": (GOOD, ""),
    "gzip": (GOOD, ""),
    "remark-memory": (BadAnswer, "Query ran out of memory"),
    "remark-timeout": (BadAnswer, "Query timed out"),
    "killed-before-output": (BadAnswer, "status 500, '500 Internal Server Error'"),
    "killed-truncated": (BadAnswer, "cut off"),
    "terminated-remark": (BadAnswer, "SIGTERM received"),
    "duplicate-query": (DuplicateQueryRefused, "duplicate_query"),
    "cache-poisoned-empty": (BadAnswer, "0 bytes"),
    "cache-hit": (GOOD, ""),
    "cache-half-written": (BadAnswer, "cut off"),
    "rate-limited": (FeedRefused, "status 429, 'Error: runtime error: open64: 0 Success"),
    "rate-limited-at-once": (FeedRefused, "rate_limited"),
    "overload-with-rate-limit": (BadAnswer, "status 504, 'Error: runtime error"),
    "overload-without-rate-limit": (BadAnswer, "protocol_error"),
    "dispatcher-down": (BadAnswer, "is turned off"),
    "dispatcher-crashed": (BadAnswer, "Connection refused /overpass/db"),
}
NEVER_ASKED = {"id-not-a-number": "abc", "id-leading-zero": "02360010"}
HEADS = {
    "status-after-load": 2360001,
    "status-2360020": 2360020,
    "status": 2360059,
    "status-from-cache": 2360017,
    "dispatcher-down-status": None,
    "dispatcher-crashed-status": None,
}
Recorded = dict[str, dict[str, Any]]


class Parsed(NamedTuple):
    root: str | None
    osm_base: datetime | None
    remarks: tuple[str, ...]
    complete: bool
    error: str | None


def parsed(path: Path) -> Parsed:
    """A whole document's envelope, by a parser."""
    with open_body(path) as stream:
        root = etree.fromstring(stream.read())
    base = root.find("meta")
    return Parsed(
        root=etree.QName(root).localname,
        osm_base=datetime.fromisoformat(str(base.attrib["osm_base"])) if base is not None else None,
        remarks=tuple(remark.text or "" for remark in root.findall("remark")),
        complete=True,
        error=None,
    )


def serve(feed: FeedServer, recorded: Recorded, folder: Path, name: str, path: str) -> None:
    answer = recorded[name]
    body = gzip.decompress((folder / f"{name}.gz").read_bytes())
    headers = {key: value for key, value in answer["headers"].items() if key != "Content-Length"}
    feed.answer(path, body, answer["status"], headers=headers)


def test_every_recorded_answer_has_a_line(recorded: Recorded) -> None:
    assert recorded.keys() == DIFFS.keys() | HEADS.keys() | NEVER_ASKED.keys()


@pytest.mark.parametrize("name", DIFFS)
def test_diff(
    name: str, feed: FeedServer, make_http: MakeHttp, recorded: Recorded, recorded_in: Path, tmp_path: Path
) -> None:
    asked = re.search(r"id=(\d+)", recorded[name]["request"])
    sequence = min(int(asked[1]), 999_999_999) if asked else 2360017
    serve(feed, recorded, recorded_in, name, f"/api/augmented_diff?id={sequence}")
    source = OverpassSource(feed.url, make_http())
    kind, says = DIFFS[name]
    if kind is not GOOD:
        with pytest.raises(kind, match=re.escape(says)) as raised:
            source.fetch(sequence, tmp_path)
        assert type(raised.value) is kind
        assert "\n" not in str(raised.value)
        assert str(raised.value).startswith(f"{feed.url}/api/augmented_diff?id={sequence}: ")
        assert (
            len(feed.requests[f"/api/augmented_diff?id={sequence}"]) == 1
        )  # tries of one id add up over all
        return
    body = source.fetch(sequence, tmp_path)
    assert body.sequence == sequence
    assert body.size == body.path.stat().st_size == recorded[name]["bytes"]
    judge_envelope(parsed(body.path), url=body.url, until=source.until(sequence))


@pytest.mark.parametrize("name", HEADS)
def test_head(
    name: str, feed: FeedServer, make_http: MakeHttp, recorded: Recorded, recorded_in: Path
) -> None:
    serve(feed, recorded, recorded_in, name, "/api/augmented_diff_status")
    source = OverpassSource(feed.url, make_http())
    if HEADS[name] is None:
        with pytest.raises(HeadUnknown, match="0 bytes"):
            source.head()
    else:
        assert source.head() == HEADS[name]


@pytest.mark.parametrize("sequence", [*NEVER_ASKED.values(), -1, 10**9, True, 1.0, None])
def test_only_plain_integers_are_asked(
    sequence: Any, feed: FeedServer, make_http: MakeHttp, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="no sequence number"):
        OverpassSource(feed.url, make_http()).fetch(sequence, tmp_path)
    assert not feed.requests
