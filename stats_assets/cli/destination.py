"""Where a command's file goes: a path, in which it is whole or not there, or standard output; and in which form."""

import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import typer

from stats_assets.cli.messages import say
from stats_assets.cli.output import OutputLost

Write = Callable[[bytes], None]
Form = TypeVar("Form", bound=str)


def form_of(path: Path | None, forms: Sequence[Form], otherwise: Form) -> Form:
    """What the file's name says by its ending; of a name without one, and standard output, `otherwise`.

    Exits with 2 where the ending is another one: nobody looks for a table in a .docx.
    """
    if path is None or not path.suffix:
        return otherwise
    suffix = path.suffix.lower().removeprefix(".")
    for form in forms:
        if form == suffix:
            return form
    say(
        f"{path.name} ends as no format of this: {', '.join(forms)}. Take another name, or say which with --format.",
        style="red",
    )
    raise typer.Exit(2)


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
