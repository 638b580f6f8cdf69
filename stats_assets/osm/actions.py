"""From an `<action>` to a feature: what changed, how, and whose edit it was (docs/definitions.md, section 2).

Here: reading actions. Not here: what a feature is (features), what is so long
that it can't wait (unfinished), measuring and locating (geometry), summing (statistics).
"""

from collections import Counter
from collections.abc import Iterable
from itertools import chain

from lxml import etree

from stats_assets.osm.caching import remembered
from stats_assets.osm.categories import ELEMENTS, Categories, parts
from stats_assets.osm.creations import CreationsSeen
from stats_assets.osm.credit import Credits, read_credit
from stats_assets.osm.elements import read_member, read_references, read_tags, read_way
from stats_assets.osm.features import Feature, Side
from stats_assets.osm.flags import Flags
from stats_assets.osm.positions import Positions
from stats_assets.osm.unfinished import Unfinished
from stats_assets.osm.values import UnreadableError, read_number, shortened

_POLYGONS = frozenset(("multipolygon", "boundary"))


class ActionReader:
    """Reads actions one by one into `features` and their `positions`, to be taken away in batches.

    `tallies` counts what was ignored, by reason; `flags` what could not be read; `credits` collects the changed nodes.
    `creations` is what the creations look like. limit: see Credits.
    """

    def __init__(self, categories: Categories, flags: Flags, limit: int | None = None) -> None:
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

    def read(self, actions: Iterable[etree._Element]) -> None:
        """Read complete actions. What can't be read is flagged."""
        for action in actions:
            kind = action.get("type")
            try:
                if kind not in ("create", "modify", "delete"):
                    if kind is None:
                        raise UnreadableError("type")
                    self.tallies["unknown_action_type"] += 1
                    continue
                self.actions += 1
                if why := self.unfinished.why_given_up(action):
                    raise UnreadableError("size", why)
                self._read(kind, action)
            except UnreadableError as what:
                self._flags.add(f"unreadable_{what}", f"{_name(action)}: {what.why}")
        self.unfinished.forget()

    def _read(self, action_kind: str, action: etree._Element) -> None:
        old, new = _sides(action_kind, action)
        element, get = str(new.tag), new.get
        id_text = get("id")
        id_ = read_number(id_text, "id")
        visible = get("visible")
        deleted = action_kind == "delete" or visible == "false"
        version = _version(get("version"))
        if version is None and not deleted:
            read_number(get("version"), "version")  # says why it can't be read
        if action_kind == "create" and version is not None:
            self.creations.add(version, get("changeset"))
        minor = False
        if old is not None:
            if old.get("id") != id_text or old.tag != element:
                _check_pair(old, element, id_)
            if old.get("visible") == "false":
                old = None
            else:
                minor = not deleted and _version(old.get("version")) == version
        texts = (get("timestamp"), get("changeset"), get("uid"), get("user"))
        credit = self._known_credits.get(texts, -1)
        if minor:
            if credit < 0:
                read_credit(texts, deleted)
        else:
            if credit < 0:
                credit = self.credits.number(texts, deleted)
            if deleted and visible == "true":
                self.tallies["left_view"] += 1
                return
            if credit in self.credits.cut:
                self._flags.add(
                    "time_cut", f"{_name(action)}: {shortened(texts[0] or '')} is after the diff's end"
                )
            if credit in self.credits.too_long:
                self._flags.add("user_too_long", f"{_name(action)}: its user's name was cut")
            if element == "node":
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
            feature = Feature(element, id_, version, kind, None if minor else self.credits[credit], minor)
            after = None if deleted else new
            if element == "node":
                self._read_node(feature, shown)
            elif element == "way":
                self._read_way(feature, old, after)
            else:
                self._read_relation(feature, old, after)
            self._keep(feature)

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
        thinned = self.unfinished.members.get(relation, ())
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
    """The element before (None for a creation) and after. Raises UnreadableError where one is not told.

    A creation is bare, or in `<new>`, which an empty or absent old side may accompany. What else an action holds is
    ignored.
    """
    try:
        if action_kind == "create":
            (new,) = action
            if new.tag in ELEMENTS:
                return None, new
        else:
            first, second = action
            (old,), (new,) = first, second
            tags = (first.tag, second.tag)
            if tags == ("old", "new") and old.tag in ELEMENTS and new.tag in ELEMENTS:
                return old, new
    except ValueError:
        pass
    olds, news = (
        [element for side in action.iterchildren(name) for element in side.iterchildren(*ELEMENTS)]
        for name in ("old", "new")
    )
    if action_kind == "create":
        olds = [old for old in olds if old.get("visible") != "false"]
        news += action.iterchildren(*ELEMENTS)
    if len(olds) != (action_kind != "create"):
        raise UnreadableError("sides", f"{len(olds) or 'no'} elements before the change")
    if len(news) != 1:
        raise UnreadableError("sides", f"{len(news) or 'no'} elements after the change")
    return olds[0] if olds else None, news[0]


def _check_pair(old: etree._Element, element: str, id_: int) -> None:
    """Raises UnreadableError where the old side is another element. One without an id is none."""
    text = old.get("id")
    if old.tag != element or (text is not None and read_number(text, "id") != id_):
        raise UnreadableError("pair", f"the old side is {old.tag} {shortened(text or '')}")


def _name(action: etree._Element) -> str:
    """What an action is about, for a person."""
    element = next(
        chain(action.iterchildren(*ELEMENTS), action.iterfind("new/*"), action.iterfind("old/*")), None
    )
    about = f" {element.tag} {element.get('id', 'without id')}" if element is not None else ""
    return shortened(" ".join(f"{action.get('type', 'action without type')}{about}".split()))


@remembered(1000)
def _version(text: str | None) -> int | None:
    """A version; None: none that can be read."""
    try:
        return read_number(text, "version")
    except UnreadableError:
        return None
