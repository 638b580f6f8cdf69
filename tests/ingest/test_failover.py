"""A stream of two addresses, of which one is killed, behind, refuses, lies, or is asked before its history."""

import gzip
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, build_sensor_context

from stats_assets.database.connection import Connection
from stats_assets.database.ledger import addresses, asked, pauses
from stats_assets.database.ledger.heads import head_of
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.demo.answers import faults
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.sequences import sequence_of
from stats_assets.ingest.mode import BY_HAND, LATE, LIVE, Mode
from stats_assets.ingest.run import run_range
from stats_assets.ingest.run_result import Report
from stats_assets.monitoring import status
from stats_assets.orchestration import stream_checks, stream_sensor
from stats_assets.streams import END_TAG, START_TAG, Stream
from stats_assets.system import Stats
from tests.conftest import MINUTES, Run, settings_for
from tests.drills.waiting import PATIENCE
from tests.ingest.test_before_history import no_history
from tests.telling import telling
from tests.truth import differences, statistics_of, truth_of

DIFFS: Stream = "augmented_diffs"
CHANGES: Stream = "changesets"
BODIES = "/api/augmented_diff[?]*"


@pytest.fixture
def second(world: World, minutes: int) -> Iterator[DemoFeed]:
    """The same world on another server."""
    with DemoFeed(world, history=minutes) as served:
        yield served


class Stack:
    """The system on two feeds, tick by tick."""

    def __init__(self, feed: DemoFeed, second: DemoFeed, url: str, folder: Path, **settings: object) -> None:
        given: dict[str, object] = {
            "overpass_url": f"{feed.url} {second.url}",
            "changesets_url": f"{feed.changesets_url} {second.changesets_url}",
            "augmented_diffs_start": feed.world.first,
            "changesets_start": feed.world.changesets_first,
        }
        self.stats = Stats(settings_for(feed, url, folder, **(given | settings)))
        vars(self.stats)["http"] = Http("test", timeout=PATIENCE, pause=0.01)
        self.said: list[str] = []

    def tick(self, connection: Connection, stream: Stream = DIFFS) -> list[tuple[int, int]]:
        """A tick, of an instance of its own; the ranges that it asks runs for."""
        connection.execute("UPDATE streams SET instance_id = NULL")
        with DagsterInstance.ephemeral() as instance:
            context = build_sensor_context(instance=instance)
            context.log.warning = self.said.append  # type: ignore[method-assign,assignment]
            result: Any = stream_sensor.tick(context, self.stats, stream)
        return [(int(r.tags[START_TAG]), int(r.tags[END_TAG])) for r in result.run_requests or ()]

    def run(self, start: int, end: int, stream: Stream = DIFFS, mode: Mode = LIVE) -> Report:
        work = self.stats.work(stream)
        return run_range(work, self.stats.url, f"run-{uuid.uuid4()}", start, end, mode)

    def go(self, connection: Connection, stream: Stream = DIFFS) -> list[Report]:
        return [self.run(start, end, stream) for start, end in self.tick(connection, stream)]

    def used(self, connection: Connection, stream: Stream = DIFFS) -> str:
        return self.stats.source(stream, connection).url


@pytest.fixture
def stack(feed: DemoFeed, second: DemoFeed, url: str, tmp_path: Path) -> Stack:
    return Stack(feed, second, url, tmp_path / "data")


def is_at(url: str, feed: DemoFeed) -> bool:
    return url.startswith(f"{feed.url}/")


def pass_time(connection: Connection, seconds: float) -> None:
    """As if all that is known of the feeds were so much older."""
    for table, columns in {
        "addresses": "answered_at failed_at bad_at well_since left_at quiet_until",
        "heads": "asked_at moved_at failed_at",
        "streams": "quiet_until paused_until paused_at in_use_since",
        "asked": "asked_at",
    }.items():
        changes = ", ".join(f"{name} = {name} - make_interval(secs => %(s)s)" for name in columns.split())
        connection.execute(f"UPDATE {table} SET {changes}".encode(), {"s": seconds})  # noqa: S608


def bodies(feed: DemoFeed) -> list[int]:
    return [one.sequence for one in feed.requests if one.sequence is not None]


