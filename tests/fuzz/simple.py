"""An augmented diff counted once more, from docs/definitions.md alone: slowly, a feature at a time, without `osm/`.

Here: which action is read, and whose it is. Categories are categories.py's; lengths, areas and places measuring.py's.
"""

import re
import xml.etree.ElementTree as ElementTree
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import NamedTuple

from tests.categories import AREAS, LENGTHS, categories
from tests.fuzz.measuring import Shape, area_of, is_broken, length_of, regions_of

KINDS = ("node", "way", "relation")
UNITS = 10**9
UNTIMED = datetime.min.replace(tzinfo=UTC)  # older than all, and no evidence for a name
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
REFERENCE = re.compile("&#(?:x([0-9a-fA-F]+)|([0-9]+));")
Element = ElementTree.Element


class Refused(Exception):
    """The body can't be used; the message says why."""


class Unreadable(Exception):
    """The action can't be read; the message says what of it."""


class Who(NamedTuple):
    """Whose an edit is, newest last in order."""

    time: datetime
    changeset: int
    uid: int | None
    user: str | None


@dataclass
class Sums:
    """A changeset's, or its part in a region; measures in 10⁻⁹ km or km²."""

    edits: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    measures: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, names: set[str], length: int, area: int) -> None:
        self.edits += 1
        for category in names:
            self.counts[f"{category}_{kind}"] += 1
            for measure, amount in ((LENGTHS.get(category), length), (AREAS.get(category), area)):
                if measure and amount:
                    self.measures[f"{measure}_{kind}"] += amount


@dataclass
class Changeset:
    """What one changeset did in the diff."""

    whole: Sums = field(default_factory=Sums)
    regions: dict[str, Sums] = field(default_factory=lambda: defaultdict(Sums))
    errors: int = 0
    people: list[Who] = field(default_factory=list)

    @property
    def uid(self) -> int | None:
        known = [(who.time, who.uid) for who in self.people if who.uid]
        return max(known)[1] if known else None

    @property
    def user(self) -> str | None:
        theirs = [who for who in self.people if who.uid == self.uid and who.user]
        known = [(who.time, who.user) for who in theirs if who.time > UNTIMED]
        return max(known)[1] if known else None


@dataclass
class Count:
    """All of a diff. nobodys: features without a changeset."""

    changesets: dict[int, Changeset] = field(default_factory=lambda: defaultdict(Changeset))
    actions: int = 0
    unreadable: int = 0
    nobodys: int = 0


def count(body: bytes) -> Count:
    """The diff's count. Raises Refused."""
    root = _root(body)
    done = Count()
    read: list[tuple[str, Element | None, Element]] = []
    for action in root.findall("action"):
        if action.get("type") not in ("create", "modify", "delete"):
            continue
        done.actions += 1
        try:
            old, new = _sides(action)
            _check(action.get("type") or "", old, new)
            read.append((action.get("type") or "", old, new))
        except Unreadable:
            done.unreadable += 1
    if 2 * done.unreadable > done.actions:
        raise Refused("more than half can't be read")
    edited = _edited_nodes(read)
    for kind_of_action, old, new in read:
        _count(done, kind_of_action, old, new, edited)
    return done


def _root(body: bytes) -> Element:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Refused(str(error)) from error
    text = REFERENCE.sub(_allowed, FORBIDDEN.sub("\ufffd", text))
    if "<!DOCTYPE" in text:
        raise Refused("a DTD")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - made here
    except ElementTree.ParseError as error:
        raise Refused(str(error)) from error
    if root.tag != "osm":
        raise Refused(f"<{root.tag}>")
    return root


def _allowed(reference: re.Match[str]) -> str:
    code = int(reference[1], 16) if reference[1] else int(reference[2])
    bad = code > 0x10FFFF or 0xD800 <= code <= 0xDFFF or FORBIDDEN.match(chr(code))
    return "\ufffd" if bad else reference[0]


def _sides(action: Element) -> tuple[Element | None, Element]:
    olds = [child for side in action.findall("old") for child in side if child.tag in KINDS]
    holders = action.findall("new")
    news = [child for side in holders for child in side if child.tag in KINDS]
    bare = [child for child in action if child.tag in KINDS]
    if action.get("type") == "create":
        if olds or len(news) + len(bare) != 1:
            raise Unreadable("sides")
        return None, (news + bare)[0]
    if len(olds) != 1 or len(news) != 1:
        raise Unreadable("sides")
    return olds[0], news[0]


def _check(kind: str, old: Element | None, new: Element) -> None:
    number(new.get("id"))
    if old is not None and (old.tag != new.tag or old.get("id") != new.get("id")):
        raise Unreadable("pair")
    if not is_deleted(kind, new):
        number(new.get("version"))
        when(new.get("timestamp"))
    for name in ("changeset", "uid"):
        if new.get(name) is not None and not (name == "uid" and new.get(name) == ""):
            number(new.get(name))


