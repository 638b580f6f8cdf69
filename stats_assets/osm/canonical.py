"""What a document says, hashed in one form, however a server writes it: for comparing two servers' answers.

Here: which differences say nothing. Not here: how a document is read (document.py), and what becomes of a difference.
"""

import hashlib
from collections.abc import Iterator
from typing import BinaryIO, Literal

from lxml import etree

from stats_assets.osm.document import Document

_ASIDE = {"bounds"}  # worked out from the positions
_NAMES = {"user"}  # a server names a uid by its latest edit
_DEGREES = {"lat", "lon", "min_lat", "min_lon", "max_lat", "max_lon"}
_SPACE = 1 << 256


def canonical_hash(body: BinaryIO, child: Literal["action", "changeset"]) -> str:
    """The hash of what a document (decompressed XML) says: the same for two that differ by nothing that is counted.

    Aside are the document's own words (generator, note, meta), users' names, bounds, the order of the children, of tags
    and attributes, how a position is written, and visible="true". The order of a way's nodes and a relation's members
    counts. What can't be read to its end gives the hash of what could be, and of why. Memory is bounded by the biggest
    child.
    """
    document = Document(body, child)
    number, total = 0, 0
    for batch in document.batches():
        for element in batch:
            said = repr(_form(element)).encode()  # type: ignore[arg-type]  # without a grammar all are lxml's
            total = (total + int.from_bytes(hashlib.sha256(said).digest())) % _SPACE
            number += 1
    said = repr((number, total, document.envelope.error)).encode()
    return hashlib.sha256(said).hexdigest()


def _form(element: etree._Element) -> tuple[object, ...]:
    attributes = sorted(
        (name, _degrees(str(value)) if name in _DEGREES else value)
        for name, value in element.attrib.items()
        if name not in _NAMES and (name, value) != ("visible", "true")
    )
    inside = list(_inside(element))
    tags = sorted(form for form in inside if form[0] == "tag")
    others = [form for form in inside if form[0] != "tag"]
    return element.tag, attributes, tags, others, (element.text or "").strip()


def _inside(element: etree._Element) -> Iterator[tuple[object, ...]]:
    for child in element:
        if child.tag not in _ASIDE:
            yield _form(child)


def _degrees(text: str) -> str:
    """As OSM knows them, to seven digits."""
    try:
        return f"{float(text):.7f}"
    except ValueError:
        return text
