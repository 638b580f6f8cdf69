"""A run of the maker of augmented diffs: open the store, or begin it with a planet; read on; tell how far it is.

How documents are made is augment/making.py's. Killed anywhere, the next run goes on; the store alone says from where.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from stats_assets.augment.store_errors import StoreError, StoreMissing
from stats_assets.augment.store_folder import holds_store
from stats_assets.augment.unreadable import Unreadable
from stats_assets.augment.window import HELD, LATE, PASSED
from stats_assets.database.connection import Connection, connect
from stats_assets.database.ledger import addresses
from stats_assets.database.ledger.leases import end_lease, lease
from stats_assets.database.made_diffs import (
    LEASE,
    MadeDiffs,
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
from stats_assets.ingest import failover
from stats_assets.ingest.diff_making_result import Made
from stats_assets.ingest.diff_making_tick import NO_PLANET
from stats_assets.ingest.osmchange_numbers import prove
from stats_assets.ingest.osmchange_requests import Requests
from stats_assets.streams import OSMCHANGE

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

    feeds: tuple[OsmChangeDirectory, ...]
    """Where OsmChange can be read, in order of preference."""
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
        return self.planet is not None or holds_store(self.folder)


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
        lease(connection, url, run_id, LEASE, 0, 0, stale=work.lease_stale_seconds),
        _booked(connection, work, done) as feed,
    ):
        _make(connection, work, feed, done, told, made, time.monotonic() + seconds)
        end_lease(connection, run_id)
    return done


@contextmanager
def _booked(connection: Connection, work: MakingWork, done: Made) -> Iterator[Requests]:
    """The address in use, as the run asks it; what becomes of the run is written down."""
    from stats_assets.augment.directory import DirectoryFailed

    feed = Requests(connection, failover.in_use(connection, OSMCHANGE, work.feeds))
    done.url = feed.url
    try:
        yield feed
    except (FeedError, StoreError, Unreadable, DirectoryFailed) as error:
        done.trouble = str(error)
        if isinstance(error, HeadUnknown | BadAnswer):
            save_feed_trouble(connection, feed.url, done.trouble, error.retry_after)
        if not isinstance(error, FeedError):
            raise MakingFailed(done.trouble) from error
    finally:
        save_doing(connection, None)
        feed.count()
        places = failover.look(connection, OSMCHANGE, work.feeds)
        done.not_used = {place.url: place.why_not for place in places if place.why_not}
        if done.trouble:
            save_trouble(connection, done.trouble, first=work.first_pause, most=work.longest_pause)
    if not done.trouble:
        save_no_trouble(connection)


def _make(
    connection: Connection,
    work: MakingWork,
    feed: Requests,
    done: Made,
    told: Told,
    made: Minutes,
    end: float,
) -> None:
    from stats_assets.augment.directory import Directory
    from stats_assets.augment.making import Making
    from stats_assets.augment.reading import read_osmchange

    def say(doing: str) -> None:
        told(doing)
        save_doing(connection, doing)

    directory = Directory(work.out)
    with directory.alone(), _opened(work, say) as store:
        making = Making(store, directory, feed.read, work.settle_seconds)
        before = making.place()
        with store.reading() as snapshot:
            tallies = Counter(snapshot.tallies())
        row = _of_this_store(connection, before)
        several, reached = len(work.feeds) > 1, _time(before.reached)
        prove(connection, feed, read_osmchange, row, before.sequence, reached, several=several)
        seen = _Seen(connection, work, feed, row, making, made)
        seen.tell()
        try:
            report = making.go_on(feed, told=lambda n, of: _go_on(seen, say, n, of, end))
            done.trouble = report.missing
            if report.files and not report.missing:
                addresses.good(connection, OSMCHANGE, feed.url)
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
    if not holds_store(work.folder):
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

    def __init__(
        self,
        connection: Connection,
        work: MakingWork,
        feed: Requests,
        row: MadeDiffs,
        making: "Making",
        made: Minutes,
    ) -> None:
        self._connection, self._work, self._making, self._made = connection, work, making, made
        self._feed, self._row, self._begun = feed, row, making.place().sequence
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
            read_from=self._row.read_from if place.sequence == self._begun else self._feed.url,
            begins=_time(place.begins),
            settled_to=_time(place.settled_to),
            reached=_time(place.reached),
            sequence=place.sequence,
            made=place.made,
        )
        contents = self._feed.contents(self._row.contents, place.sequence)
        save_place(self._connection, shown, tallies, noted, contents)
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


def _of_this_store(connection: Connection, place: "Place") -> MadeDiffs:
    """The row, without what it has of the files that another store has read."""
    row = made_diffs(connection)
    if row.begins == _time(place.begins) and place.sequence is not None:
        return row
    addresses.forget_numbers(connection, OSMCHANGE)
    return row._replace(read_from=None, contents=[])


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
