"""The elements of the invented map and the map itself: who uses which node, what an element looks like now.

Nothing here knows of edits, changesets, or of what is counted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

Point = tuple[int, int]
"""Latitude and longitude in units of 1e-7 degree: the feed prints 7 decimals, so nothing is lost."""
Ref = tuple[str, int]
"""Kind (node, way, relation) and id."""
Tags = Mapping[str, str]

RANK = {"node": 0, "way": 1, "relation": 2}


class Stamp(NamedTuple):
    """Who made a version; without a name (`None`) the feed leaves the attribute out."""

    version: int
    at: datetime
    changeset: int
    uid: int
    user: str | None


@dataclass(frozen=True, slots=True)
class Node:
    """A node as it is on the map."""

    id: int
    stamp: Stamp
    tags: Tags
    point: Point
    kind: str = "node"


@dataclass(frozen=True, slots=True)
class Way:
    """A way as it is on the map."""

    id: int
    stamp: Stamp
    tags: Tags
    refs: tuple[int, ...]
    kind: str = "way"


class Member(NamedTuple):
    """What a relation refers to, and as what."""

    kind: str
    ref: int
    role: str


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation as it is on the map."""

    id: int
    stamp: Stamp
    tags: Tags
    members: tuple[Member, ...]
    kind: str = "relation"


Element = Node | Way | Relation


class Deletion(NamedTuple):
    """The version that says that an element is no more. point: a node's last position."""

    kind: str
    id: int
    stamp: Stamp
    point: Point | None = None


Version = Element | Deletion


class View(NamedTuple):
    """An element as the feed shows it: a way's positions; a relation's members' (one tuple each)."""

    element: Element
    positions: tuple[Point | None, ...] = ()
    members: tuple[tuple[Point | None, ...], ...] = ()


class Map:
    """The elements that exist now."""

    def __init__(self) -> None:
        self._elements: dict[Ref, Element] = {}
        self._users: dict[Ref, set[Ref]] = {}

    def __contains__(self, ref: Ref) -> bool:
        return ref in self._elements

    def __iter__(self) -> Iterator[Element]:
        """Nodes, ways, relations, each by id."""
        return iter(
            self._elements[ref] for ref in sorted(self._elements, key=lambda ref: (RANK[ref[0]], ref[1]))
        )

    def node(self, number: int) -> Node:
        node = self._elements["node", number]
        if not isinstance(node, Node):
            raise TypeError(f"{number} is no node")
        return node

    def relation(self, number: int) -> Relation:
        relation = self._elements["relation", number]
        if not isinstance(relation, Relation):
            raise TypeError(f"{number} is no relation")
        return relation

    def element(self, ref: Ref) -> Element:
        return self._elements[ref]

    def put(self, element: Element) -> None:
        ref = (element.kind, element.id)
        self.drop(ref)
        self._elements[ref] = element
        for used in _uses(element):
            self._users.setdefault(used, set()).add(ref)

    def drop(self, ref: Ref) -> None:
        element = self._elements.pop(ref, None)
        if element is not None:
            for used in _uses(element):
                self._users[used].discard(ref)

    def users(self, ref: Ref) -> list[Ref]:
        """The ways and relations that use this element; sorted: a set's order differs between processes."""
        return sorted(self._users.get(ref, ()))

    def view(self, ref: Ref) -> View | None:
        element = self._elements.get(ref)
        if isinstance(element, Way):
            return View(element, self._positions(element))
        if isinstance(element, Relation):
            return View(element, members=tuple(self._member(member) for member in element.members))
        return None if element is None else View(element)

    def _positions(self, way: Way) -> tuple[Point | None, ...]:
        """One node that is unknown, and none has a position (docs/feeds.md, section 6.9)."""
        nodes = [self._elements.get(("node", ref)) for ref in way.refs]
        points = tuple(node.point for node in nodes if isinstance(node, Node))
        return points if len(points) == len(nodes) else (None,) * len(nodes)

    def _member(self, member: Member) -> tuple[Point | None, ...]:
        element = self._elements.get((member.kind, member.ref))
        if isinstance(element, Node):
            return (element.point,)
        return self._positions(element) if isinstance(element, Way) else ()


def _uses(element: Element) -> Iterator[Ref]:
    if isinstance(element, Way):
        yield from (("node", ref) for ref in element.refs)
    elif isinstance(element, Relation):
        yield from ((member.kind, member.ref) for member in element.members)
