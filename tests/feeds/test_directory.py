"""Directories of replication files, by HTTP and by every kind of file system."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats_assets.feeds.body import open_body
from stats_assets.feeds.directory import DirectorySource, read_state
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.outcomes import BadAnswer, BodyTooLarge, HeadUnknown, SequenceMissing
from stats_assets.feeds.overpass import OverpassSource
from stats_assets.feeds.source import Source, State
from stats_assets.streams import TABLE
from tests.bucket import BUCKET, another_process, s3_server

if TYPE_CHECKING:
    from tests.feeds.conftest import FeedServer, MakeHttp

DIFF = b'<osm version="0.6"><meta osm_base="2012-09-12T07:00:00Z"/></osm>'
STATE = b"---\nlast_run: 2023-09-24 15:53:31.626863000 +00:00\nsequence: 5680235\n"


@pytest.mark.parametrize(
    ("text", "last_run"),
    [
        (STATE.decode(), datetime(2023, 9, 24, 15, 53, 31, 626863, tzinfo=UTC)),
        (
            "---\nlast_run: 2015-07-07 02:02:01.949763878 Z\nsequence: 5680235\n",
            datetime(2015, 7, 7, 2, 2, 1, 949763, tzinfo=UTC),
        ),
        (
            "sequence: 5680235\nlast_run: 2023-09-24T17:53:31+0200\n",
            datetime(2023, 9, 24, 15, 53, 31, tzinfo=UTC),
        ),
        (
            "last_run: '2023-09-24 15:53:31'\nsequence: '5680235'\n",
            datetime(2023, 9, 24, 15, 53, 31, tzinfo=UTC),
        ),
        ("last_run: never\nsequence: 5680235\nmore: [1]\n", None),
        ("{sequence: 5680235}\n", None),
        ("sequence: 5680235\r\n", None),
    ],
)
def test_states(text: str, last_run: datetime | None) -> None:
    assert read_state(text, url="u") == State(5680235, last_run)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "0 bytes"),
        ("\n", "0 bytes"),
        ("---\n", "'---'"),
        ("---\nlast_run: 2023-09-24 15:53:31.626863000 +00:00\nsequ", "'--- last_run"),
        ("sequence: \n", "sequence:"),
        ("sequence: -1\n", "-1"),
        ("sequence: 1.5\n", "1.5"),
        ("sequence: 0x10\n", "0x10"),
        ("sequence: [1]\n", "[1]"),
        ("sequenceNumber=5\n", "sequenceNumber=5"),
        ("- sequence\n", "- sequence"),
        ("a: b: c", "a: b: c"),
        ("<html><title>Moved</title></html>", "'Moved'"),
        ("sequence: 99999999999\n", "99999999999"),
        ("---\nlast_run: 2026-11-28 23:00:00.000000000 +00:00\nsequence: 740", "without an end of line"),
        ("---\nsequence: 5\nlast_run: 9999-12-31 23:59:59 -11:00\n", "sequence: 5"),
        ("---\nsequence: 5\nlast_run: 2026-13-31 23:59:59 Z\n", "sequence: 5"),
        ("---\nsequence: 5\nlast_run: [2026]\n", "[2026]"),
        ("[" * 20_000 + "\n", "[[["),
        ("sequence: &a [*a]\n", "&a"),
        ("sequence: !!python/object:os.system x\n", "os.system"),
        ("\x00\n", "binary"),
        ("sequence: 5\n" + "#" * 10_000_000 + "\n", "too long"),  # half a minute of YAML, in a tick
        ("a: b\n" * 200_000, "too long"),
        ("sequence: .nan\n", ".nan"),
        ("sequence: 2026-01-01\n", "2026-01-01"),
        ("sequence: ٥\n", "sequence"),
        ("{a: " * 3000 + "\n", "{a:"),
        ("sequence: 5\n---\nsequence: 6\n", "sequence: 5"),
        ("sequence: 7400000\nsequence: 740\n", "sequence: 740"),  # written over in place
        ("a: &a [x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n", "&a"),
        ("sequence: 5\nsettled: soon\n", "settled: soon"),
        ("sequence: 5\nsettled:\n", "settled:"),
        ("sequence: 5\nsettled: -2\n", "-2"),
        ("sequence: 5\nsettled: 4\nsettled: 3\n", "settled: 3"),
    ],
)
def test_what_is_no_state(text: str, says: str) -> None:
    with pytest.raises(HeadUnknown) as raised:
        read_state(text, url="http://feed/state.yaml")
    assert str(raised.value).startswith("http://feed/state.yaml: ")
    assert says in str(raised.value)


@given(st.text() | st.binary().map(lambda raw: raw.decode(errors="replace")))
def test_any_content_is_a_state_or_none(text: str) -> None:
    for content in (text, f"{text}\n", f"sequence: {text}\n", f"sequence: 5\nlast_run: {text}\n"):
        try:
            read_state(content, url="u")
        except HeadUnknown:
            continue


@pytest.mark.parametrize(("said", "settled"), [("4", 4), ("'4'", 4), ("-1", -1), ("5", 5), ("6", 5)])
def test_a_state_may_say_how_far_its_bodies_are_settled(said: str, settled: int) -> None:
    assert read_state(f"sequence: 5\nsettled: {said}\n", url="u") == State(5, None, settled)


def test_the_real_state(shared: Path) -> None:
    state = read_state((shared / "state.yaml").read_text(), url="u")
    assert state == State(1392226, datetime(2015, 7, 7, 2, 2, 1, 949763, tzinfo=UTC))


# By HTTP


@pytest.mark.parametrize(
    ("modified", "taken"),
    [
        (
            "Sat, 29 Nov 2070 00:00:10 GMT",
            datetime(2070, 11, 29, 0, 0, 10, tzinfo=UTC),
        ),  # our clock is behind
        ("Sat, 29 Nov 2014 00:00:10 GMT", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_what_the_server_made_is_not_from_the_future(
    modified: str, taken: datetime | None, feed: FeedServer, http: Http, shared: Path, tmp_path: Path
) -> None:
    content = (shared / "245.osm.gz").read_bytes()
    feed.answer("/changesets/000/000/245.osm.gz", content, headers={"Last-Modified": modified})
    fetched_at = changesets(feed, http).fetch(245, tmp_path).fetched_at
    assert fetched_at == taken if taken else fetched_at <= datetime.now(UTC)


def changesets(feed: FeedServer, http: Http) -> DirectorySource:
    return DirectorySource(f"{feed.url}/changesets/", ".osm.gz", http)


def test_by_http(feed: FeedServer, http: Http, shared: Path, tmp_path: Path) -> None:
    content = (shared / "245.osm.gz").read_bytes()
    feed.answer("/changesets/state.yaml", b"moved", 302, headers={"Location": "/s3/state.yaml"})
    feed.answer("/s3/state.yaml", STATE)
    feed.answer("/changesets/000/000/245.osm.gz", b"moved", 302, headers={"Location": "/s3/245"})
    feed.answer("/s3/245", content)
    source: Source = changesets(feed, http)
    assert (source.stream, source.serial, source.until(245)) == ("changesets", False, None)
    assert source.head() == 5680235  # one file more exists; it is not asked for
    before = datetime.now(UTC)
    body = source.fetch(245, tmp_path / "new" / "folder")
    assert body.path.read_bytes() == content
    assert body.url == f"{feed.url}/changesets/000/000/245.osm.gz"
    assert (body.sequence, body.size, body.from_archive) == (245, len(content), False)
    assert before <= body.fetched_at <= datetime.now(UTC)
    with open_body(body.path) as stream:
        assert stream.read().endswith(b"</osm>\n")


@pytest.mark.parametrize("status", [404, 410])
def test_a_missing_file(status: int, feed: FeedServer, http: Http, tmp_path: Path) -> None:
    feed.answer("/changesets/000/000/001.osm.gz", b"<html>no</html>", status)
    with pytest.raises(SequenceMissing, match=f"000/000/001.osm.gz: status {status}: no such file"):
        changesets(feed, http).fetch(1, tmp_path)


def test_403_is_missing_only_when_s3_says_so(feed: FeedServer, http: Http, tmp_path: Path) -> None:
    feed.answer("/changesets/000/000/001.osm.gz", b"<Error><Code>AccessDenied</Code></Error>", 403)
    feed.answer("/changesets/000/000/002.osm.gz", b"<html><h1>Forbidden</h1></html>", 403)
    with pytest.raises(SequenceMissing):
        changesets(feed, http).fetch(1, tmp_path)
    with pytest.raises(BadAnswer, match="status 403, 'Forbidden'"):
        changesets(feed, http).fetch(2, tmp_path)


def test_404_of_overpass_is_a_wrong_address(feed: FeedServer, http: Http, tmp_path: Path) -> None:
    with pytest.raises(BadAnswer, match="status 404"):
        OverpassSource(feed.url, http).fetch(1, tmp_path)
    with pytest.raises(HeadUnknown, match="status 404"):
        OverpassSource(feed.url, http).head()


@pytest.mark.parametrize("url", ["", "/", "/api", "/api/"])
def test_overpass_addresses(url: str, feed: FeedServer, http: Http, tmp_path: Path) -> None:
    feed.answer("/api/augmented_diff_status", b"7\n")
    feed.answer("/api/augmented_diff?id=0", DIFF)
    source = OverpassSource(feed.url + url, http)
    assert source.head() == 7
    assert source.fetch(0, tmp_path).url == f"{feed.url}/api/augmented_diff?id=0"


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"abc", b"-5", b"1.5", b"12 34", b"<html/>", "٣".encode(), b"1" * 10]
)
def test_overpass_heads_that_are_unknown(text: bytes, feed: FeedServer, http: Http) -> None:
    feed.answer("/api/augmented_diff_status", text)
    with pytest.raises(HeadUnknown, match="in place of a number"):
        OverpassSource(feed.url, http).head()


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"status": 404}, "404"),
        ({"status": 503}, "503"),
        ({"silent": True}, "no whole answer"),
        ({}, "0 bytes"),
    ],
)
def test_heads_that_are_unknown(how: dict[str, Any], says: str, feed: FeedServer, http: Http) -> None:
    feed.answer("/changesets/state.yaml", **how)
    with pytest.raises(HeadUnknown, match=says):
        changesets(feed, http).head()
    assert len(feed.requests["/changesets/state.yaml"]) == 1


def test_credentials_are_used_and_not_shown(feed: FeedServer, http: Http, tmp_path: Path) -> None:
    feed.answer("/000/000/001.osm.gz", gzip.compress(b"<osm/>"))
    source = DirectorySource(feed.url.replace("://", "://user:secret@"), ".osm.gz", http)
    body = source.fetch(1, tmp_path)
    assert feed.requests["/000/000/001.osm.gz"][0]["Authorization"].startswith("Basic ")
    assert "secret" not in f"{source.url} {body.url}"
    with pytest.raises(HeadUnknown) as raised:
        source.head()
    assert "secret" not in str(raised.value)


def test_web_servers_own_gzip(feed: FeedServer, http: Http, tmp_path: Path) -> None:
    twice = gzip.compress(gzip.compress(DIFF))
    feed.answer("/000/000/001.adiff.xml.gz", twice, headers={"Content-Encoding": "gzip"})
    feed.answer("/000/000/002.adiff.xml.gz", gzip.compress(DIFF), headers={"Content-Encoding": "x-gzip"})
    feed.answer("/000/000/003.adiff.xml.gz", DIFF)
    source = DirectorySource(feed.url, ".adiff.xml.gz", http)
    for sequence in (1, 2, 3):
        with open_body(source.fetch(sequence, tmp_path).path) as stream:
            assert stream.read() == DIFF


def test_broken_bodies_by_http(feed: FeedServer, make_http: MakeHttp, tmp_path: Path) -> None:
    feed.answer("/000/000/001.osm.gz", gzip.compress(b"<osm>" + b"x" * 9999)[:-3])
    feed.answer("/000/000/002.osm.gz", gzip.compress(b"<osm>" + bytes(9999)))
    feed.answer(
        "/000/000/003.osm.gz", b"\x1b\x00\x80compressed otherwise", headers={"Content-Encoding": "br"}
    )
    source = DirectorySource(feed.url, ".osm.gz", make_http())
    for sequence, says in [(1, "broken or cut gzip"), (2, "cut off"), (3, "binary data")]:
        with pytest.raises(BadAnswer, match=says) as raised:
            source.fetch(sequence, tmp_path)
        assert raised.value.body is not None
        assert raised.value.body.path.exists()
    with pytest.raises(BodyTooLarge):
        DirectorySource(feed.url, ".osm.gz", make_http(size_max=10)).fetch(1, tmp_path)


# On file systems


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture(params=["path", "file", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A directory with a state and the files 1 (good), 2 (cut) and 3 (an empty file), in each kind of place."""
    kept = tmp_path / "a feed, 100%"
    files = kept / "000" / "000"
    files.mkdir(parents=True)
    (kept / "state.yaml").write_bytes(STATE)
    (files / "001.adiff.xml.gz").write_bytes(gzip.compress(DIFF))
    (files / "002.adiff.xml.gz").write_bytes(gzip.compress(DIFF)[:-4])
    (files / "003.adiff.xml.gz").write_bytes(b"")
    if request.param == "path":
        return str(kept)
    if request.param == "file":
        return kept.as_uri()
    request.getfixturevalue("s3")
    uri = f"s3://{BUCKET}/{tmp_path.name}/a feed, 100%"
    another_process().put(str(kept), uri, recursive=True)
    return uri


