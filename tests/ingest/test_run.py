"""A run over its range, against the demo's feed over HTTP and a real database: every event of a sequence's life."""

import dataclasses
import gzip
import itertools
import logging
import random
import re
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stats_assets.database.connection import Connection, connect
from stats_assets.database.ledger import ledger, pauses
from stats_assets.database.ledger.leases import end_lease
from stats_assets.database.statistics.applier import apply_queue, queued
from stats_assets.demo.answers import faults
from stats_assets.demo.answers.faults import Fault
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.feeds.archive import ArchiveError
from stats_assets.feeds.body import open_body
from stats_assets.feeds.manners import Manners
from stats_assets.feeds.outcomes import HeadQuiet, HeadRefused
from stats_assets.feeds.overpass import OverpassSource
from stats_assets.ingest.feed_head import CONFIRM_SECONDS, of_limit, of_look, of_tick
from stats_assets.ingest.fetch import StreamWork
from stats_assets.ingest.mode import BY_HAND, LATE, LIVE, Mode
from stats_assets.ingest.parse import Reader
from stats_assets.ingest.run import run_range
from stats_assets.ingest.run_result import NOT_YET, Report, RunFailed
from stats_assets.ingest.sequence_loop import GROUP
from stats_assets.osm.diff import count_diff
from stats_assets.streams import Stream
from stats_assets.system import Stats
from tests.conftest import MINUTES, settings_for
from tests.later import pass_time
from tests.telling import telling
from tests.truth import statistics_of

DIFFS: Stream = "augmented_diffs"


@pytest.fixture
def run(stats: Stats) -> Callable[..., Report]:
    return lambda start, end, stream=DIFFS, **how: run_range(
        stats.work(stream), stats.url, f"run-{uuid.uuid4()}", start, end, **how
    )


