"""The columns that an answer can have: counts and measurements by their SQL names, and who or what is counted.

Made of the category table; which category is what is osm/categories.py's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

CHANGES = ("added", "modified", "deleted")
PLAIN = ("edits", "changesets", "users", "days")
"""Columns that are neither counts nor measurements."""
SHOWN = (
    *("buildings_added", "roads_added", "road_km_added", "pois_added"),
    *("landuse_added", "waterways_added", "natural_added", "other_added"),
)
MOST_COLUMNS, USUAL_COLUMNS = 12, 6


@dataclass(frozen=True)
class Vocabulary:
    """What can be counted and measured."""

    categories: tuple[tuple[str, tuple[str, ...]], ...]
    """Names with the measures of each (`road_km`), in the table's order."""

    @cached_property
    def counts(self) -> tuple[str, ...]:
        """`buildings_added` and all others."""
        return tuple(f"{name}_{change}" for name, _ in self.categories for change in CHANGES)

    @cached_property
    def measurements(self) -> tuple[str, ...]:
        """`road_km_added` and all others."""
        return tuple(
            f"{measure}_{change}"
            for _, measures in self.categories
            for measure in measures
            for change in CHANGES
        )

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """All that can be asked for."""
        return (*PLAIN, *self.counts, *self.measurements)

    def usual(self, first: Iterable[str]) -> tuple[str, ...]:
        """The columns of one who asks for none: those first, and what people look at."""
        known = [name for name in (*SHOWN, *self.counts) if name in self.columns]
        return tuple(dict.fromkeys((*first, *known)))[:USUAL_COLUMNS]

    def counted(self, categories: Iterable[str], changes: Iterable[str]) -> tuple[str, ...]:
        """The counts of these categories and kinds of change; of none given, of all."""
        names, kinds = tuple(categories), tuple(changes) or CHANGES
        return tuple(
            f"{n}_{k}" for n, _ in self.categories if not names or n in names for k in CHANGES if k in kinds
        )

    def measured(self, categories: Iterable[str], changes: Iterable[str]) -> tuple[str, ...]:
        """The measurements of these; of none given, of all."""
        names, kinds = tuple(categories), tuple(changes) or CHANGES
        return tuple(
            f"{measure}_{k}"
            for n, measures in self.categories
            if not names or n in names
            for measure in measures
            for k in CHANGES
            if k in kinds
        )
