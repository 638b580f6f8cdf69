"""Minutes before the server's history: whole answers with wrong numbers. A backfill refuses, a stream charges them."""

import gzip
import shutil
import uuid
from contextlib import nullcontext
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from time import time
from typing import Any

import pytest
from dagster import DagsterInstance
from dagster._core.execution.backfill import BulkActionStatus
from dagster._daemon.types import DaemonHeartbeat
from hypothesis import given
from hypothesis import strategies as st

from stats_assets.database.connection import Connection
from stats_assets.database.ledger import ledger
from stats_assets.database.ledger.due_again import late
from stats_assets.database.ledger.stream_rows import troubled
from stats_assets.definitions import defs
from stats_assets.demo.answers import faults
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.feeds.history import judge_history
from stats_assets.feeds.outcomes import BeforeHistory
from stats_assets.ingest import run as runs
from stats_assets.ingest.mode import BY_HAND, Mode
from stats_assets.ingest.run_result import Report, RunFailed
from stats_assets.ingest.sequence_loop import MOST_BEFORE_HISTORY
from stats_assets.orchestration.backfill import by_daemon
from stats_assets.orchestration.backfill.backfill import do_backfill
from stats_assets.orchestration.backfill.round import Wanted
from stats_assets.osm.categories import Categories
from stats_assets.osm.creations import Creations
from stats_assets.osm.diff import count_diff
from stats_assets.osm.regions import Regions
from stats_assets.streams import Stream
from stats_assets.system import Stats
from tests.conftest import Run, real_file

DIFFS: Stream = "augmented_diffs"


def creations(*versions: int, changesets: int = 2) -> bytes:
    return b"".join(
        b'<action type="create"><node id="%d" version="%d" timestamp="2026-11-22T00:00:01Z" uid="31" user="a"'
        b' changeset="%d" lat="1" lon="2"><tag k="shop" v="yes"/></node></action>\n'
        % (n, version, 2 + n % changesets)
        for n, version in enumerate(versions, 1)
    )


def no_history(answer: faults.Answer) -> faults.Answer:
    head, tail = answer.body.split(b"<action", 1)[0], b"</osm>"
    return replace(answer, body=head + creations(3, 2, 7, 4, 9, 3) + tail)


MODIFIED = (
    b'<action type="modify"><old><node id="99" version="1" timestamp="2026-11-21T00:00:01Z" uid="31" user="a"'
    b' changeset="1" lat="1" lon="2"/></old><new><node id="99" version="2" timestamp="2026-11-22T00:00:01Z" uid="31"'
    b' user="a" changeset="2" lat="1" lon="3"/></new></action>'
)
BEFORE, AFTER = True, False
BODIES = {
    "all are": (creations(2, 3, 4, 5, 6), BEFORE),
    "too few to tell": (creations(2, 3, 4, 5), AFTER),
    "an undeletion, all of one changeset": (creations(3, 3, 3, 3, 3, 3, changesets=1), AFTER),
    "nine of ten": (creations(1, 3, 3, 3, 3, 3, 3, 3, 3, 3), BEFORE),
    "eight of ten": (creations(1, 1, 3, 3, 3, 3, 3, 3, 3, 3), AFTER),
    "created today": (creations(*[1] * 10), AFTER),
    "a modification among them": (creations(*[3] * 9) + MODIFIED, BEFORE),
    "modifications beside them": (creations(*[3] * 9) + 2 * MODIFIED, AFTER),
}


def counted(body: bytes) -> Any:
    whole = b'<osm version="0.6"><meta osm_base="2026-11-22T01:00:00Z"/>' + body + b"</osm>"
    return count_diff(BytesIO(whole), categories=Categories.load(), regions=Regions.load())


@pytest.mark.parametrize("case", BODIES)
def test_what_is_told_by_the_creations(case: str) -> None:
    body, before = BODIES[case]
    diff = counted(body)
    expected = pytest.raises(BeforeHistory, match="before the server's history") if before else nullcontext()
    with expected:
        judge_history(diff.creations, actions=diff.actions, url="u")


@pytest.mark.parametrize(
    "name", ["overpass/script-undeletes.gz", "overpass/script-creates.gz", "2360002.adiff.xml.gz"]
)
def test_real_minutes_pass(name: str) -> None:
    body = gzip.decompress(real_file(name).read_bytes())
    diff = count_diff(BytesIO(body), categories=Categories.load(), regions=Regions.load())
    judge_history(diff.creations, actions=diff.actions, url=name)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.booleans())
def test_never_where_a_tenth_and_more_is_anything_else(
    later: int, first: int, others: int, alone: bool
) -> None:
    seen, actions = Creations(later + first, later, alone), later + first + others
    refused = False
    try:
        judge_history(seen, actions=actions, url="u")
    except BeforeHistory:
        refused = True
    assert refused is (not alone and later + first >= 5 and 10 * later >= 9 * actions)


def go(stats: Stats, first: int, last: int, **how: Any) -> Report:
    return runs.run_range(stats.work(DIFFS), stats.url, f"run-{uuid.uuid4()}", first, last, **how)


def facts(connection: Connection) -> set[int]:
    return {n for (n,) in connection.execute("SELECT DISTINCT sequence FROM changeset_edits").fetchall()}