def test_a_run_has_two_sessions(
    run: Callable[..., Report], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own and its requests'; of the heartbeat's, which counts when it begins to last, there is none yet."""
    opened: list[str] = []
    connects = psycopg.connect

    def counted(*given: Any, **named: Any) -> Any:
        opened.append(named["application_name"])
        return connects(*given, **named)

    monkeypatch.setattr(psycopg, "connect", counted)
    assert run(world.first, world.first + 2).committed == 3
    assert sorted(opened) == ["stats-assets fetch augmented_diffs", "stats-assets run augmented_diffs"]


def row(connection: Connection, sequence: int) -> ledger.LedgerRow:
    return ledger.rows(connection, DIFFS, [sequence])[0]


def facts(connection: Connection) -> list[Any]:
    edits = connection.execute(
        "SELECT sequence, changeset_id, user_id, edited_at, total_edits, counts::text, measurements::text"
        " FROM changeset_edits ORDER BY 1, 2"
    ).fetchall()
    countries = connection.execute(
        "SELECT sequence, changeset_id, region, edit_count, counts::text FROM changeset_edits_countries"
        " ORDER BY 1, 2, 3"
    ).fetchall()
    errors = connection.execute(
        "SELECT sequence, type, id, ordinal FROM errors ORDER BY 1, 2, 3, 4"
    ).fetchall()
    return [edits, countries, errors]


def asked(feed: DemoFeed, sequence: int) -> int:
    return sum(1 for request in feed.requests if (request.stream, request.sequence) == (DIFFS, sequence))


def test_a_range_is_committed_in_full_and_only_once(
    feed: DemoFeed, world: World, connection: Connection, run: Callable[..., Report]
) -> None:
    report = run(world.first, feed.head)
    assert (report.committed, report.failed, report.left) == (MINUTES, {}, 0)
    before = facts(connection)
    assert before[0]
    again = run(world.first, feed.head)
    assert (again.committed, again.left) == (0, 0)
    assert asked(feed, world.first) == 1
    assert facts(connection) == before
    assert queued(connection) == len(before[0])


def test_by_hand_counts_again_from_the_archive_and_changes_no_number(
    feed: DemoFeed, world: World, connection: Connection, run: Callable[..., Report]
) -> None:
    run(world.first, feed.head)
    before = facts(connection)
    report = run(world.first, feed.head, mode=BY_HAND)
    assert report.verdicts["committed"] == MINUTES
    assert asked(feed, world.first) == 1
    assert facts(connection) == before


def test_by_hand_what_the_archive_has_needs_no_network(
    feed: DemoFeed, world: World, connection: Connection, run: Callable[..., Report]
) -> None:
    run(world.first, feed.head)
    before = facts(connection)
    connection.execute("DELETE FROM changeset_edits")
    connection.execute("DELETE FROM heads")  # as if it had been asked long ago
    feed.faults.put(DOWN["504 for all"], path="/api/*")
    report = run(world.first, feed.head, mode=BY_HAND)
    assert (report.head, report.committed, report.left) == (None, MINUTES, 0)
    report.raise_if_failed()
    assert facts(connection) == before


def test_a_body_from_the_archive_is_no_proof_that_the_feed_works(
    feed: DemoFeed, world: World, stats: Stats, connection: Connection, run: Callable[..., Report]
) -> None:
    run(world.first, feed.head)
    kept = sorted((stats.settings.stats_data_dir / "archive" / DIFFS).rglob("*.adiff.xml.gz"))
    kept[3].unlink()
    feed.faults.put(DOWN["504 for all"], path="/api/augmented_diff[?]*")
    report = run(world.first, feed.head, mode=BY_HAND)
    assert (report.committed, report.failed, report.left) == (MINUTES - 1, {}, 1)
    missing = row(connection, world.first + 3)
    assert (missing.result, missing.work, missing.attempts) == ("committed", "idle", 0)
    assert "once the feed answers" in (report.ended_early or "")


def test_a_run_by_hand_waits_for_the_feed_itself_and_pauses_no_stream(
    feed: DemoFeed, world: World, connection: Connection, run: Callable[..., Report], monkeypatch: Any
) -> None:
    monkeypatch.setattr(pauses, "PAUSE_FIRST", 0.01)
    feed.faults.put(DOWN["504 for all"], path="/api/augmented_diff[?]*", times=2)
    report = run(world.first, feed.head, mode=Mode("by hand", wait_for_feed=60))
    assert (report.committed, report.failed, report.left) == (MINUTES, {}, 0)
    assert connection.execute("SELECT count(*) FROM streams").fetchone() == (0,)


def test_beyond_the_head_nothing_is_asked_and_nothing_fails(
    feed: DemoFeed, connection: Connection, run: Callable[..., Report]
) -> None:
    report = run(feed.head + 1, feed.head + 5)
    assert (report.committed, report.failed, report.left) == (0, {}, 0)
    assert not any(request.sequence for request in feed.requests)
    report.raise_if_failed()


def test_an_early_osm_base_ends_the_run_and_is_no_attempt(
    feed: DemoFeed, world: World, connection: Connection, run: Callable[..., Report]
) -> None:
    early = feed.faults.put(_early_base, stream=DIFFS, sequence=world.first + 2)
    report = run(world.first, feed.head)
    assert (report.committed, report.ended_early, report.left) == (2, NOT_YET, MINUTES - 2)
    found = row(connection, world.first + 2)
    assert (found.work, found.attempts) == ("idle", 0)
    feed.faults.remove(early)
    assert run(world.first, feed.head).committed == MINUTES - 2


def _early_base(answer: faults.Answer) -> faults.Answer:
    start = answer.body.index(b'osm_base="') + 10
    early = b"2012-09-12T06:55:00Z"
    return faults.Answer(200, answer.kind, answer.body[:start] + early + answer.body[start + len(early) :])


OWN_FAILURES: dict[str, Fault] = {
    "cut body": faults.cut(),
    "empty body": faults.empty(),
    "HTML with 200": faults.html(),
    "504": faults.status(504),
    "remark of a timeout": faults.remark(),
    "an unknown remark": faults.remark("runtime error: something new"),
    "connection dropped": faults.drop(),
    "not XML": lambda answer: faults.Answer(200, answer.kind, b"<osm><meta osm_base='x'/><action></osm>"),
}


def unreadable(of: int = 1) -> Fault:
    """Every so manieth action of a diff without its version, its deletions' changesets no numbers."""
    actions = itertools.count()

    def rewritten(match: re.Match[bytes]) -> bytes:
        if next(actions) % of:
            return match[0]
        return match[0].replace(b' version="', b' v="').replace(b' changeset="', b' changeset="c')

    def fault(answer: faults.Answer) -> faults.Answer:
        body = gzip.decompress(answer.body) if answer.body[:2] == b"\x1f\x8b" else answer.body
        return dataclasses.replace(answer, body=re.sub(rb"(?s)<action .*?</action>", rewritten, body))

    return fault


OWN_FAILURES["another dialect"] = unreadable()


@pytest.mark.parametrize("fault", OWN_FAILURES)
def test_one_bad_sequence_waits_and_later_ones_go_on(
    fault: str, feed: DemoFeed, world: World, connection: Connection, run: Callable[..., Report]
) -> None:
    bad = world.first + 3
    feed.faults.put(OWN_FAILURES[fault], stream=DIFFS, sequence=bad)
    report = run(world.first, feed.head)
    assert report.committed == MINUTES - 1
    assert list(report.failed) == [bad]
    assert feed.url in report.failed[bad]
    found = row(connection, bad)
    assert (found.work, found.attempts, found.result) == ("waiting", 1, "none")
    assert asked(feed, bad) == 1  # the fourth identical query within 180 s is refused
    report.raise_if_failed()


def test_a_broken_sequence_is_quarantined_and_heals_by_hand(
    feed: DemoFeed, world: World, stats: Stats, connection: Connection, run: Callable[..., Report]
) -> None:
    bad = world.first + 3
    remark = feed.faults.put(faults.remark(), stream=DIFFS, sequence=bad)
    for attempt in range(1, 4):
        run(world.first, feed.head)
        assert row(connection, bad).attempts == attempt
        _let_waits_pass(connection)
    found = row(connection, bad)
    assert (found.work, found.done) == ("quarantined", True)
    kept = list(Path(stats.settings.archive).glob("augmented_diffs/rejected/**/*.gz"))
    assert len(kept) == 1
    assert b"<remark>" in gzip.decompress(kept[0].read_bytes())
    feed.faults.remove(remark)
    assert run(bad, bad, mode=BY_HAND).committed == 1
    found = row(connection, bad)
    assert (found.work, found.result, found.attempts) == ("idle", "committed", 0)


def _let_waits_pass(connection: Connection) -> None:
    connection.execute("UPDATE ledger SET not_before = now() WHERE not_before IS NOT NULL")
    connection.execute("UPDATE streams SET paused_until = NULL, quiet_until = NULL")


def test_broken_neighbours_are_not_taken_for_a_broken_feed_for_ever(
    feed: DemoFeed, world: World, connection: Connection, run: Callable[..., Report]
) -> None:
    for bad in (3, 4, 5):
        feed.faults.put(faults.empty(), stream=DIFFS, sequence=world.first + bad)
    committed = 0
    for _ in range(3):
        committed += run(world.first, feed.head).committed
        connection.execute("UPDATE streams SET paused_until = NULL, quiet_until = NULL")
    assert committed == MINUTES - 3
    assert [row(connection, world.first + bad).attempts for bad in (3, 4, 5)] == [1, 1, 1]


DOWN: dict[str, Fault] = {
    "504 for all": faults.status(504),
    "HTML for all": faults.html(),
    "504 with Retry-After": faults.status(504, retry_after=600),
    "all cut": faults.cut(),
    "another dialect for all": unreadable(),
}


@pytest.mark.parametrize("fault", DOWN)
def test_a_feed_that_is_down_pauses_the_stream_and_costs_no_sequence_an_attempt(
    fault: str, feed: DemoFeed, world: World, connection: Connection, run: Callable[..., Report]
) -> None:
    feed.faults.put(DOWN[fault], path="/api/augmented_diff[?]*")
    report = run(world.first, feed.head)
    assert (report.committed, report.failed) == (0, {})
    assert feed.url in (report.ended_early or "")
    with pytest.raises(RunFailed, match="goes on by itself"):
        report.raise_if_failed()
    assert asked(feed, world.first + 2) == 0  # it stopped after the probe
    assert all(
        (r.work, r.attempts) == ("idle", 0)
        for r in ledger.rows(connection, DIFFS, range(world.first, feed.head + 1))
    )
    (until, reason) = connection.execute(
        "SELECT paused_until, pause_reason FROM streams WHERE stream = %s", (DIFFS,)
    ).fetchone() or (None, "")
    wait = (until - datetime.now(UTC)).total_seconds()
    assert (590 < wait <= 600) if "Retry-After" in fault else (0 < wait <= 15)
    assert feed.url in reason


def _page(status: int, text: str, **headers: str) -> Fault:
    return lambda _: faults.Answer(status, "text/html", f"<html><p>{text}</p></html>".encode(), headers)


def _in_the_middle(answer: faults.Answer) -> faults.Answer:
    """A remark that only who reads the whole document sees, not who looks at its end."""
    remark, rest = b"<remark>runtime error: rate_limited</remark>", b"<!--" + b"x" * 100_000 + b"-->"
    return dataclasses.replace(answer, body=answer.body.replace(b"</osm>", remark + rest + b"</osm>"))


def _in_five_minutes() -> Fault:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True)
    return _page(429, "", **{"Retry-After": at})


