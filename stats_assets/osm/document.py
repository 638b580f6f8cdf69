"""Reading an OSM XML document as a stream: batches of the root's children, and what the document says of itself.

Here: the XML parser's settings, its limits, memory, and the envelope. Not here: what an action or a changeset means.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import BinaryIO, NamedTuple, TypeAlias

from lxml import etree

from stats_assets.osm.characters import Characters
from stats_assets.osm.children import Children
from stats_assets.osm.feeding import Feeding, new_parser
from stats_assets.osm.flags import Flags
from stats_assets.osm.splitting import Splitter, Taken
from stats_assets.osm.tokens import LIMIT, OPEN_BYTES_LIMIT, TOO_LONG, RefusedError, Tokens
from stats_assets.osm.told import Child, Grammar
from stats_assets.osm.values import storable

CHUNK = CHUNK_LIMIT = 1 << 16
# An element that stays open is thinned out (see `Document.batches`) from this on; where nothing can be, the document is
# refused at OPEN_BYTES_LIMIT:
# nothing in OSM comes near, and a tree takes up to 30 times its text's size.
THIN_OUT_BYTES = 1 << 20
PROLOG_LIMIT = 1 << 20


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


class _Length:
    """How long the last child is, piece by piece, as long as none follows it; what is too long is thinned out."""

    def __init__(self, thin_out: Work | None, give_up: Work | None) -> None:
        self._thin_out, self._give_up = thin_out, give_up
        self._last: etree._Element | None = None
        self._bytes = 0

    def see(self, last: etree._Element | None, size: int, late: int) -> None:
        """A piece of this size was read. late: what is known of a new last one. Raises RefusedError."""
        self._bytes = self._bytes + size if last is self._last else late
        self._last = last
        if last is None:
            return
        if self._bytes > THIN_OUT_BYTES and self._thin_out and self._thin_out(last):
            self._bytes = 0
        if self._bytes > OPEN_BYTES_LIMIT:
            if not (self._give_up and self._give_up(last)):
                raise RefusedError(TOO_LONG)
            self._bytes = 0


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
        self._grammar = grammar
        self._mark = b"<" + child.encode()
        self.flags = Flags()
        self._children = Children(child, self.flags)
        self.bytes = 0
        self._root: str | None = None
        self._error: str | None = None
        self._whole, self._content = hashlib.sha256(), hashlib.sha256()
        self._seen_child = False
        self._last_bytes = b""

    @property
    def envelope(self) -> Envelope:
        return Envelope(
            self._root,
            self._children.osm_base,
            tuple(self._children.remarks),
            self._children.complete,
            self._error,
        )

    @property
    def content_hash(self) -> str:
        # An encoding in which the mark isn't found hashes the whole.
        found = self._seen_child or not self._children.number
        return (self._content if found else self._whole).hexdigest()

    def batches(self, thin_out: Work | None = None, give_up: Work | None = None) -> Iterator[Sequence[Child]]:
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

    def _batches(self, thin_out: Work | None, give_up: Work | None) -> Iterator[Sequence[Child]]:
        held = self._read_head()
        if self._root is None:
            return
        splitter = Splitter(self._grammar if self._characters.known else None, THIN_OUT_BYTES)
        feeding, children, length = Feeding(splitter), self._children, _Length(thin_out, give_up)
        at_end, asked = False, False
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
                        yield from children.add(feeding.root, part.actions)
                        feeding.feed(part.blank)
                    else:
                        complaint = feeding.feed(part)
                        refusal = refusal or complaint
                        yield from children.take(feeding.root)
                held = held[cut:]
                yield from children.end_piece(feeding.root, splitter.waiting)
                length.see(None if splitter.waiting else feeding.last, cut, splitter.late)
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
            feeding.feed(b"<end/>")
        except etree.XMLSyntaxError as error:
            # Content after the root: so the root has ended. Any other error may be in the last element: what
            # stands before that is complete.
            codes = feeding.error_types | {getattr(error, "code", None)}
            children.complete = codes == {etree.ErrorTypes.ERR_DOCUMENT_END}
            yield from children.take(feeding.root, all_of_them=children.complete)
            yield from children.end_piece(feeding.root, waiting=False)
            if not (children.complete and asked):
                raise
            if held:
                self._error = "there is something after the root's end"
        else:
            if feeding.last is not None and feeding.last.tag == "end":
                yield from children.take(feeding.root)
            raise RefusedError(feeding.complaint or "the document ends early")

    def _read_head(self) -> bytes:
        """Read as far as the root's start tag; sets its name. Returns what was read."""
        probe = new_parser(("start",), None)
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
