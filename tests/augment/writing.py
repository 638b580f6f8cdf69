"""Histories as files: a planet, and a replication directory of OsmChange as the planet server has it."""

import gzip
from collections.abc import Iterable
from pathlib import Path

from lxml import etree

from tests.augment.brute_force import Written
from tests.augment.random_worlds import PLANET, History, iso

FIRST = 7_654_998
"""The first file's number: soon its name is in another folder."""


def write_files(given: History, folder: Path) -> tuple[Path, Path]:
    """The planet, and the directory."""
    planet, feed = folder / "planet.osm.gz", folder / "osmchange"
    root = etree.Element("osm", version="0.6", timestamp=iso(PLANET))
    root.extend(_element(written) for written in given.planet)
    planet.write_bytes(gzip.compress(etree.tostring(root)))
    for number, file in enumerate(given.files, FIRST):
        digits = f"{number:09d}"
        place = feed / digits[:3] / digits[3:6]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{digits[6:]}.osc.gz").write_bytes(gzip.compress(_osmchange(file.versions)))
        time = iso(file.time).replace(":", "\\:")
        state = f"#made up\nsequenceNumber={number}\ntimestamp={time}\n"
        (place / f"{digits[6:]}.state.txt").write_text(state)
        (feed / "state.txt").write_text(state)
    return planet, feed


def _osmchange(versions: Iterable[Written]) -> bytes:
    root = etree.Element("osmChange", version="0.6")
    for written in versions:
        block = "delete" if not written.side.visible else "create" if written.side.version == 1 else "modify"
        etree.SubElement(root, block).append(_element(written))
    return etree.tostring(root)


def _element(written: Written) -> etree._Element:
    side = written.side
    told = {
        "id": written.id,
        "version": side.version,
        "timestamp": side.timestamp,
        "changeset": side.changeset,
        **({"uid": side.uid, "user": side.user} if side.uid else {}),
    }
    if side.position is not None:
        told |= {"lat": f"{side.position[0] / 10**7:.7f}", "lon": f"{side.position[1] / 10**7:.7f}"}
    element = etree.Element(written.kind, {name: str(value) for name, value in told.items()})
    for node, _ in side.nodes:
        etree.SubElement(element, "nd", ref=str(node))
    for member in side.members:
        etree.SubElement(element, "member", type=member.kind, ref=str(member.ref), role=member.role)
    for key, value in side.tags:
        etree.SubElement(element, "tag", k=key, v=value)
    return element
