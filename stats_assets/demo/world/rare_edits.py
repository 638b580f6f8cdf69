"""The edits that happen now and then, each a trap for whoever counts: undeletions, broken and crossing
shapes, things that turn into other things. Relations are in `relation_edits`, everyday edits in `edits`.
"""

from dataclasses import replace
from datetime import UTC, datetime

from stats_assets.demo.world.desk import Desk, Feature, clear_size, propose
from stats_assets.demo.world.edits import draw_kind, pick
from stats_assets.demo.world.elements import Point, Stamp
from stats_assets.demo.world.kinds import FOREST, HOUSE, PLAZA, ROUNDABOUT, STREET, TREE, Kind
from stats_assets.demo.world.shapes import Size, draw_line, draw_point, unambiguous

_UNKNOWN_NODE = 12_999_999_999


def undelete(desk: Desk) -> bool:
    """A way that was deleted in an earlier minute comes back, its nodes too: a creation with version 3 or
    more.
    """
    for grave in desk.stock.graves:
        feature = grave.feature
        own = {node.id for node in grave.nodes}
        there = all(ref in own or ("node", ref) in desk.stock.atlas for ref in grave.way.refs)
        if grave.sequence == desk.minute.sequence or not there:
            continue
        positions = {node.id: node.point for node in grave.nodes}
        size = desk.size(feature, positions)
        if not unambiguous(size):
            continue
        desk.stock.graves.remove(grave)
        for node in grave.nodes:
            desk.put(replace(node, stamp=desk.stamp(node.stamp.version + 2)))
        desk.put(replace(grave.way, stamp=desk.stamp(grave.way.stamp.version + 2)))
        feature.size = size
        desk.stock.add(feature)
        desk.enter(feature, "modified", (feature.kind, size), None)
        return True
    return False


def delete_and_undelete(desk: Desk) -> bool:
    """Within the minute: one modification, two versions on (docs/feeds.md, section 6.8)."""
    feature = pick(desk, lambda feature: feature.kind.shape != "point")
    if feature is None:
        return False
    tags = desk.stock.atlas.element(feature.ref).tags
    desk.revise(feature.ref, versions=2, tags={**tags, "note": "restored"})
    desk.enter(feature, "modified", (feature.kind, feature.size), (feature.kind, feature.size))
    return True


def change_nothing(desk: Desk) -> bool:
    """A new version with the same content is a modification."""
    feature = pick(desk)
    if feature is None:
        return False
    desk.revise(feature.ref)
    desk.enter(feature, "modified", (feature.kind, feature.size), (feature.kind, feature.size))
    return True


def turn_house_into_forest(desk: Desk) -> bool:
    """Land use modified, by 0 km²: the old side has the same area, whatever it was."""
    feature = pick(desk, lambda feature: feature.kind is HOUSE)
    if feature is None:
        return False
    _turn_into(desk, feature, FOREST)
    return True


def pave_roundabout(desk: Desk) -> bool:
    """A closed road becomes an area: it loses its whole length."""
    feature = pick(desk, lambda feature: feature.kind is ROUNDABOUT)
    if feature is None:
        draw_kind(desk, ROUNDABOUT)
        return False
    _turn_into(desk, feature, PLAZA)
    return True


def _turn_into(desk: Desk, feature: Feature, kind: Kind) -> None:
    before, feature.kind = feature.kind, kind
    desk.revise(feature.ref, tags=kind.tags)
    desk.enter(feature, "modified", (kind, feature.size), (before, feature.size))


def draw_with_unknown_node(desk: Desk) -> bool:
    """A street one node of which is unknown: it has no positions at all, is broken, and nowhere."""
    points = propose(lambda: _long_enough(desk))
    if points is None:
        return False
    known = [desk.lay_node(point) for point in points]
    refs = (known[0], _UNKNOWN_NODE, *known[1:])
    size = Size(whole=False)
    ref = ("way", desk.lay_way(refs, STREET.tags))
    desk.stock.add(Feature(ref, STREET, desk.place, (), size, [refs], ordinary=False))
    desk.enter(desk.stock.features[ref], "added", (STREET, size), None)
    return True


