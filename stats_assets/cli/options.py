"""Options that several commands take, each written once."""

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from stats_assets.streams import Stream


def as_text(given: str) -> str:
    """What was typed, as UTF-8, whatever the locale says that it is: for an argument that is text, and no path."""
    try:
        return os.fsencode(given).decode()
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"it is no UTF-8 text: {error.reason} at byte {error.start}.") from None


def from_here(given: str) -> Path:
    """A path of the folder that one is in, made absolute: later a command may be in the project's root. `-` stays."""
    return Path(given) if given == "-" else Path(given).absolute()


def place_from_here(given: str) -> str:
    """Likewise an address, where it is a path."""
    return as_text(given) if urlsplit(given).scheme else str(from_here(as_text(given)))


StreamOption = Annotated[Stream, typer.Option("--stream", help="Which stream.")]
SequenceOption = Annotated[int, typer.Option(min=0, max=999_999_999)]
FromFeed = Annotated[
    bool, typer.Option("--from-feed", help="Read anew from the feed, never from the archive.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]
Output = Annotated[
    Path | None,
    typer.Option(
        *("--output", "-o"),
        parser=from_here,
        metavar="FILE",
        help="The file; without one, or -, standard output.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, on stdout alone.")]
WebPort = Annotated[int, typer.Option(min=1, max=65_535, help="The pages' and the API's port.")]
Port = Annotated[int, typer.Option(min=1, max=65_535, help="The UI's port.")]
