"""Runs of the maker of augmented diffs: from a planet and OsmChange alone, the same tables as by Overpass."""

import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from stats_assets.augment.directory import Directory
from stats_assets.augment.lmdb_store import LmdbStore
from stats_assets.database.connection import Connection, connect
from stats_assets.database.ledger.leases import leases
from stats_assets.database.made_diffs import LEASE, MadeDiffs, made_diffs
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.osmchange import OsmChangeDirectory
from stats_assets.feeds.sequences import path_of, sequence_of
from stats_assets.ingest import diff_making
from stats_assets.ingest.diff_making import MakingFailed, MakingWork, make
from stats_assets.ingest.diff_making_result import Made
from stats_assets.ingest.osmchange_numbers import disagreement
from stats_assets.ingest.run import run_range
from stats_assets.streams import STREAMS
from stats_assets.system import Stats
from tests.conftest import database, settings_for
from tests.drills.waiting import PATIENCE
from tests.osmchange import BEGINS, NUMBER, SmallFeed, node
from tests.truth import differences, statistics_of, truth_of

FIRST = sequence_of(BEGINS) + 1
Work = Callable[..., MakingWork]


@pytest.fixture
def small(tmp_path: Path) -> SmallFeed:
    return SmallFeed(tmp_path / "feed")


@pytest.fixture
def work(small: SmallFeed, tmp_path: Path) -> Work:
    def work_of(**others: object) -> MakingWork:
        given = MakingWork(
            feeds=(OsmChangeDirectory(small.url, Http("test", timeout=PATIENCE, head_timeout=PATIENCE)),),
            folder=tmp_path / "store",
            planet=small.planet,
            out=str(tmp_path / "made"),
            settle_seconds=3900,
            first_pause=60,
            longest_pause=3600,
            lease_stale_seconds=20,
        )
        return replace(given, **others)  # type: ignore[arg-type]

    return work_of


def go(work: MakingWork, url: str) -> Made:
    return make(work, url, "run-1")


def row_of(url: str) -> MadeDiffs:
    with connect(url) as connection:
        return made_diffs(connection)


def documents(work: MakingWork) -> dict[str, bytes]:
    root = Path(work.out)
    return {str(file.relative_to(root)): file.read_bytes() for file in sorted(root.rglob("*.gz"))}


def test_another_maker_of_the_same_directory_is_named(small: SmallFeed, work: Work, url: str) -> None:
    small.put(1)
    with (
        Directory(work().out).alone(),
        pytest.raises(MakingFailed, match=f"Another maker .*process {os.getpid()} on"),
    ):
        go(work(), url)
    assert "Another maker writes into the directory" in (row_of(url).trouble or "")
    assert go(work(), url).trouble == ""


def test_it_begins_and_goes_on(small: SmallFeed, work: Work, url: str, connection: Connection) -> None:
    small.put(1, node(2, BEGINS + timedelta(seconds=5)))
    minutes: list[tuple[int, int]] = []
    done = make(work(), url, "run-1", made=lambda first, last: minutes.append((first, last)))
    assert (done.first, done.last, done.trouble) == (FIRST, FIRST, "")
    assert minutes == [(FIRST, FIRST)]
    row = made_diffs(connection)
    assert (row.sequence, row.made, row.trouble, row.doing) == (NUMBER + 1, FIRST, None, None)
    assert (row.begins, row.settled_to, row.reached) == (BEGINS, BEGINS, small.time(1))
    assert row.store == str(work().folder)
    assert connection.execute("SELECT * FROM checkpoints").fetchall() == [("AugmentedDiffMaker", NUMBER + 1)]
    assert leases(connection, LEASE) == []
    small.put(2)
    small.put(3, node(3, BEGINS + timedelta(minutes=2, seconds=5)))
    done = go(work(planet=None), url)  # the planet is needed once
    assert (done.first, done.last, done.files) == (FIRST + 1, FIRST + 2, 2)
    assert list(documents(work())) == [f"{path_of(FIRST + n)}.adiff.xml.gz" for n in range(3)]
    assert go(work(), url).first is None  # nothing new


