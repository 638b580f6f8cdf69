"""The command line: `stats-assets`, and its commands' names. What each does is in the module of its name.

A command's module is imported when it is called, and for `--help` all are: so they import what is heavy where it is
used, and tests/cli/test_imports.py counts. Exit codes: 0 fine; 1 the answer is bad; 2 wrong use or wrong setting.
"""

import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any

import typer

from stats_assets import __version__
from stats_assets.cli.help import Group, of_module
from stats_assets.cli.messages import say
from stats_assets.cli.output import OutputLost, standard_streams

COMMANDS = (
    *(
        "dev",
        "demo",
        "serve",
        "status",
        "watch",
        "alerts",
        "export",
        "report",
        "people",
        "backfill",
        "seek",
        "retry",
        "verify",
        "rebuild",
        "facts",
    ),
    *("streams", "stats", "augment", "hashtags", "sql", "database-url", "migrate"),
)
"""As they are listed. Module and function have the name, with `_` for `-`."""


class _Modules(Mapping[str, Any]):
    """The commands by name, each imported when it is asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in COMMANDS:
            raise KeyError(name)
        if name not in self._made:
            plain = name.replace("-", "_")
            module = import_module(f"stats_assets.cli.{plain}")
            alone = typer.Typer(pretty_exceptions_enable=False, add_completion=False, rich_markup_mode=None)
            alone.command(name, cls=of_module(module))(getattr(module, plain))
            self._made[name] = typer.main.get_command(alone)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class _Group(Group):
    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Modules()  # type: ignore[assignment] # typer only reads it


app = typer.Typer(
    name="stats-assets",
    cls=_Group,
    help="OpenStreetMap editing statistics, kept up to date minute by minute.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """The entry point: an error that a person can mend is a message and an exit code, never a traceback."""
    try:
        with standard_streams() as there:
            if not there:
                say(
                    "stats-assets: standard output is closed. Send it somewhere, if only to /dev/null.",
                    style="red",
                )
                sys.exit(2)
            _called()
    except OutputLost as lost:
        if lost.unread:
            sys.exit(0)
        say(f"stats-assets: {lost}", style="red")
        sys.exit(1)


def _called() -> None:
    try:
        app()
    except OutputLost:
        raise
    except Exception as error:
        from stats_assets.cli.error_sentences import sentences

        lines = sentences(error)
        if not lines:
            raise
        for line in lines:
            say(line, style="red")
        sys.exit(2)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"stats-assets {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None: ...
