"""The invented world: mappers open changesets, edit, close, are talked about; minute by minute, from a seed.

A pure function of (seed, first, sequence): minutes are simulated once, in order, and kept. What the edits are
is in `edits`, `rare_edits`, `relation_edits`; changesets and their files are in `sessions`.
"""

import gzip
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from threading import RLock
from typing import NamedTuple

from stats_assets.demo.answers.augmented_diff import write_augmented_diff
from stats_assets.demo.truth.book import Book
from stats_assets.demo.world import edits, rare_edits, relation_edits
from stats_assets.demo.world.desk import Desk, Stock
from stats_assets.demo.world.elements import Element, Version
from stats_assets.demo.world.kinds import FOUNDED, STREET, TREE
from stats_assets.demo.world.mappers import FOUNDER, Remark
from stats_assets.demo.world.minute import Minute, since, until
from stats_assets.demo.world.places import BORDERS, PLACES, TOWNS
from stats_assets.demo.world.session import Session
from stats_assets.demo.world.sessions import Published, Sessions

DEFAULT_FIRST = 6_543_200
DEFAULT_CHANGESETS_FIRST = 6_300_100

_CROWDED = 50
_EVERYDAY: tuple[tuple[edits.Edit, int], ...] = (
    (edits.draw, 8),
    (edits.draw_house, 2),
    (edits.retag, 3),
    (edits.move, 5),
    (edits.lengthen, 2),
    (edits.delete, 4),
)
_RARE: tuple[edits.Edit, ...] = (
    relation_edits.draw_multipolygon,
    rare_edits.draw_with_unknown_node,
    edits.draw_and_correct,
    relation_edits.move_outer_node,
    rare_edits.undelete,
    relation_edits.draw_route,
    rare_edits.draw_bow_tie,
    rare_edits.draw_with_unknown_node,  # once more: there have to be some to mend
    rare_edits.delete_and_undelete,
    rare_edits.turn_house_into_forest,
    relation_edits.fill_hole,
    rare_edits.mend,
    relation_edits.draw_district,
    rare_edits.delete_by_nobody,
    rare_edits.pave_roundabout,
    relation_edits.draw_reserve,
    rare_edits.untie_bow,
    relation_edits.draw_river,
    rare_edits.change_nothing,
    relation_edits.retag_relation,
    relation_edits.draw_open_multipolygon,
    relation_edits.delete_relation,
)


class Made(NamedTuple):
    """One simulated minute: the diff (gzip), the number of changeset files there are after it, and every version that
    was uploaded.
    """

    diff: bytes
    files: int
    versions: tuple[Version, ...]


