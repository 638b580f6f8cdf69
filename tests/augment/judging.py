"""Augmented diffs as what they say, for comparing: the order of tags, and names of users, aside."""

import gzip
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from lxml import etree

from tests.conftest import DATA

JUDGE = DATA / "augment"
INCONSISTENT = (2360041, 2360042, 2360043, 2360044)


class Told(NamedTuple):
    """One element in a document."""

    kind: str
    attributes: tuple[tuple[str, str], ...]
    tags: frozenset[tuple[str, str]]
    inside: tuple[str, ...]


def actions_of(path: Path) -> Counter[tuple[str, Told | None, Told]]:
    """Each action of a document: its kind, before, after."""
    found: Counter[tuple[str, Told | None, Told]] = Counter()
    for action in etree.parse(gzip.open(path)).getroot().iter("action"):
        old, new = action.find("old"), action.find("new")
        before = _told(old[0]) if old is not None else None
        found[action.attrib["type"], before, _told(action[0] if new is None else new[0])] += 1
    return found


def _told(element: etree._Element) -> Told:
    return Told(
        str(element.tag),
        tuple(sorted((name, value) for name, value in element.attrib.items() if name != "user")),  # type: ignore[misc]
        frozenset((tag.attrib["k"], tag.attrib["v"]) for tag in element.iter("tag")),  # type: ignore[misc]
        tuple(
            etree.tostring(child, method="c14n", with_tail=False).decode()
            for child in element
            if child.tag != "tag"
        ),
    )
