"""What an OSM element in a parsed tree holds: tags, node references, positions, members.

Here: getting them out with as few steps in Python as possible. Not here: what they mean.
"""

from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from lxml import etree

from stats_assets.osm.positions import as_floats

Degrees: TypeAlias = "Sequence[str | None] | array[float]"


def _xpath(path: str) -> Any:
    # One call of a compiled path costs about as much as three steps over children in Python.
    return etree.XPath(path, smart_strings=False)


_KEYS, _VALUES = _xpath("tag/@k"), _xpath("tag/@v")
_BAD_TAG = _xpath("boolean(tag[not(@k and @v)])")
_LATITUDES, _LONGITUDES = _xpath("nd/@lat"), _xpath("nd/@lon")
_GAP = _xpath("boolean(nd[not(@lat and @lon)])")
_REFERENCES = _xpath("nd/@ref")


class Member(NamedTuple):
    """A relation's member as far as it has positions: `nd`s of a way, the one of a node, none of a relation."""

    kind: str
    role: str
    latitudes: Degrees
    longitudes: Degrees


def read_tags(element: etree._Element) -> dict[str, str]:
    """The element's tags; a `<tag>` without key or value says nothing."""
    keys = _KEYS(element)
    if not keys:
        return {}
    if _BAD_TAG(element):
        tags = ((tag.get("k"), tag.get("v")) for tag in element.iterchildren("tag"))
        return {key: value for key, value in tags if key is not None and value is not None}
    return dict(zip(keys, _VALUES(element), strict=True))


def read_positions(element: etree._Element) -> tuple[Degrees, Degrees]:
    """Latitudes and longitudes of the `<nd>` children, as text; None where one is missing."""
    if _GAP(element):
        nodes = list(element.iterchildren("nd"))
        return [nd.get("lat") for nd in nodes], [nd.get("lon") for nd in nodes]
    return _LATITUDES(element), _LONGITUDES(element)


def read_references(element: etree._Element) -> list[str]:
    """The ids of a way's nodes, as text."""
    references: list[str] = _REFERENCES(element)
    return references


def read_member(member: etree._Element) -> Member:
    kind, role = member.get("type", ""), member.get("role", "")
    if kind == "node":
        return Member(kind, role, [member.get("lat")], [member.get("lon")])
    return Member(kind, role, *read_positions(member))


def read_members(relation: etree._Element) -> list[Member]:
    return [read_member(member) for member in relation.iterchildren("member")]


def packed(member: Member) -> Member:
    """The same member in 16 bytes a position."""
    return member._replace(latitudes=as_floats(member.latitudes), longitudes=as_floats(member.longitudes))
