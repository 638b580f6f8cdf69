"""Where documents go: on disk and in a bucket, in the form that a stream reads."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stats_assets.augment.difference import minute
from stats_assets.augment.directory import Directory, DirectoryFailed
from stats_assets.augment.document import write
from stats_assets.feeds.directory import DirectorySource
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.source import State
from tests.augment.small_feed import FIRST
from tests.bucket import BUCKET, s3_server

LAST_RUN = datetime(2026, 11, 30, 12, 0, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3_server():
        yield f"s3://{BUCKET}/diffs"


@pytest.fixture(params=["disk", "bucket"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(request.getfixturevalue("bucket") if request.param == "bucket" else tmp_path / "out")


def test_a_stream_reads_what_was_put(uri: str, tmp_path: Path) -> None:
    out, document = Directory(uri), tmp_path / "document"
    write(document, (), osm_base=minute(FIRST)[1] + 2)
    assert (out.state(), out.has_any(FIRST), out.has(FIRST, document)) == (None, False, False)
    out.put(FIRST, document)
    write(document, (), osm_base=minute(FIRST)[1] + 62)
    assert out.has_any(FIRST)
    assert out.has(FIRST, document)
    state = State(FIRST, LAST_RUN, FIRST - 65)
    out.put_state(state, tmp_path)
    assert out.state() == state
    source = DirectorySource(uri, ".adiff.xml.gz", Http(""))
    head = source.ask()
    assert (head.sequence, head.last_run) == (FIRST, LAST_RUN)
    assert source.fetch(FIRST, tmp_path / "fetched").size > 100


def test_a_state_of_before_says_nothing_of_what_is_settled(tmp_path: Path) -> None:
    (tmp_path / "state.yaml").write_text("---\nlast_run: 2026-11-30 12:00:02+00:00\nsequence: 7\n")
    assert Directory(str(tmp_path)).state() == State(7, LAST_RUN, None)


@pytest.mark.parametrize(
    "text", ["", "sequence", "sequence: x\nlast_run: 2026-11-30 12:00:02+00:00\n", "[", "a: b\n"]
)
def test_a_state_that_is_none_is_written_anew(text: str, tmp_path: Path) -> None:
    (tmp_path / "state.yaml").write_text(text)
    assert Directory(str(tmp_path)).state() is None


def test_half_a_document_is_not_taken_for_one(tmp_path: Path) -> None:
    out, document = Directory(str(tmp_path)), tmp_path / "document"
    write(document, (), osm_base=minute(FIRST)[1])
    out.put(FIRST, document)
    (there,) = tmp_path.rglob("*.adiff.xml.gz")
    for spoiled in (there.read_bytes()[:40], b"", b"no gzip at all"):
        there.write_bytes(spoiled)
        assert not out.has(FIRST, document)


def test_what_can_t_be_written_to_is_said(tmp_path: Path) -> None:
    document = tmp_path / "document"
    write(document, (), osm_base=minute(FIRST)[1])
    with pytest.raises(ValueError, match="can't be written to"):
        Directory("https://example.org/diffs")
    with pytest.raises(DirectoryFailed, match="May this user write there"):
        Directory(str(document)).put(FIRST, document)
