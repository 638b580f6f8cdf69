"""Every kind of source and archive, end to end: what comes of it must be the truth, to the last digit."""

import functools
import json
import logging
import os
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from dagster import DagsterInstance, build_sensor_context

from stats_assets.database.connection import Connection, connect
from stats_assets.database.ledger import ledger
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.demo.answers import faults
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.feeds.http_client import Http
from stats_assets.ingest.mode import BY_HAND, Mode
from stats_assets.ingest.parse import Reader
from stats_assets.ingest.run import run_range
from stats_assets.ingest.run_result import NOT_YET, Report
from stats_assets.monitoring.status import of as status_of
from stats_assets.orchestration.stream_sensor import tick
from stats_assets.streams import STREAMS, Stream
from stats_assets.system import Stats
from tests.bucket import BUCKET, another_process, s3_server
from tests.command import command
from tests.conftest import database, settings_for
from tests.drills.waiting import PATIENCE
from tests.telling import telling
from tests.truth import differences, statistics_of, truth_of

DIFFS: Stream = "augmented_diffs"
MINUTES = 10


@pytest.fixture
def minutes() -> int:
    return MINUTES


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def second_url(server: str) -> Iterator[str]:
    """Another empty, migrated database."""
    with database(server) as made:
        yield made


def stats_of(feed: DemoFeed, url: str, folder: Path, **settings: object) -> Stats:
    made = Stats(settings_for(feed, url, folder, **settings))
    vars(made)["http"] = Http("test", timeout=PATIENCE, head_timeout=PATIENCE, pause=0.01)
    return made


def run(stats: Stats, stream: Stream, start: int, end: int, **how: Any) -> Report:
    return run_range(stats.work(stream), stats.url, f"run-{uuid.uuid4()}", start, end, **how)


