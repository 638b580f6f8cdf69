"""What all commands share: the settings of the project that one is in, and where output goes.

JSON goes to stdout alone, all else to stderr.
"""

import json
import os
import sys
from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from stats_assets.cli.output import print_json_text
from stats_assets.env_file import DEFINING, ousted, settings_of
from stats_assets.local.stack import project_root
from stats_assets.root import find_project_root, is_demo
from stats_assets.settings import Settings, enter

err = Console(stderr=True)


class StreamName(StrEnum):
    """The streams, as a command's option takes them."""

    augmented_diffs = "augmented_diffs"
    changesets = "changesets"


StreamOption = Annotated[StreamName, typer.Option("--stream", help="Which stream.")]
SequenceOption = Annotated[int, typer.Option(min=0, max=999_999_999)]
FromFeed = Annotated[
    bool, typer.Option("--from-feed", help="Read anew from the feed, never from the archive.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, on stdout alone.")]


def settings_here(
    *, database: bool = False, looks: bool = False, dagster: bool = False, files: Collection[str] = DEFINING
) -> Settings:
    """The project's settings, whatever folder below it one is in; then the project's root is the current folder.

    With `dagster`, it is Dagster's home, too: there must be one. looks: who only looks does with READ_DATABASE_URL.
    files: as in settings_of. Says what is set and not heard. Raises SettingsError, also for one that is set twice.
    """
    root = project_root() if dagster else find_project_root()
    if dagster:
        os.environ["DAGSTER_HOME"] = str(root)
    if root is not None:
        unused = ousted(root / ".env") if is_demo(root) else None
        if unused:
            say(unused, style="yellow")
        enter(root)
    settings = settings_of(Path.cwd(), lambda what: say(what, style="yellow"), writes=database, files=files)
    named = settings.database_url or (looks and settings.read_database_url)
    if (database or looks) and root is None and not named:
        project_root()  # says what to do
    return settings


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


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)


def say(what: str, *, style: str | None = None) -> None:
    """A line for a person, on stderr, as it is."""
    err.print(what, style=style, markup=False, highlight=False, soft_wrap=True)