def test_late_and_held_versions_are_told(small: SmallFeed, work: Work, url: str) -> None:
    for n in range(1, 70):
        small.put(n)
    small.put(70, node(2, BEGINS + timedelta(seconds=5)), node(1, BEGINS + timedelta(days=1), id=10))
    done = go(work(), url)
    row = row_of(url)
    assert row.settled_to is not None
    assert row.settled_to > BEGINS
    told = {(one["what"], one["kind"], one["id"], one["version"]) for one in row.noted}
    assert told == {("late", "node", 9, 2), ("held", "node", 10, 1)}
    assert (row.tallies["late"], row.tallies["held"]) == (1, 1)
    assert (done.tallies["late"], done.tallies["versions"]) == (1, 2)


def test_a_quiet_feed_and_its_time(small: SmallFeed, work: Work, url: str) -> None:
    small.put(1)
    go(work(), url)
    small.say(1, small.time(5))  # no file, and what is edited until then is in those that are there
    assert go(work(), url).last == FIRST + 4
    assert row_of(url).sequence == NUMBER + 1


@pytest.mark.parametrize("fault", ["missing", "cut", "down", "refused"])
def test_what_is_wrong_with_the_feed_is_told_and_passes(
    fault: str, small: SmallFeed, work: Work, url: str
) -> None:
    small.put(1)
    go(work(), url)
    small.put(2, node(2, BEGINS + timedelta(minutes=1, seconds=5)))
    small.put(3)
    file = small.folder / "state.txt" if fault in ("down", "refused") else small.file(2)
    whole = file.read_bytes()
    file.unlink()
    if fault in ("cut", "refused"):
        file.write_bytes(whole[:-7])
    done = go(work(), url)
    assert done.trouble
    assert done.first is None  # nothing after it is read
    row = row_of(url)
    assert (row.trouble, row.attempts, row.sequence) == (done.trouble, 1, NUMBER + 1)
    assert row.not_before is not None
    assert timedelta(seconds=50) < row.not_before - row.now <= timedelta(seconds=60)
    assert (row.feed_trouble is None) == (fault == "missing")
    again = go(work(), url)
    assert row_of(url).attempts == 2
    file.write_bytes(whole)
    done = go(work(), url)
    assert (done.first, done.last, done.trouble) == (FIRST + 1, FIRST + 2, "")
    assert again.trouble
    row = row_of(url)
    assert (row.trouble, row.attempts, row.not_before) == (None, 0, None)


def test_what_is_wrong_here_is_told_and_fails_the_run(
    small: SmallFeed, work: Work, url: str, tmp_path: Path
) -> None:
    with pytest.raises(MakingFailed, match="PLANET_FILE is not set"):
        go(work(planet=None), url)
    with pytest.raises(MakingFailed, match=r"no.osm.*No such file"):
        go(work(planet=tmp_path / "no.osm"), url)
    broken = tmp_path / "broken.osm"
    broken.write_text(f'<osm version="0.6" timestamp="{BEGINS:%FT%TZ}"><node id="1"')
    with pytest.raises(MakingFailed, match=r"broken[.]osm"):
        go(work(planet=broken), url)
    assert row_of(url).attempts == 3
    small.put(1)
    go(work(), url)
    small.put(2)
    with LmdbStore(work().folder), pytest.raises(MakingFailed, match="is open already"):
        go(work(), url)
    blocked = tmp_path / "a file"
    blocked.write_text("")
    with pytest.raises(MakingFailed, match=r"a file.*can't be used"):
        go(work(out=str(blocked)), url)
    assert "can't be used" in (row_of(url).trouble or "")
    done = go(work(), url)
    assert (done.last, done.trouble) == (FIRST + 1, "")
    (work().folder / "data.mdb").write_bytes(b"x" * 5000)
    with pytest.raises(MakingFailed, match="store"):
        go(work(), url)


