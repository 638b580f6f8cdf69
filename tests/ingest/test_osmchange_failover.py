"""OsmChange at two addresses, of which one is killed, behind, refuses, is of another numbering, or of another area."""

import gzip
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from stats_assets.augment import intake
from stats_assets.database.connection import Connection, connect
from stats_assets.database.ledger import addresses, asked
from stats_assets.database.made_diffs import MadeDiffs, made_diffs
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.demo.answers import faults
from stats_assets.demo.answers.faults import Answer
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.feeds.http_client import Http
from stats_assets.ingest.diff_making import make
from stats_assets.ingest.diff_making_result import Made, summary
from stats_assets.ingest.diff_making_tick import decide
from stats_assets.ingest.osmchange_head import attend
from stats_assets.ingest.run import run_range
from stats_assets.monitoring import status
from stats_assets.orchestration.made_diffs_checks import evaluate
from stats_assets.streams import OSMCHANGE
from stats_assets.system import Stats
from tests.conftest import Run, database, settings_for
from tests.drills.waiting import PATIENCE
from tests.ingest.test_failover import pass_time as pass_time_of_streams
from tests.truth import differences, statistics_of, truth_of

FILES = "/osmchange/*.osc.gz"


@pytest.fixture(autouse=True)
def soon_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The empty hours before the planet are read in test_diff_making.py, and here minutes of them."""
    monkeypatch.setattr(intake, "LEAD", timedelta(minutes=15))


@pytest.fixture
def second(world: World, minutes: int) -> Iterator[DemoFeed]:
    """The same world on another server."""
    with DemoFeed(world, history=minutes) as served:
        yield served


class Maker:
    """The maker on two feeds, tick by tick."""

    def __init__(self, url: str, folder: Path, feed: DemoFeed, *others: DemoFeed) -> None:
        folder.mkdir(exist_ok=True)
        planet = folder / "planet.osm.gz"
        planet.write_bytes(requests.get(feed.planet_url, timeout=PATIENCE).content)
        self.given: dict[str, Any] = {
            "osmchange_url": " ".join(one.osmchange_url for one in (feed, *others)),
            "planet_file": planet,
        }
        self.stats = Stats(settings_for(feed, url, folder, **self.given))
        vars(self.stats)["http"] = Http("test", timeout=PATIENCE, head_timeout=PATIENCE, pause=0.01)
        work = self.stats.making_work()
        assert work is not None
        self.work = work
        self.said: list[str] = []

    def tick(self, connection: Connection) -> MadeDiffs:
        found = attend(connection, self.work.feeds)
        self.said += [found.changed] if found.changed else []
        return found.row

    def go(self, connection: Connection) -> Made | None:
        """A tick, and the run that it asks for."""
        row = self.tick(connection)
        several = len(self.work.feeds) > 1
        if not decide(row, at_work=False, can_begin=True, several=several).run:
            return None
        return make(self.work, self.stats.url, f"run-{uuid.uuid4()}")

    def follow(self, connection: Connection, minutes: int) -> None:
        for _ in range(minutes):
            pass_time(connection, 61)
            self.go(connection)

    def used(self, connection: Connection) -> str:
        found = addresses.in_use(connection, OSMCHANGE)
        assert found is not None
        return found.url

    def documents(self) -> dict[str, bytes]:
        root = Path(self.work.out)
        return {str(file.relative_to(root)): file.read_bytes() for file in sorted(root.rglob("*.gz"))}


@pytest.fixture
def maker(feed: DemoFeed, second: DemoFeed, url: str, tmp_path: Path) -> Maker:
    return Maker(url, tmp_path / "data", feed, second)


def pass_time(connection: Connection, seconds: float) -> None:
    """As if all that is known of the feeds were so much older."""
    pass_time_of_streams(connection, seconds)
    columns = ("asked_at", "quiet_until", "not_before", "ticked_at")
    changes = ", ".join(f"{name} = {name} - make_interval(secs => %(s)s)" for name in columns)
    connection.execute(f"UPDATE made_diffs SET {changes}".encode(), {"s": seconds})  # noqa: S608
    connection.execute(
        "UPDATE addresses SET compared_at = compared_at - make_interval(secs => %s)", (seconds,)
    )


def files_asked(feed: DemoFeed) -> list[int]:
    return [
        one.sequence for one in feed.requests if one.path.endswith(".osc.gz") and one.sequence is not None
    ]


def known(maker: Maker, connection: Connection) -> list[addresses.Address]:
    return addresses.of(connection, OSMCHANGE, [one.url for one in maker.work.feeds])


KILLS: dict[str, Callable[[DemoFeed], object]] = {
    "killed": lambda feed: feed.stop(),
    "its state is down": lambda feed: feed.faults.put(faults.status(504), path="/osmchange/state.txt"),
    "its files are down": lambda feed: feed.faults.put(faults.status(504), path=FILES),
    "its files are missing": lambda feed: feed.faults.put(faults.missing(), path=FILES),
    "its files can't be read": lambda feed: feed.faults.put(_broken, path=FILES),
    "it refuses": lambda feed: feed.faults.put(faults.status(429, retry_after=600)),
    "it refuses files": lambda feed: feed.faults.put(faults.status(429), path=FILES),
    "it lies with pages": lambda feed: feed.faults.put(faults.html()),
}


def _broken(answer: Answer) -> Answer:
    """Both ends are whole."""
    text = b'<osmChange version="0.6"><modify><node id="x"/></modify></osmChange>\n'
    return replace(answer, body=gzip.compress(text))


@pytest.mark.parametrize("what", KILLS)
def test_one_that_fails_is_left_for_the_next_and_nothing_is_lost(
    what: str, maker: Maker, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    maker.go(connection)
    newest = made_diffs(connection).sequence
    KILLS[what](feed)
    for one in (feed, second):
        one.advance(3)
    for _ in range(4):
        pass_time(connection, 61)
        try:
            maker.go(connection)
            maker.go(connection)
        except Exception as error:
            assert "can't be read" in what, error
    row = made_diffs(connection)
    assert (row.sequence, row.trouble) == ((newest or 0) + 3, None)
    assert maker.used(connection) == row.read_from == second.osmchange_url
    (said,) = maker.said
    assert said.startswith(f"{OSMCHANGE} is read from {second.osmchange_url} now, no longer from {feed.url}")
    assert {one["url"] for one in row.contents if one["sequence"] > newest} == {second.osmchange_url}
    assert {one["url"] for one in row.contents if one["sequence"] <= newest} == {feed.osmchange_url}
    read = files_asked(second)
    assert read[0] <= (newest or 0)  # one that was read, to compare
    assert read[1:] == [(newest or 0) + n for n in (1, 2, 3)]


def test_one_that_is_behind_is_left_and_come_back_to_when_it_is_well_for_long(
    maker: Maker, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    maker.go(connection)
    second.advance(9)
    pass_time(connection, 61)
    maker.go(connection)
    assert maker.used(connection) == feed.osmchange_url
    second.advance(3)
    maker.follow(connection, minutes=2)
    assert maker.used(connection) == second.osmchange_url
    assert "behind another" in maker.said[0]
    feed.advance(12)
    for minutes in range(1, 8):
        pass_time(connection, 61)
        maker.go(connection)
        assert maker.used(connection) == (second if minutes < 6 else feed).osmchange_url, minutes
    assert len(maker.said) == 2
    before = len(files_asked(feed))
    feed.advance(1)
    pass_time(connection, 61)
    maker.go(connection)
    assert len(files_asked(feed)) == before + 1  # it is not compared again
    row = made_diffs(connection)
    assert (row.read_from, row.sequence) == (feed.osmchange_url, row.head)


def test_one_that_has_less_than_was_read_is_waited_for(
    maker: Maker, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    feed.advance(3)
    maker.go(connection)
    feed.stop()
    for _ in range(3):
        pass_time(connection, 61)
        assert maker.go(connection) is None
    assert maker.used(connection) == second.osmchange_url
    found = status.of(maker.stats).maker
    assert found is not None
    assert (
        found.is_another,
        any("nothing is done until it is there" in one for one in found.sentences()),
    ) == (
        False,
        True,
    )
    second.advance(5)
    pass_time(connection, 61)
    done = maker.go(connection)
    assert done is not None
    assert (done.files, done.trouble) == (2, "")


def _shifted(by: int) -> Callable[[Any], Any]:
    def of(source: Any) -> Any:
        class Shifted:
            def __getattr__(self, name: str) -> Any:
                return getattr(source, name)

            def osmchange(self, sequence: int | None) -> Any:
                found = source.osmchange(None if sequence is None else sequence - by)
                return found and found._replace(sequence=found.sequence + by)

        return Shifted()

    return of


def _of_another_area(source: Any) -> Any:
    """The same numbers at the same times."""

    class Other:
        def __getattr__(self, name: str) -> Any:
            return getattr(source, name)

        def osmchange(self, sequence: int | None) -> Any:
            found = source.osmchange(sequence)
            body = found and gzip.decompress(found.packed)
            return found and found._replace(
                packed=gzip.compress(body.replace(b' changeset="', b' changeset="1'))
            )

    return Other()


NUMBERINGS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "higher": (_shifted(1000), "could not be seen"),
    "lower": (_shifted(-200), "it numbers its files otherwise"),
    "two more": (_shifted(2), "is another than the one that was read"),
    "another area": (_of_another_area, "is another than the one that was read"),
}


@pytest.mark.parametrize("what", NUMBERINGS)
def test_one_of_other_numbers_or_another_area_is_not_used_and_that_is_said(
    what: str, maker: Maker, feed: DemoFeed, second: DemoFeed, connection: Connection, run: Run
) -> None:
    change, says = NUMBERINGS[what]
    second.source = change(second.source)
    maker.go(connection)
    newest = made_diffs(connection).sequence
    feed.stop()
    second.advance(3)
    maker.follow(connection, minutes=4)
    row = made_diffs(connection)
    assert (row.sequence, row.read_from) == (newest, feed.osmchange_url)
    (_, found) = known(maker, connection)
    assert says in str(found.bad if what == "higher" else found.other_numbering)
    given = {name.upper(): str(value) for name, value in maker.given.items()}
    shown = run("status", DATABASE_URL=maker.stats.url, CHANGESETS_URL=feed.changesets_url, **given).stdout
    assert f"{second.osmchange_url}: " in shown
    assert says in shown
    pass_time(connection, 86_500)  # after a day it is compared again, and not taken for proved
    maker.follow(connection, minutes=2)
    assert made_diffs(connection).sequence == newest
    feed.start()
    feed.advance(1)
    maker.follow(connection, minutes=8)
    row = made_diffs(connection)
    assert (maker.used(connection), row.sequence, row.trouble) == (
        feed.osmchange_url,
        (newest or 0) + 1,
        None,
    )


def test_a_preferred_one_of_lower_numbers_stops_nothing(
    feed: DemoFeed, second: DemoFeed, url: str, tmp_path: Path, connection: Connection
) -> None:
    """Its time is of now and its number is below: waiting for it would be for ever."""
    Maker(url, tmp_path / "data", second).go(connection)
    feed.source = _shifted(-200)(feed.source)
    maker = Maker(url, tmp_path / "data", feed, second)
    for one in (feed, second):
        one.advance(2)
    maker.follow(connection, minutes=4)
    row = made_diffs(connection)
    assert (row.read_from, row.sequence) == (second.osmchange_url, row.head)


def test_one_whose_files_are_packed_and_ordered_otherwise_is_the_same(
    maker: Maker, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    maker.go(connection)
    second.faults.put_json({"fault": "reversed_order", "path": FILES})
    feed.stop()
    second.advance(1)
    maker.follow(connection, minutes=3)
    row = made_diffs(connection)
    assert (row.read_from, row.sequence) == (second.osmchange_url, row.head)


def test_one_whose_file_to_compare_is_missing_is_not_used_yet(
    maker: Maker, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    maker.go(connection)
    newest = made_diffs(connection).sequence
    second.faults.put(faults.missing(), path=FILES)
    feed.stop()
    second.advance(1)
    maker.follow(connection, minutes=3)
    assert made_diffs(connection).sequence == newest
    (_, row) = known(maker, connection)
    assert (row.numbering, row.other_numbering, "could not be seen" in str(row.bad)) == (None, None, True)
    second.faults.clear()
    pass_time(connection, 301)
    maker.go(connection)
    assert made_diffs(connection).sequence == (newest or 0) + 1


def test_a_head_that_is_still_to_come_is_not_believed(
    maker: Maker, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    maker.go(connection)

    def lies(answer: Answer) -> Answer:
        return replace(answer, body=b"sequenceNumber=9000000\ntimestamp=2099-01-01T00\\:00\\:00Z\n")

    second.faults.put(lies, path="/osmchange/state.txt")
    maker.follow(connection, minutes=3)
    assert maker.used(connection) == feed.osmchange_url
    assert "still to come" in str(known(maker, connection)[1].failure)


def test_each_server_has_its_own_quiet_and_counts(
    maker: Maker, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    maker.go(connection)
    feed.faults.put(faults.status(429, retry_after=1000), path=FILES)
    for one in (feed, second):
        one.advance(2)
    maker.follow(connection, minutes=3)
    assert maker.used(connection) == second.osmchange_url
    quiet = [addresses.quiet(connection, OSMCHANGE, found.url).left for found in maker.work.feeds]
    assert [left is None for left in quiet] == [False, True]
    before = len(feed.requests)
    pass_time(connection, 61)
    maker.go(connection)
    assert len(feed.requests) == before  # not even its state
    counted = asked.of_servers(connection, OSMCHANGE)
    one_name, other_name = (served.url.removeprefix("http://") for served in (feed, second))
    assert counted[one_name].bodies == len(files_asked(feed))
    assert counted[other_name].bodies == len(files_asked(second)) == 3
    assert counted[other_name].bytes > 0
    alone = Maker(maker.stats.url, Path(maker.work.folder).parent, feed)
    assert "wants quiet" in str(alone.tick(connection).feed_trouble)  # also when it is the only one
    assert len(feed.requests) == before + 1  # the planet, for this test


def test_a_preview_asks_no_other_and_chooses_none(
    maker: Maker, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    maker.go(connection)
    feed.stop()
    pass_time(connection, 400)
    before = len(second.requests)
    for _ in range(3):
        assert attend(connection, maker.work.feeds, keep=False).feed.url == feed.osmchange_url
    assert (len(second.requests), maker.used(connection)) == (before, feed.osmchange_url)


def test_status_check_and_run_say_which_is_in_use_and_why_another_is_not(
    maker: Maker, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    done = maker.go(connection)
    assert done is not None
    assert (summary(done)["url"], "not_used" in summary(done)) == (feed.osmchange_url, False)
    feed.stop()
    second.advance(2)
    for _ in range(2):
        pass_time(connection, 61)
        found = maker.go(connection)
        done = found or done
    assert summary(done)["url"] == second.osmchange_url
    assert "unreachable" in summary(done)["not_used"][feed.osmchange_url]
    told = status.of(maker.stats).as_json()["made_augmented_diffs"]
    assert [(one["url"], one["in_use"]) for one in told["addresses"]] == [
        (feed.osmchange_url, False),
        (second.osmchange_url, True),
    ]
    assert "unreachable" in told["addresses"][0]["why_not"]
    assert told["feed"] == second.osmchange_url
    assert set(told["servers"]) == {one.url.removeprefix("http://") for one in (feed, second)}
    maker_status = status.of(maker.stats).maker
    assert maker_status is not None
    check = evaluate(maker_status)["lag"]
    assert check.metadata["read_from"].value == second.osmchange_url
    assert "unreachable" in str(check.description)


def test_a_store_begun_anew_is_compared_with_nothing_of_the_old_one(
    maker: Maker, feed: DemoFeed, second: DemoFeed, connection: Connection
) -> None:
    """Another area, on purpose: at the same address, or at another."""
    maker.go(connection)
    maker.work.folder.rename(maker.work.folder.with_name("old store"))
    second.source = _of_another_area(second.source)
    second.advance(1)
    feed.stop()
    maker.follow(connection, minutes=3)
    row = made_diffs(connection)
    assert (row.read_from, row.sequence, row.trouble) == (second.osmchange_url, row.head, None)
    assert {one["url"] for one in row.contents} == {second.osmchange_url}


@pytest.mark.parametrize("minutes", [8])
def test_documents_and_tables_come_out_the_same_whoever_was_read(
    feed: DemoFeed, second: DemoFeed, world: World, minutes: int, url: str, server: str, tmp_path: Path
) -> None:
    """By turns: each is down, refuses, lacks files or is behind for a while."""
    with database(server) as another, connect(url) as connection:
        maker = Maker(url, tmp_path / "several", feed, second)
        ways: list[tuple[DemoFeed, Callable[[DemoFeed], object]]] = [
            (feed, lambda one: one.stop()),
            (second, KILLS["it refuses files"]),
            (feed, KILLS["its files are missing"]),
            (second, lambda one: one.stop()),
        ]
        maker.go(connection)
        for failing, fail in ways:
            fail(failing)
            for _ in range(4):
                for one in (feed, second):
                    one.advance(1)
                pass_time(connection, 61)
                maker.go(connection)
            failing.faults.clear()
            if failing._server is None:
                failing.start()
            pass_time(connection, 3700)
        maker.follow(connection, minutes=9)
        assert len(maker.said) >= 3
        read = {one["url"] for one in made_diffs(connection).contents}
        assert read == {feed.osmchange_url, second.osmchange_url}
        alone = Maker(another, tmp_path / "alone", feed)
        with connect(another) as other:
            alone.go(other)
        assert maker.documents() == alone.documents()
        last, files = feed.head, feed.changesets_head
        assert made_diffs(connection).made == last
        run_range(maker.stats.work("augmented_diffs"), url, "diffs", world.first, last)
        run_range(maker.stats.work("changesets"), url, "changesets", world.changesets_first, files)
        apply_queue(connection)
        truth = truth_of(feed.url, augmented_diffs=last, changesets=files)
        assert differences(truth, statistics_of(connection)) == []