def test_a_run_by_hand_refuses_them_and_nothing_waits(
    feed: DemoFeed, world: World, stats: Stats, connection: Connection
) -> None:
    bad = world.first + 3
    feed.faults.put(no_history, stream=DIFFS, sequence=bad)
    report = go(stats, world.first, world.first + 6, mode=BY_HAND)
    assert (report.committed, list(report.failed)) == (6, [bad])
    assert "before the server's history" in report.failed[bad]
    (row,) = ledger.rows(connection, DIFFS, [bad])
    assert (row.result, row.work, row.attempts, row.done) == ("none", "idle", 0, False)
    (reason,) = connection.execute("SELECT reason FROM ledger WHERE sequence = %s", (bad,)).fetchone() or ()
    assert "6 of 6 actions are creations" in reason
    assert bad not in facts(connection)
    assert late(connection, DIFFS, None) == []
    feed.faults.clear()  # another server
    assert go(stats, bad, bad, mode=BY_HAND).verdicts == {"committed": 1}


def test_what_was_counted_before_stands(
    feed: DemoFeed, world: World, stats: Stats, connection: Connection
) -> None:
    go(stats, world.first, world.first + 6)
    before = connection.execute("SELECT content_hash, actions FROM ledger ORDER BY sequence").fetchall()
    feed.faults.put(no_history, stream=DIFFS)
    with pytest.raises(RunFailed, match="history"):
        go(stats, world.first, world.first + 6, mode=Mode("by hand", from_feed=True)).raise_if_failed()
    now = connection.execute("SELECT content_hash, actions FROM ledger ORDER BY sequence").fetchall()
    assert now == before
    assert facts(connection) == set(range(world.first, world.first + 7))


def test_a_run_by_hand_ends_after_a_few_in_a_row(
    feed: DemoFeed, world: World, stats: Stats, connection: Connection
) -> None:
    feed.faults.put(no_history, stream=DIFFS)
    report = go(stats, world.first, world.first + 20, mode=BY_HAND)
    assert (len(report.failed), report.committed, report.left) == (MOST_BEFORE_HISTORY, 0, 16)
    assert "in a row" in str(report.ended_early)
    with pytest.raises(RunFailed, match="before the server's history") as failed:
        report.raise_if_failed()
    assert "tried again by themselves" not in str(failed.value)


def test_a_stream_charges_them_and_goes_on(
    feed: DemoFeed, world: World, stats: Stats, connection: Connection
) -> None:
    bad = world.first + 3
    feed.faults.put(no_history, stream=DIFFS, sequence=bad)
    feed.faults.put(faults.broken_geometry(), stream=DIFFS, sequence=bad)  # is no way around it
    assert go(stats, world.first, world.first + 6).committed == 6
    assert [n for n, _ in troubled(connection, DIFFS, "waiting")] == [bad]
    for _ in range(3):
        go(stats, world.first, world.first + 6)
    assert [n for n, _ in troubled(connection, DIFFS, "quarantined")] == [bad]
    assert bad not in facts(connection)


def test_a_backfill_of_blocks_is_left_when_one_is_before_the_history(
    feed: DemoFeed,
    world: World,
    stats: Stats,
    connection: Connection,
    said: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (
        ("DATABASE_URL", stats.url),
        ("OVERPASS_URL", feed.url),
        ("CHANGESETS_URL", feed.changesets_url),
    ):
        monkeypatch.setenv(name, value)
    feed.advance(120)
    feed.faults.put(no_history, stream=DIFFS)
    wanted = Wanted(DIFFS, world.first, world.first + 140)
    with DagsterInstance.ephemeral() as instance:
        outcome = do_backfill(defs, instance, stats, wanted, lambda done: None)
        assert len(instance.get_runs()) == 1
    assert (outcome.committed, outcome.blocks_left, len(outcome.troubles)) == (0, 2, MOST_BEFORE_HISTORY)
    assert any("minutes in a row are before the server's history" in line for line in said)


def test_a_backfill_of_the_daemons_is_cancelled(
    feed: DemoFeed, world: World, stats: Stats, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.faults.put(no_history, stream=DIFFS)
    monkeypatch.setattr(by_daemon, "CANCEL_SECONDS", 0.0)
    last = world.first + 9

    def as_a_run_of_the_daemons(done: int) -> None:
        go(stats, world.first, last, mode=BY_HAND)

    with DagsterInstance.ephemeral() as instance:
        instance.add_daemon_heartbeat(DaemonHeartbeat(time(), "BACKFILL", "a daemon", []))
        wanted = Wanted(DIFFS, world.first, last)
        outcome = do_backfill(defs, instance, stats, wanted, as_a_run_of_the_daemons)
        (submitted,) = instance.get_backfills()
        assert submitted.status is BulkActionStatus.CANCELED
    assert (outcome.committed, outcome.blocks_left) == (0, 1)
    assert "5 minutes in a row are before the server's history" in said[-1]


def test_by_command(
    run: Run, feed: DemoFeed, world: World, stats: Stats, connection: Connection, tmp_path: Path
) -> None:
    bad = world.first + 1
    feed.faults.put(no_history, stream=DIFFS, sequence=bad)
    wanted = ["backfill", "--stream", DIFFS, "--start", str(world.first), "--end", str(world.first + 2)]
    given = {
        "DATABASE_URL": stats.url,
        "OVERPASS_URL": feed.url,
        "CHANGESETS_URL": feed.changesets_url,
    }
    shutil.copy(Path(__file__).parents[2] / "dagster.yaml", tmp_path)
    done = run(*wanted, **given)
    assert done.returncode == 1, done.stderr
    assert f"{bad} is refused: " in done.stderr
    assert "before the server's history" in done.stderr
    assert "2 of 3 sequences" in done.stderr


def test_the_statistics_of_such_a_file_warn(run: Run) -> None:
    body = (
        b'<osm version="0.6"><meta osm_base="2026-11-22T01:00:00Z"/>' + creations(2, 3, 4, 5, 6) + b"</osm>"
    )
    done = run("stats", "-", "--json", stdin=body)
    assert (done.returncode, "a stream would not count it" in done.stderr) == (0, True)