LIMITS: dict[str, tuple[Callable[[], Fault], float]] = {
    "429": (lambda: faults.status(429), 30),
    "429 with Retry-After": (lambda: faults.status(429, retry_after=600), 600),
    "429 with a short Retry-After": (lambda: faults.status(429, retry_after=1), 30),
    "429 with a date": (_in_five_minutes, 300),
    "509": (lambda: _page(509, "Bandwidth Limit Exceeded"), 30),
    "200 and a page": (lambda: faults.html("runtime error: rate_limited. Please check /api/status"), 30),
    "503 of a proxy": (lambda: _page(503, "Too many requests", **{"Retry-After": "90"}), 90),
    "a remark": (lambda: faults.remark("runtime error: open64: rate_limited"), 30),
    "a remark in the middle": (lambda: _in_the_middle, 30),
}


@pytest.mark.parametrize(
    "limit", telling(LIMITS, "429 with Retry-After", "429 with a date", "509", "a remark in the middle")
)
def test_a_limit_stops_the_run_at_once_and_nobody_of_the_stream_asks_until_it_is_over(
    limit: str,
    feed: DemoFeed,
    world: World,
    stats: Stats,
    connection: Connection,
    run: Callable[..., Report],
) -> None:
    fault, wait = LIMITS[limit]
    feed.faults.put(fault(), path="/api/augmented_diff[?]*", times=1)
    report = run(world.first, feed.head)
    assert (report.committed, report.failed, report.left) == (0, {}, MINUTES)
    assert [request.sequence for request in feed.requests if request.sequence] == [world.first]
    assert feed.url in (report.ended_early or "")
    quiet = pauses.quiet(connection, DIFFS)
    assert quiet is not None
    assert quiet[0] == pytest.approx(wait, abs=10)
    rows = ledger.rows(connection, DIFFS, range(world.first, feed.head + 1))
    assert {(each.work, each.attempts) for each in rows} == {("idle", 0)}
    assert pauses.in_a_row(connection, DIFFS) == 1

    asked_so_far = len(feed.requests)
    source = stats.source(DIFFS)
    for mode in (LIVE, LATE, BY_HAND, Mode("by hand", from_feed=True)):
        again = run(world.first + 5, feed.head, mode=mode)
        assert (again.committed, again.failed) == (0, {})
        assert "not asked" in (again.ended_early or "")
    of_tick(connection, source, DIFFS, None)
    of_tick(connection, source, DIFFS, None, decides=True)
    of_look(connection, source, DIFFS)
    with pytest.raises(HeadQuiet):
        of_limit(connection, source, DIFFS, decides=False)
    assert len(feed.requests) == asked_so_far
    assert pauses.in_a_row(connection, DIFFS) == 1  # nothing failed once more

    pass_time(connection, wait + 15)
    assert run(world.first, feed.head).committed == MINUTES
    assert connection.execute("SELECT refusals, pauses FROM streams").fetchone() == (0, 0)


