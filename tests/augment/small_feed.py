"""Elements, and OsmChange that a test writes down: which versions came with which file, and how far it reached."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stats_assets.augment.difference import minute
from stats_assets.augment.store import Place, Store
from stats_assets.augment.versions import Member, Version
from stats_assets.feeds.osmchange import State
from stats_assets.feeds.outcomes import SequenceMissing
from tests.augment.dict_store import DictStore

FIRST = 1_000_000
"""The first minute that a `begun` store can make."""
BEGINS = minute(FIRST)[0]


def node(id: int, version: int, at: int, lon: int = 0, lat: int = 0, **more: Any) -> Version:
    """at: seconds after the beginning."""
    return Version("node", id, version, BEGINS + at, 7, 1, "anna", position=(lon, lat), **more)


def way(id: int, version: int, at: int, *refs: int, **more: Any) -> Version:
    return Version("way", id, version, BEGINS + at, 7, 1, "anna", refs=refs, **more)


def relation(id: int, version: int, at: int, *members: Member, **more: Any) -> Version:
    return Version("relation", id, version, BEGINS + at, 7, 1, "anna", members=members, **more)


def gone(version: Version, at: int) -> Version:
    """The deletion that follows a version."""
    bare = version._replace(version=version.version + 1, timestamp=BEGINS + at, visible=False)
    return bare._replace(tags=(), refs=(), members=())


def begun(*planet: Version, store: Store | None = None) -> Store:
    """A store of what was at the beginning; by default one in dictionaries."""
    store = store or DictStore()
    with store.changing() as change:
        for version in planet:
            change.settle(version)
        change.put_place(Place(BEGINS, BEGINS, BEGINS))
    return store


class SmallFeed:
    """A feed whose file n reaches n minutes and 2 s after the beginning, unless it is said otherwise."""

    url = "memory"

    def __init__(self, *files: Iterable[Version]) -> None:
        """files: the first is number 1."""
        self.files = {number: tuple(versions) for number, versions in enumerate(files, 1)}
        self.times = {number: BEGINS + 60 * number + 2 for number in self.files}
        self.head_time = max(self.times.values(), default=BEGINS)
        self.stateless: set[int] = set()

    def state(self) -> State:
        return State(max(self.times, default=0), _moment(self.head_time))

    def state_of(self, sequence: int) -> State | None:
        return None if sequence in self.stateless else State(sequence, _moment(self.times[sequence]))

    def fetch(self, sequence: int, folder: Path) -> Path:
        if sequence not in self.files:
            raise SequenceMissing(f"memory/{sequence}", "no such file")
        file = folder / str(sequence)
        file.touch()
        return file

    def find(self, time: datetime, *, at_latest: datetime | None = None) -> int:
        return min(self.files, default=1)

    def read(self, file: Path) -> Iterator[Version]:
        return iter(self.files[int(file.name)])


def _moment(time: int) -> datetime:
    return datetime.fromtimestamp(time, UTC)
