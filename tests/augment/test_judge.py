"""A genuine Overpass is the judge: of planet and OsmChange the same actions come out (README of its data)."""

from pathlib import Path

import pytest

from stats_assets.augment.directory import Directory
from stats_assets.augment.intake import Reader
from stats_assets.augment.lmdb_store import LmdbStore
from stats_assets.augment.making import Making
from stats_assets.augment.planet import load_planet
from stats_assets.augment.reading import read_osmchange
from stats_assets.augment.store import Place, Store
from stats_assets.augment.window import beginning, minute_of
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.osmchange import OsmChangeDirectory
from stats_assets.feeds.sequences import path_of
from tests.augment.dict_store import DictStore
from tests.augment.judging import INCONSISTENT, JUDGE, actions_of
from tests.augment.reading_xml import read_versions, seconds

pytestmark = pytest.mark.skipif(not JUDGE.is_dir(), reason="shared/data/augment is not there")
FIRST, LAST = 2360002, 2360059


def of_planet() -> DictStore:
    store = DictStore()
    begins = beginning(seconds((JUDGE / "planet.timestamp").read_text().strip()))
    with store.changing() as change:
        for version in read_versions(JUDGE / "planet.osm.gz"):
            change.settle(version)
        change.put_place(Place(begins, begins, begins))
    return store


def made(out: Path, store: Store, read: Reader, *, prompt: bool, settle_seconds: int) -> Making:
    making = Making(store, Directory(str(out)), read, settle_seconds, prompt=prompt)
    making.go_on(OsmChangeDirectory(str(JUDGE / "replication"), Http("")))
    return making


def differing(out: Path) -> list[int]:
    """The minutes whose actions are not the judge's."""
    return [
        sequence
        for sequence in range(FIRST, LAST + 1)
        if sequence not in INCONSISTENT
        and actions_of(out / f"{path_of(sequence)}.adiff.xml.gz")
        != actions_of(JUDGE / "answers" / f"{sequence}.adiff.xml.gz")
    ]


def test_all_minutes_are_overpass_s_at_the_end_of_the_input(tmp_path: Path) -> None:
    making = made(tmp_path, of_planet(), read_versions, prompt=False, settle_seconds=3900)
    report = making.finish(for_good=True)
    assert report.made == LAST + 1 - FIRST
    assert differing(tmp_path) == []
    assert making.place().reached == seconds("2017-03-09T05:15:02Z")
    state = Directory(str(tmp_path)).state()
    assert state is not None and (state.sequence, state.settled) == (LAST, LAST)


@pytest.mark.drill
def test_a_stream_of_them_is_overpass_s_once_it_is_settled(tmp_path: Path) -> None:
    """In five minutes all late edits come but one: it is listed, with the minute that it was put into."""
    load_planet(JUDGE / "planet.osm.gz", tmp_path / "store")
    out = tmp_path / "out"
    with LmdbStore(tmp_path / "store") as store:
        made(out, store, read_osmchange, prompt=True, settle_seconds=300)
        with store.reading() as snapshot:
            late = list(snapshot.noted("late"))
    state = Directory(str(out)).state()
    assert state is not None and (state.sequence, state.settled) == (LAST, LAST - 5)
    assert [(minute_of(noted.timestamp), noted.belongs) for noted in late] == [(2360026, 2360032)]
    assert differing(out) == [2360026, 2360032]
