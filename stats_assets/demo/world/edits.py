"""The everyday edits: draw, retag, move, lengthen, delete. Each returns whether it found something to do.

Rare ones are in `rare_edits`; what an edit does to map, diff and book is in `desk`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from stats_assets.demo.world.desk import Desk, Feature, Grave, clear_size, propose
from stats_assets.demo.world.elements import Node, Point, Way
from stats_assets.demo.world.kinds import COMMON, HOUSE, OTHERS, STREET, Kind
from stats_assets.demo.world.shapes import (
    Ring,
    Size,
    draw_line,
    draw_point,
    draw_ring,
    move_corner,
    unambiguous,
)

Edit = Callable[[Desk], bool]

_CATEGORIES = tuple(dict.fromkeys(category for kind in (*COMMON, *OTHERS) for category in kind.books))
_NAMES = ("Brot & “Kuchen”", "مسجد", "Jl. Merdeka", "五番街", "Hütte <alt>", "O'Neil's")


def anything(feature: Feature) -> bool:
    return True


def draw(desk: Desk) -> bool:
    """Something common, or the next of all the others: so that each comes soon."""
    if desk.rng.random() < 0.4:
        return draw_kind(desk, desk.rng.choice(COMMON))
    return draw_kind(desk, OTHERS[next(desk.stock.drawings) % len(OTHERS)])


def draw_house(desk: Desk) -> bool:
    return draw_kind(desk, HOUSE)


def draw_kind(desk: Desk, kind: Kind, version: int = 1) -> bool:
    """Create a feature; version 2: its mapper changed it again within the minute, and it is added too."""
    if desk.place.across and kind.shape != "line":
        kind = STREET
    tags = {**kind.tags, "name": desk.rng.choice(_NAMES)} if desk.rng.random() < 0.3 else kind.tags
    if kind.shape == "point":
        number = desk.lay_node(draw_point(desk.rng, desk.place), tags, version)
        ref, size, refs, ring = ("node", number), Size(), [number], None
    else:
        shape = propose(lambda: _shape(desk, kind))
        if shape is None:
            return False
        points, size, start, ring = shape
        refs = ([] if start is None else [start]) + [desk.lay_node(point) for point in points]
        refs += refs[:1] if kind.shape == "ring" else []
        ref = ("way", desk.lay_way(refs, tags, version))
    feature = Feature(ref, kind, desk.place, desk.place.codes, size, [tuple(refs)])
    if ring is not None:
        feature.centre, feature.radius = ring.centre, ring.radius
    desk.stock.add(feature)
    desk.enter(feature, "added", (kind, size), None)
    return True


def draw_and_correct(desk: Desk) -> bool:
    return draw_kind(desk, desk.rng.choice(COMMON), version=2)


def retag(desk: Desk) -> bool:
    feature = pick_in_turn(desk, desk.stock.retags)
    if feature is None:
        return False
    tags = desk.stock.atlas.element(feature.ref).tags
    desk.revise(
        feature.ref, tags={**tags, "name": desk.rng.choice(_NAMES), "check_date": f"{desk.at:%Y-%m-%d}"}
    )
    desk.enter(feature, "modified", (feature.kind, feature.size), (feature.kind, feature.size))
    return True


def move(desk: Desk) -> bool:
    """Move a point feature, or a node of a line or ring: then every way that uses it is a minor one of the
    mover.
    """
    feature = pick(desk)
    if feature is None:
        return False
    if feature.kind.shape == "point":
        point = desk.stock.atlas.node(feature.ref[1]).point
        desk.revise(
            feature.ref, point=(point[0] + desk.rng.randint(10, 900), point[1] - desk.rng.randint(10, 900))
        )
        desk.enter(feature, "modified", (feature.kind, feature.size), (feature.kind, feature.size))
        return True
    return move_node(desk, feature, desk.rng.choice(feature.rings[0]))


def move_node(desk: Desk, feature: Feature, number: int) -> bool:
    sizes = shift(desk, feature, number)
    if sizes is None:
        return False
    for changed, new in sizes:
        old, changed.size = changed.size, new
        if changed.ref[0] == "way":
            desk.enter(changed, "modified", (changed.kind, new), (changed.kind, old))
    return True


def shift(desk: Desk, feature: Feature, number: int) -> list[tuple[Feature, Size]] | None:
    """Put a node elsewhere; what it changes the size of, with the new sizes.

    `None`: it is in the way of others.
    """
    if desk.minute.busy(("node", number)):
        return None
    changed = _users(desk, number)
    if any(not (other.ordinary or other is feature) for other in changed if other.ref[0] == "way"):
        return None
    start = desk.stock.atlas.node(number).point

    def attempt() -> tuple[Point, list[tuple[Feature, Size]]] | None:
        point = _beside(desk, feature, start)
        sizes = [(other, desk.size(other, {number: point})) for other in changed]
        return (
            (point, sizes)
            if point != start and all(unambiguous(new, other.size) for other, new in sizes)
            else None
        )

    found = propose(attempt)
    if found is None:
        return None
    desk.revise(("node", number), point=found[0])
    return found[1]


def lengthen(desk: Desk) -> bool:
    """A line gets one more node at its end, or loses its last: its own new version."""
    feature = pick(desk, lambda feature: feature.kind.shape == "line")
    if feature is None:
        return False
    refs = feature.rings[0]
    shorter = len(refs) > 2 and not desk.place.across and desk.rng.random() < 0.4
    if shorter:
        return _reshape(desk, feature, refs[:-1], {})
    number = desk.next_id("node")
    last = desk.stock.atlas.node(refs[-1]).point

    def attempt() -> Point | None:
        point = last[0] + desk.rng.randint(4_000, 20_000), last[1] + desk.rng.randint(-20_000, 20_000)
        size = desk.size(replace(feature, rings=[(*refs, number)]), {number: point})
        return point if unambiguous(size, feature.size) else None

    point = propose(attempt)
    return point is not None and _reshape(desk, feature, (*refs, number), {number: point})


def _reshape(desk: Desk, feature: Feature, refs: tuple[int, ...], added: Mapping[int, Point]) -> bool:
    new = desk.size(replace(feature, rings=[refs]), added)
    if not unambiguous(new, feature.size):
        return False
    for number, point in added.items():
        desk.put(Node(number, desk.stamp(1), {}, point))
    old, gone = feature.size, set(feature.rings[0]) - set(refs)
    desk.revise(feature.ref, refs=refs)
    desk.drop_unused(sorted(gone))
    feature.size, feature.rings = new, [refs]
    desk.enter(feature, "modified", (feature.kind, new), (feature.kind, old))
    return True


def delete(desk: Desk) -> bool:
    feature = pick_in_turn(
        desk, desk.stock.deletions, lambda feature: not desk.stock.atlas.users(feature.ref)
    )
    if feature is None:
        return False
    element = desk.stock.atlas.element(feature.ref)
    desk.drop(feature.ref)
    desk.stock.remove(feature)
    if isinstance(element, Way):
        nodes = desk.drop_unused(element.refs)
        desk.stock.graves.append(Grave(feature, desk.minute.sequence, element, nodes))
        del desk.stock.graves[:-20]
    desk.enter(feature, "deleted", None, (feature.kind, feature.size))
    return True


def pick(desk: Desk, suits: Callable[[Feature], bool] = anything) -> Feature | None:
    """An ordinary feature of the place that nobody touched in this minute."""
    found = [
        feature
        for feature in desk.stock.at(desk.place)
        if feature.ordinary
        and feature.ref[0] != "relation"
        and not desk.minute.busy(feature.ref)
        and suits(feature)
    ]
    return desk.rng.choice(found) if found else None


def pick_in_turn(
    desk: Desk, turns: Iterator[int], suits: Callable[[Feature], bool] = anything
) -> Feature | None:
    """One of the category whose turn it is, if there is one: so that each comes soon."""
    category = _CATEGORIES[next(turns) % len(_CATEGORIES)]
    return pick(desk, lambda feature: category in feature.kind.books and suits(feature)) or pick(desk, suits)


def _users(desk: Desk, number: int) -> list[Feature]:
    """The features whose size depends on a node."""
    ways = desk.stock.atlas.users(("node", number))
    refs = dict.fromkeys(ref for way in ways for ref in (way, *desk.stock.atlas.users(way)))
    known = (desk.stock.features[ref] for ref in refs if ref in desk.stock.features)
    return [feature for feature in known if any(number in ring for ring in feature.rings)]


def _beside(desk: Desk, feature: Feature, point: Point) -> Point:
    if feature.centre is not None:
        return move_corner(desk.rng, point, feature.centre, feature.radius)
    return point[0] + desk.rng.randint(-2_000, 2_000), point[1] + desk.rng.randint(-2_000, 2_000)


def _shape(desk: Desk, kind: Kind) -> tuple[list[Point], Size, int | None, Ring | None] | None:
    """Points to lay, the size, and either the node that is there already as the start, or the ring."""
    if kind.shape == "ring":
        ring = draw_ring(desk.rng, desk.place)
        size = clear_size([*ring.corners, ring.corners[0]])
        return None if size is None else (ring.corners, size, None, ring)
    start = _junction(desk) if "highway" in kind.tags else None
    here = None if start is None else desk.stock.atlas.node(start).point
    points = draw_line(desk.rng, desk.place, here)
    size = clear_size(points)
    return None if size is None else (points if start is None else points[1:], size, start, None)


def _junction(desk: Desk) -> int | None:
    """A node of another street to begin at."""
    if desk.place.across or desk.rng.random() < 0.6:
        return None
    street = pick(desk, lambda feature: feature.kind.shape == "line" and "roads" in feature.kind.books)
    return None if street is None else desk.rng.choice(street.rings[0])
