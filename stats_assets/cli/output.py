"""Standard input, output and error as a command finds them: closed, full, a pipe that nobody reads, another encoding.

Here is how each is made fit to be used. What is said on them is the commands'.
"""

import contextlib
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from typing import TextIO

LEAST = 40
"""Columns: in fewer nothing can be read."""
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_replaced: list[TextIO] = []  # each would close its buffer, which is still used, with itself


class OutputLost(Exception):
    """Standard output can't be written to; the message says why. No OSError, which others would take for theirs."""

    def __init__(self, error: OSError) -> None:
        self.unread = isinstance(error, BrokenPipeError)
        """Whoever read it (head, less) has seen enough."""
        super().__init__(
            f"standard output can't be written to: {error.strerror}. Send it elsewhere, or make room there."
        )


class _Output(io.TextIOWrapper):
    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise OutputLost(error) from None

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise OutputLost(error) from None


class _Error(io.TextIOWrapper):
    """What can't be said to anybody is no reason to end."""

    def write(self, text: str, /) -> int:
        with contextlib.suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()


@contextlib.contextmanager
def standard_streams() -> Iterator[bool]:
    """Makes the three fit to be used; whether there is a standard output.

    A closed one is opened on /dev/null: else the next file, or the database's socket, takes its number. A sign that the
    output's encoding has not is escaped. Raises OutputLost, also for what was written last.
    """
    there = sys.stdout is not None
    if os.environ.get("COLUMNS", "").isdigit() and int(os.environ["COLUMNS"]) < LEAST:
        os.environ["COLUMNS"] = str(LEAST)
    for number, stream in enumerate((sys.stdin, sys.stdout, sys.stderr)):
        if stream is None:
            _open_on_nothing(number)
    sys.stdout, sys.stderr = _as(_Output, sys.stdout), _as(_Error, sys.stderr)
    try:
        yield there
    finally:
        sys.stderr.flush()
        try:
            sys.stdout.flush()
        finally:
            if _is_standard_output(sys.stdout):
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still in the buffer


def _open_on_nothing(number: int) -> None:
    opened = os.open(os.devnull, os.O_RDWR)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)
    mode = "r" if number == 0 else "w"
    setattr(sys, ("stdin", "stdout", "stderr")[number], open(number, mode, closefd=False))  # noqa: SIM115


def _is_standard_output(stream: TextIO) -> bool:
    with contextlib.suppress(OSError, ValueError):  # a caller's own has no number
        return stream.fileno() == 1
    return False


def _as(kind: type[io.TextIOWrapper], stream: TextIO) -> TextIO:
    if not isinstance(stream, io.TextIOWrapper):  # a caller's own, in this process: it takes any text
        return stream
    made = kind(
        stream.buffer,
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,  # PYTHONUNBUFFERED's, which has no line buffering
    )
    _replaced.append(stream)
    return made


def print_json_text(text: str) -> None:
    """JSON on standard output, which stays JSON in any encoding."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")  # none: a caller's own
    except UnicodeEncodeError:
        text = _NOT_ASCII.sub(lambda sign: json.dumps(sign[0])[1:-1], text)
    print(text)
