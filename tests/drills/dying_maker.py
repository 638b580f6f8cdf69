"""A run of the maker of augmented diffs that is killed at a write: a program of tests, not a test.

    dying_maker.py POINT COUNT URL FEED STORE PLANET OUT

Dies at the COUNTth time that POINT is reached; POINTS says which there are.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stats_assets.augment import planet_loading
from stats_assets.augment.lmdb_store import LmdbStore
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.osmchange import OsmChangeDirectory
from stats_assets.ingest import diff_making
from stats_assets.ingest.diff_making import MakingWork, make

_left = 0


def count_down() -> None:
    global _left
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def before(owner: Any, name: str) -> None:
    function = getattr(owner, name)

    def counted(*arguments: Any, **others: Any) -> Any:
        count_down()
        return function(*arguments, **others)

    setattr(owner, name, counted)


def after(owner: Any, name: str) -> None:
    function = getattr(owner, name)

    def counted(*arguments: Any, **others: Any) -> Any:
        found = function(*arguments, **others)
        count_down()
        return found

    setattr(owner, name, counted)


def around_commits(*, inside: bool) -> None:
    changing = LmdbStore.changing

    @contextmanager
    def counted(self: LmdbStore) -> Iterator[Any]:
        with changing(self) as change:
            yield change
            if inside:
                count_down()
        if not inside:
            count_down()

    setattr(LmdbStore, "changing", counted)  # noqa: B010 - mypy knows it as a method


POINTS: dict[str, Callable[[], None]] = {
    "planet": lambda: before(planet_loading.PlanetLoading, "add"),
    "planet loaded": lambda: before(LmdbStore, "sync"),
    "fsync": lambda: before(os, "fsync"),
    "before a file is named": lambda: before(Path, "replace"),
    "after a file is named": lambda: after(Path, "replace"),
    "before a commit": lambda: around_commits(inside=True),
    "after a commit": lambda: around_commits(inside=False),
    "before it is told": lambda: before(diff_making, "save_place"),
    "after it is told": lambda: after(diff_making, "save_place"),
}

if __name__ == "__main__":
    point, count, url, feed, store, planet, out = sys.argv[1:]
    _left = int(count)
    POINTS[point]()
    source = OsmChangeDirectory(feed, Http("test"))
    make(MakingWork((source,), Path(store), Path(planet), out, 3900, 60, 3600, 20), url, "dying")
