"""`stats-assets watch`: beside a deployed stack, for alarms; never ends by itself."""

import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from stats_assets.cli.messages import say
from stats_assets.cli.options import as_text
from stats_assets.cli.project import settings_here
from stats_assets.database.connection import DatabaseUnreachable
from stats_assets.database.failures import named
from stats_assets.database.looking import SchemaNotReady
from stats_assets.embedded_postgres.access import EmbeddedServerError
from stats_assets.monitoring import status as standing
from stats_assets.monitoring.switches import switches_of
from stats_assets.system import Stats

EXAMPLES = {
    "beside a deployment": "stats-assets watch --name production",
    "one look": "stats-assets watch --once",
}
EXIT_CODES = {
    0: "with --once: metrics were printed",
    1: "with --once: there are none, as the database or Dagster's records are out of reach",
    2: "wrong use or setting",
}


def watch(
    name: Annotated[
        str, typer.Option(parser=as_text, metavar="NAME", help="The metrics' dimension Cluster.")
    ] = "stats-assets",
    every: Annotated[int, typer.Option(min=1, help="Seconds between two looks.")] = 60,
    once: Annotated[bool, typer.Option("--once", help="Look once, and end.")] = False,
) -> None:
    """Print lag, progress, ticks, heartbeats and failed runs each minute, as CloudWatch's embedded metrics.

    Each line of standard output is JSON.
    """
    from sqlalchemy.exc import SQLAlchemyError

    stats = Stats(settings_here(looks=True, dagster=True))
    while True:
        began = time.monotonic()
        try:
            with named():
                _look(name, stats)
        except (DatabaseUnreachable, EmbeddedServerError, SchemaNotReady, SQLAlchemyError, OSError) as error:
            say(f"stats-assets: no metrics this time: {str(error).splitlines()[0]}")
            if once:
                raise typer.Exit(1) from None
        if once:
            return
        time.sleep(max(0.0, every - (time.monotonic() - began)))


def _look(name: str, stats: Stats) -> None:
    from dagster import DagsterInstance

    from stats_assets.monitoring import cloudwatch

    with DagsterInstance.get() as instance:
        found = standing.of(stats, switches_of(instance))
        now = datetime.now(UTC)
        for line in cloudwatch.lines(name, found, cloudwatch.of_dagster(instance, now), now):
            print(line, flush=True)
