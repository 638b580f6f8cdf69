"""The loop: read OsmChange, file by file, make the minutes that are due, settle those that leave the window.

kill -9 at any point, and the next call makes the same bytes again, or goes on: docs/augment.md says by which order.
How a file is read is intake.py's.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from stats_assets.augment.difference import actions, minute
from stats_assets.augment.directory import Directory
from stats_assets.augment.document import write
from stats_assets.augment.intake import OsmChange, Reader, next_file, reach, read_file
from stats_assets.augment.store import Change, Place, Snapshot, Store
from stats_assets.augment.window import MINUTE, minute_of, settle
from stats_assets.feeds.outcomes import SequenceMissing
from stats_assets.feeds.source import State
from stats_assets.mendable import Mendable

SETTLE_SECONDS = 3_900
AT_ONCE = 60
"""Minutes that a transaction makes, or settles, at most: each is synced, and what it changes is in memory."""
Told: TypeAlias = Callable[[int, int], None]
"""Is told how many are done, and of how many."""


def _nobody(done: int, of: int) -> None: ...


@dataclass
class Report:
    """What a call did."""

    files: int = 0
    made: int = 0
    """Documents that were made the first time."""
    again: int = 0
    """Documents that were made a last time, as their minute left the window."""
    differing: int = 0
    """Of these, what had come to differ, and was written again."""
    actions: int = 0
    """Of all that were made."""
    head: int | None = None
    """The feed's newest file; below the store's where that has read another feed, or this one began anew."""
    missing: str = ""
    """Which file is missing, so that nothing after it is read; empty: none."""
    happened: Counter[str] = field(default_factory=Counter)
    """What became of the files' versions: window.py's lists and tallies, and `versions`, which are all."""


class TooEarly(Mendable):
    """A minute is asked for that is not wholly after the planet."""


def begin_at(store: Store, first: int | None, last: int | None = None) -> int:
    """The first minute that will have a document: `first`, or the one after the newest, or the first that can be made.

    Raises TooEarly, also for `last`. A minute that has one is not made again, whatever `first` says.
    """
    with store.changing() as change:
        place = change.place()
        possible = minute_of(place.begins) + 1
        early = next((asked for asked in (first, last) if asked is not None and asked < possible), None)
        if early is not None:
            begins = datetime.fromtimestamp(place.begins, UTC)
            raise TooEarly(
                f"Minute {early} can't be made: the planet is of {begins:%Y-%m-%dT%H:%MZ}, so the first that can is"
                f" {possible}. Take that, or an older planet."
            )
        following = max(first or 0, _made(place) + 1)
        change.put_place(place._replace(made=following - 1))
    return following


@dataclass(frozen=True)
class Making:
    """A store, and where its documents go. One process at a time makes."""

    store: Store
    out: Directory
    read: Reader
    settle_seconds: int = SETTLE_SECONDS
    """How far the store stays behind its feed: so long late edits are waited for."""
    first: int = 0
    """Minutes before it have no document."""
    last: int | None = None
    """Minutes after it have none."""
    prompt: bool = True
    """A minute is made as soon as its end is reached, and a last time when it is settled. Not: only then, and an empty
    one only when one that is not follows; `finish` makes the rest."""

    def go_on(
        self,
        feed: OsmChange,
        *,
        up_to: int | None = None,
        told: Told = _nobody,
        report: Report | None = None,
    ) -> Report:
        """Read on from where the store is, up to that file, or to the newest; make and settle what is due.

        told: is told of each file: how many are done, of how many. Raises what the feed, its files, the store and the
        directory raise; what was done until then is kept, and is in `report`, if one is given.
        """
        report = Report() if report is None else report
        with TemporaryDirectory() as temporary:
            folder = Path(temporary)
            self._catch_up(folder, report)
            head = feed.state()
            report.head = head.sequence
            begun = next_file(feed, self.place())
            end = head.sequence if up_to is None else min(up_to, head.sequence)
            for sequence in range(begun, end + 1):
                if self._is_over():
                    return report
                try:
                    happened = read_file(
                        *(self.store, feed, self.read, head, sequence, folder),
                        lambda change: self._make_and_settle(change, folder, report),
                    )
                except SequenceMissing as missing:
                    report.missing = str(missing)
                    return report
                report.files += 1
                report.happened.update(happened)
                self._catch_up(folder, report)
                told(sequence - begun + 1, end - begun + 1)
            if reach(self.store, feed, head):
                self._catch_up(folder, report)
        return report

    def finish(self, *, for_good: bool, told: Told = _nobody) -> Report:
        """There is no more: make all that is not made yet, up to `last`, or to the minute of the newest change.

        Not for who makes promptly. for_good: nothing will be read any more, so all of it is settled. The store stays
        where it is, and can be gone on with. told: is told of each minute, as by `go_on`.
        """
        report = Report()
        with self.store.reading() as snapshot, TemporaryDirectory() as folder:
            place = snapshot.place()
            last = _newest_change(snapshot) if self.last is None else self.last
            due = range(max(self.first, _made(place) + 1), last + 1)
            for done, sequence in enumerate(due, 1):
                self._make(snapshot, sequence, Path(folder), report)
                told(done, len(due))
            settled = last if for_good else minute_of(place.settled_to)
            self._say(max(last, _made(place)), place.reached, settled, Path(folder))
        return report

    def place(self) -> Place:
        """How far the store is."""
        with self.store.reading() as snapshot:
            return snapshot.place()

    def _is_over(self) -> bool:
        return self.last is not None and minute_of(self.place().settled_to) >= self.last

    def _catch_up(self, folder: Path, report: Report) -> None:
        """Make and settle all that is due by the store's place, and say it."""
        while self._is_due(place := self.place()):
            with self.store.changing() as change:
                self._make_and_settle(change, folder, report)
        self._say(_made(place), place.reached, minute_of(place.settled_to), folder)

    def _is_due(self, place: Place) -> bool:
        return bool(self.prompt and self._unmade(place)) or self._leaves(place)

    def _unmade(self, place: Place) -> range:
        whole = minute_of(place.reached + 1) - 1
        last = whole if self.last is None else min(whole, self.last)
        return range(max(self.first, _made(place) + 1), last + 1)

    def _leaves(self, place: Place) -> bool:
        """Whether the oldest open minute leaves the window."""
        return place.settled_to + MINUTE + self.settle_seconds <= place.reached

    def _make_and_settle(self, change: Change, folder: Path, report: Report) -> None:
        """Make and settle what is due, no more than AT_ONCE minutes of either: the rest is another transaction's.

        The documents are there when the transaction is kept. If it is not, they are made again, of the same.
        """
        if self.prompt and (due := self._unmade(change.place())[:AT_ONCE]):
            for sequence in due:
                self._make(change, sequence, folder, report)
            change.put_place(change.place()._replace(made=due[-1]))
        for _ in range(AT_ONCE):
            if not self._leaves(change.place()):
                return
            self._settle(change, folder, report)

    def _settle(self, change: Change, folder: Path, report: Report) -> None:
        """Make the oldest open minute a last time, and settle it."""
        place = change.place()
        sequence, made = minute_of(place.settled_to) + 1, _made(place)
        if self.first <= sequence and (self.last is None or sequence <= self.last):
            if self.prompt:
                self._make(change, sequence, folder, report, again=True)
            elif sequence > made and any(True for _ in change.changed(*minute(sequence))):
                for due in range(max(self.first, made + 1), sequence + 1):
                    self._make(change, due, folder, report)
                made = sequence
        settle(change)
        change.put_place(change.place()._replace(made=made))

    def _make(
        self, snapshot: Snapshot, sequence: int, folder: Path, report: Report, *, again: bool = False
    ) -> None:
        """Make a document, and write it where none is there that is the same."""
        place, (_, until) = snapshot.place(), minute(sequence)
        # What was settled without a document had no change.
        found = actions(snapshot, sequence) if until > place.settled_to else ()
        document = folder / "document"
        count = write(document, found, osm_base=max(place.reached, until))
        if not self.out.has(sequence, document):
            self.out.put(sequence, document)
            report.differing += again
        report.again += again
        report.made += not again
        report.actions += 0 if again else count

    def _say(self, newest: int, reached: int, settled: int, folder: Path) -> None:
        """Say in state.yaml which documents are there, once one is."""
        before = self.out.state()
        there = before.sequence if before else -1
        if newest > there and self.out.has_any(newest):
            there = newest
        if there < 0:
            return
        state = State(there, datetime.fromtimestamp(reached, UTC), max(-1, min(settled, there)))
        if state != before:
            self.out.put_state(state, folder)


def _made(place: Place) -> int:
    """The newest minute that has a document, or needs none."""
    return minute_of(place.begins) if place.made is None else place.made


def _newest_change(snapshot: Snapshot) -> int:
    """The minute of the newest change that is not of the future; of none that is open: the newest that was made."""
    place = snapshot.place()
    for sequence in range(minute_of(place.reached), minute_of(place.settled_to), -1):
        since, until = minute(sequence)
        if any(True for _ in snapshot.changed(since, min(until, place.reached))):
            return sequence
    return _made(place)
