"""A body's bytes without the characters that XML forbids, and without bytes that are none: each becomes U+FFFD, and
costs no more than itself.

Here: finding them, as bytes and as references, also where two reads meet. Not here: other encodings (encodings), and
any other damage.
"""

import re
from typing import BinaryIO

import numpy as np

from stats_assets.osm.encodings import BYTES, Utf8

_CONTROLS = bytes(code for code in range(0x20) if code not in b"\t\n\r")
_REFERENCE = rb"&#(?:[0-9]+|x[0-9A-Fa-f]+);"
_CONTROL = b"[" + re.escape(_CONTROLS) + b"]"
# U+FFFE, U+FFFF, and surrogates as if they were characters.
_FORBIDDEN = re.compile(_CONTROL + rb"|\xef\xbf[\xbe\xbf]|\xed[\xa0-\xbf][\x80-\xbf]|" + _REFERENCE)
_SURROGATE = re.compile(rb"\xed[\xa0-\xbf]")  # what else begins so is Hangul
_REPLACEMENT = "\ufffd".encode()
_UNFINISHED = re.compile(rb"(?:&(?:#[0-9A-Fa-fx]{0,64})?|\xef\xbf?|\xed[\xa0-\xbf]?)\Z")
_UNFINISHED_MAX = 70


class Characters:
    """A body that is read through `read`, as UTF-8; `bytes_read` of it. `replaced` counts, `first` says which was the
    first. In an encoding that is not known nothing is replaced.
    """

    def __init__(self, body: BinaryIO) -> None:
        self._body = Utf8(body)
        self._kept = b""
        self.replaced = 0
        self.first = ""

    def read(self, size: int) -> bytes:
        """About `size` bytes, never none before the end. Raises UnicodeDecodeError, as Utf8 does."""
        while True:
            read = self._body.read(size)
            chunk, self._kept = self._kept + read, b""
            if not self._body.known or not chunk:
                return chunk
            if read and (unfinished := _UNFINISHED.search(chunk, max(0, len(chunk) - _UNFINISHED_MAX))):
                self._kept = chunk[unfinished.start() :]
                chunk = chunk[: unfinished.start()]
            if chunk:
                return _FORBIDDEN.sub(self._mended, chunk) if _suspect(chunk) else chunk

    def _mended(self, match: re.Match[bytes]) -> bytes:
        found = match[0]
        code = _referred(found) if found.startswith(b"&") else ord(found.decode("utf-8", "surrogatepass"))
        if _allowed(code):
            return found
        self.replaced += 1
        self.first = self.first or (f"the byte {code & 0xFF:02X}" if code in BYTES else f"U+{code:04X}")
        return _REPLACEMENT

    @property
    def known(self) -> bool:
        """Is what is read UTF-8? Once something was read."""
        return self._body.known

    @property
    def bytes_read(self) -> int:
        return self._body.bytes


def _suspect(chunk: bytes) -> bool:
    # Searches that cost nothing beside the parser; the pattern would. One byte is found far faster than two.
    return (
        (b"&" in chunk and b"&#" in chunk)
        or (b"\xef" in chunk and b"\xef\xbf" in chunk)
        or (b"\xed" in chunk and _SURROGATE.search(chunk) is not None)
        or _may_hold_controls(chunk)
    )


def _may_hold_controls(chunk: bytes) -> bool:
    codes = np.frombuffer(chunk, dtype=np.uint8)
    # Lines are all that there is of them mostly; else the next is certain, at two and a half times the price.
    if np.count_nonzero(codes < 0x20) == np.count_nonzero(codes == 0x0A):
        return False
    return len(chunk.translate(None, _CONTROLS)) != len(chunk)


def _referred(reference: bytes) -> int:
    digits, base = (reference[3:-1], 16) if reference[2:3] == b"x" else (reference[2:-1], 10)
    digits = digits.lstrip(b"0")
    return int(digits or b"0", base) if len(digits) < 9 else 0x7FFFFFFF


def _allowed(code: int) -> bool:
    if code < 0x20:
        return code in (0x9, 0xA, 0xD)
    return not (0xD800 <= code <= 0xDFFF or code in (0xFFFE, 0xFFFF) or code > 0x10FFFF)
