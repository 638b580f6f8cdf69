"""What is in an OsmChange file, in one form: by this the files of two servers are compared.

However a file is packed, spaced or ordered, the same versions give the same. Of whom a file is, is ingest/'s affair.
"""

from collections.abc import Iterable
from hashlib import blake2b

from stats_assets.augment.versions import Version

_SIZE = 16  # bytes of a hash


class Content:
    """The versions of a file, added up one by one."""

    def __init__(self) -> None:
        self._sum = self._count = 0

    def add(self, version: Version) -> None:
        """All of it counts, names and changesets too, as all of it goes into the documents."""
        plain = (*version[:-1], tuple(map(tuple, version.members)))
        self._sum += int.from_bytes(blake2b(repr(plain).encode(), digest_size=_SIZE).digest())
        self._count += 1

    def __str__(self) -> str:
        """Hexadecimal digits; empty where there was no version, as all empty files are alike."""
        return f"{self._sum % 2 ** (8 * _SIZE):032x}" if self._count else ""


def content_of(versions: Iterable[Version]) -> str:
    """Of a whole file. Raises what reading it raises."""
    content = Content()
    for version in versions:
        content.add(version)
    return str(content)