def run_all(stats: Stats, world: World, heads: dict[Stream, int]) -> dict[str, Any]:
    """Both streams to their heads, and the statistics."""
    firsts = {"augmented_diffs": world.first, "changesets": world.changesets_first}
    for stream in STREAMS:
        report = run(stats, stream, firsts[stream], heads[stream])
        assert (report.committed, report.failed) == (heads[stream] - firsts[stream] + 1, {}), stream
    with connect(stats.url) as connection:
        apply_queue(connection)
        return statistics_of(connection)


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("kind", telling(("path", "file", "web", "s3"), "web"))
def test_an_archive_followed_as_the_source_gives_the_same_statistics(
    kind: str,
    feed: DemoFeed,
    world: World,
    url: str,
    second_url: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    kept = tmp_path / "an archive, 100%"
    archive = str(kept)
    if kind == "s3":
        request.getfixturevalue("s3")
        archive = f"s3://{BUCKET}/{tmp_path.name}/an archive, 100%/"
    heads: dict[Stream, int] = {"augmented_diffs": feed.head, "changesets": feed.changesets_head}
    first = run_all(stats_of(feed, url, tmp_path, archive_uri=archive), world, heads)
    truth = truth_of(feed.url)
    assert differences(truth, first) == []
    feed.stop()
    with web_server(kept) as web:
        source = {"file": kept.as_uri(), "web": web}.get(kind, archive.rstrip("/"))
        settings = {
            "augmented_diffs_url": f"{source}/augmented_diffs",
            "changesets_url": f"{source}/changesets",
        }
        stats = stats_of(feed, second_url, tmp_path / "second", **settings)
        assert {stream: stats.source(stream).head() for stream in STREAMS} == heads
        second = run_all(stats, world, heads)
    assert differences(truth, second) == []
    assert second["hashtag_users"] == first["hashtag_users"]


def files(folder: Path) -> dict[Path, tuple[int, bytes]]:
    """Each file's time and content."""
    return {
        file: (file.stat().st_mtime_ns, file.read_bytes())
        for file in folder.rglob("*")
        if file.is_file() and not file.name.startswith(".")
    }


def versions(folder: str) -> set[tuple[str, str]]:
    """Each object's name and version, one for every time that it was written."""
    found = another_process().call_s3("list_object_versions", Bucket=BUCKET, Prefix=folder)
    return {(version["Key"], version["VersionId"]) for version in found["Versions"]}


@pytest.mark.parametrize("said", telling(("path", "file", "through a link", "s3"), "through a link", "s3"))
def test_a_source_that_is_the_archive_itself_is_left_as_it_is(
    said: str, feed: DemoFeed, world: World, url: str, second_url: str, tmp_path: Path, s3: str
) -> None:
    kept = tmp_path / "kept"
    archive = f"s3://{BUCKET}/{tmp_path.name}" if said == "s3" else str(kept)
    another_process().make_bucket_versioned(BUCKET)
    run(stats_of(feed, url, tmp_path, archive_uri=archive), DIFFS, world.first, world.first + 4)
    (tmp_path / "link").symlink_to(kept)
    source = {"file": kept.as_uri(), "through a link": str(tmp_path / "link")}.get(said, archive)

    def everything() -> Any:
        return versions(tmp_path.name) if said == "s3" else files(kept)

    before = everything()
    assert len({name for name, _ in before} if said == "s3" else before) == 6
    stats = stats_of(
        feed, second_url, tmp_path / "2", archive_uri=archive, augmented_diffs_url=f"{source}/augmented_diffs"
    )
    assert run(stats, DIFFS, world.first, world.first + 4).committed == 5
    again = run(stats, DIFFS, world.first, world.first + 4, mode=Mode("by hand", from_feed=True))
    assert again.verdicts["committed"] == 5
    assert everything() == before


class Directory:
    """A directory of diffs, on disk or in a bucket, filled by a run's archive; its files can be spoiled."""

    def __init__(self, feed: DemoFeed, url: str, folder: Path, uri: str) -> None:
        self.first = feed.world.first
        self.url = f"{uri}/augmented_diffs"
        run(stats_of(feed, url, folder, archive_uri=uri), DIFFS, self.first, feed.head)

    def _name(self, sequence: int) -> str:
        digits = f"{sequence:09d}"
        return f"{self.url}/{digits[:3]}/{digits[3:6]}/{digits[6:]}.adiff.xml.gz"

    def read(self, sequence: int) -> bytes:
        if self.url.startswith("s3:"):
            content: bytes = another_process().cat_file(self._name(sequence))
            return content
        return Path(self._name(sequence)).read_bytes()

    def write(self, name: int | str, content: bytes) -> None:
        file = self._name(name) if isinstance(name, int) else f"{self.url}/{name}"
        if file.startswith("s3:"):
            another_process().pipe_file(file, content)
        else:
            Path(file).write_bytes(content)

    def remove(self, sequence: int) -> None:
        if self.url.startswith("s3:"):
            another_process().rm_file(self._name(sequence))
        else:
            Path(self._name(sequence)).unlink()

    def says(self, sequence: int) -> None:
        self.write("state.yaml", f"---\nsequence: {sequence}\n".encode())


@pytest.fixture(params=telling(("disk", "s3"), "disk"))
def directory(
    request: pytest.FixtureRequest, feed: DemoFeed, second_url: str, tmp_path: Path, s3: str
) -> Directory:
    uri = str(tmp_path / "a directory") if request.param == "disk" else f"s3://{BUCKET}/{tmp_path.name}"
    return Directory(feed, second_url, tmp_path / "first", uri)


@pytest.fixture
def follower(feed: DemoFeed, url: str, tmp_path: Path, directory: Directory) -> Stats:
    """The system on an empty database, following the directory; the feed that it was made from is down."""
    feed.stop()
    return stats_of(feed, url, tmp_path / "follower", augmented_diffs_url=directory.url)


def row(connection: Connection, sequence: int) -> ledger.LedgerRow:
    return ledger.rows(connection, DIFFS, [sequence])[0]


def let_waits_pass(connection: Connection) -> None:
    connection.execute("UPDATE ledger SET not_before = now() WHERE not_before IS NOT NULL")
    connection.execute("UPDATE streams SET paused_until = NULL")


def test_a_state_behind_its_files_is_the_head_until_it_rises(directory: Directory, follower: Stats) -> None:
    first = directory.first
    directory.says(first + 3)
    assert run(follower, DIFFS, first, first + MINUTES - 1).committed == 4
    directory.says(first + MINUTES - 1)
    assert follower.source(DIFFS).head() == first + MINUTES - 1
    assert run(follower, DIFFS, first, first + MINUTES - 1).committed == MINUTES - 4


def test_a_state_ahead_of_its_files_is_waited_for(
    directory: Directory, follower: Stats, connection: Connection
) -> None:
    late = directory.first + MINUTES - 1
    content = directory.read(late)
    directory.remove(late)
    report = run(follower, DIFFS, directory.first, late)
    assert (report.committed, report.failed, report.ended_early) == (MINUTES - 1, {}, NOT_YET)
    assert (row(connection, late).work, row(connection, late).attempts) == ("idle", 0)
    directory.write(late, content)
    assert run(follower, DIFFS, directory.first, late).committed == 1


def test_a_missing_file_waits_becomes_a_hole_and_fills(
    directory: Directory, follower: Stats, connection: Connection
) -> None:
    hole, last = directory.first + 5, directory.first + MINUTES - 1
    content = directory.read(hole)
    directory.remove(hole)
    report = run(follower, DIFFS, directory.first, last)
    assert (report.committed, list(report.failed)) == (MINUTES - 1, [hole])
    assert (row(connection, hole).work, row(connection, hole).attempts) == ("waiting", 0)
    let_waits_pass(connection)
    connection.execute(
        "UPDATE ledger SET missing_since = now() - interval '1 day' WHERE sequence = %s", (hole,)
    )
    run(follower, DIFFS, directory.first, last)
    assert row(connection, hole).work == "hole"
    directory.write(hole, content)
    assert run(follower, DIFFS, hole, hole, mode=BY_HAND).committed == 1
    assert row(connection, hole).result == "committed"


def test_a_broken_gzip_is_its_own_failure_and_heals(
    directory: Directory, follower: Stats, connection: Connection
) -> None:
    bad, last = directory.first + 5, directory.first + MINUTES - 1
    content = directory.read(bad)
    directory.write(bad, content[:-9])
    report = run(follower, DIFFS, directory.first, last)
    assert (report.committed, list(report.failed)) == (MINUTES - 1, [bad])
    assert "broken or cut gzip" in report.failed[bad]
    assert (row(connection, bad).work, row(connection, bad).attempts) == ("waiting", 1)
    directory.write(bad, content)
    let_waits_pass(connection)
    assert run(follower, DIFFS, directory.first, last).committed == 1


def test_a_broken_file_in_the_archive_that_is_followed_itself(
    directory: Directory, feed: DemoFeed, url: str, connection: Connection, tmp_path: Path
) -> None:
    feed.stop()
    bad, last = directory.first + 5, directory.first + MINUTES - 1
    directory.write(bad, directory.read(bad)[:-9])
    own = {
        "archive_uri": directory.url.removesuffix("/augmented_diffs"),
        "augmented_diffs_url": directory.url,
    }
    report = run(stats_of(feed, url, tmp_path / "own", **own), DIFFS, directory.first, last)
    assert (report.committed, list(report.failed)) == (MINUTES - 1, [bad])
    assert row(connection, bad).attempts == 1


# What a person is told


WRONG = {
    "no directory": ("{folder}/nowhere", "there is no directory {folder}/nowhere"),
    "no state": ("{folder}", "{folder}/state.yaml: no such file"),
    "no state, as file:": ("file://{folder}/", "file://{folder}/state.yaml: no such file"),
    "no bucket": (
        "s3://another/folder",
        "s3://another/folder/state.yaml: The specified bucket does not exist",
    ),
    "no state in a bucket": (f"s3://{BUCKET}/nowhere/", "The specified key does not exist"),
    "no server": ("http://127.0.0.1:1/x", "http://127.0.0.1:1/x/state.yaml: no whole answer"),
}


@pytest.mark.parametrize("wrong", telling(WRONG, "no state, as file:", "no bucket", "no server"))
def test_a_source_that_cannot_be_used_is_said_by_status_and_tick(
    wrong: str, feed: DemoFeed, url: str, tmp_path: Path, s3: str
) -> None:
    source, says = (text.format(folder=tmp_path) for text in WRONG[wrong])
    given = stats_of(feed, url, tmp_path / "data").settings
    stats = Stats(given.model_copy(update=dict.fromkeys(("augmented_diffs_url", "changesets_url"), source)))
    status = status_of(stats)
    assert status.exit_code == 3
    with DagsterInstance.ephemeral() as instance:
        for stream in STREAMS:
            assert says in (status.streams[stream].trouble or "")
            told = tick(build_sensor_context(instance=instance), stats, stream).skip_reason
            assert told is not None
            assert says in (told.skip_message or "")


def test_relative_places_begin_at_the_projects_root(directory: Directory, url: str, tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / "below").mkdir(parents=True)
    (root / "dagster.yaml").write_text("# stats-assets\n")
    (root / "feeds").symlink_to(tmp_path / "a directory")
    source = "feeds/augmented_diffs" if directory.url.startswith("/") else directory.url
    (root / ".env").write_text(
        f"DATABASE_URL={url}\nAUGMENTED_DIFFS_URL={source}\nCHANGESETS_URL=no where/\n"
    )
    done = command(("status", "--json"), root / "below", b"", os.environ, tmp_path)
    assert done.returncode == 3
    streams = json.loads(done.stdout)["streams"]
    assert streams["augmented_diffs"]["head"] == directory.first + MINUTES - 1
    assert f"there is no directory {root}/no where" in streams["changesets"]["trouble"]


# What runs leave behind


def test_bodies_are_removed_as_soon_as_they_are_done_with(
    feed: DemoFeed, stats: Stats, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spool))
    first = world.first
    run(stats, DIFFS, first, first + MINUTES - 1)  # the archive has them all
    spoiled = range(first, first + MINUTES, 5)
    for sequence in spoiled:
        feed.faults.put(faults.cut(), stream=DIFFS, sequence=sequence)
        feed.faults.put(faults.duplicate_query(), stream=DIFFS, sequence=sequence + 2)
        kept = Path(stats.settings.archive, "augmented_diffs", *_parts(sequence + 4))
        kept.write_bytes(kept.read_bytes()[:-9])  # spoiled: the feed has it
    work = stats.work(DIFFS)
    there: list[int] = []

    def watching(document: BinaryIO, limit: datetime) -> Any:
        there.append(sum(1 for file in spool.rglob("*") if file.is_file()))
        return work.reader.read(document, limit)

    watched = replace(work, reader=Reader(watching, work.reader.definitions))
    for anew in (True, False):
        report = run_range(
            watched, stats.url, "run", first, first + MINUTES - 1, mode=Mode("by hand", from_feed=anew)
        )
        assert len(report.failed) == (2 * len(spoiled) if anew else 0)
    assert len(there) >= 2 * MINUTES - 2 * len(spoiled)
    assert max(there) <= 2  # the one at work, and the one before it whose blame isn't known yet


def _parts(sequence: int) -> tuple[str, str, str]:
    digits = f"{sequence:09d}"
    return digits[:3], digits[3:6], f"{digits[6:]}.adiff.xml.gz"


def test_a_replaced_body_that_cannot_be_kept_does_not_end_the_run(
    feed: DemoFeed, stats: Stats, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    first = world.first
    run(stats, DIFFS, first, first + 2)
    Path(stats.settings.archive, "augmented_diffs", "replaced").write_text("a file in the folder's place")
    feed.faults.put(_without_an_action, stream=DIFFS, sequence=first + 1)
    caplog.set_level(logging.INFO)
    report = run(stats, DIFFS, first, first + 2, mode=Mode("by hand", from_feed=True))
    assert report.verdicts == {"committed": 3}
    assert any(f"{first + 1}: the replaced body could not be kept" in message for message in caplog.messages)


def _without_an_action(answer: faults.Answer) -> faults.Answer:
    start = answer.body.rindex(b"<action")
    end = answer.body.rindex(b"</action>") + len(b"</action>")
    return faults.Answer(200, answer.kind, answer.body[:start] + answer.body[end:])