class World:
    """`first`: its first augmented diff; `changesets_first`: its first changeset file.

    Safe to use from threads.
    """

    def __init__(
        self, seed: int = 1, first: int = DEFAULT_FIRST, changesets_first: int = DEFAULT_CHANGESETS_FIRST
    ) -> None:
        self.seed = seed
        self.first = first
        self.changesets_first = changesets_first
        self.book = Book()
        self._stock = Stock()
        self._made: list[Made] = []
        self._sessions = Sessions(first, changesets_first)
        self._program = deque(_RARE)
        self._lock = RLock()
        self._found()
        self.founded: tuple[Element, ...] = tuple(self._stock.atlas)
        """What is on the map before the first minute: the planet."""

    # What others read

    def augmented_diff(self, sequence: int) -> bytes:
        """The diff's file, gzip. Raises LookupError below the first."""
        return self._minute(sequence).diff

    def versions(self, sequence: int) -> tuple[Version, ...]:
        """All that was uploaded in the minute, in order. Raises LookupError below the first."""
        return self._minute(sequence).versions

    def newest_changeset_file(self, sequence: int) -> int:
        """The newest file when `sequence` is the newest diff; `changesets_first - 1`: there is none."""
        return self.changesets_first + self._minute(sequence).files - 1

    def changeset_file(self, sequence: int) -> Published:
        """Raises LookupError below the first."""
        number = sequence - self.changesets_first
        if number < 0:
            raise LookupError(
                f"changeset file {sequence} is below the world's first, {self.changesets_first}"
            )
        with self._lock:
            while len(self._sessions.published) <= number:
                self._step()
            return self._sessions.published[number]

    def _minute(self, sequence: int) -> Made:
        if sequence < self.first:
            raise LookupError(f"augmented diff {sequence} is below the world's first, {self.first}")
        with self._lock:
            while len(self._made) <= sequence - self.first:
                self._step()
            return self._made[sequence - self.first]

    # A minute

    def _step(self) -> None:
        number = len(self._made)
        sequence = self.first + number
        rng = self._random(number)
        minute = Minute(self._stock.atlas, sequence)
        if len(self._sessions.editing(number)) < 3 or rng.random() < 0.3:
            self._sessions.open(number, rng)
        self._edit(number, rng, minute)
        self._sessions.close(number, rng)
        self._sessions.talk(number, rng)
        self._sessions.publish(number, rng)
        base = until(sequence) + timedelta(seconds=rng.randint(1, 20))
        diff = gzip.compress(write_augmented_diff(minute.actions(), base), 6, mtime=0)
        self._made.append(Made(diff, len(self._sessions.published), tuple(minute.versions)))

    def _random(self, number: int) -> Random:
        return Random(f"{self.seed}:{self.first}:{number}")  # noqa: S311 (an invented world, not a secret)

    def _edit(self, number: int, rng: Random, minute: Minute) -> None:
        desk = self._desks(number, rng, minute)
        self._edit_rarely(number, rng, minute)
        for second in sorted(rng.sample(range(14, 50), rng.randint(1, 5))):
            editing = self._sessions.editing(number)
            if second == max(range(14, 50)):  # a few edits at the very end of the window, which belongs to it
                editing, second = [session for session in editing if session.closes != number], 60
            elif second == min(
                range(14, 50)
            ):  # and some at its very beginning, before OsmChange of the last is cut
                begin = since(minute.sequence)
                editing, second = [session for session in editing if session.created_at < begin], 1
            if editing:
                self._everyday(rng)(desk(rng.choice(editing), second))

    def _everyday(self, rng: Random) -> edits.Edit:
        kinds, weights = zip(*_EVERYDAY, strict=True)
        edit: edits.Edit = rng.choices(kinds, weights)[0]

        def crowded(desk: Desk) -> bool:
            full = len(self._stock.at(desk.place)) > _CROWDED
            return edits.delete(desk) if full and edit in (edits.draw, edits.draw_house) else edit(desk)

        return crowded

    def _edit_rarely(self, number: int, rng: Random, minute: Minute) -> None:
        """One of the rare edits, in turn; what could not be done is tried again soon.

        All at one town for a round.
        """
        desk = self._desks(number, rng, minute)
        town = TOWNS[number // (2 * len(_RARE)) % len(TOWNS)]
        here = [
            session for session in self._sessions.editing(number) if session.place is town and session.uid
        ]
        session = here[0] if here else self._sessions.open(number, rng, place=town)
        if number % 8 == 5:
            session = self._sessions.open(number, rng, place=town, anonymous=True)
        edit = self._program.popleft()
        done = edit(desk(session, 11))
        self._program.insert(len(self._program) if done else 2, edit)
        if number % 10 == 2:
            border = BORDERS[number // 10 % len(BORDERS)]
            edits.draw_kind(desk(self._sessions.open(number, rng, place=border), 11), STREET)
        if number % 9 == 4:
            other = self._sessions.open(number, rng, place=town)
            rare_edits.move_two_nodes(desk(session, 12), desk(other, 13))
        if number % 20 == 7:
            bare = self._sessions.open(number, rng, place=town)
            bare.empty = True
            rare_edits.lay_bare_nodes(desk(bare, 12))

    def _desks(self, number: int, rng: Random, minute: Minute) -> Callable[[Session, int], Desk]:
        def desk(session: Session, second: int) -> Desk:
            at = since(minute.sequence) + timedelta(seconds=second)
            return Desk(self._stock, minute, self.book, rng, session, number, at)

        return desk

    def _found(self) -> None:
        """What is on the map already when the world begins; no feed shows it, no book has it."""
        rng = self._random(-1)
        when = datetime.fromisoformat("2016-02-03T04:17:00Z")
        for turn, place in enumerate(PLACES):
            session = Session(20 + turn, FOUNDER, place, when, None, Remark(None, None, ()), 0, None)
            desk = Desk(self._stock, Minute(self._stock.atlas, self.first - 1), Book(), rng, session, 0, when)
            for kind in (*FOUNDED, *FOUNDED) if place in TOWNS else (STREET, STREET, TREE):
                edits.draw_kind(desk, kind)
