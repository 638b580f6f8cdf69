"""From an `<action>` to a feature: what changed, how, and whose edit it was (definitions, section 2).

Here: reading actions. Not here: measuring and locating (geometry), summing (statistics).
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain

from lxml import etree

from stats_assets.osm.categories import ELEMENTS, Categories, parts
from stats_assets.osm.credit import Credit, Credits, Texts
from stats_assets.osm.document import RefusedError
from stats_assets.osm.elements import Member, packed, read_member, read_references, read_tags, read_way
from stats_assets.osm.positions import Positions
from stats_assets.osm.values import UnreadableError, read_number

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
    kind: str  # added, modified, deleted
    credit: (
        Credit | None
    )  # None: a moved way's, until its nodes are known; for ever a deletion's without metadata
    moved: bool = False  # a minor way: its nodes say whose edit it was
    categories: tuple[str, ...] = ()
    nodes: Sequence[str] = ()  # a way's, as text
    old_nodes: Sequence[str] = ()  # a moved way's before
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


class ActionReader:
    """Reads actions one by one into `features` and their `positions`, to be taken away in batches.

    `tallies` counts what was ignored, by reason; `credits` collects the changed nodes.
    """

    def __init__(self, categories: Categories) -> None:
        self._categories = categories
        self._thinned: dict[etree._Element, list[Member]] = {}
        self._thinned_positions = 0
        self.actions = 0
        self.tallies: Counter[str] = Counter()
        self.credits = Credits()
        self._known_credits = self.credits.known
        self.features: list[Feature] = []
        self.positions = Positions()

    def take(self) -> tuple[list[Feature], Positions]:
        taken = self.features, self.positions
        self.features, self.positions = [], Positions()
        return taken

    def read(self, actions: Iterable[etree._Element]) -> None:
        """Read complete actions. What can't be read is tallied."""
        for action in actions:
            kind = action.get("type")
            if kind not in ("create", "modify", "delete"):
                self.tallies["unknown_action_type"] += 1
                continue
            self.actions += 1
            try:
                self._read(kind, action)
            except UnreadableError as what:
                self.tallies[f"unreadable_{what}"] += 1
        self._thinned.clear()
        self._thinned_positions = 0

    def thin_out(self, action: etree._Element) -> bool:
        """Pack the complete members of an unfinished relation, and take them out of the tree."""
        relations = list(action.iter("relation"))
        if not relations:
            return False
        relation = relations[-1]
        members = list(relation.iterchildren("member"))
        if members and relation[-1] is members[-1]:
            members.pop()  # may be unfinished
        kept = self._thinned.setdefault(relation, [])
        for member in members:
            kept.append(packed(read_member(member)))
            self._thinned_positions += len(kept[-1].latitudes) + 20  # a member has its price, too
            relation.remove(member)
        if self._thinned_positions > MEMBER_POSITIONS_LIMIT:
            raise RefusedError(f"a relation of more than {MEMBER_POSITIONS_LIMIT:,} positions was not read")
        return bool(members)

    def _read(self, action_kind: str, action: etree._Element) -> None:
        old, new = _sides(action_kind, action)
        element, get = str(new.tag), new.get
        if element not in ELEMENTS:
            raise UnreadableError("element")
        id_text = get("id")
        id_, version = read_number(id_text, "id"), _read_version(get("version"))
        visible = get("visible")
        deleted = action_kind == "delete" or visible == "false"
        minor = False
        if old is not None:
            if old.get("id") != id_text or old.tag != element:
                raise UnreadableError("pair")
            minor = _read_version(old.get("version")) == version and not deleted
        if deleted and visible == "true":
            self.tallies["left_view"] += 1
            return
        credit = -1
        if not minor:
            texts = (get("timestamp"), get("changeset"), get("uid"), get("user"))
            credit = self._known_credits.get(texts, -1)
            if credit < 0:
                credit = self._new_credit(texts, deleted)
            if element == "node" and credit >= 0:
                self.credits.changed(id_, credit)

        shown = old if deleted else new
        if shown is None or not len(shown):
            self.tallies["untagged"] += 1
        elif minor and element != "way":
            self.tallies[f"minor_{element}" if read_tags(shown) else "untagged"] += 1
        else:
            kind = "deleted" if deleted else "modified"
            if action_kind == "create" and version in (1, 2) and not deleted:
                kind = "added"
            feature = Feature(
                element, id_, version, kind, self.credits[credit] if credit >= 0 else None, minor
            )
            after = None if deleted else new
            if element == "node":
                self._read_node(feature, shown)
            elif element == "way":
                self._read_way(feature, old, after)
            else:
                self._read_relation(feature, old, after)
            self._keep(feature)

    def _new_credit(self, texts: Texts, deleted: bool) -> int:
        """The number of the edit's credit; -1: a deletion without metadata, which is nobody's."""
        changeset = texts[1]
        if deleted and (changeset is None or changeset == "0"):
            return -1
        return self.credits.number(texts)

    def _keep(self, feature: Feature) -> None:
        place = feature.place
        if place is None or not place.tags:
            self.tallies["untagged"] += 1
            return
        feature.categories = self._categories.of(feature.element, place.tags)
        self.features.append(feature)

    def _read_node(self, feature: Feature, node: etree._Element) -> None:
        tags = read_tags(node)
        if not tags:
            return
        side = Side(tags, [self.positions.add((node.get("lat"),), (node.get("lon"),))])
        if feature.kind == "deleted":
            feature.old = side
        else:
            feature.new = side

    def _read_way(self, feature: Feature, old: etree._Element | None, new: etree._Element | None) -> None:
        after = read_way(new) if new is not None else None
        if after is not None and not after.tags:
            return
        before = read_way(old) if old is not None else None
        if after is not None and new is not None:
            feature.new = Side(after.tags, [self.positions.add(after.latitudes, after.longitudes)])
            feature.nodes = read_references(new)
        if before is not None and old is not None:
            feature.old = Side(before.tags, [self.positions.add(before.latitudes, before.longitudes)])
            if after is None:
                feature.nodes = read_references(old)
            else:
                feature.same_shape = before[:2] == after[:2]
                if feature.moved:
                    feature.old_nodes = read_references(old)

    def _read_relation(
        self, feature: Feature, old: etree._Element | None, new: etree._Element | None
    ) -> None:
        if new is not None:
            feature.new = self._relation_side(new, read_tags(new))
        if old is not None:
            tags = read_tags(old)
            # Of other relations the old side is neither measured nor, mostly, a place.
            if new is None or _is_polygon(tags):
                feature.old = self._relation_side(old, tags)

    def _relation_side(self, relation: etree._Element, tags: dict[str, str]) -> Side:
        side = Side(tags, [], polygon=_is_polygon(tags))
        thinned = self._thinned.get(relation, ())
        for member in chain(thinned, map(read_member, relation.iterchildren("member"))):
            if member.kind == "way":
                side.lines.append(self.positions.add(member.latitudes, member.longitudes))
                side.roles.append(member.role)
            elif member.kind == "node" and not side.polygon:
                side.points.append(self.positions.add(member.latitudes, member.longitudes))
        return side


def _is_polygon(tags: dict[str, str]) -> bool:
    return not _POLYGONS.isdisjoint(parts(tags.get("type", "")))


def _sides(action_kind: str, action: etree._Element) -> tuple[etree._Element | None, etree._Element]:
    """The element before (None for a creation) and after. Raises UnreadableError where one is not there."""
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
        raise UnreadableError("structure") from None
    if first.tag != "old" or second.tag != "new":
        raise UnreadableError("structure")
    return old, new


@lru_cache(maxsize=1000)
def _read_version(text: str | None) -> int:
    return read_number(text, "version")


def node_ids(texts: Sequence[str]) -> "array[int]":
    """The ids of a way's nodes, without what is no id."""
    try:
        return array("q", map(int, texts))
    except (ValueError, OverflowError):
        return array("q", (int(text) for text in texts if text.isdecimal() and len(text) < 19))
