"""What an action tells, in the shape that whoever reads it has in common: the strict grammar, in Python or C, and lxml.

Here: the shape. Not here: reading it (strict, sides, elements), and what it means (actions).
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeAlias

from lxml import etree

from stats_assets.osm.credit import Texts
from stats_assets.osm.positions import Degrees

Inside: TypeAlias = Any
"""What is in an element: an lxml element, or bytes of the strict grammar. Its length is 0 where nothing is."""

Told: TypeAlias = tuple[
    str, str, int | bytes, int | None, str | None, Texts, int | None, Inside | None, Inside
]
"""An action, plain, as there are many: its kind (create, modify, delete); the element's name; its id; of the new
side the version, `visible`, and whose edit it is; the old side's version; what is in the old side, and in the new.

Nodes with nothing inside that follow each other, and are alike in all but their ids, are one, with their ids packed (8
bytes each): most nodes of a minute are. A version that can't be read is None. So is the old side where there is none,
or one that was not visible.
"""

Child: TypeAlias = etree._Element | Told
"""A child of the root: in lxml's tree, or as the strict grammar took it."""


Way: TypeAlias = tuple[Degrees, Degrees, dict[str, str]]
"""A way's latitudes and longitudes (None or NaN where one is missing), and its tags."""
Member: TypeAlias = tuple[str, str, Degrees, Degrees]
"""A relation's member as far as it has positions: its type and role; latitudes and longitudes, of a way's `nd`s or the
node's own.
"""


class Reader(Protocol):
    """Reads what is in an element."""

    def read_tags(self, inside: Inside, /) -> dict[str, str]:
        """The element's tags; a `<tag>` without key or value says nothing."""

    def read_position(self, inside: Inside, /) -> tuple[Degrees, Degrees]:
        """A node's latitude and longitude."""

    def read_way(self, inside: Inside, /) -> Way:
        """The way, with gaps where a position is missing."""

    def read_references(self, inside: Inside, /) -> Sequence[str] | bytes:
        """The ids of a way's nodes, see `features.node_ids`."""

    def read_members(self, inside: Inside, /) -> Iterable[Member]:
        """A relation's members."""


class Grammar(Reader, Protocol):
    """A reader that takes actions itself."""

    def take(self, data: bytes, start: int, /) -> tuple[list[Told], int, bool]:
        """The actions of the strict grammar that stand at `start`, with nothing but blanks between; where they end;
        whether what follows is one, so far, that the data's end cuts. The last one is no run.
        """
