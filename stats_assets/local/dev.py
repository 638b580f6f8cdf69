"""The live stack in the foreground: `stats-assets dev`.

Not here: what the demo's has, too (stack.py).
"""

import os
from collections.abc import Mapping

from stats_assets.database.connection import database_url, without_password
from stats_assets.database.looking import check_reader
from stats_assets.database.migrations import migrate
from stats_assets.env_file import settings_of
from stats_assets.local.dagster_programs import DagsterChildren
from stats_assets.local.stack import (
    DEFINITIONS,
    check_definitions,
    pages_port,
    port_held,
    say,
    shown,
    stack_root,
    supervised,
    tell,
    tell_who_stays,
    web_children,
)
from stats_assets.streams import STREAMS, Stream


def run_dev(
    port: int = 3000, web_port: int | None = None, *, quiet: bool = True, module: str = DEFINITIONS
) -> int:
    """The live system in the foreground, its UI on this port, until Ctrl-C; the exit code. web_port: None for no pages.

    Raises NoProject, StackError, SettingsError, CategoriesError, RegionsError, DatabaseUnreachable,
    EmbeddedServerError, RecordsError.
    """
    root = stack_root()
    os.chdir(root)
    settings = settings_of(root, say, writes=True)
    check_definitions(settings.categories_file, settings.regions_file)
    with (
        supervised(root, quiet) as supervisor,
        port_held(port, "--port"),
        pages_port(web_port, port) as pages,
    ):
        dagster = DagsterChildren(root, port, {}, module)
        records_made = dagster.make_records()
        url = database_url(settings)
        migrate(url)
        check_reader(settings)
        on = records_made()
        facts = {
            "Dagster UI": dagster.url,
            **shown(pages),
            "Database": without_password(url) if settings.database_url is not None else url,
            "Output": str(root / ".dagster" / "logs"),
        }
        children = [*dagster.children(), *web_children(pages, root, {})]
        code = supervisor.run(children, lambda: tell(facts, [how_they_start(on)]))
    if settings.database_url is None:
        tell_who_stays(settings.stats_data_dir, url)
    return code


def how_they_start(on: Mapping[Stream, bool]) -> str:
    """What is said of the streams, as their sensors were left."""
    off = [stream for stream in STREAMS if not on.get(stream)]
    if not off:
        return "The streams' sensors are on: they go on where they stopped."
    if len(off) == len(STREAMS):
        return "The streams start when their sensors are switched on: Automation in the UI."
    rest = ", ".join(stream for stream in STREAMS if stream not in off)
    return f"{rest} goes on where it stopped; {', '.join(off)} when its sensor is switched on: Automation in the UI."
