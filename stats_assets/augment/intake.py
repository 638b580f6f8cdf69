"""The feed's files into the store: which is next, what it holds, how far it reaches; a transaction each.

What becomes of each version is window.py's; what is made of it, making.py's.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeAlias

from stats_assets.augment.store import Change, Place, Store
from stats_assets.augment.versions import Version
from stats_assets.augment.window import take_in
from stats_assets.feeds.outcomes import HeadUnknown
from stats_assets.feeds.sequences import TO_COME

LEAD = timedelta(hours=4)
"""So long before the planet's time OsmChange is read: a planet lacks what was not committed when it was begun."""


class FileState(Protocol):
    """A file of the feed, and what the data reach with it."""

    @property
    def sequence(self) -> int: ...
    @property
    def time(self) -> datetime: ...


class OsmChange(Protocol):
    """Where OsmChange comes from: feeds/osmchange.py."""

    url: str

    def state(self) -> FileState: ...
    def state_of(self, sequence: int) -> FileState | None: ...
    def fetch(self, sequence: int, folder: Path) -> Path: ...
    def find(self, time: datetime, *, at_latest: datetime | None = None) -> int: ...


Reader: TypeAlias = Callable[[Path], Iterator[Version]]


def next_file(feed: OsmChange, place: Place) -> int:
    """The number of the file that follows what the store has. Raises what `find` raises."""
    if place.sequence is not None:
        return place.sequence + 1
    planet = datetime.fromtimestamp(place.reached, UTC)
    return feed.find(planet - LEAD, at_latest=planet)


def read_file(
    store: Store,
    feed: OsmChange,
    read: Reader,
    head: FileState,
    sequence: int,
    folder: Path,
    then: Callable[[Change], object],
) -> Counter[str]:
    """Read a file into the store, and do in the same transaction what follows of it; what became of its versions.

    Raises what the feed, the reader and `then` raise.
    """
    state = head if sequence == head.sequence else feed.state_of(sequence)
    file = feed.fetch(sequence, folder)
    if state is not None:
        time = _time_of(feed, state)
    else:  # as far as its versions say; none is believed that is later than all of the feed
        newest = max((version.timestamp for version in read(file)), default=0)
        time = min(newest, _time_of(feed, head))
    with store.changing() as change:
        happened = take_in(change, read(file), sequence, time)
        then(change)
    file.unlink()
    return happened


def reach(store: Store, feed: OsmChange, head: FileState) -> bool:
    """In a quiet feed only the state's time rises: what it says of the newest file holds for the store.

    Whether that was later than what the store knew.
    """
    time = _time_of(feed, head)
    with store.reading() as snapshot:
        place = snapshot.place()
    if place.sequence != head.sequence or place.reached >= time:
        return False
    with store.changing() as change:
        change.put_place(place._replace(reached=time))
    return True


def _time_of(feed: OsmChange, state: FileState) -> int:
    """In epoch seconds. Raises HeadUnknown for one that no clock can be so far ahead: it would settle all there is."""
    if state.time - datetime.now(UTC) > TO_COME:
        raise HeadUnknown(
            feed.url, f"file {state.sequence} is said to be of {state.time:%FT%TZ}: not to be used"
        )
    return int(state.time.timestamp())