@pytest.mark.parametrize("by", ["a tick", "a run", "a command"])
def test_a_head_that_is_refused_keeps_all_of_the_stream_away_from_the_feed(
    by: str, feed: DemoFeed, world: World, stats: Stats, connection: Connection, run: Callable[..., Report]
) -> None:
    feed.faults.put(faults.status(429, retry_after=100), path="/api/augmented_diff_status")
    source = stats.source(DIFFS)
    if by == "a run":
        run(world.first, feed.head)
    elif by == "a tick":
        of_tick(connection, source, DIFFS, None, decides=True)
    else:
        with pytest.raises(HeadRefused):
            of_limit(connection, source, DIFFS, decides=False)
    for mode in (LIVE, Mode("by hand", from_feed=True), LATE):
        assert run(world.first, feed.head, mode=mode).committed == 0
    of_tick(connection, source, DIFFS, None)
    assert [request.path for request in feed.requests] == ["/api/augmented_diff_status"]


def test_runs_at_once_meet_a_limit_once(
    feed: DemoFeed, world: World, connection: Connection, run: Callable[..., Report]
) -> None:
    feed.faults.put(faults.status(429), path="/api/augmented_diff[?]*")
    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(lambda n: run(world.first + 4 * n, world.first + 4 * n + 3), range(3)))
    assert [report.committed for report in reports] == [0, 0, 0]
    assert sum(request.sequence is not None for request in feed.requests) == 1
    assert connection.execute("SELECT pauses, refusals FROM streams").fetchone() == (1, 1)


def test_a_run_at_work_stops_when_another_is_refused(
    feed: DemoFeed, world: World, stats: Stats, connection: Connection
) -> None:
    work = stats.work(DIFFS)
    read = []

    def reading(body: Any, limit: datetime) -> Any:
        read.append(1)
        if len(read) == 3:
            pauses.be_quiet(connection, DIFFS, 0, "another run was refused")
        return work.reader.read(body, limit)

    report = run_range(_with_reader(work, Reader(reading, "d")), stats.url, "run", world.first, feed.head)
    assert (report.committed, report.failed, report.left) == (3, {}, MINUTES - 3)
    assert "another run was refused" in (report.ended_early or "")
    assert asked(feed, world.first + 3) == 0
    assert pauses.in_a_row(connection, DIFFS) == 0


