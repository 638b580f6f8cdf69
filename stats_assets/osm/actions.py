"""From an `<action>` to a feature: what changed, how, and whose edit it was (docs/definitions.md, section 2).

Here: what an action means. Not here: what it tells (strict, sides), what a feature is (features), what is so long
that it can't wait (unfinished), measuring and locating (geometry), summing (statistics).
"""

from array import array
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from typing import cast

from lxml import etree

from stats_assets.osm import elements, sides
from stats_assets.osm.categories import Categories, parts
from stats_assets.osm.creations import CreationsSeen
from stats_assets.osm.credit import Credits, read_credit
from stats_assets.osm.features import Feature, Side
from stats_assets.osm.flags import Flags
from stats_assets.osm.positions import Positions
from stats_assets.osm.told import Child, Grammar, Inside, Reader, Told, Way
from stats_assets.osm.unfinished import Unfinished
from stats_assets.osm.values import UnreadableError, shortened

_POLYGONS = frozenset(("multipolygon", "boundary"))


class ActionReader:
    """Reads actions one by one into `features` and their `positions`, to be taken away in batches.

    `tallies` counts what was ignored, by reason; `flags` what could not be read; `credits` collects the changed nodes.
    `creations` is what the creations look like. limit: see Credits. strict: the grammar that took those not in a tree.
    """

    def __init__(
        self, categories: Categories, flags: Flags, limit: int | None, strict: Grammar | None
    ) -> None:
        self._strict: Reader = strict or elements
        self._categories = categories
        self._flags = flags
        self.unfinished = Unfinished()
        self.actions = 0
        self.tallies: Counter[str] = Counter()
        self.creations = CreationsSeen()
        self.credits = Credits(limit)
        self._known_credits = self.credits.known
        self.features: list[Feature] = []
        self.positions = Positions()

    def take(self) -> tuple[list[Feature], Positions]:
        taken = self.features, self.positions
        self.features, self.positions = [], Positions()
        return taken

    def read(self, actions: Iterable[Child]) -> None:
        """Read complete actions. What can't be read is flagged."""
        for action in actions:
            if isinstance(action, tuple) and isinstance(action[2], bytes):
                self._read_run(action, array("q", action[2]))
            else:
                self._read_one(action)
        self.unfinished.forget()

    def _read_one(self, action: Child) -> None:
        try:
            if isinstance(action, tuple):
                self.actions += 1
                self._read(action, action)
            else:
                self._read_element(action)
        except UnreadableError as what:
            self._flags.add(f"unreadable_{what}", f"{_name(action)}: {what.why}")

    def _read_run(self, run: Told, ids: "array[int]") -> None:
        """Nodes with nothing inside: the first as any other, the rest at once where nothing is to be said of them."""
        kind, element, _, version, visible, edit, before, old, new = run
        self._read_one((kind, element, ids[0], version, visible, edit, before, old, new))
        rest = ids[1:]
        credit = self._known_credits.get(edit, -1)
        if credit < 0 or credit in self.credits.cut or credit in self.credits.too_long:
            for id_ in rest:
                self._read_one((kind, element, id_, version, visible, edit, before, old, new))
            return
        number = len(rest)
        self.actions += number
        deleted = kind == "delete" or visible == "false"
        if kind == "create" and version is not None:
            self.creations.add(version, edit[1], number)
        if deleted and visible == "true":
            self.tallies["left_view"] += number
            return
        if old is None or deleted or before != version:
            self.credits.changed(rest, credit)
        self.tallies["untagged"] += number

    def _read_element(self, action: etree._Element) -> None:
        kind = action.get("type")
        if kind not in ("create", "modify", "delete"):
            if kind is None:
                raise UnreadableError("type")
            self.tallies["unknown_action_type"] += 1
            return
        self.actions += 1
        if why := self.unfinished.why_given_up(action):
            raise UnreadableError("size", why)
        self._read(sides.read_action(kind, action), action)

    def _read(self, told: Told, action: Child) -> None:
        action_kind, element, one, version, visible, edit, before, old, new = told
        id_ = cast(int, one)
        deleted = action_kind == "delete" or visible == "false"
        minor = old is not None and not deleted and before == version
        if action_kind == "create" and version is not None:
            self.creations.add(version, edit[1])
        credit = self._known_credits.get(edit, -1)
        if minor:
            if credit < 0:
                read_credit(edit, deleted)
        else:
            if credit < 0:
                credit = self.credits.number(edit, deleted)
            if deleted and visible == "true":
                self.tallies["left_view"] += 1
                return
            if credit in self.credits.cut:
                self._flags.add(
                    "time_cut", f"{_name(action)}: {shortened(edit[0] or '')} is after the diff's end"
                )
            if credit in self.credits.too_long:
                self._flags.add("user_too_long", f"{_name(action)}: its user's name was cut")
            if element == "node":
                self.credits.add_node(id_)
                self.credits.add_node_credit(credit)

        shown = old if deleted else new
        if shown is None or not len(shown):
            self.tallies["untagged"] += 1
            return
        reader = self._strict if isinstance(shown, bytes) else elements
        if minor and element != "way":
            self.tallies[f"minor_{element}" if reader.read_tags(shown) else "untagged"] += 1
            return
        kind = "deleted" if deleted else "modified"
        if action_kind == "create" and version in (1, 2) and not deleted:
            kind = "added"
        feature = Feature(element, id_, version, kind, None if minor else self.credits[credit], minor)
        after = None if deleted else new
        if element == "node":
            self._read_node(feature, shown, reader)
        elif element == "way":
            self._read_way(feature, old, after, reader)
        else:
            self._read_relation(feature, old, after, reader)
        self._keep(feature)

    def _keep(self, feature: Feature) -> None:
        place = feature.place
        if place is None or not place.tags:
            self.tallies["untagged"] += 1
            return
        feature.categories = self._categories.of(feature.element, place.tags)
        self.features.append(feature)

    def _read_node(self, feature: Feature, node: Inside, reader: Reader) -> None:
        tags = reader.read_tags(node)
        if not tags:
            return
        side = Side(tags, [self.positions.add(*reader.read_position(node))])
        if feature.kind == "deleted":
            feature.old = side
        else:
            feature.new = side

    def _read_way(self, feature: Feature, old: Inside | None, new: Inside | None, reader: Reader) -> None:
        after = reader.read_way(new) if new is not None else None
        if after is not None and not after[2]:
            return
        before = reader.read_way(old) if old is not None else None
        if after is not None:
            feature.new = self._line(after)
            feature.nodes = reader.read_references(new)
        if before is not None:
            feature.old = self._line(before)
            if after is None:
                feature.nodes = reader.read_references(old)
            else:
                feature.same_shape = before[:2] == after[:2]
                if feature.moved:
                    feature.old_nodes = reader.read_references(old)

    def _line(self, way: Way) -> Side:
        latitudes, longitudes, tags = way
        return Side(tags, [self.positions.add(latitudes, longitudes)])

    def _read_relation(
        self, feature: Feature, old: Inside | None, new: Inside | None, reader: Reader
    ) -> None:
        if new is not None:
            feature.new = self._relation_side(new, reader.read_tags(new), reader)
        if old is not None:
            tags = reader.read_tags(old)
            # Of other relations the old side is neither measured nor, mostly, a place.
            if new is None or _is_polygon(tags):
                feature.old = self._relation_side(old, tags, reader)

    def _relation_side(self, relation: Inside, tags: dict[str, str], reader: Reader) -> Side:
        side = Side(tags, [], polygon=_is_polygon(tags))
        thinned = self.unfinished.members.get(relation, ()) if self.unfinished.members else ()
        for kind, role, latitudes, longitudes in chain(thinned, reader.read_members(relation)):
            if kind == "way":
                side.lines.append(self.positions.add(latitudes, longitudes))
                side.roles.append(role)
            elif kind == "node" and not side.polygon:
                side.points.append(self.positions.add(latitudes, longitudes))
        return side


def _is_polygon(tags: dict[str, str]) -> bool:
    return not _POLYGONS.isdisjoint(parts(tags.get("type", "")))


def _name(action: Child) -> str:
    return shortened(" ".join(map(str, action[:3]))) if isinstance(action, tuple) else sides.name(action)
