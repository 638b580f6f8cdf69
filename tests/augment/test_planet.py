"""A planet as the beginning of a store: the same as its elements settled one by one, whole or not there."""

import os
import resource
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.invented_planet import ENDED, Planet, write_pbf
from stats_assets.augment import planet_loading
from stats_assets.augment.lmdb_store import LmdbStore
from stats_assets.augment.pairs import Pairs
from stats_assets.augment.planet import load_planet
from stats_assets.augment.store import Place
from stats_assets.augment.store_errors import StoreFull, StoreInUse, StoreMissing
from stats_assets.augment.store_folder import LOADING
from stats_assets.augment.unreadable import Unreadable
from stats_assets.augment.versions import Version
from tests.augment.dict_store import DictStore
from tests.augment.planets import world, write
from tests.conftest import real_file

PROJECT = Path(__file__).parents[2]
TOLD = {"osmosis_replication_timestamp": "2017-03-09T04:17:01Z"}


def require_equal(folder: Path, versions: list[Version]) -> None:
    """The store has these, and who uses them, as the store in dictionaries has."""
    model = DictStore()
    with model.changing() as change:
        for version in versions:
            change.settle(version)
    with LmdbStore(folder) as store, store.reading() as ours, model.reading() as theirs:
        store.check()
        for version in versions:
            assert ours.settled(version.kind, version.id) == version
        named = {("node", ref) for version in versions for ref in version.refs}
        named |= {(member.kind, member.ref) for version in versions for member in version.members}
        for kind, id in named | {(version.kind, version.id) for version in versions}:
            assert ours.users(kind, id) == theirs.users(kind, id)  # type: ignore[arg-type]
        assert list(ours.changed(0, 2**40)) == []


@pytest.mark.parametrize("rows", [7, 100_000])
def test_a_planet_is_its_elements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(planet_loading, "ROWS", rows)
    monkeypatch.setattr(Pairs, "run", 3 * rows)
    versions = world(3000)
    file, folder = write(versions, tmp_path / "planet.osm.pbf", TOLD), tmp_path / "store"
    told: list[tuple[str, int]] = []
    place = load_planet(file, folder, progress=lambda what, count: told.append((what, count)))
    assert place == Place(begins=1489033080, settled_to=1489033080, reached=1489033021)
    assert [what for what, _ in told[:3]] == ["nodes", "ways", "relations"]
    assert told[0] == ("nodes", 3000)
    with LmdbStore(folder) as store, store.reading() as snapshot:
        assert snapshot.place() == place
    require_equal(folder, versions)
    assert sorted(path.name for path in folder.iterdir()) == ["data.mdb", "lock.mdb", "opened"]
    assert not (tmp_path / f"store{LOADING}").exists()


def test_the_judge_s_planet(tmp_path: Path) -> None:
    from stats_assets.augment.reading import read_planet

    file = real_file("augment/planet.osm.gz")
    assert load_planet(file, tmp_path / "store").begins == 1489033020
    require_equal(tmp_path / "store", list(read_planet(file)))


def test_what_is_settled_later_goes_on_from_it(tmp_path: Path) -> None:
    versions = world(500)
    file, folder = write(versions, tmp_path / "planet.osm", None), tmp_path / "store"
    load_planet(file, folder, at=0)
    later = [
        version._replace(version=20, refs=version.refs[1:], members=version.members[1:])
        for version in versions
    ]
    with LmdbStore(folder) as store, store.changing() as change:
        for version in later:
            change.settle(version)
    require_equal(folder, later)


def test_a_load_that_is_killed_leaves_no_store_and_is_begun_again(tmp_path: Path) -> None:
    file, folder = tmp_path / "planet.osm.pbf", tmp_path / "store"
    write_pbf(Planet(20_000).versions(), file, ENDED)
    code = (
        "from pathlib import Path; from stats_assets.augment.planet import load_planet; "
        f"load_planet(Path({str(file)!r}), Path({str(folder)!r}), progress=lambda *told: print(*told, flush=True))"
    )
    for lines in (1, 3):
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout
        for _ in range(lines):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGSTOP)
        with pytest.raises(StoreInUse, match=f"process {process.pid}"):
            load_planet(file, folder)
        process.kill()
        process.communicate()
        assert not folder.exists()
        assert (tmp_path / f"store{LOADING}").exists()
        with pytest.raises(StoreMissing):
            LmdbStore(folder)
    load_planet(file, folder)
    assert not (tmp_path / f"store{LOADING}").exists()
    with LmdbStore(folder) as store:
        store.check()


@pytest.mark.parametrize("size", [1 << 16, 1 << 19])
def test_a_disk_that_is_full_while_loading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    file, folder = tmp_path / "planet.osm.pbf", tmp_path / "store"
    write_pbf(Planet(20_000).versions(), file, ENDED)
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr(planet_loading, "ROWS", 100 if size > 1 << 16 else 100_000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        with pytest.raises(StoreFull, match=r"The disk of the store .* is full"):
            load_planet(file, folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert not folder.exists()
    load_planet(file, folder)
    with LmdbStore(folder) as store:
        store.check()


def test_what_is_no_planet_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    versions, folder = world(100), tmp_path / "store"
    file = write(versions, tmp_path / "a.osm.pbf")
    with pytest.raises(Unreadable, match=r"does not say until when .*--at"):
        load_planet(file, folder)
    with pytest.raises(Unreadable, match=r"is not sorted: node 1\d* .*osmium sort"):
        load_planet(write([*versions, versions[0]], tmp_path / "b.osm.pbf", TOLD), folder)
    later = versions[0]._replace(version=99)
    with pytest.raises(Unreadable, match=r"twice: it is a history.*osmium time-filter"):
        load_planet(write([versions[0], later, *versions[1:]], tmp_path / "c.osh.pbf", TOLD), folder)
    whole = write(versions, tmp_path / "d.osm", None)
    whole.write_bytes(whole.read_bytes()[:-9])
    with pytest.raises(Unreadable, match=r"no whole XML"):
        load_planet(whole, folder, at=0)
    with pytest.raises(Unreadable, match=r"No such file"):
        load_planet(tmp_path / "nothing.osm.pbf", folder, at=0)
    assert not folder.exists()
    with pytest.raises(StoreMissing):
        LmdbStore(folder)


def test_a_store_that_is_there_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with LmdbStore(folder, create=True) as store, store.changing() as change:
        change.tally("mine")
    with pytest.raises(StoreMissing, match="is there already"):
        load_planet(write(world(10), tmp_path / "a.osm.pbf", TOLD), folder)
    with LmdbStore(folder) as store, store.reading() as snapshot:
        assert snapshot.tallies() == {"mine": 1}


@given(
    st.lists(st.tuples(st.lists(st.integers(0, 40), max_size=9), st.integers(0, 9)), max_size=40),
    st.integers(1, 12),
    st.integers(0, 3),
)
def test_pairs_are_sorted_once_and_by_whole_groups(
    tmp_path_factory: pytest.TempPathFactory, added: list[tuple[list[int], int]], run: int, bits: int
) -> None:
    pairs = Pairs(tmp_path_factory.mktemp("pairs"), "p")
    pairs.run = run
    for used, user in added:
        pairs.add(used, user)
    slices = [np.array(both).T.tolist() for both in pairs.sorted(bits)]
    pairs.close()
    flat = [tuple(pair) for part in slices for pair in part]
    assert flat == sorted({(used, user) for all_used, user in added for used in all_used})
    groups = [{pair[0] >> bits for pair in part} for part in slices]
    assert all(not a & b for a, b in pairwise(groups))
