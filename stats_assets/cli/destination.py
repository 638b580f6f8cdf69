"""Where a command's file goes: a path, in which it is whole or not there, or standard output."""

import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stats_assets.cli.output import OutputLost

Write = Callable[[bytes], None]


@contextmanager
def written_to(path: Path | None) -> Iterator[Write]:
    """What takes the bytes. None or `-`: standard output. Raises OutputLost, OSError."""
    if path is None or str(path) == "-":
        yield _out
        _flush()
        return
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with _naming(path):
        file = new.open("wb")

    def write(data: bytes) -> None:
        with _naming(path):
            file.write(data)

    try:
        yield write
        with _naming(path):
            file.close()
            new.replace(path)
    finally:
        with suppress(OSError):
            file.close()
        new.unlink(missing_ok=True)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """An error of the file names it as its user does."""
    try:
        yield
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from None


def _out(data: bytes) -> None:
    try:
        sys.stdout.buffer.write(data)
    except OSError as error:
        raise OutputLost(error) from None


def _flush() -> None:
    try:
        sys.stdout.buffer.flush()
    except OSError as error:
        raise OutputLost(error) from None
