"""Small OSM files (planet, history, OsmChange) as versions, by lxml. The program's own reader is augment/reading.py."""

import gzip
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import cast

from lxml import etree

from stats_assets.augment.versions import KINDS, Kind, Member, Position, Version


def root_of(path: Path) -> etree._Element:
    content = path.read_bytes()
    return etree.fromstring(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)


def read_versions(path: Path) -> Iterator[Version]:
    """The file's versions, in its order."""
    for block in root_of(path):
        if block.tag in KINDS:
            yield version_of(block)
        else:
            yield from (version_of(element, visible=block.tag != "delete") for element in block)


def version_of(element: etree._Element, *, visible: bool = True) -> Version:
    kind = cast(Kind, element.tag)
    given = attributes_of(element)
    return Version(
        kind,
        int(given["id"]),
        int(given["version"]),
        seconds(given["timestamp"]),
        int(given.get("changeset", "0")),
        int(given.get("uid", "0")),
        given.get("user"),
        visible and given.get("visible") != "false",
        tags_of(element),
        (units(given["lon"]), units(given["lat"])) if "lat" in given else None,
        tuple(int(attributes_of(nd)["ref"]) for nd in element.iter("nd")) if kind == "way" else (),
        tuple(_member_of(attributes_of(each)) for each in element.iter("member")),
    )


def attributes_of(element: etree._Element) -> dict[str, str]:
    return {str(name): str(value) for name, value in element.attrib.items()}


def tags_of(element: etree._Element) -> tuple[tuple[str, str], ...]:
    given = (attributes_of(tag) for tag in element.iter("tag"))
    return tuple((tag["k"], tag["v"]) for tag in given)


def _member_of(given: dict[str, str]) -> Member:
    return Member(cast(Kind, given["type"]), int(given["ref"]), given["role"])


def units(degrees: str) -> int:
    return round(float(degrees) * 10_000_000)


def position(lon: float, lat: float) -> Position:
    return units(str(lon)), units(str(lat))


def seconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp())
