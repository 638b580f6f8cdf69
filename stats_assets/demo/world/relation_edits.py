"""Edits of relations: multipolygons, boundaries, routes.

Everyday edits are in `edits`, other traps in `rare_edits`.
"""

from stats_assets.demo.world.desk import Desk, Feature, clear_size, propose
from stats_assets.demo.world.edits import draw_kind, pick, shift
from stats_assets.demo.world.elements import Member, Way
from stats_assets.demo.world.kinds import (
    DISTRICT,
    HAMLET,
    MULTIPOLYGON,
    RESERVE,
    RIVER,
    ROUTE,
    SHOP,
    STREAM,
    STREET,
    Kind,
)
from stats_assets.demo.world.places import TOWNS
from stats_assets.demo.world.shapes import Ring, Size, draw_point, draw_ring, ring_around, unambiguous

_HOLE = 0.2
"""A hole's radius by the outer one's: it stays inside however the outer corners are moved."""


def draw_multipolygon(desk: Desk) -> bool:
    """Two untagged ways make the outer ring, one the hole; a third member, a node, does not matter."""

    def attempt() -> tuple[Ring, Ring, Size] | None:
        outer = draw_ring(desk.rng, desk.place, corners=6, radius=40_000)
        inner = ring_around(desk.rng, outer.centre, round(outer.radius * _HOLE), 4)
        points, hole = [[*ring.corners, ring.corners[0]] for ring in (outer, inner)]
        whole, holed = clear_size(points), clear_size(points, holes=[hole])
        if whole is None or holed is None or not unambiguous(Size(0.0, whole.area), Size(0.0, holed.area)):
            return None
        return outer, inner, Size(0.0, holed.area)

    found = propose(attempt)
    if found is None:
        return False
    outer, inner, size = found
    ring, hole = _lay_ring(desk, outer), _lay_ring(desk, inner)
    members = [
        Member("way", desk.lay_way(ring[:4]), "outer"),
        Member("way", desk.lay_way(hole), "inner"),
        Member("way", desk.lay_way(ring[3:]), "outer"),
        Member("node", desk.lay_node(outer.centre), "label"),
    ]
    _register(desk, MULTIPOLYGON, members, size, [ring, hole], outer)
    return True


def fill_hole(desk: Desk) -> bool:
    """The hole is deleted: the multipolygon grows by it."""
    for feature in _areas(desk, MULTIPOLYGON):
        if len(feature.rings) < 2:
            continue
        relation = desk.stock.atlas.relation(feature.ref[1])
        hole = feature.rings.pop()
        new, old = desk.size(feature), feature.size
        if not unambiguous(new, old):
            feature.rings.append(hole)
            continue
        desk.revise(
            feature.ref, members=tuple(member for member in relation.members if member.role != "inner")
        )
        for member in relation.members:
            if member.role == "inner":
                desk.drop(("way", member.ref))
        desk.drop_unused(hole)
        feature.size = new
        desk.enter(feature, "modified", (MULTIPOLYGON, new), (MULTIPOLYGON, old))
        return True
    return False


def move_outer_node(desk: Desk) -> bool:
    """The relation changes by geometry only, and so do its untagged ways: nothing is counted."""
    for feature in _areas(desk, MULTIPOLYGON, RESERVE):
        sizes = shift(desk, feature, desk.rng.choice(feature.rings[0]))
        if sizes is not None:
            for changed, new in sizes:
                changed.size = new
            return True
    return False


def draw_reserve(desk: Desk) -> bool:
    return _draw_boundary(desk, RESERVE)


def draw_district(desk: Desk) -> bool:
    return _draw_boundary(desk, DISTRICT)


def retag_relation(desk: Desk) -> bool:
    for feature in _areas(desk, MULTIPOLYGON, RESERVE, DISTRICT):
        tags = desk.stock.atlas.element(feature.ref).tags
        desk.revise(feature.ref, tags={**tags, "wikidata": f"Q{desk.rng.randint(1, 10**8)}"})
        desk.enter(feature, "modified", (feature.kind, feature.size), (feature.kind, feature.size))
        return True
    return False


