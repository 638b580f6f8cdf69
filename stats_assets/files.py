"""Files that several processes may make, read and replace at once: whole or not there, whoever comes first.

Locks on files are `linux.py`'s; the archive's files, which may lie in a bucket, are `feeds/archive.py`'s.
"""

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path


def write_whole(path: Path, text: str | bytes) -> None:
    """Write the file, in place of what was there; who reads meanwhile gets the old text or the new."""
    with _written(path, text) as new:
        new.replace(path)


def write_first(path: Path, text: str) -> str:
    """Write the file if there is none; what is in it then: of several writers at once one wins, for all."""
    with _written(path, text) as new, contextlib.suppress(FileExistsError):
        path.hardlink_to(new)
    return path.read_text()


@contextlib.contextmanager
def _written(path: Path, text: str | bytes) -> Iterator[Path]:
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        new.write_bytes(text.encode() if isinstance(text, str) else text)
        yield new
    finally:
        new.unlink(missing_ok=True)
