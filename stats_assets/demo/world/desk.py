"""A mapper's desk: the few things that can be done to the invented map, each done to the map, to the minute's
diff and to the book at once. Which of them a mapper does, is decided in `edits` and `rare_edits`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from random import Random
from typing import TypeVar

from stats_assets.demo.truth.book import Book, Entry, Mishap, Side, measured
from stats_assets.demo.world.elements import (
    Element,
    Map,
    Member,
    Node,
    Point,
    Ref,
    Relation,
    Stamp,
    Tags,
    Way,
)
from stats_assets.demo.world.kinds import Kind
from stats_assets.demo.world.minute import Minute
from stats_assets.demo.world.places import Place
from stats_assets.demo.world.session import Session
from stats_assets.demo.world.shapes import Size, area_km2, length_km, unambiguous

_TRIES = 200
T = TypeVar("T")


@dataclass(eq=False)
class Feature:
    """A counted thing on the map. `rings`: its nodes; of an area the outer ring first, then the holes.

    `ordinary`: any edit may befall it; others are kept for one scene. `centre`, `radius`: see `shapes.Ring`.
    """

    ref: Ref
    kind: Kind
    place: Place
    countries: tuple[str, ...]
    size: Size
    rings: list[tuple[int, ...]]
    centre: Point | None = None
    radius: int = 0
    ordinary: bool = True


@dataclass(eq=False)
class Grave:
    """A deleted way and the nodes that went with it."""

    feature: Feature
    sequence: int
    way: Way
    nodes: list[Node]


class Stock:
    """What all desks share: the map, its features, the ids that are next; `turns`: whose turn it is to be drawn."""

    def __init__(self) -> None:
        self.atlas = Map()
        self.features: dict[Ref, Feature] = {}
        self.graves: list[Grave] = []
        self.ids = {"node": count(13_000_000_000), "way": count(1_400_000_000), "relation": count(18_000_000)}
        self.drawings, self.retags, self.deletions = count(), count(), count()
        self._at: dict[Place, dict[Ref, Feature]] = {}

    def add(self, feature: Feature) -> None:
        self.features[feature.ref] = feature
        self._at.setdefault(feature.place, {})[feature.ref] = feature

    def remove(self, feature: Feature) -> None:
        del self.features[feature.ref]
        del self._at[feature.place][feature.ref]

    def at(self, place: Place) -> list[Feature]:
        return list(self._at.get(place, {}).values())


@dataclass
class Desk:
    """`number`: the minute of the world, for the mapper's name. `at`: when the edit is uploaded."""

    stock: Stock
    minute: Minute
    book: Book
    rng: Random
    session: Session
    number: int
    at: datetime

    @property
    def place(self) -> Place:
        return self.session.place

    def stamp(self, version: int) -> Stamp:
        return Stamp(version, self.at, self.session.id, self.session.uid, self.session.user(self.number))

    def next_id(self, kind: str) -> int:
        return next(self.stock.ids[kind])

    # The map

    def put(self, element: Element) -> None:
        self.minute.put(element)
        self.session.changed(element.point if isinstance(element, Node) else None)

    def drop(self, ref: Ref, stamp: Stamp | None = None, printed: Stamp | None = None) -> None:
        element = self.stock.atlas.element(ref)
        self.minute.drop(ref, stamp or self.stamp(element.stamp.version + 1), printed)
        self.session.changed(element.point if isinstance(element, Node) else None)

    def drop_unused(self, nodes: Sequence[int]) -> list[Node]:
        """Delete those of the nodes that nothing uses any more and that are no features themselves."""
        dropped = []
        for number in dict.fromkeys(nodes):
            ref = ("node", number)
            if ref in self.stock.atlas and ref not in self.stock.features and not self.stock.atlas.users(ref):
                dropped.append(self.stock.atlas.node(number))
                self.drop(ref)
        return dropped

    def lay_node(self, point: Point, tags: Tags | None = None, version: int = 1) -> int:
        number = self.next_id("node")
        self._lay(Node(number, self.stamp(version), tags or {}, point))
        return number

    def lay_way(self, refs: Sequence[int], tags: Tags | None = None, version: int = 1) -> int:
        number = self.next_id("way")
        self._lay(Way(number, self.stamp(version), tags or {}, tuple(refs)))
        return number

    def _lay(self, element: Element) -> None:
        """A higher version than the first: it had no tags before."""
        for earlier in range(1, element.stamp.version):
            self.minute.versions.append(replace(element, stamp=self.stamp(earlier), tags={}))
        self.put(element)

    def lay_relation(self, members: Sequence[Member], tags: Tags) -> int:
        number = self.next_id("relation")
        self.put(Relation(number, self.stamp(1), tags, tuple(members)))
        return number

    def revise(self, ref: Ref, *, versions: int = 1, **changes: object) -> None:
        """A new version of an element, uploaded now; two `versions` on: it was deleted in between."""
        element = self.stock.atlas.element(ref)
        stamp = self.stamp(element.stamp.version + versions)
        for between in range(element.stamp.version + 1, stamp.version):
            self.minute.versions.append(self.minute.deletion(ref, self.stamp(between)))
        self.put(replace(element, stamp=stamp, **changes))  # type: ignore[arg-type]

    # The book

    def enter(self, feature: Feature, change: str, new: Side, old: Side) -> None:
        """Book a counted feature: it is credited to this desk's changeset, in the countries where it lies."""
        books = feature.kind.books
        self.book.entries.append(
            Entry(
                self.minute.sequence,
                self.session.id,
                self.session.uid,
                self.session.user(self.number),
                self.at,
                feature.ref,
                tuple(f"{category}_{change}" for category in books),
                tuple(measured(tuple(books.items()), change, new, old).items()),
                feature.countries,
            )
        )
        if not all(size.whole for _, size in filter(None, (new, old))):
            self.mishap(feature.ref)

    def mishap(self, ref: Ref, changeset: int | None = None) -> None:
        number = self.session.id if changeset is None else changeset
        self.book.mishaps.append(Mishap(self.minute.sequence, number, ref))

    # Sizes

    def size(self, feature: Feature, moved: Mapping[int, Point] | None = None) -> Size:
        """Its size now, or as if some nodes were elsewhere."""
        if not feature.rings or feature.kind.shape == "point" or not feature.size.whole:
            return feature.size
        rings = [[self._point(number, moved) for number in ring] for ring in feature.rings]
        closed = rings[0][0] == rings[0][-1]
        area = area_km2(rings[0]) - sum(area_km2(ring) for ring in rings[1:]) if closed else 0.0
        length = length_km(rings[0]) if feature.ref[0] == "way" else 0.0
        return Size(length, area, feature.size.valid)

    def _point(self, number: int, moved: Mapping[int, Point] | None) -> Point:
        return moved[number] if moved and number in moved else self.stock.atlas.node(number).point


def propose(draw: Callable[[], T | None]) -> T | None:
    """Draw until the sizes are unambiguous; `None` when that doesn't come to pass."""
    for _ in range(_TRIES):
        if (found := draw()) is not None:
            return found
    return None


def clear_size(points: Sequence[Point], *, holes: Sequence[Sequence[Point]] = ()) -> Size | None:
    closed = len(points) > 3 and points[0] == points[-1]
    area = area_km2(points) - sum(area_km2(hole) for hole in holes) if closed else 0.0
    size = Size(length_km(points), area)
    return size if unambiguous(size) else None
