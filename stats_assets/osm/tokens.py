"""A body's bytes without what of a single token is of absurd size: a comment, a text, an attribute of a megabyte.

Here: finding where such a token ends, and what stands in its place, in UTF-8. Not here: elements of absurd size that
are many tokens (document), and what an element means.
"""

import re
from typing import NamedTuple, Protocol

LIMIT = 1 << 20  # bytes of a token or of an attribute's value that are read; OSM's values have 255 characters
OPEN_BYTES_LIMIT = 4 << 20  # of an element, and of a tag all of whose values are short
TOO_LONG = f"{OPEN_BYTES_LIMIT >> 20} MB without an end to an element were not read"
SKIP_LIMIT = 64 << 20  # of what is passed over: more is no part of an element, but damage
KEPT = 1 << 16  # of a text
_SHORT = rb"[^\s<>\"'/=]{1,1000}"
_TAG = rb"<[^!?<>\"'][^<>\"']*+(?:\"[^<\"]*+\"[^<>\"']*+|'[^<']*+'[^<>\"']*+)*+>"
_WHOLE_TAG = re.compile(_TAG)
TOKEN = re.compile(rb"[^<]++|<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|" + _TAG, re.DOTALL)
_MARKUP = ((b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>"))
_BEGIN = re.compile(rb"</?(" + _SHORT + rb")")
_ATTRIBUTE = re.compile(rb"\s*(" + _SHORT + rb")\s*=\s*(?:\"([^<\"]*+)(\")?|'([^<']*+)(')?)")
_CUT_SHORT = re.compile(rb"(?:&[^;]{0,70}|[\xc0-\xff][\x80-\xbf]{0,2})\Z")
# A tag's value and a name say nothing then; numbers, times and all else must not read as if they were not told.
_AS_IF_EMPTY = (b"v", b"user")
_LEFT_OUT = "\ufffd".encode()


class RefusedError(ValueError):
    """The document holds what is never read: a DTD, entities, or something of absurd size."""


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int) -> bytes: ...


class _Skip(NamedTuple):
    """What is passed over: until where, whether that goes too, and what stands in the place of it all."""

    until: bytes
    with_it: bool
    instead: bytes


class Tokens:
    """A source that is read through `read`. `left_out` counts the values that were; `first` says which was the first.

    In the place of what is too long: of comments and instructions nothing, of a text its beginning (so nothing that
    anybody reads is lost), of an attribute its name.
    """

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._kept = b""  # begins where a token does
        self._skip: _Skip | None = None
        self._skipped = 0
        self._as_it_is = False  # what is no XML is the parser's to refuse
        self.left_out = 0
        self.first = ""

    def read(self, size: int) -> bytes:
        """About `size` bytes, never none before the end. Raises RefusedError for what has no end."""
        while True:
            read = self._source.read(size)
            data, long = self._kept + read, self._skip is not None or len(self._kept) > LIMIT // 2
            self._kept = b""
            if self._skip is not None:
                data = self._pass_over(data, self._skip)
            if long and self._skip is None:
                data = self._shorten(data)
            if self._skip is not None:
                if not read:
                    return self._end_in(self._skip)
                self._kept = data
                continue
            if not read or self._as_it_is:
                return data
            cut = self._unfinished(data)
            data, self._kept = data[:cut], data[cut:]
            if data:
                return data

    def _unfinished(self, data: bytes) -> int:
        """Where the token begins that is still open at the end."""
        # One byte is found far faster than two.
        if (b"!" not in data or b"<!" not in data) and (b"?" not in data or b"<?" not in data):
            # Nothing but tags and texts: no tag holds a '<'.
            last = data.rfind(b"<")
            whole = _WHOLE_TAG.match(data, last) if last >= 0 else None
            return whole.end() if whole else max(last, 0)
        place = 0
        while place < len(data):
            token = TOKEN.match(data, place)
            if token is None:
                if data.find(b"<", place + 1) < 0 or _may_be_markup(data[place : place + 9]):
                    return place
                self._as_it_is = True  # a DTD, or a '<' where none may be
                return len(data)
            if token.end() == len(data) and data[place : place + 1] != b"<":
                return place
            place = token.end()
        return place

    def _pass_over(self, data: bytes, skip: _Skip) -> bytes:
        """The data from the end of what is passed over on, or its last few bytes."""
        end = data.find(skip.until)
        gone = end if end >= 0 else max(0, len(data) - len(skip.until) + 1)
        self._skipped += gone
        if self._skipped > SKIP_LIMIT:
            raise RefusedError(f"{SKIP_LIMIT >> 20} MB without an end to a part of an element were not read")
        if skip.until in (b'"', b"'") and b"<" in data[:gone]:
            raise RefusedError("'<' in an attribute's value")
        if end < 0:
            return data[gone:]
        self._skip = None
        return skip.instead + data[end + len(skip.until) * skip.with_it :]

    def _end_in(self, skip: _Skip) -> bytes:
        if skip.until != b"<":
            raise RefusedError("the document ends early")
        self._skip = None
        return skip.instead

    def _begin_to_skip(self, data: bytes, skip: _Skip) -> bytes:
        self._skip, self._skipped = skip, 0
        return self._pass_over(data, skip)

    def _shorten(self, data: bytes) -> bytes:
        """The data, of which the first token may be too long."""
        token = TOKEN.match(data)
        size = token.end() if token else len(data)
        if size <= LIMIT:
            return data
        for begin, end in _MARKUP:
            if data.startswith(begin):
                text = begin + _safe(data[len(begin) : KEPT]) + end if begin == b"<![CDATA[" else b""
                return self._begin_to_skip(data[len(begin) :], _Skip(end, True, text))
        if not data.startswith(b"<"):
            return self._begin_to_skip(data, _Skip(b"<", False, _safe(data[:KEPT])))
        return self._shorten_tag(data, size)

    def _shorten_tag(self, data: bytes, size: int) -> bytes:
        begin = _BEGIN.match(data)
        place = begin.end() if begin else 0
        parts = [data[:place]]
        while attribute := _ATTRIBUTE.match(data, place, size):
            group = 2 if attribute[2] is not None else 4
            start, place = attribute.start(group), attribute.end()
            if len(attribute[group]) <= LIMIT:
                parts.append(attribute[0])
                continue
            name, element = attribute[1][:60], begin[1][:60] if begin else b""
            self.left_out += 1
            self.first = (
                self.first or f"{name.decode(errors='replace')} of <{element.decode(errors='replace')}>"
            )
            parts += data[attribute.start() : start], b"" if name in _AS_IF_EMPTY else _LEFT_OUT
            if attribute[group + 1] is None:
                quote = data[start - 1 : start]
                return self._begin_to_skip(data[start:], _Skip(quote, False, b"".join(parts)))
            parts.append(attribute[group + 1])
        if sum(map(len, parts)) + size - place > OPEN_BYTES_LIMIT:
            raise RefusedError(TOO_LONG)
        return b"".join(parts) + data[place:]


def _may_be_markup(begin: bytes) -> bool:
    return any(begin.startswith(markup) or markup.startswith(begin) for markup, _ in _MARKUP)


def _safe(text: bytes) -> bytes:
    """The text without a character or a reference that its end cuts."""
    return _CUT_SHORT.sub(b"", text)
