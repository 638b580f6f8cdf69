"""A feed whose numbers begin again, or another: `seek --from-feed`, the archive, and which version wins."""

import gzip
import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, SensorResult, build_sensor_context

from stats_assets.database.connection import Connection
from stats_assets.database.ledger import seeking, stream_rows
from stats_assets.database.ledger.ledger import rows
from stats_assets.database.ledger.numbering import Numbering, numbering
from stats_assets.database.ledger.spans import islands, skipped
from stats_assets.definitions import defs
from stats_assets.demo.feed import DemoFeed
from stats_assets.feeds.sequences import path_of
from stats_assets.ingest.mode import BY_HAND
from stats_assets.ingest.run import run_range
from stats_assets.ingest.run_result import Report
from stats_assets.orchestration import stream_sensor
from stats_assets.streams import Stream
from stats_assets.system import Stats
from tests.conftest import Run, settings_for
from tests.telling import telling

REPOSITORY = defs.get_repository_def()
FILES: Stream = "changesets"
CLOSED = 'closed_at="2026-01-01T00:{:02}:00Z" open="false"'


class Files:
    """A changeset feed in a folder, each file with some changesets: id → (comment, open or closed)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, first: int, *files: dict[int, tuple[str, str]]) -> None:
        for sequence, file in enumerate(files, first):
            inside = "".join(
                f'<changeset id="{n}" created_at="2026-01-01T00:00:00Z" uid="5" user="u-{comment}" {state}>'
                f'<tag k="comment" v="{comment}"/></changeset>'
                for n, (comment, state) in file.items()
            )
            path = self.folder / f"{path_of(sequence)}.osm.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress(f"<osm>{inside}</osm>".encode()))
        last = first + len(files) - 1
        (self.folder / "state.yaml").write_text(f"---\nlast_run: {datetime.now(UTC)}\nsequence: {last}\n")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path / "changesets")


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def stats(feed: DemoFeed, url: str, tmp_path: Path, files: Files) -> Stats:
    return Stats(
        settings_for(feed, url, tmp_path / "data", changesets_url=str(files.folder), changesets_start=1)
    )


def tick(stats: Stats, instance: DagsterInstance, cursor: str | None) -> SensorResult:
    context = build_sensor_context(instance=instance, cursor=cursor, repository_def=REPOSITORY)
    return stream_sensor.tick(context, stats, FILES)


def ranges(result: SensorResult) -> list[tuple[int, int]]:
    configs = [request.run_config["ops"][FILES]["config"] for request in result.run_requests or ()]
    return [(config["start"], config["end"]) for config in configs]


def follow(stats: Stats, instance: DagsterInstance, cursor: str | None = None) -> str:
    """Ticks and their runs, until nothing is due."""
    while True:
        result = tick(stats, instance, cursor)
        cursor = result.cursor
        for start, end in ranges(result):
            go(stats, start, end)
        if not result.run_requests:
            assert cursor is not None
            return cursor


def go(stats: Stats, start: int, end: int, **how: Any) -> Report:
    return run_range(stats.work(FILES), stats.url, f"run-{uuid.uuid4()}", start, end, **how)


def comments(connection: Connection) -> dict[int, tuple[str, bool]]:
    found = connection.execute("SELECT changeset_id, comment, open FROM changeset_metadata").fetchall()
    return {n: (comment, is_open) for n, comment, is_open in found}


OPEN = 'open="true"'
BEFORE: tuple[dict[int, tuple[str, str]], ...] = (
    {1: ("first", OPEN), 2: ("old", OPEN)},
    {3: ("third", CLOSED.format(1))},
    {1: ("second", OPEN)},
    {},
    {2: ("older", OPEN), 4: ("old", OPEN)},
    {5: ("old", CLOSED.format(2))},
)
AFTER: tuple[dict[int, tuple[str, str]], ...] = (
    {1: ("new", OPEN)},
    {2: ("newer", CLOSED.format(3)), 6: ("new", OPEN)},
    {1: ("newest", CLOSED.format(4))},
)


@pytest.mark.parametrize("first", telling((1, 5000), 1))
def test_numbers_that_begin_again_are_followed_and_the_new_versions_win(
    first: int, stats: Stats, files: Files, instance: DagsterInstance, connection: Connection
) -> None:
    """From 1 the archive has other files under the same numbers; from 5000 the new ones are far below the origin."""
    stats = Stats(stats.settings.model_copy(update={"changesets_start": first}))
    files.write(first, *BEFORE)
    cursor = follow(stats, instance)
    assert cursor == str(first + 5)
    assert comments(connection)[1] == ("second", True)
    files.write(1, *AFTER)
    seeking.request_seek(connection, FILES, 0, from_feed=True)
    cursor = follow(stats, instance, cursor)
    assert cursor == "3" == tick(stats, instance, cursor).cursor
    row = stream_rows.stream_of(connection, FILES)
    assert row is not None
    assert (row.origin, row.checkpoint, row.seek_to, row.seek_from_feed) == (1, 3, None, False)
    expected = {
        1: ("newest", False),
        2: ("newer", False),
        3: ("third", False),
        4: ("old", True),
        5: ("old", False),
        6: ("new", True),
    }
    assert comments(connection) == expected
    assert connection.execute("SELECT name FROM users").fetchall() == [("u-newest",)]
    assert connection.execute("SELECT count(*) FROM ledger WHERE flagged IS NOT NULL").fetchone() == (0,)
    # By hand: from the archive, which has them of the new numbering by now, and what is not there yet is not.
    (files.folder / f"{path_of(2)}.osm.gz").unlink()
    assert go(stats, 1, 3, mode=BY_HAND).verdicts["committed"] == 3
    assert comments(connection) == expected
    files.write(4, {1: ("last", OPEN)}, {4: ("closed", CLOSED.format(9))})
    assert follow(stats, instance, cursor) == "5"
    assert comments(connection) == expected | {1: ("last", False), 4: ("closed", False)}


def test_no_body_of_the_old_numbering_is_read_also_where_nothing_is_done_again(
    stats: Stats, files: Files, instance: DagsterInstance, connection: Connection
) -> None:
    files.write(1, *BEFORE)
    cursor = follow(stats, instance)
    files.write(1, *AFTER)
    seeking.request_seek(connection, FILES, 2, from_feed=True)
    assert follow(stats, instance, cursor) == "3"
    go(stats, 1, 2, mode=BY_HAND)  # a backfill of what was left out
    assert comments(connection)[1] == ("newest", False)
    assert comments(connection)[2] == ("newer", False)


def test_a_clock_that_was_ahead_makes_no_old_body_one_of_the_new_numbering(
    stats: Stats, files: Files, instance: DagsterInstance, connection: Connection
) -> None:
    """The runs' machine, or a web server that says when a file was made, is two hours ahead of the database."""
    files.write(1, *BEFORE)
    cursor = follow(stats, instance)
    connection.execute("UPDATE ledger SET fetched_at = fetched_at + interval '2 h'")
    for kept in Path(stats.settings.archive, FILES).rglob("*.gz"):
        later = kept.stat().st_mtime_ns + 7200 * 10**9
        os.utime(kept, ns=(later, later))
    files.write(1, *AFTER)
    seeking.request_seek(connection, FILES, 2, from_feed=True)
    follow(stats, instance, cursor)
    go(stats, 1, 2, mode=BY_HAND)
    assert comments(connection)[1] == ("newest", False)
    assert comments(connection)[2] == ("newer", False)


