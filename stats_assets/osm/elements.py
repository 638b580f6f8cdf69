"""What an OSM element in lxml's tree holds: tags, node references, positions, members.

Here: getting them out with as few steps in Python as possible. Not here: what they mean.
"""

from collections.abc import Iterator
from typing import Any

from lxml import etree

from stats_assets.osm.positions import Degrees, as_floats
from stats_assets.osm.told import Member, Way


def _xpath(path: str) -> Any:
    # One call of a compiled path costs about as much as three steps over children in Python.
    return etree.XPath(path, smart_strings=False)


_KEYS, _VALUES = _xpath("tag/@k"), _xpath("tag/@v")
_LATITUDES, _LONGITUDES = _xpath("nd/@lat"), _xpath("nd/@lon")
_REFERENCES = _xpath("nd/@ref")
_WITH_GAPS = _xpath("boolean(nd[not(@lat and @lon)])")


def read_tags(element: etree._Element) -> dict[str, str]:
    """The element's tags; a `<tag>` without key or value says nothing."""
    keys = _KEYS(element)
    if len(keys) == len(element):
        values = _VALUES(element)
        if len(values) == len(keys):
            return dict(zip(keys, values, strict=True))
    tags = ((tag.get("k"), tag.get("v")) for tag in element.iterchildren("tag"))
    return {key: value for key, value in tags if key is not None and value is not None} if keys else {}


def read_way(element: etree._Element) -> Way:
    """The way that the element says, with gaps where a position is missing."""
    keys, values = _KEYS(element), _VALUES(element)
    latitudes, longitudes = _LATITUDES(element), _LONGITUDES(element)
    children = len(element)
    if children and element[0].tag == "bounds":
        children -= 1
    # Every child is a tag with a key or a nd with a latitude; as many values and longitudes leave no gap.
    if (
        len(keys) + len(latitudes) == children
        and len(values) == len(keys)
        and len(longitudes) == len(latitudes)
    ):
        return latitudes, longitudes, dict(zip(keys, values, strict=True))
    return *_read_positions(element), read_tags(element)


def read_references(way: etree._Element) -> list[str]:
    """The ids of a way's nodes, as text."""
    references: list[str] = _REFERENCES(way)
    return references


def read_position(node: etree._Element) -> tuple[Degrees, Degrees]:
    """The node's latitude and longitude."""
    return (node.get("lat"),), (node.get("lon"),)


def read_members(relation: etree._Element) -> Iterator[Member]:
    """The relation's members."""
    return map(read_member, relation.iterchildren("member"))


def read_member(member: etree._Element) -> Member:
    """The member of a relation that the element says."""
    kind, role = member.get("type", ""), member.get("role", "")
    if kind == "node":
        return kind, role, [member.get("lat")], [member.get("lon")]
    return kind, role, *_read_positions(member)


def _read_positions(element: etree._Element) -> tuple[Degrees, Degrees]:
    if _WITH_GAPS(element):
        nodes = list(element.iterchildren("nd"))
        return [nd.get("lat") for nd in nodes], [nd.get("lon") for nd in nodes]
    return _LATITUDES(element), _LONGITUDES(element)


def packed(member: Member) -> Member:
    """The same member in 16 bytes a position."""
    kind, role, latitudes, longitudes = member
    return kind, role, as_floats(latitudes), as_floats(longitudes)