def test_on_a_file_system(place: str, http: Http, tmp_path: Path) -> None:
    source = DirectorySource(place, ".adiff.xml.gz", http)
    assert source.stream == "augmented_diffs"
    assert source.head() == 5680235
    body = source.fetch(1, tmp_path / "fetched")
    with open_body(body.path) as stream:
        assert stream.read() == DIFF
    assert body.path.parent == tmp_path / "fetched"
    with pytest.raises(BadAnswer, match="broken or cut gzip"):
        source.fetch(2, tmp_path)
    with pytest.raises(BadAnswer, match="0 bytes"):
        source.fetch(3, tmp_path)
    with pytest.raises(
        SequenceMissing, match=r"000/000/004[.]adiff[.]xml[.]gz: (no such file|The specified key)"
    ):
        source.fetch(4, tmp_path)


def test_a_directory_that_is_not_there(http: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        HeadUnknown, match=f"^nowhere/state.yaml: there is no directory {tmp_path}/nowhere: no head$"
    ):
        DirectorySource("nowhere/", ".osm.gz", http).head()
    with pytest.raises(HeadUnknown, match=r"state.yaml: no such file: no head$"):
        DirectorySource(".", ".osm.gz", http).head()


def test_a_file_that_cannot_be_read(http: Http, tmp_path: Path) -> None:
    (tmp_path / "000" / "000" / "001.osm.gz").mkdir(parents=True)
    with pytest.raises(BadAnswer, match="IsADirectoryError"):
        DirectorySource(str(tmp_path), ".osm.gz", http).fetch(1, tmp_path / "out")


