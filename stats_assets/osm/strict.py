"""Actions of the strict grammar (grammar), each taken by one regular expression, ahead of lxml.

Here: reading them. `_strict.c` is the same in C. Not here: what is of the grammar, and what an action means (actions).
"""

import math
import re
from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain

from stats_assets.osm.credit import Texts
from stats_assets.osm.grammar import ACTIONS, BEGUN
from stats_assets.osm.positions import Degrees
from stats_assets.osm.told import Member, Told, Way

_MISSING = array("d", (math.nan,))
_ACTIONS = tuple((element, pattern.match) for element, pattern in ACTIONS.items())
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


def take(data: bytes, start: int) -> tuple[list[Told], int, bool]:
    """See `Grammar.take`."""
    taken: list[Told] = []
    ids, before_this = [0], None  # of the run that the last one is, and what all of it have in common
    element, match = _ACTIONS[0]
    while True:
        found = match(data, start)
        if found is None:
            # An action is mostly of the same element as the one before.
            for element, match in _ACTIONS:  # noqa: B007 - kept for the next
                if (found := match(data, start)) is not None:
                    break
            else:
                _end_run(taken, ids, is_last=True)
                return taken, start, BEGUN.match(data, start) is not None
        kind, old_id, old_place, old_visible, before, _, old, id_, place, visible, version, edit, new = (
            found.groups()
        )
        changed = kind is not None and old_id != id_
        if changed or (version is None and kind != b"delete" and visible != b"false"):
            _end_run(taken, ids, is_last=True)
            return taken, start, False  # lxml's to say what is wrong
        start = found.end()
        common = None
        if element == "node" and not new and not old:
            common = (kind, old_visible == b"false", before, visible, version, edit)
            if common == before_this:
                ids.append(int(id_))
                continue
        _end_run(taken, ids)
        ids, before_this = [int(id_)], common
        taken.append(
            (
                kind.decode() if kind else "create",
                element,
                ids[0],
                int(version) if version else None,
                visible.decode() if visible else None,
                _edit(edit) if len(edit) <= _LONGEST_EDIT else _read_edit(edit),
                int(before) if before else None,
                None if kind is None or old_visible == b"false" else old_place + old if old else b"",
                place + new if new else b"",
            )
        )


def _end_run(taken: list[Told], ids: list[int], is_last: bool = False) -> None:
    """Make the last one a run, where there are more ids than its own; the very last node is by itself."""
    if len(ids) > 1:
        kind, element, _, *rest = taken.pop()
        parts = (ids[:-1], ids[-1:]) if is_last else (ids,)
        for part in parts:
            own = part[0] if len(part) == 1 else array("q", part).tobytes()
            taken.append((kind, element, own, *rest))


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