def number(text: str | None) -> int:
    """A whole number in ASCII digits, of 63 bits."""
    if text is None or not re.fullmatch("[0-9]+", text) or int(text) >= 1 << 63:
        raise Unreadable(f"number {text}")
    return int(text)


def when(text: str | None) -> datetime:
    """A time with its zone."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError as error:
        raise Unreadable(f"time {text}") from error
    if found.tzinfo is None:
        raise Unreadable(f"time {text}")
    return found.astimezone(UTC)


def is_deleted(kind: str, new: Element) -> bool:
    return kind == "delete" or new.get("visible") == "false"


def is_minor(kind: str, old: Element | None, new: Element) -> bool:
    if old is None or is_deleted(kind, new) or old.get("visible") == "false":
        return False
    try:
        return number(old.get("version")) == number(new.get("version"))
    except Unreadable:
        return False


def who_of(new: Element, deleted: bool) -> Who:
    """Whose edit it is; changeset 0: nobody's. A deletion that tells no time is older than all that do."""
    changeset = int(new.get("changeset") or 0)
    uid = int(new.get("uid") or 0)
    try:
        time = when(new.get("timestamp"))
    except Unreadable:
        if not deleted:
            raise
        time = UNTIMED
    return Who(time, changeset, uid or None, new.get("user") or None)


def _edited_nodes(read: list[tuple[str, Element | None, Element]]) -> dict[int, Who]:
    """Whose edit was the newest of each node."""
    found: dict[int, Who] = {}
    for kind, old, new in read:
        if new.tag == "node" and not is_minor(kind, old, new) and not _left_view(kind, new):
            who, id_ = who_of(new, is_deleted(kind, new)), int(new.get("id") or 0)
            found[id_] = max(found.get(id_, who), who, key=_rank)
    return found


def _left_view(kind: str, new: Element) -> bool:
    return kind == "delete" and new.get("visible") == "true"


def _rank(who: Who) -> tuple[datetime, int, int, str]:
    return who.time, who.changeset, who.uid or 0, who.user or ""


def tags_of(element: Element) -> dict[str, str]:
    return {tag.get("k") or "": tag.get("v") or "" for tag in element.findall("tag")}


def _count(
    done: Count, kind_of_action: str, old: Element | None, new: Element, edited: dict[int, Who]
) -> None:
    if _left_view(kind_of_action, new):
        return
    deleted = is_deleted(kind_of_action, new)
    minor = is_minor(kind_of_action, old, new)
    if old is not None and old.get("visible") == "false":
        old = None
    place = old if deleted else new
    if place is None or not (tags := tags_of(place)):
        return
    if minor:
        if new.tag != "way" or old is None or _positions(old) == _positions(new):
            return
        movers = [edited[ref] for ref in {*_references(old), *_references(new)} if ref in edited]
        if not movers:
            return
        who = max(movers, key=_rank)
    else:
        who = who_of(new, deleted)
    if not who.changeset:
        done.nobodys += 1
        return
    kind = "deleted" if deleted else "modified"
    if kind_of_action == "create" and not deleted and number(new.get("version")) in (1, 2):
        kind = "added"
    changeset = done.changesets[who.changeset]
    changeset.people.append(who)
    after = None if deleted else Shape.of(new)
    before = Shape.of(old) if old is not None and (deleted or new.tag != "node") else None
    shape = before if deleted else after
    assert shape is not None
    broken = any(is_broken(side) for side in (after, before) if side is not None)
    changeset.errors += broken
    length = area = 0
    if not broken:
        length = _difference(length_of, after, before, 10**3)
        area = _difference(area_of, after, before, 10**6)
    names = set(categories(new.tag, tags))
    changeset.whole.add(kind, names, length, area)
    for code in regions_of(shape):
        changeset.regions[code].add(kind, names, length, area)


def _difference(
    measure: Callable[[Shape], float | None], after: Shape | None, before: Shape | None, per_unit: int
) -> int:
    """The measure in 10⁻⁹, rounded half-even; 0 where a side's is unknown."""
    new, old = (0.0 if side is None else measure(side) for side in (after, before))
    return 0 if new is None or old is None else round(Fraction(abs(new - old)) * UNITS / per_unit)


def _positions(way: Element) -> list[tuple[float, float] | None]:
    return list(Shape.of(way).lines[0].positions)


def _references(way: Element) -> list[int]:
    texts = (nd.get("ref") or "" for nd in way.findall("nd"))
    return [int(text) for text in texts if re.fullmatch("[0-9]{1,18}", text)]
