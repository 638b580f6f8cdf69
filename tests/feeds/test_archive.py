"""The archive keeps bodies whole, with the time of their first fetch, and is a feed itself."""

from __future__ import annotations

import fcntl
import gzip
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import stats_assets.feeds.archive as archive_module
from stats_assets.feeds.archive import Archive
from stats_assets.feeds.body import Body, open_body
from stats_assets.feeds.directory import DirectorySource
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.outcomes import BadAnswer, SequenceMissing
from stats_assets.feeds.sequences import covers
from stats_assets.feeds.storage import place_of
from tests.bucket import BUCKET, s3_server

DIFF = b'<osm version="0.6"><meta osm_base="2012-09-12T07:00:00Z"/>%s</osm>'
FETCHED = datetime(2026, 3, 1, 12, 30, 15, 123457, tzinfo=UTC)


def body_of(folder: Path, sequence: int, content: bytes = DIFF % b"", fetched_at: datetime = FETCHED) -> Body:
    path = folder / f"fetched-{sequence}"
    path.write_bytes(content)
    return Body(sequence, path, f"http://feed/{sequence}", len(content), fetched_at, 0.5)


def text_of(path: Path) -> bytes:
    with open_body(path) as stream:
        return stream.read()


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3_server():
        yield f"s3://{BUCKET}/archive"