def draw_route(desk: Desk) -> bool:
    """Over streets of two places and a relation, which has no position of its own: in the countries of
    both.
    """
    there = desk.rng.choice([place for place in TOWNS if place is not desk.place])
    streets = [pick(desk, lambda feature: feature.kind is STREET)]
    streets += [feature for feature in desk.stock.at(there) if feature.kind is STREET and feature.ordinary][
        :1
    ]
    found = [street for street in streets if street is not None and not desk.minute.busy(street.ref)]
    if len(found) < 2:
        return False
    members = [Member("way", street.ref[1], "") for street in found]
    members += [Member("relation", feature.ref[1], "part") for feature in _areas(desk, MULTIPOLYGON)[:1]]
    countries = tuple(sorted({code for street in found for code in street.countries}))
    _register(desk, ROUTE, members, Size(), [], None, countries)
    return True


def draw_river(desk: Desk) -> bool:
    """A relation has no length; its ways have."""
    stream = pick(desk, lambda feature: feature.kind is STREAM)
    if stream is None:
        draw_kind(desk, STREAM)
        return False
    _register(desk, RIVER, [Member("way", stream.ref[1], "main_stream")], Size(), [], None)
    return True


def draw_open_multipolygon(desk: Desk) -> bool:
    """Its ring does not close: broken, counted, located by the positions that it has."""
    ring = draw_ring(desk.rng, desk.place)
    way = desk.lay_way([desk.lay_node(point) for point in ring.corners])
    members = [Member("way", way, "outer"), Member("way", 1_399_999_999, "outer")]
    feature = _register(desk, MULTIPOLYGON, members, Size(whole=False), [], None)
    feature.ordinary = False
    return True


def delete_relation(desk: Desk) -> bool:
    """The relation goes, with the ways and nodes that had no other use; its area is that of before."""
    kinds = (ROUTE, RIVER, MULTIPOLYGON, RESERVE, DISTRICT)
    found = [feature for feature in desk.stock.at(desk.place) if feature.kind in kinds and feature.size.whole]
    for feature in found:
        if desk.minute.busy(feature.ref) or not unambiguous(feature.size):
            continue
        relation = desk.stock.atlas.relation(feature.ref[1])
        desk.drop(feature.ref)
        desk.stock.remove(feature)
        for member in relation.members:
            ref = (member.kind, member.ref)
            if ref[0] != "relation" and ref not in desk.stock.features and not desk.stock.atlas.users(ref):
                element = desk.stock.atlas.element(ref)
                desk.drop(ref)
                desk.drop_unused(element.refs if isinstance(element, Way) else ())
        desk.enter(feature, "deleted", None, (feature.kind, feature.size))
        return True
    return False


def _draw_boundary(desk: Desk, kind: Kind) -> bool:
    """One closed untagged way is the border; a hamlet or shop within is its centre."""

    def attempt() -> tuple[Ring, Size] | None:
        ring = draw_ring(desk.rng, desk.place, corners=5, radius=60_000)
        size = clear_size([*ring.corners, ring.corners[0]])
        return None if size is None else (ring, Size(0.0, size.area))

    found = propose(attempt)
    if found is None:
        return False
    ring, size = found
    refs = _lay_ring(desk, ring)
    members = [Member("way", desk.lay_way(refs), "outer")]
    centre = pick(desk, lambda feature: feature.kind in (HAMLET, SHOP))
    number = desk.lay_node(draw_point(desk.rng, desk.place)) if centre is None else centre.ref[1]
    members.append(Member("node", number, "admin_centre"))
    _register(desk, kind, members, size, [refs], ring)
    return True


def _lay_ring(desk: Desk, ring: Ring) -> tuple[int, ...]:
    refs = [desk.lay_node(point) for point in ring.corners]
    return (*refs, refs[0])


def _register(
    desk: Desk,
    kind: Kind,
    members: list[Member],
    size: Size,
    rings: list[tuple[int, ...]],
    around: Ring | None,
    countries: tuple[str, ...] | None = None,
) -> Feature:
    ref = ("relation", desk.lay_relation(members, kind.tags))
    where = desk.place.codes if countries is None else countries
    feature = Feature(ref, kind, desk.place, where, size, rings)
    if around is not None:
        feature.centre, feature.radius = around.centre, around.radius
    desk.stock.add(feature)
    desk.enter(feature, "added", (kind, size), None)
    return feature


def _areas(desk: Desk, *kinds: Kind) -> list[Feature]:
    found = [feature for feature in desk.stock.at(desk.place) if feature.kind in kinds and feature.size.whole]
    return [feature for feature in found if not desk.minute.busy(feature.ref)]
