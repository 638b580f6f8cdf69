"""`stats-assets serve`: the web server, in the foreground."""

from ipaddress import ip_address
from typing import Annotated

import typer

from stats_assets.cli.messages import say
from stats_assets.cli.project import settings_here

EXAMPLES = {
    "pages and API for this machine": "stats-assets serve",
    "for others, once PEOPLE and CONTACT are said": "stats-assets serve --host 0.0.0.0 --port 80",
}
EXIT_CODES = {
    0: "it was ended",
    2: "wrong use or setting, a port that is taken, or a database out of reach",
}


def serve(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="The port.")] = 8080,
    host: Annotated[
        str, typer.Option(help="The address to answer at: 0.0.0.0 for all of the machine's.")
    ] = "127.0.0.1",
) -> None:
    """Pages and API for people and programs, read-only, until Ctrl-C."""
    from stats_assets.web import running

    settings = settings_here(looks=True)
    if not _is_own(host):
        running.check_public(settings, host)
    shown = f"[{host}]" if ":" in host else host
    running.serve(settings, running.listen(host, port), lambda: say(f"Pages and API: http://{shown}:{port}"))


def _is_own(host: str) -> bool:
    """Whether nobody but this machine reaches it."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