def mend(desk: Desk) -> bool:
    """A broken street gets whole: its old side is still broken, so it measures 0."""
    for feature in desk.stock.at(desk.place):
        if feature.kind is STREET and not feature.size.whole and not desk.minute.busy(feature.ref):
            refs = tuple(ref for ref in feature.rings[0] if ref != _UNKNOWN_NODE)
            desk.revise(feature.ref, refs=refs)
            old, feature.size, feature.rings = feature.size, Size(), [refs]
            feature.size = desk.size(feature)
            feature.countries = feature.place.codes
            desk.enter(feature, "modified", (STREET, feature.size), (STREET, old))
            return True
    return False


def draw_bow_tie(desk: Desk) -> bool:
    """A forest whose outline crosses itself: counted, its area unknown."""
    south, west = draw_point(desk.rng, desk.place)
    reach = desk.rng.randint(5_000, 20_000)
    corners = ((0, 0), (reach, reach), (reach, 0), (0, reach))
    refs = [desk.lay_node((south + north, west + east)) for north, east in corners]
    ring = (*refs, refs[0])
    size = Size(valid=False)
    feature = Feature(
        ("way", desk.lay_way(ring, FOREST.tags)),
        FOREST,
        desk.place,
        desk.place.codes,
        size,
        [ring],
        ordinary=False,
    )
    desk.stock.add(feature)
    desk.enter(feature, "added", (FOREST, size), None)
    return True


def untie_bow(desk: Desk) -> bool:
    """The crossing goes; the old area was unknown, so the change of area is too."""
    for feature in desk.stock.at(desk.place):
        if not feature.size.valid and not desk.minute.busy(feature.ref):
            first, second, third, fourth, _ = feature.rings[0]
            ring = (first, third, second, fourth, first)
            desk.revise(feature.ref, refs=ring)
            old, feature.size, feature.rings = feature.size, Size(), [ring]
            feature.size = desk.size(feature)
            desk.enter(feature, "modified", (FOREST, feature.size), (FOREST, old))
            return True
    return False


def delete_by_nobody(desk: Desk) -> bool:
    """A deletion that belongs to nobody: it is in no changeset. Overpass has nothing of its metadata and prints zeros
    (docs/feeds.md, section 2.3).
    """
    feature = pick(desk, lambda feature: feature.kind is TREE)
    if feature is None:
        draw_kind(desk, TREE)
        return False
    desk.stock.remove(feature)
    version = desk.stock.atlas.element(feature.ref).stamp.version + 1
    zeros = Stamp(0, datetime(1970, 1, 1, tzinfo=UTC), 0, 0, None)
    desk.drop(feature.ref, zeros._replace(version=version, at=desk.at), printed=zeros)
    desk.mishap(feature.ref, changeset=0)
    return True


def move_two_nodes(first: Desk, second: Desk) -> bool:
    """Two mappers move two nodes of one way within the minute: the later one is credited with all of it."""
    feature = pick(first, lambda feature: feature.kind is STREET and len(feature.rings[0]) > 2)
    if feature is None:
        return False
    alone = [number for number in feature.rings[0] if len(first.stock.atlas.users(("node", number))) == 1]
    if len(alone) < 2:
        return False
    old, points = feature.size, {}

    def attempt() -> dict[int, Point] | None:
        for number in alone[:2]:
            point = first.stock.atlas.node(number).point
            points[number] = point[0] + first.rng.randint(-900, 900), point[1] + first.rng.randint(-900, 900)
        return points if unambiguous(first.size(feature, points), old) else None

    if propose(attempt) is None:
        return False
    feature.size = first.size(feature, points)
    for desk, number in zip((first, second), alone, strict=False):
        desk.revise(("node", number), point=points[number])
    second.enter(feature, "modified", (STREET, feature.size), (STREET, old))
    return True


def lay_bare_nodes(desk: Desk) -> bool:
    """Nodes without tags are no features."""
    for _ in range(2):
        desk.lay_node(draw_point(desk.rng, desk.place))
    return True


def _long_enough(desk: Desk) -> list[Point] | None:
    points = draw_line(desk.rng, desk.place)
    return points if len(points) > 2 and clear_size(points) is not None else None
