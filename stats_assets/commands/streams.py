"""Commands about the streams: where they stand, and moving them."""

import typer

from stats_assets import status as standing
from stats_assets.commands.shared import AsJson, err, out, print_json, settings_here
from stats_assets.database.connection import DatabaseUnreachable, database_url, masked
from stats_assets.database.embedded import EmbeddedServerError
from stats_assets.database.migrations import NEWEST
from stats_assets.database.migrations import migrate as migrate_database
from stats_assets.parts import Stats


def migrate() -> None:
    """Bring the database's schema up to date."""
    url = database_url(settings_here(database=True))
    before = migrate_database(url)
    did = "was up to date" if before == NEWEST else f"went from {before or 'nothing'} to revision {NEWEST}"
    err.print(f"The schema of {masked(url)} {did}.", highlight=False, soft_wrap=True)


def status(as_json: AsJson = False) -> None:
    """Where each stream stands. Exit code: 0 fine, 1 behind, 2 stalled, 3 unreachable."""
    settings = settings_here(database=True)
    try:
        found = standing.of(Stats(settings))
    except (DatabaseUnreachable, EmbeddedServerError) as error:
        err.print(f"stats-assets: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(3) from None
    if as_json:
        print_json(found.as_json())
    else:
        out().print(found.as_table())
    raise typer.Exit(found.exit_code)
