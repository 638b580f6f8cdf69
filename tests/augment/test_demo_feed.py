"""The maker on the demo's planet and OsmChange, over HTTP and with faults: what its Overpass answers in the end."""

import gzip
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stats_assets.augment.directory import Directory
from stats_assets.augment.lmdb_store import LmdbStore
from stats_assets.augment.making import Making
from stats_assets.augment.planet import load_planet
from stats_assets.augment.reading import read_osmchange
from stats_assets.demo.answers.overpass_ways import Ways
from stats_assets.demo.answers.replication import OSMCHANGE_FIRST
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.late_edits import LateEdits
from stats_assets.demo.world.world import World
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.osmchange import OsmChangeDirectory
from stats_assets.feeds.outcomes import FeedError
from stats_assets.feeds.sequences import path_of
from tests.augment.comparing import Action, read_diff
from tests.drills.waiting import PATIENCE
from tests.telling import telling

MINUTES, SETTLE = 12, 360
LATE = LateEdits(gain=0.6, lose=0.4, latest=300)


class Case(NamedTuple):
    """Rules of faults, by what the demo's /faults takes; stop: a minute, and for how many OsmChange stops there."""

    rules: tuple[dict[str, Any], ...] = ()
    stop: tuple[int, int] | None = None


def osc(number: int) -> str:
    return f"/osmchange/{path_of(OSMCHANGE_FIRST + number)}.osc.gz"


CASES = {
    "nothing": Case(),
    "failures for a while": Case(
        (
            {"fault": "missing", "path": osc(5), "times": 2},
            {"fault": "cut", "path": osc(8), "times": 2},
            {"fault": "cut", "path": "*/state.txt", "times": 2},
            {"fault": "status", "path": osc(11), "arguments": {"code": 503}, "times": 4},
        )
    ),
    "each version twice, newest first, and states missing or old": Case(
        (
            {"fault": "doubled", "stream": "osmchange"},
            {"fault": "reversed_order", "stream": "osmchange"},
            {"fault": "missing", "path": "/osmchange/*/*5.state.txt"},
            {
                "fault": "earlier_state",
                "path": "*/state.txt",
                "arguments": {"minutes": 5},
                "probability": 0.3,
            },
        )
    ),
    "many minutes in one file": Case(stop=(4, 8)),
}


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@cache
def final(sequence: int) -> list[Action]:
    """What the demo's Overpass answers once all has come; of a deletion in no changeset it knows nothing."""
    return read_diff(gzip.decompress(World().augmented_diff(sequence)))


def as_printed(actions: list[Action]) -> Iterator[Action]:
    for action in actions:
        zeros = action.new._replace(version=0, timestamp="1970-01-01T00:00:00Z")
        yield action if action.new.changeset else action._replace(new=zeros)


@pytest.mark.parametrize("name", telling(CASES, list(CASES)[2]))
def test_the_maker_on_the_demos_feed(name: str, world: World, tmp_path: Path) -> None:
    case = CASES[name]
    with DemoFeed(world, history=2, ways=Ways(late=LATE)) as feed:
        for rule in case.rules:
            feed.faults.put_json(rule)
        if case.stop:
            feed.replication.stops[world.first + case.stop[0]] = case.stop[1]
        planet, out = tmp_path / "planet.osm.gz", Directory(str(tmp_path / "out"))
        planet.write_bytes(feed.replication.planet())
        load_planet(planet, tmp_path / "store")
        http = Http("test", timeout=PATIENCE, head_timeout=PATIENCE, pause=0.001)
        source = OsmChangeDirectory(feed.osmchange_url, http)
        making = Making(LmdbStore(tmp_path / "store"), out, read_osmchange, SETTLE)
        end, failures = feed.time + timedelta(minutes=MINUTES + 2 + SETTLE // 60), 0
        while feed.time < end or making.place().sequence != feed.replication.newest(feed.time):
            if feed.time < end:
                feed.pass_time(237)
            try:
                failures += making.go_on(source).missing != ""
            except FeedError as error:
                failures += 1
                assert failures < 30, error
    assert bool(failures) == (name == "failures for a while")
    state = out.state()
    assert state is not None
    assert state.settled is not None
    assert state.settled >= world.first + MINUTES
    with making.store.reading() as snapshot:
        assert [noted for what in ("late", "held", "passed") for noted in snapshot.noted(what)] == []
    for minute in range(world.first, state.settled + 1):
        document = (tmp_path / "out" / f"{path_of(minute)}.adiff.xml.gz").read_bytes()
        assert list(as_printed(read_diff(document))) == final(minute), minute
    making.store.close()
