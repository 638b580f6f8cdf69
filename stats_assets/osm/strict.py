"""The strict grammar: actions exactly as Overpass writes them, each taken by one regular expression, ahead of lxml.

Here: what is of the grammar, and reading it. `_strict.c` is the same in C. Not here: what becomes of all else (splitting).
The expressions are possessive, so that what is not of the grammar is seen in one pass. A value with a reference or a
line break is not: lxml knows what it means. So whatever is taken is well-formed, and reads as lxml would read it.
"""

import math
import re
from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain

from stats_assets.osm.credit import Texts
from stats_assets.osm.positions import Degrees
from stats_assets.osm.told import Member, Told, Way

_BLANK = r"[ \t\n]*+"
_TEXT = r'[^<&"\n\t\r]*+'
_NUMBER = r"(?:0|[1-9][0-9]{0,17}+)"
_DEGREES = r"-?[0-9]{1,9}+(?:\.[0-9]{1,15}+)?+"
_PLACE = rf' lat="{_DEGREES}" lon="{_DEGREES}"'
_EDIT = rf'(?: timestamp="{_TEXT}")?+(?: changeset="{_NUMBER}")?+(?: uid="{_NUMBER}")?+(?: user="{_TEXT}")?+'
_BOUNDS = (
    "<bounds" + "".join(rf' {side}="{_DEGREES}"' for side in ("minlat", "minlon", "maxlat", "maxlon")) + "/>"
)
_NODE = rf'<nd ref="{_NUMBER}"{_PLACE}/>'
_MEMBER = (
    rf'<member type="(?:node|way|relation)" ref="{_NUMBER}" role="{_TEXT}"'
    rf"(?:{_PLACE})?+(?:/>|>{_BLANK}(?:<nd{_PLACE}/>{_BLANK})*+</member>)"
)
_TAGS = rf'(?:<tag k="{_TEXT}" v="{_TEXT}"/>{_BLANK})*+'
_INSIDE = {
    "node": _TAGS,
    "way": rf"(?:{_BOUNDS}{_BLANK})?+(?:{_NODE}{_BLANK})*+{_TAGS}",
    "relation": rf"(?:{_BOUNDS}{_BLANK})?+(?:{_MEMBER}{_BLANK})*+{_TAGS}",
}


def _side(element: str) -> str:
    place = f"(?:{_PLACE})?+" if element == "node" else ""
    return (
        rf'<{element} id="({_NUMBER})"({place})(?: visible="(true|false)")?+(?: version="({_NUMBER})")?+({_EDIT})'
        rf"(?:/>|>{_BLANK}({_INSIDE[element]})</{element}>)"
    )


def _action(element: str) -> re.Pattern[bytes]:
    side = _side(element)
    sides = (
        rf'(?:create">{_BLANK}|(modify|delete)">{_BLANK}<old>{_BLANK}{side}{_BLANK}</old>{_BLANK}<new>{_BLANK})'
        rf"{side}{_BLANK}(?(1)</new>{_BLANK})"
    )
    return re.compile(rf'{_BLANK}<action type="{sides}</action>{_BLANK}'.encode())


_MISSING = array("d", (math.nan,))
_ACTIONS = tuple((element, _action(element).match) for element in _INSIDE)
_EDIT_PARTS = re.compile(
    r'(?: timestamp="([^"]*)")?(?: changeset="([^"]*)")?(?: uid="([^"]*)")?(?: user="([^"]*)")?'
)
_TAG_PARTS = re.compile(r'<tag k="([^"]*)" v="([^"]*)"')
_PLACE_PARTS = re.compile(r' lat="([^"]*)" lon="([^"]*)"')
_REFERENCE = re.compile(r'<nd ref="([^"]*)"')
_MEMBER_PARTS = re.compile(
    r'<member type="([^"]*)" ref="[^"]*" role="([^"]*)"( lat[^/>]*)?(?:/>|>((?:[ \t\n]*+<nd[^>]*>)*+)[ \t\n]*+</)'
)
_LONGEST_EDIT = 1_000  # bytes: longer than any that can come from OSM


def take(data: bytes, start: int) -> tuple[list[Told], int]:
    """The actions of the grammar that stand at `start`, with nothing but blanks between; where they end."""
    taken: list[Told] = []
    element, match = _ACTIONS[0]
    while True:
        found = match(data, start)
        if found is None:
            # An action is mostly of the same element as the one before.
            for element, match in _ACTIONS:  # noqa: B007 - kept for the next
                if (found := match(data, start)) is not None:
                    break
            else:
                return taken, start
        kind, old_id, old_place, old_visible, before, _, old, id_, place, visible, version, edit, new = (
            found.groups()
        )
        if (
            kind is not None
            and old_id != id_
            or version is None
            and kind != b"delete"
            and visible != b"false"
        ):
            return taken, start  # lxml's to say what is wrong
        taken.append(
            (
                kind.decode() if kind else "create",
                element,
                int(id_),
                int(version) if version else None,
                visible.decode() if visible else None,
                _edit(edit) if len(edit) <= _LONGEST_EDIT else _read_edit(edit),
                int(before) if before else None,
                None if kind is None or old_visible == b"false" else old_place + old if old else b"",
                place + new if new else b"",
            )
        )
        start = found.end()


def _read_edit(edit: bytes) -> Texts:
    timestamp, changeset, uid, user = _EDIT_PARTS.match(edit.decode()).groups()  # type: ignore[union-attr]
    return timestamp, changeset, uid, user


_edit = lru_cache(1_000)(_read_edit)  # a changeset's elements share a few dozen


def read_tags(inside: bytes) -> dict[str, str]:
    """The element's tags."""
    return dict(_TAG_PARTS.findall(inside.decode()))


def read_position(inside: bytes) -> tuple[Degrees, Degrees]:
    """A node's latitude and longitude."""
    return _place(inside.decode().partition("<")[0])


def read_way(inside: bytes) -> Way:
    """The way."""
    text = inside.decode()
    return *_positions(text), dict(_TAG_PARTS.findall(text))


def read_references(inside: bytes) -> Sequence[str]:
    """The ids of a way's nodes, as text."""
    return _REFERENCE.findall(inside.decode())


def read_members(inside: bytes) -> Iterator[Member]:
    """A relation's members."""
    for kind, role, place, nodes in _MEMBER_PARTS.findall(inside.decode()):
        if kind == "node":
            yield kind, role, *_place(place)
        else:
            yield kind, role, *_positions(nodes)


def _place(text: str) -> tuple[Degrees, Degrees]:
    return _positions(text) if text else (_MISSING, _MISSING)


def _positions(text: str) -> tuple[Degrees, Degrees]:
    degrees = list(map(float, chain.from_iterable(_PLACE_PARTS.findall(text))))
    return array("d", degrees[::2]), array("d", degrees[1::2])
