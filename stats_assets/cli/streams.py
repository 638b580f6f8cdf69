"""`stats-assets streams`: the streams' sensors, switched on or off."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from stats_assets.cli.messages import print_json, say
from stats_assets.cli.options import AsJson
from stats_assets.cli.project import settings_here
from stats_assets.streams import STREAMS, Stream

EXAMPLES = {
    "begin to follow both feeds": "stats-assets streams on",
    "pause one": "stats-assets streams off --stream changesets",
}
EXIT_CODES = {
    0: "they are as wanted now",
    1: "there is no code location to switch them in, nothing was changed",
    2: "wrong use or setting, or Dagster's records can't be used",
}


def streams(
    to: Annotated[Literal["on", "off"], typer.Argument(help="What they shall be.")],
    stream: Annotated[Stream | None, typer.Option(help="Default: both.")] = None,
    as_json: AsJson = False,
) -> None:
    """Switch the streams on or off, as Automation does in the UI. A run at work goes on to its end."""
    settings_here(dagster=True)
    from dagster import DagsterInstance

    from stats_assets.monitoring.daemon import is_alive
    from stats_assets.orchestration.switching import NoCode, opened, switch

    wanted = [stream] if stream else list(STREAMS)
    try:
        with DagsterInstance.get() as instance, opened(instance, Path.cwd()) as workspace:
            changed = switch(workspace, wanted, on=to == "on")
            runs = is_alive(instance)
    except NoCode as error:
        say(f"{error} Nothing was switched.", style="red")
        raise typer.Exit(1) from None
    if as_json:
        print_json({one: {"on": to == "on", "changed": one in changed} for one in wanted})
    for one in wanted:
        say(f"{one} is {to} now." if one in changed else f"{one} was {to} already.")
    if to == "on" and not runs:
        say(
            "No daemon of Dagster's runs here now: they go on when one does (stats-assets dev, or demo).",
            style="yellow",
        )
