"""`stats-assets dev`: the live stack, in the foreground."""

import typer

from stats_assets.cli.options import Port, WebPort

EXAMPLES = {
    "follow OpenStreetMap": "stats-assets dev",
    "where port 3000 is taken": "stats-assets dev --port 3001",
}
EXIT_CODES = {
    0: "ended by Ctrl-C",
    1: "its folder was removed meanwhile",
    2: "wrong use or setting, a taken port, or another stack at work here",
}


def dev(port: Port = 3000, web_port: WebPort = 8080) -> None:
    """The live system in the foreground: UI, daemon, code server, pages, supervised; Ctrl-C ends all."""
    from stats_assets.local.dev import run_dev

    raise typer.Exit(run_dev(port, web_port))
