"""A value with its check sum, so that a disk's fault is told and not taken for an edit. LMDB has none of its own."""

import zlib

_BYTES = 2


class Torn(Exception):
    """A value that is not what was written: one of 65,536 such is not found out."""


def sealed(data: bytes) -> bytes:
    """The value as it is kept."""
    return data + _sum(data)


def opened(data: bytes) -> bytes:
    """What was sealed. Raises Torn."""
    body = data[:-_BYTES]
    if _sum(body) != data[-_BYTES:]:
        raise Torn(f"a value of {len(data)} bytes has another check sum")
    return body


def _sum(data: bytes) -> bytes:
    return (zlib.crc32(data) & 0xFFFF).to_bytes(_BYTES, "little")
