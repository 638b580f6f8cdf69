"""Versions out of OSM XML: OsmChange's three blocks, or a planet's root. By lxml, an element at a time.

Here: elements and attributes. Characters that XML forbids are mended by osm/characters.py; files and their compression
are reading.py's.
"""

from collections.abc import Iterator
from typing import Any, BinaryIO

from lxml import etree

from stats_assets.augment.head import (
    ID_MAX,
    LATITUDE_MAX,
    LONGITUDE_MAX,
    UID_MAX,
    VERSION_MAX,
    degrees,
    number,
    seconds,
)
from stats_assets.augment.unreadable import Unreadable
from stats_assets.augment.versions import KINDS, Kind, Member, Version
from stats_assets.osm.characters import Characters

OSM, OSMCHANGE = "osm", "osmChange"
BLOCKS = ("create", "modify", "delete")
ELEMENT_BYTES_MAX = 1 << 26
"""Nothing in OSM comes near: a relation of 32,000 members has 2 MB."""
_TRUTH = {None: True, "true": True, "false": False}
_MEMBERS: dict[str | None, Kind] = {kind: kind for kind in KINDS}


class _Source:
    """What lxml reads from; it refuses an element, or something between them, that has no end."""

    def __init__(self, body: BinaryIO, name: str) -> None:
        self._characters, self._name = Characters(body), name
        self.since = 0

    def read(self, size: int) -> bytes:
        if self.since > ELEMENT_BYTES_MAX:
            raise Unreadable(self._name, f"has {self.since >> 20} MB without an element's end")
        chunk = self._characters.read(size)
        self.since += len(chunk)
        return chunk


def xml_versions(body: BinaryIO, name: str, root: str) -> Iterator[Version]:
    """Of a document with this root, in its order. Raises Unreadable."""
    source = _Source(body, name)
    events = _parsed(source, ("end",), KINDS)
    tree = None
    try:
        for _, element in events:
            source.since = 0
            if tree is None:
                tree = element.getroottree().getroot()
                _judge_root(tree, name, root)
            parent = element.getparent()
            if parent is not tree:
                if root == OSM or parent.getparent() is not tree or parent.tag not in BLOCKS:
                    raise Unreadable(
                        name, f"has a {element.tag} in a place where none belongs, in <{parent.tag}>"
                    )
            elif root == OSMCHANGE:
                raise Unreadable(name, f"has a {element.tag} in no block of create, modify or delete")
            yield _version(element, name, deleted=parent.tag == "delete")
            element.clear(keep_tail=False)
            _forget_before(element)
            if parent is not tree:
                _forget_before(parent)
        _judge_root(events.root, name, root)
    except etree.XMLSyntaxError as error:
        raise Unreadable(name, f"is no whole XML document: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise Unreadable(name, f"has bytes that are no {error.encoding}") from error
    if complaints := events.error_log.filter_from_errors():
        raise Unreadable(name, f"is no whole XML document: {complaints[0].message}")


def xml_time(body: BinaryIO, name: str) -> int | None:
    """The `timestamp` of a planet's root. Raises Unreadable."""
    try:
        for _, element in _parsed(_Source(body, name), ("start",), None):
            _judge_root(element, name, OSM)
            told = element.get("timestamp")
            return seconds(told) if told else None
    except etree.XMLSyntaxError as error:
        raise Unreadable(name, f"is no XML document: {error.msg}") from error
    except ValueError as error:
        raise Unreadable(name, f"can't be read: {error} of its root") from error
    return None


def _parsed(source: _Source, events: tuple[str, ...], tag: tuple[str, ...] | None) -> Any:
    return etree.iterparse(
        source, events=events, tag=tag, resolve_entities=False, no_network=True, load_dtd=False,
        dtd_validation=False, attribute_defaults=False, huge_tree=False, remove_comments=True, remove_pis=True,
        remove_blank_text=True,
    )  # fmt: skip


def _judge_root(element: Any, name: str, root: str) -> None:
    if element is None or element.tag != root:
        raise Unreadable(name, f"has the root <{element.tag if element is not None else ''}>, not <{root}>")
    if element.getroottree().docinfo.internalDTD is not None:
        raise Unreadable(name, "has a DTD, which OSM's files have not")


def _forget_before(element: Any) -> None:
    parent = element.getparent()
    while (before := element.getprevious()) is not None:
        parent.remove(before)


def _version(element: Any, name: str, *, deleted: bool) -> Version:
    kind, get = element.tag, element.get
    try:
        visible = not deleted and _TRUTH[get("visible")]
        tags, refs, members = _children(element)
        placed = kind == "node" and (visible or get("lat") is not None)
        return Version(
            kind,
            number(get("id"), "id"),
            number(get("version"), "version", VERSION_MAX),
            seconds(get("timestamp")),
            _or_nobody(get("changeset"), "changeset", ID_MAX),
            _or_nobody(get("uid"), "uid", UID_MAX),
            get("user") or None,
            visible,
            tags,
            (degrees(get("lon"), "lon", LONGITUDE_MAX), degrees(get("lat"), "lat", LATITUDE_MAX))
            if placed
            else None,
            refs,
            members,
        )
    except (ValueError, KeyError) as error:
        said = f"visible={error}" if isinstance(error, KeyError) else error
        raise Unreadable(
            name, f"has a {kind} {(get('id') or '?')[:40]} that can't be read: {said}"
        ) from error


def _or_nobody(text: str | None, what: str, most: int) -> int:
    """0 where there is none; so -1, which old files have."""
    return number(text, what, most) if text and text != "-1" else 0


def _children(element: Any) -> tuple[tuple[tuple[str, str], ...], tuple[int, ...], tuple[Member, ...]]:
    tags, refs, members = [], [], []
    for child in element:
        get = child.get
        match child.tag:
            case "tag":
                tags.append((get("k", ""), get("v", "")))
            case "nd":
                refs.append(number(get("ref"), "ref"))
            case "member":
                kind = _MEMBERS.get(get("type"))
                if kind is None:
                    raise ValueError(f"the member's type {get('type')!r}")
                members.append(Member(kind, number(get("ref"), "ref"), get("role", "")))
    return tuple(tags), tuple(refs), tuple(members)