def sources(connection: Connection) -> dict[int, tuple[str | None, str | None]]:
    """Where each counted body came from, and who has settled it."""
    found = connection.execute(
        "SELECT sequence, a.url, s.url FROM ledger AS l LEFT JOIN addresses AS a ON a.id = l.address"
        " LEFT JOIN addresses AS s ON s.id = l.settled_by WHERE l.result = 'committed' AND l.stream = %s",
        (DIFFS,),
    ).fetchall()
    return {sequence: (address, settled) for sequence, address, settled in found}


def exact(stack: Stack, connection: Connection, feed: DemoFeed) -> list[str]:
    """What differs from the truth, after all is counted."""
    stack.run(feed.world.changesets_first, feed.changesets_head, CHANGES)
    apply_queue(connection)
    ends = {"augmented_diffs": feed.head, "changesets": feed.changesets_head}
    return differences(truth_of(feed.url, **ends), statistics_of(connection))


def test_the_first_is_read_and_the_other_left_in_peace(
    stack: Stack, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    for _ in range(3):
        stack.go(connection)
        feed.advance(1)
        pass_time(connection, 61)
    assert is_at(stack.used(connection), feed)
    late = [one for one in second.requests if "status" not in one.path]
    assert (late, stack.said) == ([], [])
    assert {url for url, _ in sources(connection).values()} == {stack.used(connection)}


KILLS: dict[str, Callable[[DemoFeed], object]] = {
    "killed": lambda feed: feed.stop(),
    "its status is down": lambda feed: feed.faults.put(faults.status(504)),
    "its bodies are down": lambda feed: feed.faults.put(faults.status(504), path=BODIES),
    "its bodies are empty": lambda feed: feed.faults.put(faults.empty(), path=BODIES),
    "it refuses": lambda feed: feed.faults.put(faults.status(429, retry_after=600)),
    "it refuses bodies": lambda feed: feed.faults.put(faults.status(429), path=BODIES),
    "it lies with pages": lambda feed: feed.faults.put(faults.html()),
}


@pytest.mark.parametrize("what", telling(KILLS, "killed", "its bodies are empty", "it refuses"))
def test_one_that_fails_is_left_for_the_next_and_nothing_is_lost(
    what: str, stack: Stack, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    ((start, _),) = stack.tick(connection)
    stack.run(start, start + 3)
    KILLS[what](feed)
    pass_time(connection, 130)
    for _ in range(3):
        stack.go(connection)
    assert is_at(stack.used(connection), second)
    used = sources(connection)
    assert used.keys() == {*range(start, feed.world.first + MINUTES)}
    assert [is_at(str(used[n][0]), feed) for n in sorted(used)] == [True] * 4 + [False] * (MINUTES - 4)
    (said,) = stack.said
    assert said.startswith(
        f"{DIFFS} is read from {second.url}/api/augmented_diff now, no longer from {feed.url}"
    )
    assert connection.execute("SELECT sum(attempts) FROM ledger").fetchone() == (0,)  # no sequence's fault
    row = connection.execute("SELECT paused_until, pauses FROM streams WHERE stream = %s", (DIFFS,))
    assert row.fetchone() == (None, 0)  # the other one's
    feed.faults.clear()
    if what == "killed":
        feed.start()
    assert exact(stack, connection, feed) == []


def test_what_was_read_first_from_one_is_settled_by_the_one_in_use_then(
    stack: Stack, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    world, head = feed.world, feed.head
    early = world.first + 2
    feed.faults.put(faults.thinner(0.5), stream=DIFFS, sequence=early)
    stack.go(connection)
    first_read = sources(connection)
    assert {settled for _, settled in first_read.values()} == {None}
    feed.stop()
    second.advance(3)
    pass_time(connection, 130)
    for _ in range(2):
        stack.go(connection)
    settings = stack.stats.settings.model_copy(update={"settle_seconds": 120})
    sooner = Stack(feed, second, stack.stats.url, settings.stats_data_dir, settle_seconds=120)
    report = sooner.run(world.first, head, mode=LATE)
    assert report.verdicts == {"unchanged": MINUTES - 1, "committed": 1}
    now = sources(connection)
    for sequence in range(world.first, head + 1):
        assert is_at(str(now[sequence][0]), second if sequence == early else feed), sequence
        assert is_at(str(now[sequence][1]), second), sequence
    feed.start()
    feed.advance(3)
    assert exact(stack, connection, feed) == []


def test_one_that_is_behind_is_left_and_come_back_to_when_it_is_well_for_long(
    stack: Stack, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    stack.go(connection)
    second.advance(12)
    pass_time(connection, 130)
    stack.go(connection)
    stack.go(connection)
    assert is_at(stack.used(connection), second)
    assert head_of(connection, DIFFS).head == second.head
    assert "behind another" in str(addresses.in_use(connection, DIFFS))
    done = sources(connection)
    assert max(done) == second.head
    feed.advance(12)
    pass_time(connection, 61)
    stack.tick(connection)
    assert is_at(stack.used(connection), second)  # it has only just come back
    for _ in range(4):
        pass_time(connection, 61)
        stack.tick(connection)
        assert is_at(stack.used(connection), second)
    for _ in range(2):
        pass_time(connection, 61)
        stack.tick(connection)
    assert is_at(stack.used(connection), feed)
    assert addresses.in_use(connection, DIFFS).why is None  # type: ignore[union-attr]
    assert head_of(connection, DIFFS).head == feed.head
    assert exact(stack, connection, feed) == []


def test_the_only_one_that_is_left_is_waited_for_and_is_no_other_numbering(
    stack: Stack, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    """Twenty minutes behind: the first one's head must not make that look like another feed."""
    feed.advance(20)
    connection.execute("DELETE FROM heads")
    for start, end in stack.tick(connection):
        stack.run(start, end)
    stack.run(feed.world.first, feed.head)
    stack.tick(connection)
    stack.tick(connection)
    feed.stop()
    pass_time(connection, 130)
    stack.tick(connection)
    stack.tick(connection)
    assert is_at(stack.used(connection), second)
    found = status.of(stack.stats).streams[DIFFS]
    assert (found.another, found.ahead, found.head) == (False, False, second.head)
    second.advance(25)
    pass_time(connection, 61)
    stack.go(connection)
    assert max(sources(connection)) == second.head


@pytest.mark.parametrize("lie", telling((120, 5_000_000), 120))
def test_a_head_that_is_still_to_come_is_not_believed(
    lie: int, stack: Stack, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    """It would make the good one look behind."""
    stack.go(connection)
    told = str(sequence_of(datetime.now(UTC)) + lie)
    second.faults.put(lambda answer: replace(answer, body=told.encode()), path="*status*")
    for _ in range(3):
        pass_time(connection, 300)  # the world's minutes are long over: all are asked
        stack.tick(connection)
    assert is_at(stack.used(connection), feed)
    (row,) = addresses.of(connection, DIFFS, [stack.stats.sources(DIFFS)[1].url])
    assert "still to come" in str(row.failure)


def test_one_whose_documents_end_long_before_its_head_is_left(
    stack: Stack, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    stack.tick(connection)
    feed.faults.put(faults.early_base(7200), path=BODIES)
    for _ in range(2):
        stack.go(connection)
    assert is_at(stack.used(connection), second)
    stack.go(connection)
    assert len(sources(connection)) == MINUTES


def test_each_server_has_its_own_quiet_requests_and_tries(
    stack: Stack, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    first = feed.world.first
    stack.tick(connection)
    stack.run(first, first + 2)
    feed.faults.put(faults.status(429, retry_after=1000), path=BODIES)
    stack.go(connection)
    assert pauses.quiet(connection, DIFFS) is not None
    stack.tick(connection)
    assert is_at(stack.used(connection), second)
    assert pauses.quiet(connection, DIFFS) is None
    one, other = stack.stats.sources(DIFFS)
    assert addresses.quiet(connection, DIFFS, one.url).left is not None
    assert addresses.quiet(connection, DIFFS, other.url).left is None
    before = len(feed.requests)
    stack.go(connection)
    stack.tick(connection)
    assert len(feed.requests) == before  # not even its head
    counted = asked.of_servers(connection, DIFFS)
    assert counted.keys() == {feed.url.removeprefix("http://"), second.url.removeprefix("http://")}
    assert counted[feed.url.removeprefix("http://")].bodies == 4
    assert counted[second.url.removeprefix("http://")].bodies == MINUTES - 3
    assert sum(n.bodies for n in counted.values()) == asked.lately(connection, DIFFS)[1].bodies


def test_a_preview_asks_no_other_and_changes_nothing(
    stack: Stack, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    stack.go(connection)
    feed.stop()
    before = connection.execute("SELECT * FROM addresses ORDER BY id").fetchall()
    with DagsterInstance.ephemeral() as instance:
        context = build_sensor_context(instance=instance, sensor_name="x")
        stream_sensor._ask(context, connection, stack.stats, DIFFS, stack.said.append, keep=False)
    assert connection.execute("SELECT * FROM addresses ORDER BY id").fetchall() == before
    assert is_at(stack.used(connection), feed)


def next_file(
    stack: Stack, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> tuple[str, list[Report]]:
    """Changesets, when the first address is gone: the one in use then, and what its runs did."""
    stack.go(connection, CHANGES)
    feed.stop()
    second.advance(3)
    for _ in range(3):
        pass_time(connection, 130)
        stack.tick(connection, CHANGES)
    reports = stack.go(connection, CHANGES)
    return stack.used(connection, CHANGES), reports


def test_a_directory_of_the_same_numbers_is_used_after_one_file_was_compared(
    stack: Stack, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    used, reports = next_file(stack, feed, second, connection)
    assert is_at(used, second)
    assert sum(report.committed for report in reports) == 3
    asked_for = bodies(second)
    assert len(asked_for) == 4
    assert min(asked_for) < min(reports[0].done)  # a counted one, once
    second.advance(5)
    pass_time(connection, 130)
    more = sum(report.committed for report in stack.go(connection, CHANGES))
    assert more
    assert len(bodies(second)) == 4 + more  # it is compared once


def _other_numbers(feed: DemoFeed) -> None:
    """Its files are numbered by two more."""
    source: Any = feed.source

    class Shifted:
        def __getattr__(self, name: str) -> Any:
            return getattr(source, name)

        def changesets(self, sequence: int) -> bytes | None:
            found: bytes | None = source.changesets(sequence - 2)
            return found

    feed.source = Shifted()


def test_a_directory_of_other_numbers_is_not_used_and_that_is_said(
    stack: Stack, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    _other_numbers(second)
    counted = connection.execute("SELECT count(*) FROM ledger").fetchone()
    _, reports = next_file(stack, feed, second, connection)
    assert [report.committed for report in reports] == [0]
    assert "is another than the one that was counted" in str(reports[0].ended_early)
    counted = connection.execute("SELECT count(*) FROM ledger WHERE result = 'committed'").fetchone()
    pass_time(connection, 400)
    stack.go(connection, CHANGES)
    connection.execute("UPDATE addresses SET compared_at = compared_at - interval '25 hours'")
    for _ in range(2):  # it is compared again, and not taken for proved
        pass_time(connection, 61)
        stack.go(connection, CHANGES)
    assert connection.execute("SELECT count(*) FROM ledger WHERE result = 'committed'").fetchone() == counted
    feed.start()
    feed.advance(3)
    pass_time(connection, 300)
    stack.go(connection, CHANGES)
    assert is_at(stack.used(connection, CHANGES), feed)
    (row,) = addresses.of(connection, CHANGES, [stack.stats.sources(CHANGES)[1].url])
    assert "not used" in str(row.other_numbering)


def test_one_whose_counted_file_is_missing_is_not_used_yet(
    stack: Stack, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    second.faults.put(faults.missing(), path="*.osm.gz")
    _, reports = next_file(stack, feed, second, connection)
    assert [report.committed for report in reports] == [0]
    (row,) = addresses.of(connection, CHANGES, [stack.stats.sources(CHANGES)[1].url])
    assert (row.numbering, "could not be seen" in str(row.bad)) == (None, True)


def test_files_that_differ_by_nothing_that_counts_are_of_one_numbering(
    stack: Stack, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    other = lambda answer: replace(answer, body=_respaced(answer.body))  # noqa: E731
    second.faults.put(other, path="*.osm.gz")
    used, reports = next_file(stack, feed, second, connection)
    assert (is_at(used, second), sum(report.committed for report in reports)) == (True, 3)


def _respaced(body: bytes) -> bytes:
    return gzip.compress(gzip.decompress(body).replace(b"<tag ", b"<tag  "))


def test_status_and_the_check_say_which_is_in_use_and_why_another_is_not(
    stack: Stack, feed: DemoFeed, second: DemoFeed, connection: Connection, run: Run
) -> None:
    stack.go(connection)
    one, other = (source.url for source in stack.stats.sources(DIFFS))
    before = status.of(stack.stats).streams[DIFFS].addresses
    assert [(place.url, place.in_use, place.why_not) for place in before] == [
        (one, True, None),
        (other, False, None),
    ]
    feed.stop()
    pass_time(connection, 130)
    for _ in range(2):
        stack.go(connection)
    given = {
        "DATABASE_URL": stack.stats.url,
        "OVERPASS_URL": f"{feed.url} {second.url}",
        "CHANGESETS_URL": second.changesets_url,
    }
    shown = run("status", **given).stdout
    assert f"{DIFFS}: read from {other} since" in shown
    assert f"{one}: {one}_status: no whole answer" in shown
    assert "changesets: read from" not in shown
    told = json.loads(run("status", "--json", **given).stdout)["streams"][DIFFS]
    assert [(place["url"], place["in_use"]) for place in told["addresses"]] == [(one, False), (other, True)]
    assert "unreachable" in told["addresses"][0]["why_not"]
    assert told["servers"].keys() == {feed.url.removeprefix("http://"), second.url.removeprefix("http://")}
    known = stack.stats.head(DIFFS, connection, asks=False)
    check = stream_checks.evaluate(stack.stats, connection, DIFFS, second.head, known)["lag"]
    assert check.metadata["read_from"].value == other
    assert "unreachable" in str(check.description)


def test_a_backfill_takes_what_is_before_ones_history_from_the_other(
    stack: Stack, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    """Found out by five in a row; the next backfill does these, too."""
    first, last = feed.world.first, feed.head
    stack.tick(connection)
    for sequence in range(first, first + 6):
        feed.faults.put(no_history, stream=DIFFS, sequence=sequence)
    report = stack.run(first, last, mode=BY_HAND)
    assert (sorted(report.failed), report.ended_early) == ([*range(first, first + 5)], None)
    assert (bodies(feed), bodies(second)) == ([*range(first, last + 1)], [first + 5])
    (row, _) = addresses.of(connection, DIFFS, [one.url for one in stack.stats.sources(DIFFS)])
    assert row.first == first + 6
    again = stack.run(first, first + 4, mode=BY_HAND)
    assert (again.committed, again.failed, bodies(second)[1:]) == (5, {}, [*range(first, first + 5)])
    assert exact(stack, connection, feed) == []


@pytest.mark.parametrize("known", telling((True, False), False))
def test_below_a_first_minute_that_is_set_nobody_asks(
    known: bool, feed: DemoFeed, second: DemoFeed, url: str, tmp_path: Path, connection: Connection
) -> None:
    first, last = feed.world.first, feed.head
    begins = f"{first + 4} {'-' if known else first + 2}"
    stack = Stack(feed, second, url, tmp_path / "data", overpass_first=begins)
    stack.tick(connection)
    report = stack.run(first, last, mode=BY_HAND)
    assert bodies(feed) == [*range(first + 4, last + 1)]
    assert bodies(second) == [*range(first if known else first + 2, first + 4)]
    assert list(report.failed) == ([] if known else [first, first + 1])
    assert all("not asked" in why for why in report.failed.values())
    used = sources(connection)
    assert [is_at(str(used[n][0]), feed) for n in sorted(used)] == [n >= first + 4 for n in sorted(used)]
    assert known is (exact(stack, connection, feed) == [])
