"""The demo's stack in the foreground: `stats-assets demo`, the programs of `dev` and the demo's feed.

Its folder, world and settings are `demo/home.py`'s. Not here: what `dev` has, too (stack.py).
"""

import os
import shlex
import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from stats_assets.database.migrations import migrate
from stats_assets.demo.home import DEFINING, HEARD, TAKEN_OVER, DemoError, DemoHome, Remembered
from stats_assets.embedded_postgres.access import embedded_url
from stats_assets.env_file import given_in, require_file
from stats_assets.local.child import Child
from stats_assets.local.dagster_programs import HOST, DagsterChildren, answers_at, environment
from stats_assets.local.stack import (
    DEFINITIONS,
    StackError,
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
    writing,
)
from stats_assets.settings import load_settings

EXAMPLE = (
    "status",
    "sql 'SELECT tag, edit_count FROM hashtag_statistics ORDER BY 2 DESC LIMIT 5'",
)
"""Commands to begin with, that answer something in a demo at once."""


def run_demo(
    port: int = 3000,
    feed_port: int = 8090,
    web_port: int | None = None,
    *,
    feed_only: bool = False,
    directory: Path | None = None,
    osmchange: bool = False,
    quiet: bool = True,
    module: str = DEFINITIONS,
) -> int:
    """The demo in the foreground, until Ctrl-C; the exit code. Started again, it goes on with the same world.

    `directory`: real diffs in place of the invented world. `osmchange`: by planet and OsmChange alone.
    Raises StackError, SettingsError, CategoriesError, RegionsError, EmbeddedServerError, RecordsError.
    """
    if port == feed_port and not feed_only:
        raise StackError(f"--port and --feed-port are both {port}: the UI and the feed need one each.")
    if osmchange and directory is not None:
        raise StackError(
            "--osmchange is of the invented world, and real diffs have none: leave out --directory."
        )
    root = stack_root()
    taken = _taken_over(root)
    if not feed_only:
        _check_taken_over(taken)
    home = DemoHome(root, directory, osmchange=osmchange)
    with writing(root):
        try:
            world = home.world()
        except DemoError as error:
            raise StackError(str(error)) from None
    feed = f"http://{HOST}:{feed_port}"
    settings = home.settings(world, feed, taken)
    load_settings(**{name.lower(): value for name, value in settings.items()})
    with supervised(home.path, quiet) as supervisor, ExitStack() as ports:
        ports.enter_context(port_held(feed_port, "--feed-port"))
        with writing(home.path):
            home.furnish(root, settings)
            if osmchange:
                home.put_planet(world)
        variables = environment(home.path, settings)
        children = [
            Child(
                "feed",
                [sys.executable, "-m", "stats_assets.demo.feed", *home.feed_arguments(world, feed_port)],
                variables,
                home.path,
                lambda: answers_at(feed_port),
            )
        ]
        others = " and ".join(name for name in DEFINING if name in taken)
        truth = f" (what must come out of it: {feed}/truth.json)" if directory is None and not others else ""
        facts = {"Feed": feed + truth}
        if feed_only:
            return supervisor.run(children, lambda: tell(facts, []))
        ports.enter_context(port_held(port, "--port"))
        pages = ports.enter_context(pages_port(web_port, port, feed_port))
        dagster = DagsterChildren(home.path, port, settings, module)
        records_made = dagster.make_records()
        database = embedded_url(Path(settings["STATS_DATA_DIR"]))
        migrate(database)
        records_made()
        program = shlex.quote(str(Path(sys.executable).with_name("stats-assets")))
        facts = {
            "Dagster UI": dagster.url,
            **shown(pages),
            **facts,
            "Database": database,
            "Output": str(home.path / ".dagster" / "logs"),
        }
        advice = [
            f"Look at {dagster.url}/automation: what each tick did; {dagster.url}/assets: blocks turn green.",
            f"cd {shlex.quote(str(home.path))}: there all commands are the demo's:",
            *(f"{program} {line}" for line in EXAMPLE),
        ]
        if others and directory is None:
            advice.append(f"It counts by your {others}, and {feed}/truth.json does not: they may differ.")

        def when_ready() -> bool:
            started = home.sensors_started.exists() or dagster.start_sensors(_streams(world))
            if started:
                with suppress(OSError):  # a full disk: they are on, and that is remembered the next time
                    home.sensors_started.touch()
            return started and tell(facts, advice)

        children += [*dagster.children(), *web_children(pages, home.path, settings)]
        code = supervisor.run(children, when_ready)
    tell_who_stays(Path(settings["STATS_DATA_DIR"]), database)
    return code


def _taken_over(root: Path) -> dict[str, str]:
    """Of what a person has set for the live project, what counts in the demo, too; says what does not.

    Raises SettingsError.
    """
    given = given_in(root / ".env")
    taken = {name: value for name, value in given.items() if name in TAKEN_OVER}
    unused = sorted(given.keys() - taken.keys() - (HEARD & os.environ.keys()))
    if unused:
        say(f"The demo has its own {', '.join(unused)}: what the environment or .env sets is not used in it.")
    return taken | {name: str(root / Path(taken[name]).expanduser()) for name in DEFINING if name in taken}


def _check_taken_over(taken: Mapping[str, str]) -> None:
    """Raises SettingsError, CategoriesError, RegionsError."""
    paths = {name: Path(taken[name]) for name in DEFINING if name in taken}
    for name, path in paths.items():
        require_file(name, path)
    check_definitions(paths.get("CATEGORIES_FILE"), paths.get("REGIONS_FILE"))


def _streams(world: Remembered) -> list[str]:
    return ["augmented_diffs_stream", *([] if world.changesets_first is None else ["changesets_stream"])]
