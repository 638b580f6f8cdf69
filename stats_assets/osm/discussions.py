"""Taking out of a changeset that is still being read what is not needed of it, so that its length costs no memory.

Here: what goes, and how much may stay. Not here: what a comment says (changesets).
"""

from collections.abc import Callable
from typing import Any

from lxml import etree

_NO_TAGS: Any = etree.XPath("*[not(self::tag)]")
_TEXTS: Any = etree.XPath("tag/@*", smart_strings=False)
TAGS_LIMIT = 3 << 20  # bytes of one changeset's tags; real ones have some thousands


def thin_out(changeset: etree._Element, see: Callable[[etree._Element], None]) -> bool:
    """Take complete parts, all but the changeset's tags, out of an unfinished changeset, and its texts.

    `see` is called with each comment that goes. Returns whether something went.
    """
    gone, node, parts = False, changeset, _NO_TAGS(changeset)
    while len(node):
        # The last may be unfinished: it stays, and so does what it is in.
        last = node[-1]
        for part in parts:
            if part is not last:
                for comment in part.iter("comment"):
                    see(comment)
                node.remove(part)
                gone = True
        gone = gone or bool(last.text or last.tail)
        last.text = last.tail = None
        node, parts = last, list(last)
    return gone


def has_too_many_tags(changeset: etree._Element) -> bool:
    """Whether they would come to the size at which a document is refused."""
    texts = _TEXTS(changeset)
    return 10 * len(texts) + len("".join(texts).encode()) > TAGS_LIMIT


def empty(changeset: etree._Element) -> None:
    """Take all complete parts out of an unfinished changeset that is given up, and the last one's attributes."""
    *complete, last = changeset
    for part in complete:
        changeset.remove(part)
    last.attrib.clear()
