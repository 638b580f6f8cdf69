"""From an `<action>` to a feature: what changed, how, and whose edit it was (definitions, section 2).

Here: reading actions. Not here: measuring and locating (geometry), summing (statistics).
"""

from array import array
from collections import Counter
from dataclasses import dataclass, field
from itertools import chain

from lxml import etree

from stats_assets.osm.categories import ELEMENTS, Categories
from stats_assets.osm.credit import Credit, NodeCredits
from stats_assets.osm.document import Refused
from stats_assets.osm.elements import Member, packed, read_member, read_positions, read_references, read_tags
from stats_assets.osm.positions import Positions
from stats_assets.osm.values import Unreadable, read_name, read_number, read_time

_POLYGONS = frozenset(("multipolygon", "boundary"))
# Positions of one relation that are kept while it is read: 16 bytes each. The longest routes have a few 100,000.
MEMBER_POSITIONS_LIMIT = 4_000_000


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
    version: int
    kind: str
    tags: dict[str, str]
    categories: tuple[str, ...]
    nodes: list[str]  # ids of a way's nodes, as text; a minor way's old ones after the new ones
    own_nodes: int  # how many of them are the way's as it is shown in table errors
    credit: Credit | None  # None: a nobody's deletion; a minor way's, which its nodes know
    minor: bool
    new: Side | None
    old: Side | None
    same_shape: bool = False
    broken: str | None = None
    length: int = 0  # in 10⁻⁹ km
    area: int = 0  # in 10⁻⁹ km²
    regions: tuple[str, ...] = ()

    @property
    def place(self) -> Side | None:
        """The side that says where it is."""
        return self.old if self.kind == "deleted" else self.new


