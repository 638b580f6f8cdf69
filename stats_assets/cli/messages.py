"""What commands say to a person, on stderr, and ask of one; and JSON and tables, which go to stdout alone.

Here is how. How the three streams are made fit to be used is output.py's.
"""

import json
import sys
from datetime import datetime
from decimal import Decimal
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

from stats_assets.cli.output import print_json_text

err = Console(stderr=True)


def say(what: str, *, style: str | None = None) -> None:
    """A line for a person, on stderr, as it is."""
    err.print(what, style=style, markup=False, highlight=False, soft_wrap=True)


def sure(what: str, *, yes: bool) -> None:
    """Ask whether it is meant; a script says so by --yes. Exits with 2 where it is not."""
    if yes:
        return
    if not sys.stdin.isatty():
        say(f"{what} If that is meant: --yes.", style="red")
        raise typer.Exit(2)
    if not typer.confirm(f"{what} Is that meant?", err=True):
        say("Nothing was done.")
        raise typer.Exit(2)


def print_json(value: Any) -> None:
    """The value as JSON, on standard output."""
    print_json_text(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def out() -> Console:
    """Standard output: as wide as the terminal, or as wide as need be when it goes to a file or a pipe."""
    return Console(width=None if sys.stdout.isatty() else 100_000)


def cell(text: str) -> str:
    """The text in a table's cell: in standard output's encoding, so that columns stay below each other."""
    encoding = sys.stdout.encoding or "utf-8"
    return escape(text.encode(encoding, "backslashreplace").decode(encoding))


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)
