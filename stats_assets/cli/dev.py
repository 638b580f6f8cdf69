"""`stats-assets dev`: the live stack, in the foreground."""

import typer

from stats_assets.cli.options import Port, WebPort


def dev(port: Port = 3000, web_port: WebPort = 8080) -> None:
    """The live system in the foreground: UI, daemon, code server, pages, supervised; Ctrl-C ends all."""
    from stats_assets.local.stack import run_dev

    raise typer.Exit(run_dev(port, web_port))
