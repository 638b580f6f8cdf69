"""Augmented diffs as what they say, for comparing: the order of tags, and names of users, aside."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from lxml import etree

from tests.augment.reading_xml import attributes_of, root_of, tags_of
from tests.conftest import DATA

JUDGE = DATA / "augment"
INCONSISTENT = (2360041, 2360042, 2360043, 2360044)


class Told(NamedTuple):
    """One element in a document."""

    kind: str
    attributes: frozenset[tuple[str, str]]
    tags: frozenset[tuple[str, str]]
    inside: tuple[object, ...]


class Act(NamedTuple):
    change: str
    old: Told | None
    new: Told


def actions_of(document: Path) -> Counter[Act]:
    """Each action of a document: its kind, before, after."""
    return Counter(_act(action) for action in root_of(document).iter("action"))


def _act(action: etree._Element) -> Act:
    old, new = action.find("old"), action.find("new")
    return Act(
        attributes_of(action)["type"],
        None if old is None else _told(old[0]),
        _told(action[0] if new is None else new[0]),
    )


def _told(element: etree._Element) -> Told:
    attributes = attributes_of(element)
    attributes.pop("user", None)
    return Told(
        str(element.tag),
        frozenset(attributes.items()),
        frozenset(tags_of(element)),
        tuple(_inside(child) for child in element if child.tag != "tag"),
    )


def _inside(element: etree._Element) -> object:
    return element.tag, tuple(sorted(element.items())), tuple(map(_inside, element))
