"""A run of the maker of augmented diffs: open the store, or begin it with a planet; read on; tell how far it is.

How documents are made is augment/making.py's. Killed anywhere, the next run goes on; the store alone says from where.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stats_assets.augment.store_errors import StoreError, StoreMissing
from stats_assets.augment.unreadable import Unreadable
from stats_assets.augment.window import HELD, LATE, PASSED
from stats_assets.database.connection import Connection, connect
from stats_assets.database.ledger.leases import end_lease, lease
from stats_assets.database.made_diffs import (
    LEASE,
    StorePlace,
    made_diffs,
    save_doing,
    save_feed_trouble,
    save_no_trouble,
    save_place,
    save_trouble,
)
from stats_assets.feeds.osmchange import OsmChangeDirectory
from stats_assets.feeds.outcomes import BadAnswer, FeedError, HeadUnknown
from stats_assets.ingest.diff_making_tick import NO_PLANET

if TYPE_CHECKING:
    from stats_assets.augment.lmdb_store import LmdbStore
    from stats_assets.augment.making import Making
    from stats_assets.augment.store import Place

TELL_SECONDS = 10.0
LONGEST_SECONDS = 1800.0
"""After so long a run ends, so that what it did is seen; the next goes on."""
SHOWN = 20  # versions of each list


@dataclass(frozen=True)
class MakingWork:
    """What a run works with."""

    feed: OsmChangeDirectory
    folder: Path
    """The store's."""
    planet: Path | None
    out: str
    """Where the documents go: a path, file: or s3: URI."""
    settle_seconds: int
    first_pause: float
    longest_pause: float
    lease_stale_seconds: float

    @property
    def can_begin(self) -> bool:
        """Whether there is a store, or a planet to make one of."""
        return self.planet is not None or self.folder.exists()


@dataclass
class Made:
    """What a run did."""

    first: int | None = None
    last: int | None = None
    """The minutes whose documents were made, both included; None: none."""
    files: int = 0
    place: StorePlace | None = None
    tallies: Counter[str] = field(default_factory=Counter)
    """What became of the versions of the files that were read."""
    trouble: str = ""
    """Why it could not go on; empty: it is at the feed's end, or its time was over."""


class MakingFailed(Exception):
    """The run could not go on, and a person may have to do something; the message says what."""


class _Enough(Exception):
    """The run's time is over."""


Told = Callable[[str], None]
Minutes = Callable[[int, int], None]


def make(
    work: MakingWork,
    url: str,
    run_id: str,
    *,
    told: Told = lambda said: None,
    made: Minutes = lambda first, last: None,
    seconds: float = LONGEST_SECONDS,
) -> Made:
    """Read and make until the feed's end, or for about so long; what is wrong is kept for ticks and people to see.

    told: hears what it is at. made: hears which minutes were made, now and then. A feed's failure is in the result.
    Raises MakingFailed for all else that is wrong, DatabaseUnreachable.
    """
    done = Made()
    with (
        connect(url, application="stats-assets augment") as connection,
        lease(url, run_id, LEASE, 0, 0, stale=work.lease_stale_seconds),
        _booked(connection, work, done),
    ):
        _make(connection, work, done, told, made, time.monotonic() + seconds)
        end_lease(connection, run_id)
    return done


@contextmanager
def _booked(connection: Connection, work: MakingWork, done: Made) -> Iterator[None]:
    from stats_assets.augment.directory import DirectoryFailed

    try:
        yield
    except (FeedError, StoreError, Unreadable, DirectoryFailed) as error:
        done.trouble = str(error)
        if isinstance(error, HeadUnknown | BadAnswer):
            save_feed_trouble(connection, work.feed.url, done.trouble, error.retry_after)
        if not isinstance(error, FeedError):
            raise MakingFailed(done.trouble) from error
    finally:
        save_doing(connection, None)
        if done.trouble:
            save_trouble(connection, done.trouble, first=work.first_pause, most=work.longest_pause)
    if not done.trouble:
        save_no_trouble(connection)


def _make(
    connection: Connection, work: MakingWork, done: Made, told: Told, made: Minutes, end: float
) -> None:
    from stats_assets.augment.directory import Directory
    from stats_assets.augment.making import Making
    from stats_assets.augment.reading import read_osmchange

    def say(doing: str) -> None:
        told(doing)
        save_doing(connection, doing)

    directory = Directory(work.out)
    with directory.alone(), _opened(work, say) as store:
        making = Making(store, directory, read_osmchange, work.settle_seconds)
        before = making.place()
        with store.reading() as snapshot:
            tallies = Counter(snapshot.tallies())
        _require_same_feed(connection, work, before)
        seen = _Seen(connection, work, making, made)
        seen.tell()
        try:
            report = making.go_on(work.feed, told=lambda n, of: _go_on(seen, say, n, of, end))
            done.trouble = report.missing
        except _Enough:
            pass
        finally:
            done.place = seen.tell()
            _add_up(done, before, making, tallies)