def test_another_feed_is_told_by_its_states(small: SmallFeed, work: Work, url: str, tmp_path: Path) -> None:
    small.put(1)
    small.put(2)
    go(work(), url)
    other = SmallFeed(tmp_path / "another")
    for n in range(1, 4):
        other.put(n, time=small.time(n) + timedelta(hours=5))
    feed = OsmChangeDirectory(other.url, Http("test"))
    done = go(work(feeds=(feed,)), url)
    assert "numbers its files otherwise" in done.trouble
    assert row_of(url).sequence == NUMBER + 2
    alike = SmallFeed(tmp_path / "a copy")
    for n in range(1, 4):
        alike.put(n)
    assert go(work(feeds=(OsmChangeDirectory(alike.url, Http("test")),)), url).last == FIRST + 2


def test_the_next_file_tells_too(small: SmallFeed) -> None:
    for n in range(1, 4):
        small.put(n)
    feed = OsmChangeDirectory(small.url, Http("test"))
    assert disagreement(feed, None, BEGINS) is None
    assert disagreement(feed, NUMBER + 2, small.time(2)) is None
    assert disagreement(feed, NUMBER + 2, small.time(2) + timedelta(seconds=30)) is None  # it was quiet
    assert "file 6" in (disagreement(feed, NUMBER + 2, small.time(1)) or "")
    assert "file 7" in (disagreement(feed, NUMBER + 2, small.time(4)) or "")
    assert disagreement(feed, 5000, small.time(2)) is None  # nothing tells


