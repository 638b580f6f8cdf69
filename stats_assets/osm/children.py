"""The children of a document's root, in their order: lxml's, those that the strict grammar took, and the envelope's.

Here: which of them are complete, what the envelope says, what is none. Not here: parsing, and what a child means.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from lxml import etree

from stats_assets.osm.flags import Flags
from stats_assets.osm.told import Child, Told
from stats_assets.osm.values import UnreadableError, moment, read_time, shortened, storable

REMARKS_LIMIT, REMARK_LENGTH = 100, 1000
# What a root may hold beside its actions or changesets, and what tells, anywhere below it, that something is lost.
_ENVELOPE = frozenset(("note", "meta", "bounds", "bound", "remark"))
_CONTENT = frozenset(
    ("action", "changeset", "create", "modify", "delete", "node", "way", "relation")  # in any letters
)
_STRAY_TEXT = etree.XPath("string(text()[normalize-space(translate(., '\ufffd', ' '))])", smart_strings=False)


class Children:
    """Yields the children of a name (`child`) as they are complete: none before another follows it, or the root's end.

    For until then an error may be in it. `number` of them were; `complete`: the root's closing tag was seen.
    """

    def __init__(self, child: str, flags: Flags) -> None:
        self._child, self._flags = child, flags
        self.number = 0
        self.complete = False
        self.osm_base: datetime | None = None
        self.remarks: list[str] = []
        self._last: Told | None = None  # that the grammar took, as long as lxml has none after it
        self._given = False  # one was, of this piece or before it
        self._may_hold_text = False  # lxml has got more than blanks of this piece

    def add(self, root: etree._Element | None, actions: list[Told]) -> Iterator[Sequence[Child]]:
        """What stands before these, which is complete, as they follow it, and these but for the last."""
        if root is not None:
            if len(root):
                yield from self.take(root, all_of_them=True)
            root.text = None  # blanks
        yield from self._release()
        self._last = actions.pop()
        if actions:
            self._given = True
            yield actions

    def end_piece(self, root: etree._Element | None, waiting: bool) -> Iterator[Sequence[Child]]:
        """A piece was read. waiting: for more of a child that lxml has nothing of, so that all others are complete."""
        if waiting:
            if root is not None and len(root):
                yield from self.take(root, all_of_them=True)
            yield from self._release()
        if self._given and self._may_hold_text and root is not None:
            self._note_text(root)
        self._given = self._may_hold_text = False

    def _release(self) -> Iterator[Sequence[Child]]:
        if self._last is not None:
            last, self._last, self._given = self._last, None, True
            yield [last]

    def take(self, root: etree._Element | None, all_of_them: bool = False) -> Iterator[Sequence[Child]]:
        """lxml's children but for the last, the envelope's among them read and left out; then they are freed.

        And before them the last that the grammar took, if lxml has one after it.
        """
        self._may_hold_text = True
        if root is None or not (len(root) or self.complete):
            return
        yield from self._release()
        count = len(root) - (not all_of_them)
        self._given |= count > 0
        if self._given or self.complete:
            self._note_text(root)
        if not count and not self.complete:
            return
        root.text = None
        batch = list(root.iterchildren(self._child))
        if batch and root.index(batch[-1]) >= count:
            batch.pop()
        if len(batch) != count:
            for element in list(root)[:count]:
                self._read_own(element)
        if batch:
            self.number += len(batch)
            yield batch
        batch.clear()
        del root[:count]

    def _note_text(self, root: etree._Element) -> None:
        text = str(_STRAY_TEXT(root))
        if text and "unreadable_text" not in self._flags.counts:
            example = f"text that belongs to nothing: {shortened(' '.join(text.split()))!r}"
            self._flags.add("unreadable_text", example)

    def _read_own(self, element: etree._Element) -> None:
        name = str(element.tag)
        if name == self._child:
            return
        if any(_local(str(inner.tag)) in _CONTENT for inner in element.iter()):
            self._flags.add(
                "unreadable_child", f"<{shortened(name)}>, which is no <{self._child}>, holds elements"
            )
        elif name == "meta" and self.osm_base is None:
            try:
                self.osm_base = moment(read_time(element.get("osm_base")))
            except UnreadableError:
                self.osm_base = None
        elif name == "remark" and len(self.remarks) < REMARKS_LIMIT:
            text = "".join(map(str, element.itertext())).strip()
            self.remarks.append(storable(text[:REMARK_LENGTH]))
        elif name not in _ENVELOPE:
            self._flags.add("unknown_child", f"<{shortened(name)}> in <osm> was not understood")


def _local(name: str) -> str:
    return name.rpartition("}")[2].lower()