def _go_on(seen: "_Seen", say: Told, n: int, of: int, end: float) -> None:
    if time.monotonic() - seen.told_at > TELL_SECONDS:
        seen.tell()
        say(f"{n} of {of} files are read")
    if time.monotonic() > end and n < of:
        raise _Enough


@contextmanager
def _opened(work: MakingWork, say: Told) -> Iterator["LmdbStore"]:
    """The store, made of the planet where there is none. Raises StoreError, Unreadable."""
    from stats_assets.augment.lmdb_store import LmdbStore
    from stats_assets.augment.planet import load_planet

    work.folder.parent.mkdir(parents=True, exist_ok=True)
    if not work.folder.exists() or not any(work.folder.iterdir()):
        if work.planet is None:
            raise StoreMissing(f"{NO_PLANET}. The store is looked for in {work.folder}.")
        planet, last = work.planet, 0.0
        say(f"the planet {planet} is loaded")

        def progress(what: str, count: int) -> None:
            nonlocal last
            if time.monotonic() - last > TELL_SECONDS:
                last = time.monotonic()
                say(f"the planet {planet} is loaded: {count:,} {what}")

        load_planet(planet, work.folder, progress=progress)
    with LmdbStore(work.folder) as store:
        yield store


class _Seen:
    """What others see of the store, while a run is at it."""

    def __init__(self, connection: Connection, work: MakingWork, making: "Making", made: Minutes) -> None:
        self._connection, self._work, self._making, self._made = connection, work, making, made
        self._newest = making.place().made
        self.told_at = 0.0

    def tell(self) -> StorePlace:
        """How far it is now, and which minutes were made since this was told last."""
        with self._making.store.reading() as snapshot:
            place, tallies = snapshot.place(), snapshot.tallies()
            noted = [
                one._asdict()
                for what in (LATE, HELD, PASSED)
                for one in list(snapshot.noted(what))[-SHOWN:][::-1]
            ]
        shown = StorePlace(
            store=str(self._work.folder),
            read_from=self._work.feed.url,
            begins=_time(place.begins),
            settled_to=_time(place.settled_to),
            reached=_time(place.reached),
            sequence=place.sequence,
            made=place.made,
        )
        save_place(self._connection, shown, tallies, noted)
        if place.made is not None and place.made != self._newest:
            self._made(_first(place, self._newest), place.made)
            self._newest = place.made
        self.told_at = time.monotonic()
        return shown


def _add_up(done: Made, before: "Place", making: "Making", tallies: Counter[str]) -> None:
    with making.store.reading() as snapshot:
        after = snapshot.place()
        done.tallies = Counter(snapshot.tallies()) - tallies
    if after.made is not None and after.made != before.made:
        done.first, done.last = _first(after, before.made), after.made
    if after.sequence is not None and before.sequence is not None:
        done.files = after.sequence - before.sequence


def _first(place: "Place", made: int | None) -> int:
    from stats_assets.augment.window import minute_of

    return (minute_of(place.begins) if made is None else made) + 1


def _require_same_feed(connection: Connection, work: MakingWork, place: "Place") -> None:
    """Of another address than before: that it numbers its files alike. Raises FeedError."""
    row = made_diffs(connection)
    if row.read_from in (None, work.feed.url):
        return
    if why := disagreement(work.feed, place.sequence, _time(place.reached)):
        raise FeedError(work.feed.url, why)


def disagreement(feed: OsmChangeDirectory, sequence: int | None, reached: datetime) -> str | None:
    """Why the feed is not the one that the store has read; None: as far as its states tell, it is.

    Its file of that number is not later than what was reached, and its next one is not earlier. Raises HeadUnknown.
    """
    if sequence is None:
        return None
    read, following = feed.state_of(sequence), feed.state_of(sequence + 1)
    if (read is None or read.time <= reached) and (following is None or following.time >= reached):
        return None
    wrong = read if read is not None and read.time > reached else following
    assert wrong is not None  # noqa: S101 - one of the two is
    return (
        f"file {wrong.sequence} is of {wrong.time:%FT%TZ}, and the store has read {sequence}, to {reached:%FT%TZ}: it"
        " numbers its files otherwise. Nothing is read of it. If it is to be followed, move the store away and begin"
        " with a new planet (PLANET_FILE)"
    )


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def summary(done: Made) -> dict[str, Any]:
    """What a run did, for its metadata."""
    place = done.place
    return {
        "minutes": 0 if done.first is None or done.last is None else done.last - done.first + 1,
        "files": done.files,
        **({} if done.last is None else {"newest": done.last}),
        **(
            {}
            if place is None
            else {
                "reached": place.reached.isoformat(),
                "settled_to": place.settled_to.isoformat(),
                "store": place.store,
                **({} if place.sequence is None else {"osmchange_sequence": place.sequence}),
            }
        ),
        **({"versions": dict(done.tallies)} if done.tallies else {}),
        **({"trouble": done.trouble} if done.trouble else {}),
    }
