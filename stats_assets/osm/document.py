"""Reading an OSM XML document as a stream: batches of the root's children, and what the document says of itself.

Here: the XML parser's settings, its limits, memory, and the envelope. Not here: what an action or a changeset means.
"""

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, BinaryIO, NamedTuple, TypeAlias

from lxml import etree

from stats_assets.osm.characters import Characters
from stats_assets.osm.flags import Flags
from stats_assets.osm.splitting import Splitter, Taken
from stats_assets.osm.tokens import LIMIT, OPEN_BYTES_LIMIT, TOO_LONG, RefusedError, Tokens
from stats_assets.osm.told import Child, Grammar, Told
from stats_assets.osm.values import UnreadableError, moment, read_time, shortened, storable

CHUNK = CHUNK_LIMIT = 1 << 16
# An element that stays open is thinned out (see `Document.batches`) from this on; where nothing can be, the document is
# refused at OPEN_BYTES_LIMIT:
# nothing in OSM comes near, and a tree takes up to 30 times its text's size.
THIN_OUT_BYTES = 1 << 20
PROLOG_LIMIT = 1 << 20
REMARKS_LIMIT, REMARK_LENGTH = 100, 1000
# What a root may hold beside its actions or changesets, and what tells, anywhere below it, that something is lost.
_ENVELOPE = frozenset(("note", "meta", "bounds", "bound", "remark"))
_CONTENT = frozenset(
    ("action", "changeset", "create", "modify", "delete", "node", "way", "relation")  # in any letters
)
_STRAY_TEXT = etree.XPath("string(text()[normalize-space(translate(., '\ufffd', ' '))])", smart_strings=False)


def _parser(events: Any, tag: str | None) -> Any:
    return etree.XMLPullParser(
        events=events,
        tag=tag,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        remove_blank_text=True,
        # Never collect_ids=False, which lxml 6.1 turns into loading the external DTD, whatever load_dtd says.
    )


Work: TypeAlias = Callable[[etree._Element], bool]


class Envelope(NamedTuple):
    """What a document says of itself, its actions or changesets aside."""

    root: str | None
    """The root element's name; None: not XML, or empty."""
    osm_base: datetime | None
    remarks: tuple[str, ...]
    complete: bool
    """The root's closing tag was seen."""
    error: str | None
    """The XML parser's complaint, or why the rest was not read."""


