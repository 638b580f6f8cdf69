"""`stats-assets demo`: the stack of the invented world, in the foreground."""

from pathlib import Path
from typing import Annotated

import typer

from stats_assets.cli.options import Port, WebPort

EXAMPLES = {
    "an invented world, offline": "stats-assets demo",
    "on other ports": "stats-assets demo --port 3001 --feed-port 8091",
    "by OsmChange, without Overpass": "stats-assets demo --osmchange",
    "real diffs of a folder": "stats-assets demo --directory diffs",
}
EXIT_CODES = {
    0: "ended by Ctrl-C",
    1: "its folder was removed meanwhile",
    2: "wrong use or setting, a taken port, or another stack at work here",
}


def demo(
    port: Port = 3000,
    feed_port: Annotated[int, typer.Option(min=1, max=65_535, help="The feed's port.")] = 8090,
    web_port: WebPort = 8080,
    feed_only: Annotated[bool, typer.Option(help="Only the feed, no Dagster.")] = False,
    directory: Annotated[
        Path | None, typer.Option(help="Serve the real diffs NNN.adiff.xml.gz of this folder.")
    ] = None,
    osmchange: Annotated[
        bool,
        typer.Option(
            "--osmchange", help="Make the augmented diffs of planet and OsmChange, without Overpass."
        ),
    ] = False,
) -> None:
    """The same, offline: an invented world with its own feeds, database and archive, below .demo/."""
    from stats_assets.local.demo import run_demo

    raise typer.Exit(
        run_demo(port, feed_port, web_port, feed_only=feed_only, directory=directory, osmchange=osmchange)
    )