def test_one_outage_is_one_pause_however_many_runs_meet_it(
    feed: DemoFeed, world: World, connection: Connection, run: Callable[..., Report]
) -> None:
    def down(answer: faults.Answer) -> faults.Answer:
        until = time.monotonic() + 60  # both have begun
        while time.monotonic() < until:
            if both.execute("SELECT count(*) FROM run_leases").fetchone() == (2,):
                break
            time.sleep(0.02)
        return faults.status(504)(answer)

    with connect(_url_of(connection)) as both, ThreadPoolExecutor(2) as pool:
        feed.faults.put(down, path="/api/augmented_diff[?]*")
        reports = list(pool.map(lambda n: run(world.first + 6 * n, world.first + 6 * n + 5), range(2)))
    assert all("pauses until" in (report.ended_early or "") for report in reports)
    assert pauses.in_a_row(connection, DIFFS) == 1
    run(world.first, feed.head)  # begun since
    assert pauses.in_a_row(connection, DIFFS) == 2


def test_a_backfill_waits_for_the_quiet_and_says_so(
    feed: DemoFeed,
    world: World,
    connection: Connection,
    run: Callable[..., Report],
    monkeypatch: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    waits = []

    def sleep(seconds: float) -> None:
        if seconds > CONFIRM_SECONDS:  # else it is between two questions for the head
            waits.append(seconds)
        pass_time(connection, seconds)

    monkeypatch.setattr("stats_assets.ingest.run.time.sleep", sleep)
    pauses.be_quiet(connection, DIFFS, 600, "the feed said 429")
    caplog.set_level(logging.INFO)
    report = run(world.first, feed.head, mode=Mode("by hand", from_feed=True, wait_for_feed=3600))
    assert (report.committed, report.failed, report.head) == (MINUTES, {}, feed.head)
    assert waits == [pytest.approx(600, abs=10)]
    assert any("the feed said 429" in text and "waits" in text for text in caplog.messages)
    pauses.be_quiet(connection, DIFFS, 7200, "the feed said 429")
    ended = run(world.first, feed.head, mode=Mode("by hand", from_feed=True, wait_for_feed=3600))
    assert (ended.committed, len(waits)) == (0, 1)  # longer than it may wait
    assert "once the feed answers" in (ended.ended_early or "")


@pytest.mark.parametrize("seed", telling((1, 2), 1))
def test_whoever_asks_no_id_is_asked_a_third_time_in_180_seconds(
    seed: int, feed: DemoFeed, world: World, stats: Stats, connection: Connection, monkeypatch: Any
) -> None:
    """Live runs, late runs, backfills and their probes in any order, with answers that are often no good."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    clock = [0.0]
    times: dict[int, list[float]] = {}

    def passes(seconds: float) -> None:
        clock[0] += seconds
        pass_time(connection, seconds)

    fetch = OverpassSource.fetch

    def fetching(source: OverpassSource, sequence: int, folder: Path) -> Any:
        times.setdefault(sequence, []).append(clock[0] + time.monotonic())
        return fetch(source, sequence, folder)

    monkeypatch.setattr(OverpassSource, "fetch", fetching)
    monkeypatch.setattr("stats_assets.ingest.fetch.time.sleep", passes)
    feed.faults.put(faults.cut(), path="/api/augmented_diff[?]*", probability=0.5)
    work = dataclasses.replace(stats.work(DIFFS), settle_seconds=0)
    assert isinstance(work.source, OverpassSource)
    work.source.manners = Manners(0, 60)
    work = dataclasses.replace(work, sources=work.sources)
    for number in range(14):
        mode = rng.choice([LIVE, LIVE, LATE, Mode("by hand", from_feed=True)])
        start = world.first + rng.randrange(2)
        run_range(work, stats.url, f"run {number}", start, start + 1, mode)
        passes(rng.choice([0, 1, 30, 61, 90]))
    assert sum(map(len, times.values())) > 6
    for asked_at in times.values():
        assert all(later - earlier >= 59.9 for earlier, later in itertools.pairwise(asked_at))
        assert all(third - first >= 179.9 for first, third in zip(asked_at, asked_at[2:], strict=False))


def test_pauses_grow_and_end_with_the_first_success(
    feed: DemoFeed, world: World, connection: Connection, run: Callable[..., Report]
) -> None:
    down = feed.faults.put(faults.status(504), path="/api/augmented_diff[?]*")
    waits = []
    for _ in range(6):
        run(world.first, feed.head)
        (until,) = (
            connection.execute("SELECT paused_until FROM streams WHERE stream = %s", (DIFFS,)).fetchone()
            or ()
        )
        waits.append(round((until - datetime.now(UTC)).total_seconds()))
    assert waits == sorted(waits)
    assert waits[0] <= 15
    assert 240 < waits[-1] <= 300  # by now a few seconds of it are over
    feed.faults.remove(down)
    run(world.first, feed.head)
    row = connection.execute(
        "SELECT pauses, paused_until FROM streams WHERE stream = %s", (DIFFS,)
    ).fetchone()
    assert row == (0, None)


def test_a_feed_without_a_head_pauses_the_stream(
    feed: DemoFeed, world: World, connection: Connection, run: Callable[..., Report]
) -> None:
    feed.faults.put(faults.empty(), path="/api/augmented_diff_status")
    report = run(world.first, feed.head)
    assert report.left == MINUTES
    with pytest.raises(RunFailed, match="augmented_diff_status"):
        report.raise_if_failed()


def test_a_feed_that_changes_its_dialect_pauses_the_stream_and_charges_no_minute(
    feed: DemoFeed, world: World, connection: Connection, run: Callable[..., Report]
) -> None:
    """One minute at a time, as a stream at its head goes: each of them has a next one as its witness."""
    change = world.first + 3
    for sequence in range(change, feed.head + 1):
        feed.faults.put(unreadable(), stream=DIFFS, sequence=sequence)
    assert run(world.first, change).committed == 3
    for sequence in range(change, change + 3):
        report = run(sequence, sequence)
        assert (report.committed, report.failed) == (0, {})
        assert "can't be read" in (report.ended_early or "")
        connection.execute("UPDATE streams SET paused_until = NULL, quiet_until = NULL")
    rows = ledger.rows(connection, DIFFS, range(change, change + 3))
    assert all((found.attempts, found.result) == (0, "none") for found in rows)
    feed.faults.clear()
    assert run(change, feed.head).committed == MINUTES - 3


def test_a_body_of_which_less_than_half_can_not_be_read_counts(
    feed: DemoFeed, world: World, run: Callable[..., Report]
) -> None:
    feed.faults.put(unreadable(of=3), stream=DIFFS, sequence=world.first)
    assert run(world.first, world.first).committed == 1


def test_an_archived_body_that_can_not_be_read_is_fetched_again(
    feed: DemoFeed, world: World, stats: Stats, run: Callable[..., Report]
) -> None:
    run(world.first, world.first)
    (kept,) = (stats.settings.stats_data_dir / "archive" / DIFFS).rglob("[0-9]*.adiff.xml.gz")
    answer = faults.Answer(200, "", kept.read_bytes())
    kept.write_bytes(unreadable()(answer).body)
    assert run(world.first, world.first, mode=BY_HAND).committed == 1
    assert asked(feed, world.first) == 2


def test_a_failure_at_the_head_has_no_witness_and_costs_no_attempt(
    feed: DemoFeed, connection: Connection, run: Callable[..., Report]
) -> None:
    bad = feed.head
    feed.faults.put(faults.cut(), stream=DIFFS, sequence=bad)
    run(bad, bad)
    assert (row(connection, bad).work, row(connection, bad).attempts) == ("idle", 0)
    feed.faults.clear()
    with DemoFeed(feed.world, history=MINUTES + 1) as longer:  # the next minute is there: now it has one
        longer.faults.put(faults.cut(), stream=DIFFS, sequence=bad)
        work = Stats(settings_for(longer, _url_of(connection), Path("unused"), archive_uri="")).work(DIFFS)
        run_range(work, _url_of(connection), "second", bad, bad)
    assert (row(connection, bad).work, row(connection, bad).attempts) == ("waiting", 1)


def _url_of(connection: Connection) -> str:
    info = connection.info
    return f"postgresql://{info.user}@/{info.dbname}?host={info.host}&port={info.port}"


def test_a_refused_duplicate_waits_alone_without_an_attempt(
    feed: DemoFeed, world: World, connection: Connection, run: Callable[..., Report]
) -> None:
    refused = world.first + 3
    feed.faults.put(faults.duplicate_query(), stream=DIFFS, sequence=refused)
    report = run(world.first, feed.head)
    assert report.committed == MINUTES - 1
    found = row(connection, refused)
    assert (found.work, found.attempts) == ("waiting", 0)
    assert found.not_before is not None
    assert 100 < (found.not_before - datetime.now(UTC)).total_seconds() <= 200


def test_one_broken_geometry_is_put_up_with_after_three_attempts_and_flagged(
    feed: DemoFeed, world: World, connection: Connection, stats: Stats, run: Callable[..., Report]
) -> None:
    bad = world.first + 3
    text = "runtime error: Way 7 cannot be expanded at timestamp 2017-03-09T04:18:02Z."
    feed.faults.put(faults.remark(text), stream=DIFFS, sequence=bad)
    for attempt in (1, 2):
        run(world.first, feed.head)
        assert (row(connection, bad).work, row(connection, bad).attempts) == ("waiting", attempt)
        _let_waits_pass(connection)
    run(world.first, feed.head)
    assert row(connection, bad).result == "committed"
    (flagged,) = connection.execute("SELECT flagged FROM ledger WHERE sequence = %s", (bad,)).fetchone() or (
        "",
    )
    assert "cannot be expanded" in flagged
    feed.stop()  # what was put up with once needs no feed to be counted again
    assert run(bad, bad, mode=BY_HAND).verdicts["committed"] == 1


def test_a_hole_waits_does_not_stop_the_stream_and_fills_later(
    feed: DemoFeed, world: World, connection: Connection, run: Callable[..., Report]
) -> None:
    hole = world.changesets_first + 2
    gone = feed.faults.put(faults.missing(), stream="changesets", sequence=hole)
    head = feed.changesets_head
    report = run(world.changesets_first, head, stream="changesets")
    assert list(report.failed) == [hole]
    assert report.committed == head - world.changesets_first
    waiting = ledger.rows(connection, "changesets", [hole])[0]
    assert (waiting.work, waiting.attempts) == ("waiting", 0)
    feed.faults.remove(gone)
    _let_waits_pass(connection)
    assert run(world.changesets_first, head, stream="changesets").committed == 1


def test_files_that_are_all_missing_are_the_feeds_failure(
    feed: DemoFeed, world: World, connection: Connection, run: Callable[..., Report]
) -> None:
    feed.faults.put(faults.missing(), path="/changesets/*.osm.gz")
    report = run(world.changesets_first, feed.changesets_head, stream="changesets")
    assert (report.failed, report.committed) == ({}, 0)
    assert "pauses" in (report.ended_early or "")


def test_a_poison_diff_is_its_own_failure_with_the_exception_as_reason(
    feed: DemoFeed, world: World, stats: Stats, connection: Connection
) -> None:
    work = stats.work(DIFFS)
    calls = []

    def poisoned(body: Any, limit: datetime) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyError("poison")
        return work.reader.read(body, limit)

    report = run_range(
        _with_reader(work, Reader(poisoned, "d")), stats.url, "run", world.first, world.first + 4
    )
    assert report.committed == 4
    assert "KeyError: 'poison'" in report.failed[world.first + 1]
    assert row(connection, world.first + 1).attempts == 1


def _with_reader(work: StreamWork, reader: Reader) -> StreamWork:
    from dataclasses import replace

    return replace(work, reader=reader)


def test_a_run_that_was_taken_for_dead_stops_and_gives_way(
    feed: DemoFeed, world: World, stats: Stats, connection: Connection
) -> None:
    work = stats.work(DIFFS)

    def slow(body: Any, limit: datetime) -> Any:
        end_lease(connection, "run")
        return work.reader.read(body, limit)

    with pytest.raises(ledger.LeaseLost):
        run_range(_with_reader(work, Reader(slow, "d")), stats.url, "run", world.first, feed.head)
    assert facts(connection) == [[], [], []]


def test_suspects_are_taken_alone_and_others_in_groups(
    feed: DemoFeed, world: World, stats: Stats, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = world.first
    connection.execute(
        "INSERT INTO ledger (stream, sequence, suspect) SELECT %s, n, true FROM unnest(%s::bigint[]) AS n",
        (DIFFS, [first + 3, first + 4]),
    )
    groups = []
    take = ledger.take

    def spying(*arguments: Any) -> Any:
        groups.append([n - first for n in arguments[3]])
        return take(*arguments)

    monkeypatch.setattr(ledger, "take", spying)
    feed.advance(17 - MINUTES)
    run_range(stats.work(DIFFS), stats.url, "run", first, first + 16)
    assert groups == [[0, 1, 2], [3], [4], [*range(5, 5 + GROUP)], [15, 16]]


def test_by_hand_the_later_answer_counts_and_from_the_feed_alone_when_told(
    feed: DemoFeed, world: World, stats: Stats, connection: Connection, run: Callable[..., Report]
) -> None:
    n = world.first + 1

    def actions() -> int:
        (found,) = connection.execute("SELECT actions FROM ledger WHERE sequence = %s", (n,)).fetchone() or (
            0,
        )
        return int(found)

    run(n, n)
    many, full = actions(), facts(connection)
    feed.faults.put(_without_an_action, stream=DIFFS, sequence=n)
    run(n, n, mode=BY_HAND)
    assert (actions(), facts(connection)) == (many, full)  # the archive has it
    run(n, n, mode=LATE)
    assert actions() == many
    assert run(n, n, mode=Mode("by hand", from_feed=True)).verdicts["committed"] == 1
    assert actions() == many - 1
    (flagged,) = connection.execute("SELECT flagged FROM ledger WHERE sequence = %s", (n,)).fetchone() or (
        "",
    )
    assert f"{many - 1} actions, 1 fewer" in flagged
    (kept,) = Path(stats.settings.archive, DIFFS, "replaced").rglob("*.gz")
    with gzip.open(kept) as file:
        assert file.read().count(b"<action ") == many
    archive = stats.archive("augmented_diffs")
    now = datetime.now(UTC)
    assert archive.prune_replaced(now - timedelta(minutes=1)) == 0  # counted from when it was replaced
    assert archive.prune_replaced(now + timedelta(minutes=1)) == 1
    assert run(n, n, mode=BY_HAND).verdicts["committed"] == 1  # the archive has the later one now
    assert actions() == many - 1


def _without_an_action(answer: faults.Answer) -> faults.Answer:
    start = answer.body.rindex(b"<action")
    end = answer.body.rindex(b"</action>") + len(b"</action>")
    return faults.Answer(200, answer.kind, answer.body[:start] + answer.body[end:])


def _forget_archive(stats: Stats) -> None:
    for path in Path(stats.settings.archive).rglob("*.gz"):
        path.unlink()


def test_bodies_are_archived_as_counted(
    feed: DemoFeed, world: World, stats: Stats, run: Callable[..., Report], tmp_path: Path
) -> None:
    run(world.first, world.first + 2)
    body = stats.archive(DIFFS).get(world.first + 1, tmp_path)
    with open_body(body.path) as document:
        assert document.read() == feed.content.answer(f"/api/augmented_diff?id={world.first + 1}").body
    assert stats.archive(DIFFS).get(world.first + 1, tmp_path).from_archive
    with open_body(body.path) as document:
        assert count_diff(document, categories=_rules(stats)[0], regions=_rules(stats)[1]).envelope.complete


def _rules(stats: Stats) -> Any:
    from stats_assets.osm.categories import Categories
    from stats_assets.osm.regions import Regions

    return Categories.load(None), Regions.load(None)


def test_without_an_archive_all_works(feed: DemoFeed, world: World, url: str, tmp_path: Path) -> None:
    stats = Stats(settings_for(feed, url, tmp_path / "none", archive_uri=""))
    report = run_range(stats.work(DIFFS), url, "run", world.first, feed.head)
    assert report.committed == MINUTES
    assert not (tmp_path / "none").exists()


def test_a_directory_of_diffs_in_place_of_overpass(
    feed: DemoFeed, world: World, url: str, connection: Connection, tmp_path: Path
) -> None:
    stats = Stats(settings_for(feed, url, tmp_path, augmented_diffs_url=feed.augmented_diffs_url))
    assert run_range(stats.work(DIFFS), url, "run", world.first, feed.head).committed == MINUTES
    assert not any("/api/" in request.path for request in feed.requests)


def test_the_statistics_equal_the_worlds_truth_to_the_last_digit(
    feed: DemoFeed, world: World, stats: Stats, connection: Connection, run: Callable[..., Report]
) -> None:
    from tests.truth import differences, truth_of

    feed.advance(44 - MINUTES)  # each rare kind of edit comes twice
    assert run(world.changesets_first, feed.changesets_head, stream="changesets").failed == {}
    assert run(world.first, feed.head).failed == {}
    apply_queue(connection)
    assert differences(truth_of(feed.url), statistics_of(connection)) == []


def test_a_poison_body_is_kept_for_study_when_quarantined(
    feed: DemoFeed, world: World, stats: Stats, connection: Connection
) -> None:
    def poisoned(body: Any, limit: datetime) -> Any:
        raise ValueError("poison")

    for attempt in range(3):
        run_range(
            _with_reader(stats.work(DIFFS), Reader(poisoned, "d")),
            *(stats.url, f"run {attempt}", world.first, world.first),
        )
        _let_waits_pass(connection)
    assert row(connection, world.first).work == "quarantined"
    (kept,) = Path(stats.settings.archive).glob("augmented_diffs/rejected/**/*.gz")
    sent = feed.content.answer(f"/api/augmented_diff?id={world.first}").body
    assert gzip.decompress(kept.read_bytes()) == sent


def test_an_archive_out_of_reach_is_no_sequences_fault(
    feed: DemoFeed,
    world: World,
    url: str,
    connection: Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nowhere = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in (nowhere | {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}).items():
        monkeypatch.setenv(name, value)
    stats = Stats(settings_for(feed, url, tmp_path, archive_uri="s3://bucket/archive"))
    with pytest.raises(ArchiveError, match="s3://bucket/archive"):
        run_range(stats.work(DIFFS), url, "run", world.first, world.first + 1)
    rows = ledger.rows(connection, DIFFS, [world.first, world.first + 1])
    assert [(r.work, r.attempts, r.result) for r in rows] == [("idle", 0, "none")] * 2


def test_a_run_without_its_lease_books_no_failure_over_anothers_result(
    feed: DemoFeed, world: World, stats: Stats, connection: Connection
) -> None:
    feed.advance(1)
    feed.faults.put(
        faults.remark("runtime error: Way 7 cannot be expanded"), stream=DIFFS, sequence=world.first
    )
    work = stats.work(DIFFS)

    def overtaken(body: Any, limit: datetime) -> Any:
        end_lease(connection, "run")
        return work.reader.read(body, limit)

    with pytest.raises(ledger.LeaseLost):
        run_range(_with_reader(work, Reader(overtaken, "d")), stats.url, "run", world.first, world.first)
    assert row(connection, world.first).attempts == 0
