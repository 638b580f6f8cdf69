"""Random histories as files: planet and OsmChange are read, stored and written as the program does it, and killed."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from stats_assets.augment.directory import Directory
from stats_assets.augment.lmdb_store import LmdbStore
from stats_assets.augment.making import Making
from stats_assets.augment.planet import load_planet
from stats_assets.augment.reading import read_osmchange
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.osmchange import OsmChangeDirectory
from stats_assets.feeds.sequences import path_of
from tests.augment.comparing import read_diff
from tests.augment.random_worlds import BEGINS, SETTLE, History, drawn, expected, history
from tests.augment.writing import FIRST, write_files


class Killed(BaseException):
    """As if by kill -9: nobody tidies up."""


def make(given: History, folder: Path, chance: Random, *, prompt: bool) -> Path:
    """All documents, by a process that is killed now and then, at a write."""
    planet, feed = write_files(given, folder)
    store, out = folder / "store", folder / "out"
    load_planet(planet, store)
    directory = OsmChangeDirectory(str(feed), Http(user_agent="test"))
    end = FIRST + len(given.files) - 1
    done = False
    while not done:
        with LmdbStore(store) as opened:
            making = Making(opened, Mortal(str(out), chance), read_osmchange, SETTLE, prompt=prompt)
            try:
                making.go_on(directory, up_to=chance.randrange(FIRST, end + 2))
                done = opened_to(making) == end
                if done and not prompt:
                    making.finish(for_good=True)
            except Killed:
                done = False
    return out


def opened_to(making: Making) -> int | None:
    return making.place().sequence


class Mortal(Directory):
    """A directory whose process dies before or after one write in twelve."""

    def __init__(self, uri: str, chance: Random) -> None:
        super().__init__(uri)
        self._chance = chance

    def _put(self, source: Path, name: str) -> None:
        self._perhaps(lambda: super(Mortal, self)._put(source, name))

    def _perhaps(self, write: Callable[[], None]) -> None:
        fate = self._chance.randrange(24)
        if fate == 0:
            raise Killed
        write()
        if fate == 1:
            raise Killed


def agree(seed: int, count: int, *, late: int, minutes: int) -> None:
    chance = Random(seed)  # noqa: S311 (no secret)
    prompt, turned, together = chance.random() < 0.6, chance.random() < 0.5, chance.choice((1, 1, 2, 7, 30))
    edits = drawn(chance, count, late=late, minutes=minutes)
    given = history(edits, turned=turned, together=together, ends=prompt or chance.random() < 0.3)
    right = expected(given)
    with TemporaryDirectory() as folder:
        out = make(given, Path(folder), chance, prompt=prompt)
        state = Directory(str(out)).state()
        assert state is not None
        assert state.settled is not None
        for minute in range(BEGINS, state.settled + 1):
            said = read_diff((out / f"{path_of(minute)}.adiff.xml.gz").read_bytes())
            assert said == right.get(minute, []), f"minute {minute - BEGINS}"
        whole = range(BEGINS, BEGINS + given.files[-1].time // 60)
        assert state.settled >= max((minute for minute in whole if right[minute]), default=BEGINS)


@pytest.mark.parametrize("seed", range(3))
def test_a_random_history(seed: int) -> None:
    agree(seed, 40, late=SETTLE + 300, minutes=6)


@pytest.mark.drill
@pytest.mark.parametrize("seed", range(100, 130))
def test_large_histories_as_files(seed: int) -> None:
    agree(seed, 300, late=SETTLE + 600, minutes=25)
