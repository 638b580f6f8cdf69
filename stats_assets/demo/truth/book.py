"""The book: what the world enters of each counted feature, at the moment of the edit.

The truth adds it up.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from stats_assets.demo.world.elements import Ref
from stats_assets.demo.world.kinds import Kind
from stats_assets.demo.world.shapes import Size, measure


class Entry(NamedTuple):
    """One counted feature. `at`: the time of the edit that it is credited to."""

    sequence: int
    changeset: int
    uid: int
    user: str
    at: datetime
    ref: Ref
    counts: tuple[str, ...]
    measurements: tuple[tuple[str, Decimal], ...]
    countries: tuple[str, ...]


class Mishap(NamedTuple):
    """A feature that belongs into table `errors`: broken, or deleted by nobody."""

    sequence: int
    changeset: int
    ref: Ref


class Book:
    """All that was ever written down, in the order in which it happened."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.mishaps: list[Mishap] = []


Side = tuple[Kind, Size] | None
"""How a feature was before or after; `None`: it wasn't there."""


def measured(
    books: Sequence[tuple[str, str | None]], change: str, new: Side, old: Side
) -> dict[str, Decimal]:
    """The measures of one changed feature (docs/definitions.md, section 4); zeros are left out."""
    found = {}
    for _, key in books:
        if key is None or not all(size.whole for _, size in filter(None, (new, old))):
            continue
        side = _area if key.endswith("_km2") else _length
        if key.endswith("_km2") and not all(
            size.valid for kind, size in filter(None, (new, old)) if kind.area
        ):
            continue
        value = measure(side(new), side(old))
        if value:
            found[f"{key}_{change}"] = value
    return found


def _length(side: Side) -> float:
    return side[1].length if side is not None and side[0].line else 0.0


def _area(side: Side) -> float:
    return side[1].area if side is not None and side[0].area else 0.0
