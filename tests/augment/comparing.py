"""An augmented diff in a plain form, whoever wrote it: ours, Overpass's, the brute force's.

The order of tags aside; `without_names` takes the names of users away, too, as a server names a uid by its newest edit.
"""

import gzip
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from lxml import etree

Point = tuple[int, int]
"""Latitude and longitude in units of 10⁻⁷ degrees."""


class Member(NamedTuple):
    """line: a node's position, or each position of a way, as far as it has one."""

    kind: str
    ref: int
    role: str
    line: tuple[Point | None, ...] = ()


class Side(NamedTuple):
    """One side of an action. A deletion's new one has no content."""

    version: int
    timestamp: str
    changeset: int
    uid: int
    user: str
    visible: bool
    tags: tuple[tuple[str, str], ...] = ()
    position: Point | None = None
    nodes: tuple[tuple[int, Point | None], ...] = ()
    members: tuple[Member, ...] = ()


class Action(NamedTuple):
    """action: create (without an old side), modify, delete."""

    kind: str
    id: int
    action: str
    old: Side | None
    new: Side


def read_diff(document: bytes) -> list[Action]:
    """The actions of a document, packed or not, in its order."""
    plain = gzip.decompress(document) if document[:2] == b"\x1f\x8b" else document
    return [_action(action) for action in etree.fromstring(plain).iterfind("action")]


def without_names(actions: Iterable[Action]) -> list[Action]:
    """The same, by nobody in particular."""
    return [
        action._replace(
            old=None if action.old is None else action.old._replace(user=""),
            new=action.new._replace(user=""),
        )
        for action in actions
    ]


def read_side(element: Any) -> Side:
    """An element of a diff, a planet, a history or OsmChange: the fields are the same."""
    return Side(
        int(element.get("version")),
        element.get("timestamp"),
        int(element.get("changeset", 0)),
        int(element.get("uid", 0)),
        element.get("user", ""),
        element.get("visible") != "false",
        tuple(sorted((tag.get("k"), tag.get("v")) for tag in element.iterfind("tag"))),
        _point(element),
        tuple((int(node.get("ref")), _point(node)) for node in element.iterfind("nd")),
        tuple(_members(element)),
    )


def _action(action: Any) -> Action:
    (last,) = action if action.get("type") == "create" else action.find("new")
    old = action.find("old")
    before = None if old is None else read_side(old[0])
    return Action(last.tag, int(last.get("id")), action.get("type"), before, read_side(last))


def _members(element: Any) -> Iterator[Member]:
    for member in element.iterfind("member"):
        own = _point(member)
        line = tuple(map(_point, member)) if own is None else (own,)
        yield Member(member.get("type"), int(member.get("ref")), member.get("role"), line)


def _point(element: Any) -> Point | None:
    """What has no position has none; a way's node in OsmChange has none either."""
    if element.get("lat") is None:
        return None
    return round(float(element.get("lat")) * 10**7), round(float(element.get("lon")) * 10**7)
