"""What a version of an element is, and what the maker knows of one that is not settled yet. Facts only.

How versions are read is reading.py's; which of them is an element at a time, snapshots.py's.
"""

from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["node", "way", "relation"]
KINDS: tuple[Kind, ...] = ("node", "way", "relation")

Position: TypeAlias = tuple[int, int]
"""Longitude and latitude in units of 10⁻⁷ degrees, as OSM keeps them."""


class Member(NamedTuple):
    """A relation's member."""

    kind: Kind
    ref: int
    role: str


class Version(NamedTuple):
    """A version of an element, as OsmChange or a planet has it."""

    kind: Kind
    id: int
    version: int
    timestamp: int
    """Epoch seconds."""
    changeset: int
    uid: int
    """0: nobody."""
    user: str | None
    """The name that this version has; None: it has none."""
    visible: bool = True
    tags: tuple[tuple[str, str], ...] = ()
    """In the file's order."""
    position: Position | None = None
    """A node's. A deleted one's is the last that it had; None: it never had one that we know."""
    refs: tuple[int, ...] = ()
    """A way's nodes."""
    members: tuple[Member, ...] = ()
    """A relation's."""


class Pending(NamedTuple):
    """A version that lies in the window: its minute may still change."""

    version: Version
    effective: int
    """Epoch seconds: its timestamp, or its predecessor's effective time if that is later, or the beginning of the
    oldest open minute plus one if it came later than all that."""


class Users(NamedTuple):
    """Who names an element: ascending ids, each once."""

    ways: tuple[int, ...] = ()
    relations: tuple[int, ...] = ()
