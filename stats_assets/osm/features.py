"""A changed element with tags, and its sides before and after the change: what is measured, located and summed.

Here: what they hold. Not here: reading them (actions), working them out (geometry).
"""

from array import array
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from stats_assets.osm.credit import Credit
from stats_assets.osm.values import UnreadableError, read_number


@dataclass(slots=True)
class Side:
    """An element before or after the change. Its lines are numbers in the batch's positions."""

    tags: dict[str, str]
    lines: list[int]  # a node's or way's own; a relation's way members
    roles: list[str] = field(default_factory=list)  # of those
    points: list[int] = field(default_factory=list)  # a relation's node members
    polygon: bool = False  # a relation whose ways are rings


@dataclass(slots=True)
class Feature:
    """A changed element with tags. A side that isn't there, or isn't asked of, is None."""

    element: str
    id: int
    version: int | None  # None: a deletion that does not tell it
    kind: str  # added, modified, deleted
    credit: Credit | None  # None: a moved way's, until its nodes are known
    moved: bool = False  # a minor way: its nodes say whose edit it was
    categories: tuple[str, ...] = ()
    nodes: Sequence[str] | bytes = ()  # a way's, see `node_ids`
    old_nodes: Sequence[str] | bytes = ()  # a moved way's before
    new: Side | None = None
    old: Side | None = None
    same_shape: bool = False
    broken: str | None = None
    length: int = 0  # in 10⁻⁹ km
    area: int = 0  # in 10⁻⁹ km²
    regions: tuple[str, ...] = ()

    @property
    def place(self) -> Side | None:
        """The side that says what and where it is."""
        return self.old if self.kind == "deleted" else self.new


def node_ids(texts: Sequence[str] | bytes) -> "array[int]":
    """The ids of a way's nodes, without what is no id. They may be packed."""
    if isinstance(texts, bytes):
        return array("q", texts)
    together = "".join(texts)
    if together.isascii() and together.isdigit():
        with suppress(ValueError, OverflowError):
            return array("q", map(int, texts))
    found = array("q")
    for text in texts:
        with suppress(UnreadableError):
            found.append(read_number(text, "ref"))
    return found
