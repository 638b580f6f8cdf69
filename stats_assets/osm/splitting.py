"""Which bytes of a body the strict grammar takes, and which are left to lxml: prolog, tail, and whatever is irregular.

Here: where a child of the root begins and ends. Not here: the grammar (strict), lxml and its limits (document).
Tokens need be found only where a body is well-formed: lxml reads all that is left to it, and refuses what is not.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from stats_assets.osm.tokens import TOKEN
from stats_assets.osm.told import Grammar, Told

# An entity or a prefix that lxml may not know. It reads on, and says what else it finds in the same piece: so it must
# have all of it at once.
_COMPLAINED_OF = re.compile(
    rb"&(?!(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9A-Fa-f]+);)|</?[^\s\"'/<>:]*+:|:[^\s\"'=<>:]*+\s*+=\s*[\"']"
)

IN_A_ROW = 200
"""So many children that are not of the grammar, and all that follow are left to lxml: the body is another tool's. To
look for its children's ends would double the time.
"""


class Taken(NamedTuple):
    """Actions that the grammar took; `blank` is for lxml in their place: as many lines, and as long a last one."""

    actions: list[Told]
    blank: bytes


class Splitter:
    """Takes a body in pieces that end between two tokens. An action that a piece's end cuts waits, while it is
    of the grammar, for the next.

    limit: so many bytes it waits for at most, beside those of its first piece; then it is left to lxml. `late`: how
    many these were. grammar: None leaves all to lxml.
    """

    def __init__(self, grammar: Grammar | None, limit: int) -> None:
        self._grammar, self._limit = grammar, limit
        self._begun = False  # the root's start tag was seen
        self._depth = 0  # of what lxml is in, below the root
        self._text = False  # there is some since the root's last child
        self._kept = b""
        self._in_a_row = 0  # children that were left to lxml
        self.late = 0

    @property
    def waiting(self) -> bool:
        """Is an action being waited for? Then lxml is between two children of the root."""
        return bool(self._kept)

    def stop(self) -> None:
        """Leave all that comes to lxml."""
        self._grammar = None

    def parts(self, piece: bytes, last: bool) -> Iterator[Taken | bytes]:
        """The piece's parts in their order, with what waited for them. last: no piece will come."""
        self.late = self.late + len(piece) if self._kept else 0
        data, start, self._kept = self._kept + piece, 0, b""
        too_late = self.late > self._limit
        while start < len(data):
            if self._grammar is None:
                yield data[start:]
                return
            if start and (self.late or too_late) and not data[start:].isspace():
                self.late, too_late = 0, False
            if self._begun and not self._depth and not self._text and not too_late:
                actions, end, cut = self._grammar.take(data, start)
                if actions:
                    self._in_a_row = 0
                    yield Taken(actions, _blank(data, start, end))
                if cut and not last:
                    self._kept = data[end:]
                    self.late = 0 if end else self.late
                    return
                if end > start:
                    start = end
                    continue
            self._in_a_row += 1
            if self._in_a_row > IN_A_ROW:
                self.stop()
                continue
            end = self._walk(data, start)
            if _COMPLAINED_OF.search(data, start, end):
                self.stop()
                continue
            yield data[start:end]
            start = end

    def _walk(self, data: bytes, place: int) -> int:
        """Where the next child of the root ends, or the data."""
        while place < len(data):
            found = TOKEN.match(data, place)
            if found is None:
                self.stop()
                return len(data)
            token, place = found[0], found.end()
            if not token.startswith(b"<") or token.startswith(b"<![CDATA["):
                self._text |= not self._depth and bool(token.strip())
            elif token.startswith((b"<!", b"<?")):
                pass
            elif not self._begun:
                self._begun, self._text = True, False
                if token.endswith(b"/>"):
                    self.stop()
                return place
            elif self._step(token):
                return place
        return place

    def _step(self, tag: bytes) -> bool:
        """Go into an element or out. Whether a child of the root, or the root, has ended."""
        if tag.startswith(b"</"):
            self._depth -= 1
            if self._depth < 0:
                self.stop()
        elif not tag.endswith(b"/>"):
            self._depth += 1
        if self._depth <= 0:
            self._text = False
        return self._depth <= 0


def _blank(data: bytes, start: int, end: int) -> bytes:
    lines = data.count(b"\n", start, end)
    last = data.rfind(b"\n", start, end) + 1 if lines else start
    line = data[last:end]
    columns = len(line) if line.isascii() else len(line.decode(errors="replace"))
    return b"\n" * lines + b" " * columns
