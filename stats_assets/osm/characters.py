"""A body's bytes without the characters that XML forbids: each becomes U+FFFD, and costs no more than itself.

Here: finding them, as bytes and as references, also where two reads meet. Not here: any other damage; bytes that are
no UTF-8 stay, for the parser to refuse.
"""

import re
from typing import BinaryIO

_CONTROLS = bytes(code for code in range(0x20) if code not in b"\t\n\r")
_REFERENCE = rb"&#(?:[0-9]+|x[0-9A-Fa-f]+);"
_CONTROL = b"[" + re.escape(_CONTROLS) + b"]"
# U+FFFE, U+FFFF, and surrogates as if they were characters.
_IN_UTF8 = re.compile(_CONTROL + rb"|\xef\xbf[\xbe\xbf]|\xed[\xa0-\xbf][\x80-\xbf]|" + _REFERENCE)
_IN_OTHERS = re.compile(_CONTROL + b"|" + _REFERENCE)
_UNFINISHED = re.compile(rb"(?:&(?:#[0-9A-Fa-fx]{0,64})?|\xef\xbf?|\xed[\xa0-\xbf]?)\Z")
_UNFINISHED_MAX = 70
_HEAD = 1024
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_ENCODING = re.compile(rb"(?:\xef\xbb\xbf)?<\?xml[^>]*?\sencoding\s*=\s*[\"']([A-Za-z0-9._-]+)")
_ONE_BYTE = ("us-ascii", "ascii", "iso-8859-", "windows-125")


class Characters:
    """A body that is read through `read`. `bytes` were read of it; `replaced` counts, `first` says which was the first.

    Of encodings other than UTF-8 those of one byte are looked at; in all others nothing is replaced.
    """

    def __init__(self, body: BinaryIO) -> None:
        self._body = body
        self._kept = b""
        self._pattern: re.Pattern[bytes] | None = None
        self._replacement = b""
        self._begun = False
        self.bytes = 0
        self.replaced = 0
        self.first = ""

    def read(self, size: int) -> bytes:
        """About `size` bytes, never none before the end."""
        while True:
            read = self._body.read(size)
            self.bytes += len(read)
            chunk, self._kept = self._kept + read, b""
            if not self._begun:
                if read and len(chunk) < _HEAD:
                    self._kept = chunk
                    continue
                self._begin(chunk)
            if self._pattern is None or not chunk:
                return chunk
            if read and (unfinished := _UNFINISHED.search(chunk, max(0, len(chunk) - _UNFINISHED_MAX))):
                self._kept = chunk[unfinished.start() :]
                chunk = chunk[: unfinished.start()]
            if chunk:
                return self._pattern.sub(self._mended, chunk) if _suspect(chunk) else chunk

    def _begin(self, head: bytes) -> None:
        self._begun = True
        declared = _ENCODING.match(head)
        encoding = declared[1].decode().lower() if declared else "utf-8"
        if head.startswith(_WIDE) or b"\0" in head[:4]:
            return
        if encoding in ("utf-8", "utf8"):
            self._pattern, self._replacement = _IN_UTF8, "\ufffd".encode()
        elif encoding.startswith(_ONE_BYTE):
            self._pattern, self._replacement = _IN_OTHERS, b"&#xFFFD;"

    def _mended(self, match: re.Match[bytes]) -> bytes:
        found = match[0]
        code = _referred(found) if found.startswith(b"&") else ord(found.decode("utf-8", "surrogatepass"))
        if _allowed(code):
            return found
        self.replaced += 1
        self.first = self.first or f"U+{code:04X}"
        return self._replacement


def _suspect(chunk: bytes) -> bool:
    # Four searches by memchr and the like, which cost nothing beside the parser; the pattern would.
    return (
        b"&#" in chunk
        or b"\xef\xbf" in chunk
        or b"\xed" in chunk
        or len(chunk.translate(None, _CONTROLS)) != len(chunk)
    )


def _referred(reference: bytes) -> int:
    digits, base = (reference[3:-1], 16) if reference[2:3] == b"x" else (reference[2:-1], 10)
    digits = digits.lstrip(b"0")
    return int(digits or b"0", base) if len(digits) < 9 else 0x7FFFFFFF


def _allowed(code: int) -> bool:
    if code < 0x20:
        return code in (0x9, 0xA, 0xD)
    return not (0xD800 <= code <= 0xDFFF or code in (0xFFFE, 0xFFFF) or code > 0x10FFFF)