class Document:
    """One pass over a body of decompressed OSM XML. Memory is bounded by the biggest element, not by the body.

    `envelope`, `bytes`, `content_hash` and `flags` are final when `batches` has ended. The hash covers the bytes from
    the first `<child` on, so that it does not depend on the envelope. Of `flags`, here: `character_replaced`;
    `value_left_out`; `unknown_child` of the root; `unreadable_child`, one that holds elements; `unreadable_text`
    between the children.
    """

    def __init__(self, body: BinaryIO, child: str, grammar: Grammar | None = None) -> None:
        self._characters = Characters(body)
        self._body = Tokens(self._characters)
        self._child = child
        self._grammar = grammar
        # The last that the grammar took: as long as lxml has none after it, an error may be in it.
        self._last: Told | None = None
        self._given = False  # a child was, of this piece or before it
        self._mark = b"<" + child.encode()
        self.flags = Flags()
        self.bytes = 0
        self.complete = False
        self._root: str | None = None
        self._osm_base: datetime | None = None
        self._remarks: list[str] = []
        self._error: str | None = None
        self._whole, self._content = hashlib.sha256(), hashlib.sha256()
        self._seen_child = False
        self._children = 0
        self._last_bytes = b""

    @property
    def envelope(self) -> Envelope:
        return Envelope(self._root, self._osm_base, tuple(self._remarks), self.complete, self._error)

    @property
    def content_hash(self) -> str:
        # An encoding in which the mark isn't found hashes the whole.
        found = self._seen_child or not self._children
        return (self._content if found else self._whole).hexdigest()

    def batches(self, thin_out: Work | None = None, give_up: Work | None = None) -> Iterator[list[Child]]:
        """Yield lists of complete `child` elements of the root; they are freed when the next list is asked for.

        `thin_out` is called with a child that is still open after a megabyte; it may take complete parts out of
        the tree, and says whether it did; so does `give_up` before the document is refused for its size. Never raises
        for what the document holds.
        """
        try:
            yield from self._batches(thin_out, give_up)
        except etree.XMLSyntaxError as error:
            self._error = storable(error.msg or "not XML")
        except RefusedError as refusal:
            self._error = str(refusal)
        except UnicodeDecodeError as error:
            self._error = f"bytes that are no {error.encoding}: {error.reason}"
        if number := self._characters.replaced:
            example = f"what is no character in XML, {self._characters.first} for one, is U+FFFD now"
            self.flags.add("character_replaced", example, number)
        if number := self._body.left_out:
            example = f"a value of more than {LIMIT >> 20} MB, {self._body.first} for one, was left out"
            self.flags.add("value_left_out", example, number)

    def _batches(self, thin_out: Work | None, give_up: Work | None) -> Iterator[list[Child]]:
        held = self._read_head()
        if self._root is None:
            return
        # The start of the root is the only event: one more kind, or an unfiltered one, costs a fifth of the speed.
        parser = _parser(("start",), "osm")
        events = parser.read_events()
        splitter = Splitter(self._grammar if self._characters.known else None, THIN_OUT_BYTES)
        root: etree._Element | None = None
        opened, still_open, at_end, asked = None, 0, False, False
        refusal: Exception | None = None
        try:
            while True:
                # A token that is cut by the chunk's end waits for the next: so a body that ends leaves the parser
                # between two tokens, where it can be asked which element is open.
                cut = held.rfind(b">") + 1
                if not cut and (len(held) >= CHUNK_LIMIT or (at_end and b"<" not in held)):
                    cut = len(held)
                for part in splitter.parts(held[:cut] if refusal is None else b"", at_end):
                    if isinstance(part, Taken):
                        yield from self._add(root, part.actions)
                        parser.feed(part.blank)
                        continue
                    try:
                        parser.feed(part)
                    finally:
                        for _, element in events:
                            if root is None and not _is_plain(element):
                                splitter.stop()
                            root = element if root is None else root
                    if root is not None:
                        yield from self._take(root, len(root) - 1)
                    # Some errors (an undefined entity, an unknown prefix) lxml only logs, and then begins anew, or says
                    # nothing of the next ones.
                    if complaint := _complaint(parser.feed_error_log.filter_from_errors()):
                        refusal = refusal or RefusedError(complaint)
                        splitter.stop()
                held = held[cut:]
                if splitter.waiting and root is not None:
                    yield from self._take(root, len(root))
                    yield from self._release()
                if root is not None and self._given:
                    self._note_text(root)
                    self._given = False
                last = root[-1] if root is not None and len(root) else None
                if splitter.waiting or last is None:
                    opened, still_open = None, 0
                else:
                    still_open = still_open + cut if last is opened else splitter.late
                    opened = last
                    if still_open > THIN_OUT_BYTES and thin_out and thin_out(last):
                        still_open = 0
                    if still_open > OPEN_BYTES_LIMIT:
                        if not (give_up and give_up(last)):
                            raise RefusedError(TOO_LONG)
                        still_open = 0
                if refusal is not None:
                    raise refusal
                if at_end:
                    break
                try:
                    chunk = self._read()
                except (RefusedError, UnicodeDecodeError) as error:
                    chunk, refusal = b"", error
                held += chunk
                at_end = not chunk
            asked = True
            parser.feed(b"<end/>")
        except etree.XMLSyntaxError as error:
            # Content after the root: so the root has ended. Any other error may be in the last element: what
            # stands before that is complete.
            codes = {entry.type for entry in parser.feed_error_log.filter_from_errors()} | {
                getattr(error, "code", None)
            }
            self.complete = codes == {etree.ErrorTypes.ERR_DOCUMENT_END}
            if root is not None:
                yield from self._take(root, len(root) if self.complete else len(root) - 1)
                if self._given:
                    self._note_text(root)
            if not (self.complete and asked):
                raise
            if held:
                self._error = "there is something after the root's end"
        else:
            if root is not None and len(root) and root[-1].tag == "end":
                yield from self._take(root, len(root) - 1)
            raise RefusedError(_complaint(parser.feed_error_log) or "the document ends early")

    def _add(self, root: etree._Element, actions: list[Told]) -> Iterator[list[Child]]:
        """What stands before these, which is complete, as they follow it, and these but for the last."""
        if len(root):
            yield from self._take(root, len(root))
        root.text = None  # blanks
        yield from self._release()
        self._last = actions.pop()
        if actions:
            self._given = True
            yield actions

    def _release(self) -> Iterator[list[Child]]:
        """The last that the grammar took, as something follows it."""
        if self._last is not None:
            last, self._last, self._given = self._last, None, True
            yield [last]

    def _take(self, root: etree._Element, count: int) -> Iterator[list[Child]]:
        """The first `count` children, the envelope's among them read and left out; then they are freed."""
        if len(root) or self.complete:
            yield from self._release()
        self._given |= count > 0
        if self._given or self.complete:
            self._note_text(root)
        if count < 1 and not self.complete:
            return
        root.text = None
        batch = list(root.iterchildren(self._child))
        if batch and root.index(batch[-1]) >= count:
            batch.pop()
        if len(batch) != count:
            for element in list(root)[:count]:
                self._read_own(element)
        if batch:
            self._children += len(batch)
            yield batch
        batch.clear()
        del root[:count]

    def _note_text(self, root: etree._Element) -> None:
        text = str(_STRAY_TEXT(root))
        if text and "unreadable_text" not in self.flags.counts:
            example = f"text that belongs to nothing: {shortened(' '.join(text.split()))!r}"
            self.flags.add("unreadable_text", example)

    def _read_own(self, element: etree._Element) -> None:
        name = str(element.tag)
        if name == self._child:
            return
        if any(_local(str(inner.tag)) in _CONTENT for inner in element.iter()):
            self.flags.add(
                "unreadable_child", f"<{shortened(name)}>, which is no <{self._child}>, holds elements"
            )
        elif name == "meta" and self._osm_base is None:
            try:
                self._osm_base = moment(read_time(element.get("osm_base")))
            except UnreadableError:
                self._osm_base = None
        elif name == "remark" and len(self._remarks) < REMARKS_LIMIT:
            text = "".join(map(str, element.itertext())).strip()
            self._remarks.append(storable(text[:REMARK_LENGTH]))
        elif name not in _ENVELOPE:
            self.flags.add("unknown_child", f"<{shortened(name)}> in <osm> was not understood")

    def _read_head(self) -> bytes:
        """Read as far as the root's start tag; sets its name. Returns what was read."""
        probe = _parser(("start",), None)
        head = b""
        while chunk := self._read():
            head += chunk
            error: etree.XMLSyntaxError | None = None
            try:
                probe.feed(chunk)
            except etree.XMLSyntaxError as caught:
                error = caught
            for _, element in probe.read_events():
                self._root = storable(element.tag.rpartition("}")[2])
                if element.getroottree().docinfo.internalDTD is not None:
                    raise RefusedError("the document has a DTD, which is never read")
                if element.tag != "osm":
                    raise RefusedError(f"the root element is <{self._root}>, not OSM's <osm>")
                return head
            if error is not None:
                raise error
            if len(head) > PROLOG_LIMIT:
                raise RefusedError(f"no root element in the first {PROLOG_LIMIT >> 20} MB")
        if not head:
            self._error = "the body is empty"
            return head
        probe.close()
        raise RefusedError("no root element")

    def _read(self) -> bytes:
        chunk = self._body.read(CHUNK)
        self.bytes = self._characters.bytes_read
        if self._seen_child:
            self._content.update(chunk)
            return chunk
        window = self._last_bytes + chunk
        found = window.find(self._mark)
        if found >= 0:
            self._seen_child = True
            self._content.update(window[found:])
        else:
            self._whole.update(chunk)
            self._last_bytes = window[-len(self._mark) :]
        return chunk


def _is_plain(root: etree._Element) -> bool:
    """May the grammar read below it: no namespaces, and the bytes are the text in UTF-8."""
    return not root.nsmap and root.getroottree().docinfo.encoding in (None, "UTF-8", "utf-8", "UTF8", "utf8")


def _complaint(log: Any) -> str | None:
    return next((storable(str(entry.message)) for entry in log), None)


def _local(name: str) -> str:
    return name.rpartition("}")[2].lower()
