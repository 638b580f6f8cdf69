"""`stats-assets streams`: the streams' sensors, switched on or off."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from stats_assets.cli.messages import say
from stats_assets.cli.project import settings_here
from stats_assets.streams import STREAMS, Stream


def streams(
    to: Annotated[Literal["on", "off"], typer.Argument(help="What they shall be.")],
    stream: Annotated[Stream | None, typer.Option(help="Default: both.")] = None,
) -> None:
    """Switch the streams on or off, as Automation does in the UI. A run at work goes on to its end."""
    settings_here(dagster=True)
    from dagster import DagsterInstance

    from stats_assets.orchestration.switching import NoCode, opened, switch

    wanted = [stream] if stream else list(STREAMS)
    try:
        with DagsterInstance.get() as instance, opened(instance, Path.cwd()) as workspace:
            changed = switch(workspace, wanted, on=to == "on")
    except NoCode as error:
        say(f"{error} Nothing was switched.", style="red")
        raise typer.Exit(1) from None
    for one in wanted:
        say(f"{one} is {to} now." if one in changed else f"{one} was {to} already.")