@pytest.fixture(params=["path", "file", "s3"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    kept = tmp_path / "kept"
    if request.param == "s3":
        bucket: str = request.getfixturevalue("bucket")
        return f"{bucket}/{tmp_path.name}"
    return kept.as_uri() if request.param == "file" else str(kept)


def test_kept_and_read_again(uri: str, http: Http, tmp_path: Path) -> None:
    archive = Archive(uri, "augmented_diffs")
    with pytest.raises(SequenceMissing):
        archive.get(2360020, tmp_path)
    where = archive.put(body_of(tmp_path, 2360020))
    assert where == f"{uri}/augmented_diffs/002/360/020.adiff.xml.gz"
    body = archive.get(2360020, tmp_path / "out")
    assert body.path.read_bytes()[:2] == b"\x1f\x8b"  # fetched plain, kept as its name says
    assert text_of(body.path) == DIFF % b""
    assert (body.sequence, body.from_archive, body.url) == (2360020, True, where)
    if uri.startswith("s3"):
        assert abs(datetime.now(UTC) - body.fetched_at) < timedelta(hours=1)
    else:
        assert body.fetched_at == FETCHED
    feed = DirectorySource(archive.url, ".adiff.xml.gz", http)
    assert feed.head() == 2360020
    assert text_of(feed.fetch(2360020, tmp_path / "feed").path) == DIFF % b""
    assert archive.put(body) == where


def test_a_gzip_is_kept_as_fetched(tmp_path: Path) -> None:
    content = gzip.compress(DIFF % b"<!-- as fetched -->", compresslevel=1)
    archive = Archive(str(tmp_path / "kept"), "augmented_diffs")
    archive.put(body_of(tmp_path, 1, content))
    assert archive.get(1, tmp_path).path.read_bytes() == content


def test_a_later_body_replaces(uri: str, tmp_path: Path) -> None:
    archive = Archive(uri, "augmented_diffs")
    later = FETCHED + timedelta(hours=1)
    archive.put(body_of(tmp_path, 1))
    archive.put(body_of(tmp_path, 1, DIFF % b"<action/>", later))
    body = archive.get(1, tmp_path / "out")
    assert text_of(body.path) == DIFF % b"<action/>"
    assert body.fetched_at == later or uri.startswith("s3")


def test_the_state_only_rises(uri: str, http: Http, tmp_path: Path) -> None:
    archive = Archive(uri, "augmented_diffs")
    feed = DirectorySource(archive.url, ".adiff.xml.gz", http)
    for sequence, head in [(5, 5), (3, 5), (1000, 1000), (7, 1000)]:
        archive.put(body_of(tmp_path, sequence))
        assert feed.head() == head
    assert feed.ask().last_run == covers(1000).until  # not FETCHED: it is of long ago, and says so


def test_a_broken_state_is_written_anew(tmp_path: Path, http: Http) -> None:
    archive = Archive(str(tmp_path), "changesets")
    archive.put(body_of(tmp_path, 5, b"<osm/>"))
    (tmp_path / "changesets" / "state.yaml").write_bytes(b"")
    archive.put(body_of(tmp_path, 4, b"<osm/>"))
    assert DirectorySource(archive.url, ".osm.gz", http).head() == 4


def test_writers_at_once(tmp_path: Path, http: Http) -> None:
    numbers = list(range(1, 41))
    bodies = {number: body_of(tmp_path, number) for number in numbers}

    def write(mine: list[int]) -> None:
        archive = Archive(str(tmp_path / "kept"), "augmented_diffs")
        for number in mine:
            archive.put(bodies[number])

    writers = [
        threading.Thread(target=write, args=(order,)) for order in (numbers, numbers[::-1], numbers[::3])
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    archive = Archive(str(tmp_path / "kept"), "augmented_diffs")
    assert all(text_of(archive.get(number, tmp_path / "out").path) == DIFF % b"" for number in numbers)
    assert DirectorySource(archive.url, ".adiff.xml.gz", http).head() == 40
    assert not [name for _, _, names in os.walk(tmp_path / "kept") for name in names if name.startswith(".0")]


def test_a_writer_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_module, "FILE_SECONDS", 0.1)
    archive = Archive(str(tmp_path), "changesets")
    archive.put(body_of(tmp_path, 1, b"<osm/>"))
    with (tmp_path / "changesets" / ".state.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="too slow or hung"):
            archive.put(body_of(tmp_path, 2, b"<osm/>"))


def test_what_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Archive(str(tmp_path / "kept"), "augmented_diffs")
    archive.put(body_of(tmp_path, 1))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "utime", full)
    with pytest.raises(OSError, match="No space left"):
        archive.put(body_of(tmp_path, 1, DIFF % b"<action/>"))
    monkeypatch.undo()
    assert text_of(archive.get(1, tmp_path / "out").path) == DIFF % b""
    assert [file.name for file in (tmp_path / "kept/augmented_diffs/000/000").iterdir()] == [
        "001.adiff.xml.gz"
    ]


def test_put_aside(uri: str, tmp_path: Path) -> None:
    archive = Archive(uri, "augmented_diffs")
    where = archive.put_aside(body_of(tmp_path, 7, b"<html>busy</html>"), "http://feed/7: a page")
    assert where == f"{uri}/augmented_diffs/rejected/000/000/007-20260301T123015.adiff.xml.gz"
    rejected = place_of(archive.url) / "rejected" / "000" / "000"
    assert (
        gzip.decompress((rejected / "007-20260301T123015.adiff.xml.gz").read_bytes()) == b"<html>busy</html>"
    )
    assert "http://feed/7: a page" in (rejected / "007-20260301T123015.txt").read_text()
    with pytest.raises(SequenceMissing):
        archive.get(7, tmp_path)


def test_a_kept_body_is_judged_too(tmp_path: Path) -> None:
    archive = Archive(str(tmp_path), "augmented_diffs")
    archive.put(body_of(tmp_path, 1))
    kept = tmp_path / "augmented_diffs/000/000/001.adiff.xml.gz"
    kept.write_bytes(kept.read_bytes()[:-2])
    with pytest.raises(BadAnswer, match="broken or cut gzip"):
        archive.get(1, tmp_path / "out")


def test_no_archive(tmp_path: Path) -> None:
    archive = Archive("", "changesets")
    body = body_of(tmp_path, 1)
    assert archive.put(body) == archive.put_aside(body, "why") == archive.url == ""
    with pytest.raises(SequenceMissing, match="there is none"):
        archive.get(1, tmp_path)


def test_http_is_no_archive() -> None:
    with pytest.raises(ValueError, match="can't be written to"):
        Archive("https://example.org/x", "changesets")


def test_a_bucket_that_is_not_there(bucket: str, http: Http, tmp_path: Path) -> None:
    source = DirectorySource("s3://another/x", ".osm.gz", http)
    with pytest.raises(SequenceMissing):
        source.fetch(1, tmp_path)
