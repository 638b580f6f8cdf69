"""Rings of the lines that are a multipolygon's members (docs/definitions.md, section 2).

Here: what is joined because nothing else is left to join. Not here: places where there is a choice (tangle), holes
(nesting).
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from stats_assets.osm.positions import Floats
from stats_assets.osm.seam import places
from stats_assets.osm.sweep import InvalidError, Point
from stats_assets.osm.tangle import untangle

OUTER, INNER, NO_ROLE = "outer", "inner", ""


class BrokenError(ValueError):
    """The rings do not close; the message says where."""


class Piece(NamedTuple):
    """A line of a relation, and what it is there."""

    role: str
    """outer, inner, or none."""
    xy: Floats
    """Its positions, (n, 2)."""


class _Path:
    """Pieces that are joined, each with whether it is turned, and the two places where they end."""

    __slots__ = ("_alone", "_joined", "begin", "end")

    def __init__(self, number: int, xy: Floats, over_seam: bool) -> None:
        self._alone = (number, False)
        self._joined: deque[tuple[int, bool]] | None = None
        begin, end = (places(xy[[0, -1]]) if over_seam else xy[[0, -1]]).tolist()
        self.begin: Point = (begin[0], begin[1])
        self.end: Point = (end[0], end[1])

    @property
    def steps(self) -> deque[tuple[int, bool]]:
        # made when it is asked for: a piece that is a ring by itself is joined with none, and there may be very many
        if self._joined is None:
            self._joined = deque([self._alone])
        return self._joined

    @steps.setter
    def steps(self, steps: deque[tuple[int, bool]]) -> None:
        self._joined = steps

    def read(self) -> Iterable[tuple[int, bool]]:
        """The steps, as they are."""
        return (self._alone,) if self._joined is None else self._joined

    def turn(self) -> None:
        self.steps = deque((number, not turned) for number, turned in reversed(self.steps))
        self.begin, self.end = self.end, self.begin

    def take(self, shorter: "_Path", place: Point) -> None:
        """Go on along another path that ends at the same place as this one."""
        if self.end == place:
            if shorter.begin != place:
                shorter.turn()
            self.steps.extend(shorter.steps)
            self.end = shorter.end
        else:
            if shorter.end != place:
                shorter.turn()
            self.steps.extendleft(reversed(shorter.steps))
            self.begin = shorter.begin


def join(pieces: Sequence[Piece], over_seam: bool = False) -> list[Piece]:
    """The rings of pieces of at least 2 positions; the same ones in whatever order and direction these come.

    over_seam: longitudes 180 and -180 are one place. Raises BrokenError where rings do not close, InvalidError where
    no rings of these pieces are a valid multipolygon.
    """
    rings, open_ = _join([_Path(number, piece.xy, over_seam) for number, piece in enumerate(pieces)])
    found = [(_roles(path, pieces), _positions(path, pieces)) for path in rings]
    if any(len(xy) < 4 for _, xy in found):
        raise InvalidError("a ring of fewer than 4 positions")
    if open_:
        found += [(_roles(path, pieces), _positions(path, pieces)) for path in open_]
        if over_seam:
            found = [(roles, places(xy)) for roles, xy in found]
        found = untangle(found)
    return [Piece(roles.copy().pop() if len(roles) == 1 else NO_ROLE, canonical(xy)) for roles, xy in found]


def _join(paths: list[_Path]) -> tuple[list[_Path], list[_Path]]:
    """Join where just two paths end, and take out what has closed, as long as there is either: rings, and the rest."""
    rings: list[_Path] = []
    at: dict[Point, set[_Path]] = defaultdict(set)
    for path in paths:
        if path.begin == path.end:
            rings.append(path)
        else:
            at[path.begin].add(path)
            at[path.end].add(path)
    odd = [place for place, meeting in at.items() if len(meeting) % 2]
    if odd:
        x, y = min(odd)
        x -= 360.0 if x > 180.0 else 0.0  # the plane may go on beyond
        raise BrokenError(f"a ring does not close at latitude {y}, longitude {x}")
    waiting = [place for place, meeting in at.items() if len(meeting) == 2]
    while waiting:
        place = waiting.pop()
        if len(at[place]) != 2:
            continue
        path, shorter = sorted(at.pop(place), key=lambda path: len(path.steps), reverse=True)
        other = shorter.begin if shorter.end == place else shorter.end
        path.take(shorter, place)
        at[other].discard(shorter)
        if path.begin == path.end:
            rings.append(path)
            at[other].discard(path)
            waiting.append(other)
        else:
            at[other].add(path)
    return rings, list({path: None for meeting in at.values() for path in meeting})


def _roles(path: _Path, pieces: Sequence[Piece]) -> set[str]:
    return {pieces[number].role for number, _ in path.read()}


def _positions(path: _Path, pieces: Sequence[Piece]) -> Floats:
    turned = [pieces[number].xy[::-1] if back else pieces[number].xy for number, back in path.read()]
    parts = [turned[0]]
    for before, xy in pairwise(turned):
        parts.append(xy[1:] if xy[0, 0] == before[-1, 0] else xy)  # else it goes on beyond the seam
    if path.begin == path.end and turned[0][0, 0] != turned[-1][-1, 0]:
        parts.append(turned[0][:1])
    return np.concatenate(parts)


def canonical(ring: Floats) -> Floats:
    """The ring begun at its least position, towards the lesser of that one's neighbours."""
    open_ = ring[:-1]
    least = np.flatnonzero(open_[:, 0] == open_[:, 0].min())
    start = int(least[np.argmin(open_[least, 1])])
    turned = np.roll(open_, -start, axis=0)
    if tuple(turned[-1]) < tuple(turned[1]):
        turned = np.roll(turned[::-1], 1, axis=0)
    return np.concatenate((turned, turned[:1]))