class ActionReader:
    """Reads actions one by one into `features` and their `positions`, to be taken away in batches.

    `tallies` counts what was ignored, by reason; `credits` collects the changed nodes.
    """

    def __init__(self, categories: Categories) -> None:
        self._categories = categories
        self._measured = frozenset(
            name for name, category in categories.categories.items() if category.length or category.area
        )
        self._thinned: dict[etree._Element, list[Member]] = {}
        self._thinned_positions = 0
        self.actions = 0
        self.tallies: Counter[str] = Counter()
        self.credits = NodeCredits()
        self.features: list[Feature] = []
        self.positions = Positions()

    def take(self) -> tuple[list[Feature], Positions]:
        taken = self.features, self.positions
        self.features, self.positions = [], Positions()
        return taken

    def read(self, action: etree._Element) -> None:
        """Read one complete action. What can't be read is tallied."""
        kind = action.get("type")
        if kind not in ("create", "modify", "delete"):
            self.tallies["unknown_action_type"] += 1
            return
        self.actions += 1
        try:
            self._read(kind, action)
        except Unreadable as what:
            self.tallies[f"unreadable_{what}"] += 1
        if self._thinned:
            self._thinned.clear()
            self._thinned_positions = 0

    def thin_out(self, action: etree._Element) -> bool:
        """Pack the complete members of an unfinished relation, and take them out of the tree."""
        relation = next((element for element in reversed(list(action.iter("relation")))), None)
        if relation is None or len(relation) < 2:
            return False
        complete = relation[:-1]
        kept = self._thinned.setdefault(relation, [])
        for member in complete:
            if member.tag == "member":
                kept.append(packed(read_member(member)))
                self._thinned_positions += len(kept[-1].latitudes)
                relation.remove(member)
        if self._thinned_positions > MEMBER_POSITIONS_LIMIT:
            raise Refused(f"a relation of more than {MEMBER_POSITIONS_LIMIT} positions was not read")
        return bool(kept)

    def _read(self, action_kind: str, action: etree._Element) -> None:
        old, new = _sides(action_kind, action)
        element = new.tag
        if element not in ELEMENTS:
            raise Unreadable("element")
        get = new.get
        id_, visible, version_text = read_number(get("id"), "id"), get("visible"), get("version")
        version = read_number(version_text, "version")
        deleted = action_kind == "delete" or visible == "false"
        minor = False
        if old is not None:
            if old.tag != element or old.get("id") != get("id"):
                raise Unreadable("pair")
            old_version = old.get("version")
            minor = not deleted and read_number(old_version, "version") == version
        if action_kind == "delete" and visible == "true":
            self.tallies["left_view"] += 1
            return
        credit = None if minor else _credit(new, deleted)
        if credit is not None and element == "node":
            self.credits.add(id_, credit)

        shown = old if deleted else new
        tags = read_tags(shown) if shown is not None and len(shown) else {}
        if not tags:
            self.tallies["untagged"] += 1
            return
        if minor and element != "way":
            self.tallies[f"minor_{element}"] += 1
            return
        if deleted:
            change = "deleted"
        elif action_kind == "create" and version in (1, 2):
            change = "added"
        else:
            change = "modified"
        feature = Feature(
            element,
            id_,
            version,
            change,
            tags,
            self._categories.of(element, tags),
            [],
            0,
            credit,
            minor,
            None,
            None,
        )
        if element == "node":
            self._read_node(feature, shown)
        elif element == "way":
            self._read_way(feature, old, None if deleted else new)
        else:
            self._read_relation(feature, old, None if deleted else new)
        self.features.append(feature)

    def _read_node(self, feature: Feature, shown: etree._Element | None) -> None:
        assert shown is not None
        side = Side(feature.tags, [self.positions.add((shown.get("lat"),), (shown.get("lon"),))])
        if feature.kind == "deleted":
            feature.old = side
        else:
            feature.new = side

    def _read_way(self, feature: Feature, old: etree._Element | None, new: etree._Element | None) -> None:
        shown = old if new is None else new
        assert shown is not None
        feature.nodes = read_references(shown)
        feature.own_nodes = len(feature.nodes)
        after = before = None
        if new is not None:
            after = read_positions(new)
            feature.new = Side(feature.tags, [self.positions.add(*after)])
        if old is not None:
            before = read_positions(old)
            feature.same_shape = before == after
            tags = feature.tags if new is None else read_tags(old)
            feature.old = Side(tags, [self.positions.add(*before)])
            if feature.minor:
                feature.nodes = feature.nodes + read_references(old)

    def _read_relation(
        self, feature: Feature, old: etree._Element | None, new: etree._Element | None
    ) -> None:
        if new is not None:
            feature.new = self._relation_side(new, feature.tags)
        if old is not None:
            tags = feature.tags if new is None else read_tags(old)
            # Of other relations the old side is neither measured nor a place.
            if new is None or not _POLYGONS.isdisjoint((tags.get("type"),)):
                feature.old = self._relation_side(old, tags)

    def _relation_side(self, relation: etree._Element, tags: dict[str, str]) -> Side:
        side = Side(tags, [], polygon=tags.get("type") in _POLYGONS)
        members = chain(self._thinned.get(relation, ()), map(read_member, relation.iterchildren("member")))
        for member in members:
            if member.kind == "way":
                side.lines.append(self.positions.add(member.latitudes, member.longitudes))
                side.roles.append(member.role)
            elif member.kind == "node" and not side.polygon:
                side.points.append(self.positions.add(member.latitudes, member.longitudes))
        return side


def _sides(action_kind: str, action: etree._Element) -> tuple[etree._Element | None, etree._Element]:
    """The element before (None for a creation) and after. Raises Unreadable where one is not there."""
    try:
        if action_kind == "create":
            (new,) = action
            if new.tag == "new":
                (new,) = new
            return None, new
        first, second = action
        if first.tag == "new":
            first, second = second, first
        (old,), (new,) = first, second
    except ValueError:
        raise Unreadable("structure") from None
    if first.tag != "old" or second.tag != "new":
        raise Unreadable("structure")
    return old, new


def _credit(new: etree._Element, deleted: bool) -> Credit | None:
    """Whose edit it was; None: a deletion without metadata, which is nobody's."""
    get = new.get
    changeset_text = get("changeset")
    if deleted and changeset_text is None:
        return None
    changeset = read_number(changeset_text, "changeset")
    if changeset == 0:
        if deleted:
            return None
        raise Unreadable("changeset")
    uid_text = get("uid")
    uid = read_number(uid_text, "uid") if uid_text is not None else 0
    return Credit(read_time(get("timestamp")), changeset, uid or None, read_name(get("user")))


def node_ids(feature: Feature) -> "array[int]":
    """The ids of a way's nodes, without what is no id."""
    ids = array("q")
    for text in feature.nodes:
        try:
            ids.append(read_number(text, "ref"))
        except Unreadable:
            continue
    return ids
