"""A version as bytes: what a way, a relation, and anything that is pending is kept as.

Settled nodes are kept in groups (`node_groups.py`). Kind and id are the key's, not the bytes'.
"""

from typing import Protocol

from stats_assets.augment.tagging import put_tags, take_tags
from stats_assets.augment.varints import put, put_list, put_text, take, take_list, take_text
from stats_assets.augment.versions import KINDS, Kind, Member, Version

DELETED, PLACED, OWN_NAME, NAMELESS, LISTED = 1, 2, 4, 8, 16
"""Bits of the first byte: not visible; has a position; has another name than its uid has in the table; has none, where
the table has one; has refs or members.
"""
_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}


class Names(Protocol):
    """User names by uid."""

    def of(self, uid: int) -> str | None: ...

    def learned(self, uid: int, user: str | None) -> str | None:
        """What the table has of it; this, if it had nothing of it yet."""
        ...


def naming(names: Names, uid: int, user: str | None) -> int:
    """The bits that say which name a version has."""
    if user == names.learned(uid, user):
        return 0
    return NAMELESS if user is None else OWN_NAME


def pack(version: Version, names: Names) -> bytes:
    """All of a version but its kind and id. The numbers of its head are not negative."""
    named = naming(names, version.uid, version.user)
    listed = version.refs or version.members
    out = bytearray()
    out.append(
        named
        | (0 if version.visible else DELETED)
        | (PLACED if version.position else 0)
        | (LISTED if listed else 0)
    )
    put(out, version.version)
    put(out, version.timestamp)
    put(out, version.changeset)
    put(out, version.uid)
    if named == OWN_NAME:
        put_text(out, version.user or "")
    if version.position:
        put_list(out, version.position)
    put_tags(out, version.tags)
    if listed:
        put_list(out, version.refs)
        _put_members(out, version.members)
    return bytes(out)


def unpack(kind: Kind, id: int, data: bytes, names: Names) -> Version:
    """The version that was packed. Raises IndexError or UnicodeDecodeError for what is none."""
    flags = data[0]
    version, at = take(data, 1)
    timestamp, at = take(data, at)
    changeset, at = take(data, at)
    uid, at = take(data, at)
    user: str | None = None
    if flags & OWN_NAME:
        user, at = take_text(data, at)
    elif not flags & NAMELESS:
        user = names.of(uid)
    position = None
    if flags & PLACED:
        (longitude, latitude), at = take_list(data, at)
        position = longitude, latitude
    tags, at = take_tags(data, at)
    refs: tuple[int, ...] = ()
    members: tuple[Member, ...] = ()
    if flags & LISTED:
        numbers, at = take_list(data, at)
        refs = tuple(numbers)
        members, at = _take_members(data, at)
    visible = not flags & DELETED
    return Version(kind, id, version, timestamp, changeset, uid, user, visible, tags, position, refs, members)


def _put_members(out: bytearray, members: tuple[Member, ...]) -> None:
    """The refs, then runs of equal kind and role."""
    put_list(out, [member.ref for member in members])
    at = 0
    while at < len(members):
        kind, _, role = members[at]
        end = at + 1
        while end < len(members) and members[end].kind == kind and members[end].role == role:
            end += 1
        put(out, end - at)
        out.append(_NUMBERS[kind])
        put_text(out, role)
        at = end


def _take_members(data: bytes, at: int) -> tuple[tuple[Member, ...], int]:
    refs, at = take_list(data, at)
    members: list[Member] = []
    while len(members) < len(refs):
        length, at = take(data, at)
        kind = KINDS[data[at]]
        role, at = take_text(data, at + 1)
        begin = len(members)
        members += [Member(kind, ref, role) for ref in refs[begin : begin + length]]
    return tuple(members), at