def test_a_relative_directory(http: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state.yaml").write_bytes(STATE)
    monkeypatch.chdir(tmp_path)
    source = DirectorySource(".", ".osm.gz", http)
    monkeypatch.chdir("/")
    assert source.head() == 5680235


def test_a_hanging_disk_does_not_hold_the_head(tmp_path: Path, make_http: MakeHttp) -> None:
    os.mkfifo(tmp_path / "state.yaml")  # a read waits until somebody writes
    with pytest.raises(HeadUnknown, match="no answer within the time limit"):
        DirectorySource(str(tmp_path), ".osm.gz", make_http(head_timeout=0.05)).head()
    (tmp_path / "state.yaml").write_bytes(STATE)


def test_a_home_directory(http: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "state.yaml").write_bytes(STATE)
    assert DirectorySource("~/", ".osm.gz", http).head() == 5680235


@pytest.mark.parametrize(
    "uri",
    [
        *("nonsense://a/b", "https+x://a", "ftp://host/folder", "s3:/bucket/folder", "s3://", "s3:///folder"),
        *("file://folder", "~nobody-of-this-name/folder"),
    ],
)
def test_places_that_cannot_be_used(uri: str, http: Http) -> None:
    with pytest.raises(ValueError, match="can't be used"):
        DirectorySource(uri, ".osm.gz", http)


def test_suffixes(http: Http) -> None:
    for name, stream in TABLE.items():
        assert DirectorySource(".", stream.suffix, http).stream == name
    with pytest.raises(ValueError, match="no stream's suffix"):
        DirectorySource(".", ".xml", http)


def test_real_diffs_in_a_directory(shared: Path, http: Http, tmp_path: Path) -> None:
    target = tmp_path / "002" / "360"
    target.mkdir(parents=True)
    for sequence in (2360002, 2360003):
        shutil.copy(shared / f"{sequence}.adiff.xml.gz", target / f"{sequence % 1000:03d}.adiff.xml.gz")
    source = DirectorySource(str(tmp_path), ".adiff.xml.gz", http)
    assert [source.fetch(n, tmp_path / "out").size for n in (2360002, 2360003)] == [
        (shared / f"{n}.adiff.xml.gz").stat().st_size for n in (2360002, 2360003)
    ]