def test_a_run_that_is_long_ends_and_the_next_goes_on(
    small: SmallFeed, work: Work, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(1, 10):
        small.put(n)
    go(work(), url)
    for n in range(10, 20):
        small.put(n)
    monkeypatch.setattr(diff_making, "TELL_SECONDS", 0)
    minutes: list[tuple[int, int]] = []
    done = make(work(), url, "run-2", made=lambda *found: minutes.append(found), seconds=0)
    assert (done.first, done.last) == (FIRST + 9, FIRST + 9)
    done = make(work(), url, "run-3", made=lambda *found: minutes.append(found))
    assert (done.first, done.last) == (FIRST + 10, FIRST + 18)
    assert [n for first, last in minutes for n in range(first, last + 1)] == list(
        range(FIRST + 9, FIRST + 19)
    )


SETTLE = 600
KILLED = """
import sys
from dataclasses import replace
from pathlib import Path
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.osmchange import OsmChangeDirectory
from stats_assets.ingest.diff_making import MakingWork, make
url, feed, store, planet, out = sys.argv[1:]
work = MakingWork((OsmChangeDirectory(feed, Http("test")),), Path(store), Path(planet), out, 600, 60, 3600, 20)
make(work, url, "killed")
"""


def test_a_run_that_is_killed_is_gone_on_with(
    small: SmallFeed, work: Work, url: str, server: str, tmp_path: Path
) -> None:
    for n in range(1, 61):
        small.put(n, node(n + 1, BEGINS + timedelta(minutes=n - 1, seconds=5)))
    killed = work(settle_seconds=SETTLE)
    arguments = (url, small.url, str(killed.folder), str(small.planet), killed.out)
    process = subprocess.Popen([sys.executable, "-c", KILLED, *arguments])  # noqa: S603
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and len(list(Path(killed.out).rglob("*.gz"))) < 15:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert len(documents(killed)) >= 15
    go(killed, url)
    whole = work(settle_seconds=SETTLE, folder=tmp_path / "store 2", out=str(tmp_path / "made 2"))
    with database(server) as another:
        go(whole, another)
    assert len(documents(whole)) == 60
    assert {name: actions_of(body) for name, body in documents(killed).items()} == {
        name: actions_of(body) for name, body in documents(whole).items()
    }
    row = row_of(url)
    assert (row.sequence, row.made) == (NUMBER + 60, FIRST + 59)


def actions_of(body: bytes) -> bytes:
    return gzip.decompress(body).partition(b"<action")[2]


@pytest.mark.parametrize("minutes", [10])
def test_by_osmchange_alone_the_same_tables_as_by_overpass(
    feed: DemoFeed, world: World, minutes: int, url: str, server: str, tmp_path: Path
) -> None:
    planet = tmp_path / "planet.osm.gz"
    planet.write_bytes(requests.get(feed.planet_url, timeout=PATIENCE).content)
    made = settings_for(feed, url, tmp_path / "made", osmchange_url=feed.osmchange_url, planet_file=planet)
    with database(server) as another:
        by_osmchange = _followed(Stats(made), world, feed)
        by_overpass = _followed(Stats(settings_for(feed, another, tmp_path / "asked")), world, feed)
    assert by_osmchange == by_overpass


def _followed(stats: Stats, world: World, feed: DemoFeed) -> object:
    vars(stats)["http"] = Http("test", timeout=PATIENCE, head_timeout=PATIENCE, pause=0.01)
    if (work := stats.making_work()) is not None:
        done = make(work, stats.url, "made")
        assert (done.first, done.trouble) == (world.first, "")
        assert stats.source("augmented_diffs").head() == done.last
    firsts = {"augmented_diffs": world.first, "changesets": world.changesets_first}
    heads = {"augmented_diffs": feed.head, "changesets": feed.changesets_head}
    for stream in STREAMS:
        report = run_range(stats.work(stream), stats.url, f"run-{stream}", firsts[stream], heads[stream])
        assert (report.committed, report.failed) == (heads[stream] - firsts[stream] + 1, {}), stream
    with connect(stats.url) as connection:
        apply_queue(connection)
        found = statistics_of(connection)
    for row in found["changesets"].values():
        row.pop("updated_at")
    return found


@pytest.mark.drill
@pytest.mark.parametrize("minutes", [20])
def test_to_osmchange_and_back_nothing_is_counted_twice_or_lost(
    feed: DemoFeed, world: World, minutes: int, url: str, server: str, tmp_path: Path
) -> None:
    planet = tmp_path / "planet.osm.gz"
    planet.write_bytes(requests.get(feed.planet_url, timeout=PATIENCE).content)
    by_overpass = Stats(settings_for(feed, url, tmp_path / "data"))
    by_osmchange = Stats(
        settings_for(feed, url, tmp_path / "data", osmchange_url=feed.osmchange_url, planet_file=planet)
    )
    for stats in (by_overpass, by_osmchange):
        vars(stats)["http"] = Http("test", timeout=PATIENCE, head_timeout=PATIENCE, pause=0.01)
    work = by_osmchange.making_work()
    assert work is not None
    make(work, url, "made")
    last = feed.head
    parts = ((by_overpass, 0, 6), (by_osmchange, 7, 12), (by_overpass, 13, last - world.first))
    for stats, begin, end in parts:
        report = run_range(
            stats.work("augmented_diffs"), url, f"run-{begin}", world.first + begin, world.first + end
        )
        assert report.committed == end - begin + 1
    files = run_range(
        by_overpass.work("changesets"), url, "run-c", world.changesets_first, feed.changesets_head
    )
    assert files.failed == {}
    with connect(url) as connection:
        apply_queue(connection)
        found = statistics_of(connection)
        addresses = connection.execute(
            "SELECT count(DISTINCT address) FROM ledger WHERE stream = 'augmented_diffs'"
        ).fetchone()
    truth = truth_of(feed.url, augmented_diffs=last, changesets=feed.changesets_head)
    assert differences(truth, found) == []
    assert addresses == (2,)