def test_a_seek_from_the_feed_within_one_numbering_changes_no_version(
    stats: Stats, files: Files, instance: DagsterInstance, connection: Connection
) -> None:
    files.write(1, *BEFORE)
    cursor = follow(stats, instance)
    before = comments(connection)
    seeking.request_seek(connection, FILES, 3, from_feed=True)
    assert follow(stats, instance, cursor) == "6"
    go(stats, 1, 2, mode=BY_HAND)
    assert comments(connection) == before
    assert numbering(connection, FILES).of(3) == 0


def test_it_waits_for_the_head_and_is_dropped_beyond_it(
    stats: Stats, files: Files, instance: DagsterInstance, connection: Connection
) -> None:
    files.write(1, *BEFORE)
    cursor = follow(stats, instance)
    state = (files.folder / "state.yaml").read_text()
    (files.folder / "state.yaml").unlink()
    seeking.request_seek(connection, FILES, 2, from_feed=True)
    assert tick(stats, instance, cursor).cursor == cursor
    row = stream_rows.stream_of(connection, FILES)
    assert row is not None
    assert (row.seek_to, row.seek_from_feed, row.checkpoint) == (2, True, 6)
    (files.folder / "state.yaml").write_text(state)
    assert tick(stats, instance, cursor).cursor == "2"
    seeking.request_seek(connection, FILES, 60, from_feed=True)
    tick(stats, instance, "2")
    row = stream_rows.stream_of(connection, FILES)
    assert row is not None
    assert (row.seek_to, row.checkpoint) == (None, 2)


def test_another_feed_may_begin_farther_on(
    stats: Stats, files: Files, instance: DagsterInstance, connection: Connection
) -> None:
    files.write(1, *BEFORE)
    cursor = follow(stats, instance)
    files.write(9_000_000, *AFTER)
    seeking.request_seek(connection, FILES, 8_999_999, from_feed=True)
    assert follow(stats, instance, cursor) == "9000002"
    assert comments(connection)[1] == ("newest", False)
    assert skipped(connection, FILES) == []
    assert islands(connection, FILES) == [(1, 6)]
    assert [row.result for row in rows(connection, FILES, [6, 7, 9_000_000])] == [
        "committed",
        "none",
        "committed",
    ]


def test_by_command(
    stats: Stats, files: Files, instance: DagsterInstance, connection: Connection, run: Run
) -> None:
    stats = Stats(stats.settings.model_copy(update={"changesets_start": 5000}))
    files.write(5000, *BEFORE)
    follow(stats, instance)
    files.write(1, *AFTER)
    environment = {"DATABASE_URL": stats.url, "CHANGESETS_URL": str(files.folder)}
    seek = ("seek", "--stream", FILES, "--sequence")
    refused = run(*seek, "1", **environment)
    assert (refused.returncode, "--from-feed" in refused.stderr) == (2, True)
    beyond = run(*seek, "4", "--from-feed", "--yes", **environment)
    assert (beyond.returncode, "beyond the feed's head" in beyond.stderr) == (2, True)
    asked = run(*seek, "1", "--from-feed", **environment)
    assert (asked.returncode, "--yes" in asked.stderr) == (2, True)
    assert run(*seek, "1", "--from-feed", "--yes", **environment).returncode == 0
    row = stream_rows.stream_of(connection, FILES)
    assert row is not None
    assert (row.seek_to, row.seek_from_feed) == (1, True)


def test_the_order_of_files_and_which_archived_ones_are_meant() -> None:
    now = datetime.now(UTC)
    once = Numbering(FILES, 1, 100, now)
    assert once.order(100) < once.order(99_999_999) == 10**10 + 99_999_999
    assert (once.of(100), once.of(101)) == (0, 1)
    assert once.knows(100, now - timedelta(days=1))
    assert not once.knows(101, now - timedelta(seconds=1))
    assert once.knows(101, now)
    assert Numbering("augmented_diffs", 3, 100, now).order(101) == 101
    assert Numbering(FILES).order(7) == 7
