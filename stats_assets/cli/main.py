"""The command line: `stats-assets`, its commands' names, and how errors read. What each does is in commands/.

Exit codes: 0 fine; 1 the answer is bad; 2 wrong use or wrong setting.
"""

import sys
from typing import Annotated

import psycopg
import typer
from psycopg import errors
from sqlalchemy.exc import SQLAlchemyError

from stats_assets import __version__
from stats_assets.cli import answers, stack, statistics, streams
from stats_assets.cli.alerts import alerts
from stats_assets.cli.backfill import backfill
from stats_assets.cli.facts import facts
from stats_assets.cli.output import OutputLost, standard_streams
from stats_assets.cli.shared import say
from stats_assets.cli.status import status
from stats_assets.cli.watch import watch
from stats_assets.database.connection import DatabaseUnreachable
from stats_assets.database.failures import sentence
from stats_assets.database.looking import NoReadingLogin, SchemaNotReady
from stats_assets.database.migrations import MigrationRefused
from stats_assets.embedded_postgres.access import EmbeddedServerError
from stats_assets.local.stack import StackError
from stats_assets.osm.categories import CategoriesError
from stats_assets.osm.regions import RegionsError
from stats_assets.root import RecordsError
from stats_assets.settings import SettingsError

app = typer.Typer(
    name="stats-assets",
    help="OpenStreetMap editing statistics, kept up to date minute by minute.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
WRONG = (
    *(SettingsError, DatabaseUnreachable, EmbeddedServerError, MigrationRefused),
    *(CategoriesError, RecordsError, RegionsError, StackError, SchemaNotReady, NoReadingLogin),
)
for command in (
    stack.dev,
    stack.demo,
    status,
    watch,
    alerts,
    backfill,
    streams.seek,
    streams.retry,
    statistics.verify,
    statistics.rebuild,
    facts,
    answers.stats,
    answers.hashtags,
    answers.sql,
):
    app.command()(command)
app.command("database-url")(answers.print_database_url)
app.command()(streams.migrate)


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
    except WRONG as error:
        say(f"stats-assets: {error}", style="red")
        sys.exit(2)
    except (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction) as error:
        say(f"stats-assets: PostgreSQL refuses: {error.diag.message_primary}.", style="red")
        say("DATABASE_URL's role must own the statistics, or for looking be let read them all.", style="red")
        sys.exit(2)
    except psycopg.Error as error:
        say(f"stats-assets: {sentence(error)}", style="red")
        sys.exit(2)
    except SQLAlchemyError as error:
        said = str(error).splitlines()[0]
        say(f"stats-assets: Dagster's records can't be used: {said}. May this user write there?", style="red")
        sys.exit(2)
    except OSError as error:
        if error.filename is None:  # no file's: a bug
            raise
        said = (
            f"{error.filename} can't be used: {error.strerror}. May this user write there, and is there room?"
        )
        say(f"stats-assets: {said}", style="red")
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
