"""A fetched body on disk, and its decompressed bytes within limits.

What the bytes mean is judged elsewhere (validation.py, and the parser, which this package does not know).
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from stats_assets.feeds.outcomes import BadAnswer, BodyTooLarge

GZIP_MAGIC = b"\x1f\x8b"
SIZE_MAX = 4 << 30
"""Decompressed bytes. The biggest diff known has some hundreds of megabytes."""
RATIO_MAX = 500
"""Decompressed to compressed. Diffs have 10 to 30; a bomb has 1000."""
RATIO_FREE = 64 << 20
"""Decompressed bytes before the ratio is looked at: small bodies do no harm."""
FOREIGN = {
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\0": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"\x04\x22\x4d\x18": "compressed with lz4",
    b"\x5d\0\0": "compressed with lzma",
    b"LZIP": "compressed with lzip",
    b"\x89LZO": "compressed with lzop",
    b"\x1f\x9d": "compressed with compress (.Z)",
    b"\x78\x9c": "compressed with zlib",
    b"\xff\x06\0\0sNaPpY": "compressed with snappy",
    b"PK\x03\x04": "a zip archive",
    b"PK\x05\x06": "an empty zip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a rar archive",
    b"\0\0\0\x0d\x0a\x09OSMHeader": "OSM data in PBF",
    b"\0\0\0\x0e\x0a\x09OSMHeader": "OSM data in PBF",
    b"\xff\xe0\x04o5m2": "OSM data in o5m",
    b"\xff\xe0\x04o5c2": "OSM changes in o5c",
    GZIP_MAGIC: "compressed with gzip more than twice",
}
"""How what is not read begins, and what it is."""
MAGIC_SIZE = max(map(len, FOREIGN))
_CHUNK = 1 << 18
_LAYERS_MAX = 2  # a .gz file that a web server compressed once more on its way


class Body(NamedTuple):
    """What a source answered, as fetched: a local file, plain or gzip (by its magic bytes)."""

    sequence: int
    path: Path
    url: str
    size: int
    """Bytes on disk."""
    fetched_at: datetime
    """UTC; of an archived body, its first fetch."""
    seconds: float
    """How long the fetch took."""
    from_archive: bool = False


def open_body(
    path: Path, *, url: str | None = None, size_max: int = SIZE_MAX, ratio_max: int = RATIO_MAX
) -> BinaryIO:
    """The file's decompressed bytes; see `decompressed`. `url` is named in errors, by default the path."""
    file = path.open("rb")
    try:
        return decompressed(file, url=url or str(path), size_max=size_max, ratio_max=ratio_max)
    except BaseException:
        file.close()
        raise


def decompressed(
    stream: BinaryIO, *, url: str, size_max: int = SIZE_MAX, ratio_max: int = RATIO_MAX
) -> BinaryIO:
    """A stream's bytes, decompressed when they are gzip (by the magic bytes, not by a name or a header).

    Raises BadAnswer where it is compressed otherwise. Reading raises BadAnswer where the gzip is broken or cut, and
    BodyTooLarge beyond `size_max` bytes or, after the first 64 MiB, `ratio_max` times the compressed size. Closing
    it closes the stream.
    """
    compressed = _Meter(stream, url, lambda count: None)

    def limit(count: int) -> None:
        if count > size_max:
            raise BodyTooLarge(url, f"more than {size_max} bytes when decompressed: not read further")
        if count > max(RATIO_FREE, ratio_max * compressed.count):
            raise BodyTooLarge(url, f"expands to more than {ratio_max} times its size: not read further")

    layer = io.BufferedReader(_Meter(io.BufferedReader(compressed), url, limit), _CHUNK)
    for _ in range(_LAYERS_MAX):
        if layer.peek(2)[:2] != GZIP_MAGIC:
            break
        unzipped = gzip.GzipFile(fileobj=layer, mode="rb")
        layer = io.BufferedReader(_Meter(cast(BinaryIO, unzipped), url, limit, below=layer), _CHUNK)
    refuse_foreign(layer.peek(MAGIC_SIZE), url)
    return layer


def refuse_foreign(head: bytes, url: str) -> None:
    """Raises BadAnswer where a body's first bytes say that it is neither XML nor gzip, but something that is known."""
    for magic, what in FOREIGN.items():
        if head.startswith(magic):
            raise BadAnswer(url, f"{what}: only gzip and plain XML can be read")


class _Meter(io.RawIOBase):
    """Counts what is read through it, and turns the decompressor's errors into the feed's."""

    def __init__(
        self,
        source: BinaryIO | io.BufferedReader,
        url: str,
        limit: Callable[[int], None],
        below: io.IOBase | None = None,
    ) -> None:
        self.count = 0
        self._source, self._url, self._limit, self._below = source, url, limit, below

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._source.read(len(buffer))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise BadAnswer(self._url, f"broken or cut gzip ({error}): the body can't be read") from error
        buffer[: len(data)] = data
        self.count += len(data)
        self._limit(self.count)
        return len(data)

    def close(self) -> None:
        # GzipFile leaves the file that it reads open.
        if not self.closed:
            self._source.close()
            if self._below:
                self._below.close()
        super().close()
