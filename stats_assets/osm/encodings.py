"""A body's bytes as UTF-8, whatever encoding it has or declares.

Here: finding the encoding (a byte order mark, zero bytes, the XML declaration), and recoding; what is not so encoded
becomes a surrogate, which is no character. Not here: which characters may stand in XML, and what becomes of others
(characters).
"""

import codecs
import re
from typing import BinaryIO

_HEAD = 1024
_WIDE = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_DECLARATION = r"<\?xml[^>]*?\sencoding\s*=\s*[\"']([A-Za-z0-9._-]+)"
_IN_TEXT = re.compile(_DECLARATION)
_IN_BYTES = re.compile(rb"(?:\xef\xbb\xbf)?" + _DECLARATION.encode())
# Those in which ASCII is ASCII. Of any other the parser decides.
_NARROW = re.compile(
    r"(us-)?ascii|iso[-_]?8859[-_]\d+|latin-?1|windows-\d+|cp125\d|koi8-[ru]|macintosh"
    r"|shift[-_]jis|euc-(jp|kr)|gb2312|gbk|gb18030|big5"
)
BYTES = range(0xDC80, 0xDD00)
"""The surrogates that stand for the bytes 80 to FF where those are not so encoded; as in Python's surrogateescape."""
_PASSED = "stats_assets.passed"


class Utf8:
    """A body that is read through `read`. `bytes` were read of it.

    `known`: it is UTF-8 now; else the parser gets it as it is. A surrogate that stands alone, and a byte that is not so
    encoded, which becomes one, are passed on as if they were characters.
    """

    def __init__(self, body: BinaryIO) -> None:
        self._body = body
        self._begun = False
        self._decoder: codecs.IncrementalDecoder | None = None
        self._kept = b""  # the beginning of a character in UTF-8
        self.known = True
        self.bytes = 0

    def read(self, size: int) -> bytes:
        """About `size` bytes, never none before the end. Raises UnicodeDecodeError for what can't even be passed on."""
        while True:
            read = self._read(size)
            if not self._begun:
                self._begun = True
                while len(read) < _HEAD and (more := self._read(size)):
                    read += more
                recoded = self._begin(read)
            elif self._decoder is not None:
                recoded = _encoded(self._decoder.decode(read, final=not read))
            elif self.known:
                recoded = self._checked(read)
            else:
                return read
            if recoded or not read:
                return recoded

    def _read(self, size: int) -> bytes:
        read = self._body.read(size)
        self.bytes += len(read)
        return read

    def _begin(self, head: bytes) -> bytes:
        encoding = next((name for begin, name in _WIDE if head.startswith(begin)), None)
        if encoding is None:
            declared = _IN_BYTES.match(head)
            encoding = declared[1].decode().lower() if declared else "utf-8"
            if encoding in ("utf-8", "utf8"):
                return self._checked(head)
            if not _NARROW.fullmatch(encoding) or not _is_known(encoding):
                self.known = False
                return head
        self._decoder = codecs.getincrementaldecoder(encoding)(_PASSED)
        text = self._decoder.decode(head).removeprefix("\ufeff")
        if said := _IN_TEXT.match(text):
            text = f"{text[: said.start(1)]}UTF-8{text[said.end(1) :]}"
        return _encoded(text)

    def _checked(self, read: bytes) -> bytes:
        """UTF-8 as it was read, which is far faster than to recode it, unless something in it is none."""
        if not self._kept and read.isascii():
            return read
        data = self._kept + read
        try:
            used = codecs.utf_8_decode(data, "surrogatepass", not read)[1]
            checked = data[:used]
        except UnicodeDecodeError:
            text, used = codecs.utf_8_decode(data, _PASSED, not read)
            checked = _encoded(text)
        self._kept = data[used:]
        return checked


def _pass(error: UnicodeError) -> tuple[str | bytes, int]:
    try:
        return codecs.lookup_error("surrogatepass")(error)
    except UnicodeError:
        return codecs.lookup_error("surrogateescape")(error)


codecs.register_error(_PASSED, _pass)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _is_known(encoding: str) -> bool:
    try:
        codecs.lookup(encoding)
    except LookupError:
        return False
    return True
