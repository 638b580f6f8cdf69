"""Replication directories of OsmChange, by HTTP and by every kind of file system."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats_assets.feeds.http_client import Http
from stats_assets.feeds.osmchange import OsmChangeDirectory, State, read_state
from stats_assets.feeds.outcomes import (
    BadAnswer,
    BodyTooLarge,
    FeedRefused,
    HeadMissing,
    HeadRefused,
    HeadUnknown,
    SequenceMissing,
)
from stats_assets.feeds.sequences import path_of
from tests.bucket import BUCKET, another_process, s3_server

if TYPE_CHECKING:
    from tests.feeds.conftest import FeedServer, MakeHttp

CHANGE = b'<?xml version="1.0"?><osmChange version="0.6"><delete/></osmChange>\n'
TIME = datetime(2026, 11, 28, 23, tzinfo=UTC)
OSMOSIS = (
    "#Sat Nov 28 23:00:02 UTC 2026\nsequenceNumber=6420000\ntimestamp=2026-11-28T23\\:00\\:00Z\n"
    "txnMaxQueried=1\ntxnActiveList=\ntxnReadyList=\n"
)


def packed(document: bytes) -> bytes:
    return gzip.compress(document, mtime=0)


def state_of(sequence: int, time: datetime) -> bytes:
    return f"sequenceNumber={sequence}\ntimestamp={time:%FT%H\\:%M\\:%SZ}\n".encode()


@pytest.mark.parametrize(
    "text",
    [
        OSMOSIS,
        OSMOSIS.replace("\n", "\r\n"),
        OSMOSIS.replace("\\", ""),
        "! a comment\n\ntimestamp = 2026-11-28T23\\:00\\:00.123Z\n sequenceNumber : 6420000\n",
        "# original OSM sequence number 6\ntimestamp=2026-11-28T23\\:00\\:00Z\nsequenceNumber=6420000\n",
    ],
)
def test_states(text: str) -> None:
    assert read_state(text, url="u") == (6420000, TIME)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "0 bytes"),
        ("\r\n", "0 bytes"),
        ("#Sat Nov 28\n", "'#Sat Nov 28'"),
        ("sequenceNumber=6420000\n", "in place of a state"),
        ("timestamp=2026-11-28T23\\:00\\:00Z\n", "in place of a state"),
        ("timestamp=2026-11-28T23\\:00\\:00Z\nsequenceNumber=642", "without an end of line"),
        ("sequenceNumber=6420000\ntimestamp=2026-11-28T23\\:00\n", "in place of a state"),
        ("sequenceNumber=6420000\ntimestamp=2026-11-28T25\\:00\\:00Z\n", "no time in its timestamp"),
        ("sequenceNumber=6420000\ntimestamp=2026-11-28 23:00:00\n", "in place of a state"),
        ("sequenceNumber=-1\ntimestamp=2026-11-28T23\\:00\\:00Z\n", "in place of a state"),
        ("sequenceNumber=\ntimestamp=2026-11-28T23\\:00\\:00Z\n", "in place of a state"),
        ("sequenceNumber=1234567890\ntimestamp=2026-11-28T23\\:00\\:00Z\n", "in place of a state"),
        ("sequenceNumber=٥\ntimestamp=2026-11-28T23\\:00\\:00Z\n", "in place of a state"),
        ("---\nlast_run: 2023-09-24 15:53:31.626863000 +00:00\nsequence: 5680235\n", "last_run"),
        ("<html><title>Moved</title></html>\n", "'Moved'"),
        (OSMOSIS + "sequenceNumber=642\n", "sequenceNumber twice"),  # written over in place
        (OSMOSIS + "#" * 20_000 + "\n", "too long"),
        ("\0\n", "binary"),
    ],
)
def test_what_is_no_state(text: str, says: str) -> None:
    with pytest.raises(HeadUnknown) as raised:
        read_state(text, url="http://feed/state.txt")
    assert str(raised.value).startswith("http://feed/state.txt: ")
    assert says in str(raised.value)


@given(st.integers(0, len(OSMOSIS) - 1))
def test_a_state_cut_anywhere_is_none_or_the_right_one(length: int) -> None:
    try:
        assert read_state(OSMOSIS[:length], url="u") == (6420000, TIME)
    except HeadUnknown:
        assert "txn" not in OSMOSIS[:length] or not OSMOSIS[:length].endswith("\n")


@given(st.text() | st.binary().map(lambda raw: raw.decode(errors="replace")))
def test_any_content_is_a_state_or_none(text: str) -> None:
    for content in (text, f"sequenceNumber=5\ntimestamp={text}\n", f"{OSMOSIS}{text}\n"):
        try:
            read_state(content, url="u")
        except HeadUnknown:
            continue


def test_the_judges_directory(shared: Path, http: Http, tmp_path: Path) -> None:
    place = shared / "augment" / "replication"
    if not place.exists():
        pytest.skip(f"{place} is not there")
    directory = OsmChangeDirectory(str(place), http)
    first = datetime(2017, 3, 9, 4, 18, 2, tzinfo=UTC)
    assert directory.state() == directory.state_of(58) == (58, first + timedelta(minutes=57))
    assert (
        directory.find(first - timedelta(hours=1)) == 1
    )  # it is the feed's first, not the first that is left
    assert [directory.find(first + timedelta(minutes=n)) for n in range(58)] == list(range(2, 60))
    assert directory.fetch(1, tmp_path).name == "000000001.osc.gz"


# By HTTP


def test_by_http(feed: FeedServer, http: Http, tmp_path: Path) -> None:
    feed.answer("/minute/state.txt", b"moved", 302, headers={"Location": "/s3/state"})
    feed.answer("/s3/state", OSMOSIS.encode())
    feed.answer("/minute/006/420/000.state.txt", OSMOSIS.encode())
    feed.answer("/minute/006/420/000.osc.gz", gzip.compress(CHANGE))
    feed.answer("/minute/006/419/999.osc.gz", CHANGE)
    feed.answer(
        "/minute/006/419/998.osc.gz", b'<osmChange version="0.6" generator="osmdbt-create-diff/0.6"/>'
    )
    directory = OsmChangeDirectory(f"{feed.url}/minute/", http)
    assert directory.url == f"{feed.url}/minute"
    assert directory.state() == directory.state_of(6420000) == (6420000, TIME)
    assert gzip.decompress(directory.fetch(6420000, tmp_path / "new").read_bytes()) == CHANGE
    assert directory.fetch(6419999, tmp_path / "new").read_bytes() == CHANGE
    assert directory.fetch(6419998, tmp_path).exists()


@pytest.mark.parametrize(
    ("status", "page"),
    [
        (404, b"<html>no</html>"),
        (410, b""),
        (403, b"<Error><Code>AccessDenied</Code></Error>"),
        (404, b"<Error><Code>NoSuchKey</Code></Error>"),
    ],
)
def test_what_is_missing(status: int, page: bytes, feed: FeedServer, http: Http, tmp_path: Path) -> None:
    for name in ("state.txt", "000/000/007.state.txt", "000/000/007.osc.gz"):
        feed.answer(f"/{name}", page, status)
    directory = OsmChangeDirectory(feed.url, http)
    assert directory.state_of(7) is None
    with pytest.raises(SequenceMissing, match=rf"000/000/007.osc.gz: status {status}"):
        directory.fetch(7, tmp_path)
    with pytest.raises(HeadMissing, match=f"state.txt: status {status}"):
        directory.state()


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"body": b"<html><h1>Forbidden</h1></html>", "status": 403}, "status 403, 'Forbidden'"),
        ({"body": b"<html>down</html>", "status": 503}, "status 503"),
        ({"silent": True}, "no whole answer"),
    ],
)
def test_what_is_no_answer(
    how: dict[str, Any], says: str, feed: FeedServer, http: Http, tmp_path: Path
) -> None:
    for name in ("state.txt", "000/000/007.state.txt", "000/000/007.osc.gz"):
        feed.answer(f"/{name}", **how)
    directory = OsmChangeDirectory(feed.url, http)
    with pytest.raises(HeadUnknown, match=says):
        directory.state()
    with pytest.raises(HeadUnknown, match=says):  # that it has none is not known
        directory.state_of(7)
    with pytest.raises(BadAnswer, match=says):
        directory.fetch(7, tmp_path)


def test_a_limit(feed: FeedServer, http: Http, tmp_path: Path) -> None:
    for name in ("state.txt", "000/000/007.osc.gz"):
        feed.answer(f"/{name}", b"slow down", 429, headers={"Retry-After": "77"})
    directory = OsmChangeDirectory(feed.url, http)
    with pytest.raises(HeadRefused) as head:
        directory.state()
    with pytest.raises(FeedRefused) as refused:
        directory.fetch(7, tmp_path)
    assert head.value.retry_after == refused.value.retry_after == 77


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "0 bytes"),
        (packed(CHANGE)[:-4], "broken or cut gzip"),
        (packed(CHANGE[:-9]), "no </osmChange> at its end"),
        (packed(b'<osmChange version="0.6"><delete></osm>'), "no </osmChange> at its end"),
        (packed(b"<osm version='0.6'/>"), "<osm> in the place of <osmChange>"),
        (b"BZh91AY", "bzip2"),
        (b"<html><title>Busy</title></html>", "'Busy'"),
    ],
)
def test_what_is_no_file(content: bytes, says: str, feed: FeedServer, http: Http, tmp_path: Path) -> None:
    feed.answer("/000/000/007.osc.gz", content)
    with pytest.raises(BadAnswer, match=says):
        OsmChangeDirectory(feed.url, http).fetch(7, tmp_path)


def test_another_files_state(feed: FeedServer, http: Http) -> None:
    feed.answer("/000/000/007.state.txt", state_of(8, TIME))
    with pytest.raises(HeadUnknown, match=r"000/000/007.state.txt: the state of 8 in place of 7's"):
        OsmChangeDirectory(feed.url, http).state_of(7)


def test_too_large(feed: FeedServer, make_http: MakeHttp, tmp_path: Path) -> None:
    feed.answer("/000/000/007.osc.gz", gzip.compress(CHANGE))
    with pytest.raises(BodyTooLarge):
        OsmChangeDirectory(feed.url, make_http(size_max=10)).fetch(7, tmp_path)


def test_credentials_are_used_and_not_shown(feed: FeedServer, http: Http) -> None:
    directory = OsmChangeDirectory(feed.url.replace("://", "://user:secret@"), http)
    with pytest.raises(HeadMissing) as raised:
        directory.state()
    assert feed.requests["/state.txt"][0]["Authorization"].startswith("Basic ")
    assert "secret" not in f"{directory.url} {raised.value}"


# On file systems


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.mark.parametrize("kind", ["path", "file", "s3"])
def test_on_a_file_system(kind: str, http: Http, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    kept = tmp_path / "a feed, 100%"
    put(kept, {1: TIME, 2: TIME + timedelta(minutes=1)})
    (kept / "000" / "000" / "002.osc.gz").write_bytes(b"<osmChange>")
    uri = {"path": str(kept), "file": kept.as_uri()}.get(kind, "")
    if kind == "s3":
        request.getfixturevalue("s3")
        uri = f"s3://{BUCKET}/{tmp_path.name}/a feed, 100%"
        another_process().put(str(kept), uri, recursive=True)
    directory = OsmChangeDirectory(uri, http)
    assert directory.state() == (2, TIME + timedelta(minutes=1))
    assert directory.find(TIME) == 2
    assert gzip.decompress(directory.fetch(1, tmp_path / "fetched").read_bytes()) == CHANGE
    with pytest.raises(BadAnswer, match="cut off"):
        directory.fetch(2, tmp_path / "fetched")
    assert directory.state_of(3) is None
    with pytest.raises(SequenceMissing, match=r"000/000/003.osc.gz: (no such file|The specified key)"):
        directory.fetch(3, tmp_path)
    with pytest.raises(HeadMissing, match=r"state.txt: (no such file|The specified key|there is no dir)"):
        OsmChangeDirectory(f"{uri}/none", http).state()


def put(place: Path, times: dict[int, datetime], *, without: frozenset[int] = frozenset()) -> None:
    """A directory with these files, each with its state, but for those without."""
    for sequence, time in times.items():
        file = place / f"{path_of(sequence)}.osc.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.compress(CHANGE, mtime=0))
        if sequence not in without:
            (place / f"{path_of(sequence)}.state.txt").write_bytes(state_of(sequence, time))
    newest = max(times)
    (place / "state.txt").write_bytes(state_of(newest, times[newest]))


# The file for a time


def test_a_file_without_a_state(http: Http, tmp_path: Path) -> None:
    put(tmp_path, {n: TIME + timedelta(minutes=n) for n in range(20, 30)}, without=frozenset({24, 25}))
    directory = OsmChangeDirectory(str(tmp_path), http)
    assert directory.state_of(24) is None
    assert directory.find(TIME + timedelta(minutes=24)) == 24  # 25 would do; how far 24 reaches is not known


def test_the_newest_says_it(http: Http, tmp_path: Path) -> None:
    put(tmp_path, {5: TIME})
    directory = OsmChangeDirectory(str(tmp_path), http)
    assert directory.find(TIME) == directory.find(TIME + timedelta(days=1)) == 6
    with pytest.raises(
        SequenceMissing, match=r"000/000/005[.]state[.]txt: the oldest state that is there is of 2026"
    ):
        directory.find(TIME - timedelta(seconds=1))
    assert directory.find(TIME - timedelta(seconds=1), at_latest=TIME) == 5


class CountingDirectory(OsmChangeDirectory):
    """One in memory that counts what is asked of it."""

    def __init__(self, times: dict[int, datetime], without: frozenset[int] = frozenset()) -> None:
        super().__init__(".", Http(""))
        self.times, self.without, self.asked = times, without, 0

    def state(self) -> State:
        return State(max(self.times), self.times[max(self.times)])

    def state_of(self, sequence: int) -> State | None:
        self.asked += 1
        missing = sequence in self.without or sequence not in self.times
        return None if missing else State(sequence, self.times[sequence])


@given(
    first=st.integers(0, 10_000),
    minutes=st.lists(st.integers(1, 50), min_size=1, max_size=80),
    data=st.data(),
)
def test_no_file_that_is_needed_is_left_out(first: int, minutes: list[int], data: st.DataObject) -> None:
    times, time = {}, TIME
    for number, pause in enumerate(minutes):
        time += timedelta(minutes=pause)
        times[first + number] = time
    without = data.draw(st.frozensets(st.sampled_from(sorted(times))))
    wanted = TIME + timedelta(minutes=data.draw(st.integers(0, sum(minutes) + 5)))
    right = next((n for n in sorted(times) if times[n] > wanted), max(times) + 1)
    directory = CountingDirectory(times, without)
    try:
        found = directory.find(wanted)
    except SequenceMissing:
        assert right == first or without
        return
    assert found <= right or found <= 1 or right == first
    if not without:
        assert found == right


def test_by_few_states() -> None:
    a_year = {5_900_000 + n: TIME + timedelta(minutes=n) for n in range(500_000)}
    directory = CountingDirectory(a_year)
    assert directory.find(TIME + timedelta(minutes=1000, seconds=30)) == 5_901_001
    assert directory.asked <= 12
    directory = CountingDirectory({n: TIME + timedelta(minutes=7 * n) for n in range(500_000)})
    assert directory.find(TIME + timedelta(minutes=7 * 100 + 3)) == 101
    assert directory.asked <= 25
