"""Small OSM files as versions, by lxml: a planet, a history, OsmChange. The program's own reader is augment/reading.py."""

import gzip
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from lxml import etree

from stats_assets.augment.versions import KINDS, Kind, Member, Position, Version


def read_versions(path: Path) -> Iterator[Version]:
    """The file's versions, in its order."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    root = etree.parse(gzip.open(path) if packed else path.open("rb")).getroot()
    for block in root:
        if block.tag in KINDS:
            yield version_of(block)
        else:
            for element in block:
                yield version_of(element, visible=block.tag != "delete")


def version_of(element: etree._Element, *, visible: bool = True) -> Version:
    kind: Kind = element.tag  # type: ignore[assignment]
    return Version(
        kind,
        *(int(element.attrib[name]) for name in ("id", "version")),
        seconds(element.attrib["timestamp"]),
        *(int(element.get(name, "0")) for name in ("changeset", "uid")),
        element.get("user"),
        visible=visible and element.get("visible") != "false",
        tags=tuple((tag.attrib["k"], tag.attrib["v"]) for tag in element.iter("tag")),
        position=position_of(element),
        refs=tuple(int(nd.attrib["ref"]) for nd in element.iter("nd")) if kind == "way" else (),
        members=tuple(
            Member(each.attrib["type"], int(each.attrib["ref"]), each.attrib["role"])  # type: ignore[arg-type]
            for each in element.iter("member")
        ),
    )


def position_of(element: etree._Element) -> Position | None:
    if "lat" not in element.attrib:
        return None
    return units(element.attrib["lon"]), units(element.attrib["lat"])


def units(degrees: str) -> int:
    return round(float(degrees) * 10_000_000)


def seconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp())
