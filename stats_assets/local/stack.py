"""The local stack: which programs make up `dev` and `demo`, and what a person is told.

Keeping them running is `supervisor.py`, the demo's folder and settings are `demo/home.py`.
"""

import errno
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from stats_assets.database.connection import database_url, without_password
from stats_assets.database.looking import check_reader
from stats_assets.database.migrations import migrate
from stats_assets.demo.home import DEFINING, HEARD, TAKEN_OVER, DemoError, DemoHome, Remembered
from stats_assets.embedded_postgres.access import embedded_url
from stats_assets.embedded_postgres.clients import why_it_stays
from stats_assets.env_file import given_in, require_file, settings_of
from stats_assets.local.child import Child
from stats_assets.local.dagster_programs import HOST, DagsterChildren, answers_at, environment, reserve
from stats_assets.local.supervisor import AlreadyRunning, Supervisor
from stats_assets.mendable import Mendable
from stats_assets.osm.categories import Categories
from stats_assets.osm.regions import Regions
from stats_assets.root import live_root, project_root
from stats_assets.settings import load_settings

DEFINITIONS = "stats_assets.definitions"
FULL = (errno.ENOSPC, errno.EDQUOT)
UNWRITABLE = (*FULL, errno.EROFS, errno.EACCES)
EXAMPLE = (
    "status",
    "sql 'SELECT tag, edit_count FROM hashtag_statistics ORDER BY 2 DESC LIMIT 5'",
)
"""Commands to begin with, that answer something in a demo at once."""


class StackError(Mendable):
    """The stack can't be started; the message says why and what to do."""


def _live_root() -> Path:
    """The root, also from inside the demo's folder, which is a project's root too."""
    return live_root(project_root())


def run_dev(
    port: int = 3000, web_port: int | None = None, *, quiet: bool = True, module: str = DEFINITIONS
) -> int:
    """The live system in the foreground, its UI on this port, until Ctrl-C; the exit code. web_port: None for no pages.

    Raises NoProject, StackError, SettingsError, CategoriesError, RegionsError, DatabaseUnreachable,
    EmbeddedServerError, RecordsError.
    """
    root = _live_root()
    os.chdir(root)
    settings = settings_of(root, _say, writes=True)
    _check_definitions(settings.categories_file, settings.regions_file)
    with _supervisor(root, quiet) as supervisor, _port(port, "--port"), _pages(web_port, port) as pages:
        dagster = DagsterChildren(root, port, {}, module)
        records_made = dagster.make_records()
        url = database_url(settings)
        migrate(url)
        check_reader(settings)
        records_made()
        facts = {
            "Dagster UI": dagster.url,
            **_shown(pages),
            "Database": without_password(url) if settings.database_url is not None else url,
            "Output": str(root / ".dagster" / "logs"),
        }
        advice = ["The streams start when their sensors are switched on: Automation in the UI."]
        children = [*dagster.children(), *_web(pages, root, {})]
        code = supervisor.run(children, lambda: _tell(facts, advice))
    if settings.database_url is None:
        _tell_who_stays(settings.stats_data_dir, url)
    return code


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
    root = _live_root()
    taken = _taken_over(root)
    if not feed_only:
        _check_taken_over(taken)
    home = DemoHome(root, directory, osmchange=osmchange)
    with _writing(root):
        try:
            world = home.world()
        except DemoError as error:
            raise StackError(str(error)) from None
    feed = f"http://{HOST}:{feed_port}"
    settings = home.settings(world, feed, taken)
    load_settings(**{name.lower(): value for name, value in settings.items()})
    with _supervisor(home.path, quiet) as supervisor, ExitStack() as ports:
        ports.enter_context(_port(feed_port, "--feed-port"))
        with _writing(home.path):
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
            return supervisor.run(children, lambda: _tell(facts, []))
        ports.enter_context(_port(port, "--port"))
        pages = ports.enter_context(_pages(web_port, port, feed_port))
        dagster = DagsterChildren(home.path, port, settings, module)
        records_made = dagster.make_records()
        database = embedded_url(Path(settings["STATS_DATA_DIR"]))
        migrate(database)
        records_made()
        program = shlex.quote(str(Path(sys.executable).with_name("stats-assets")))
        facts = {
            "Dagster UI": dagster.url,
            **_shown(pages),
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
            return started and _tell(facts, advice)

        children += [*dagster.children(), *_web(pages, home.path, settings)]
        code = supervisor.run(children, when_ready)
    _tell_who_stays(Path(settings["STATS_DATA_DIR"]), database)
    return code


def _taken_over(root: Path) -> dict[str, str]:
    """Of what a person has set for the live project, what counts in the demo, too; says what does not.

    Raises SettingsError.
    """
    given = given_in(root / ".env")
    taken = {name: value for name, value in given.items() if name in TAKEN_OVER}
    unused = sorted(given.keys() - taken.keys() - (HEARD & os.environ.keys()))
    if unused:
        _say(
            f"The demo has its own {', '.join(unused)}: what the environment or .env sets is not used in it."
        )
    return taken | {name: str(root / Path(taken[name]).expanduser()) for name in DEFINING if name in taken}


def _check_taken_over(taken: Mapping[str, str]) -> None:
    """Raises SettingsError, CategoriesError, RegionsError."""
    paths = {name: Path(taken[name]) for name in DEFINING if name in taken}
    for name, path in paths.items():
        require_file(name, path)
    _check_definitions(paths.get("CATEGORIES_FILE"), paths.get("REGIONS_FILE"))


def _check_definitions(categories: Path | None, regions: Path | None) -> None:
    """Raises CategoriesError, RegionsError: at the start it is said more plainly than by each tick."""
    if categories is not None:
        Categories.load(categories)
    if regions is not None:
        Regions.load(regions)


def _streams(world: Remembered) -> list[str]:
    return ["augmented_diffs_stream", *([] if world.changesets_first is None else ["changesets_stream"])]


@contextmanager
def _supervisor(home: Path, quiet: bool) -> Iterator[Supervisor]:
    with _writing(home):
        supervisor = Supervisor(home / ".dagster", quiet=quiet)
    try:
        with supervisor:
            yield supervisor
    except AlreadyRunning as error:
        raise StackError(str(error)) from None
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        raise StackError(
            f"Below {home} nothing can be written: {error}. Make room, or let this user write there, and start again."
        ) from None


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """What can't be written below the folder is a person's to mend."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise StackError(f"{folder} can't be used: {error}. Make room, and start again.") from None
        raise StackError(
            f"{folder} can't be used: {error}. Let this user write there, or copy dagster.yaml into a folder of "
            "your own and name that with DAGSTER_HOME."
        ) from None


@contextmanager
def _port(port: int, option: str) -> Iterator[None]:
    """The port is this stack's: else what another's webserver answers would be taken for ours."""
    try:
        held = reserve(port)
    except PermissionError:
        raise StackError(
            f"Port {port} is not for this user, as those below 1024 mostly are. Choose another with {option}."
        ) from None
    if held is None:
        raise StackError(f"Port {port} is in use by another program. Choose another with {option}.")
    with held:
        yield


@contextmanager
def _pages(port: int | None, *others: int) -> Iterator[int | None]:
    """The port of the pages; None: there are none. Where it can't be had, they alone are missing, and that is said."""
    with ExitStack() as held:
        try:
            if port in others:
                raise StackError(f"Port {port} is another's of this stack. Choose another with --web-port.")
            if port is not None:
                held.enter_context(_port(port, "--web-port"))
        except StackError as error:
            _say(f"There are no pages and no API now: {error}")
            port = None
        yield port


def _shown(pages: int | None) -> dict[str, str]:
    return {} if pages is None else {"Pages, API": f"http://{HOST}:{pages}"}


def _web(pages: int | None, home: Path, settings: Mapping[str, str]) -> list[Child]:
    """The web server of the pages, if there is one."""
    if pages is None:
        return []
    command = [
        sys.executable,
        "-c",
        "from stats_assets.cli.main import main; main()",
        "serve",
        "--port",
        str(pages),
    ]
    return [Child("web", command, environment(home, settings), home, lambda: True, optional=True)]


def _tell_who_stays(data_directory: Path, url: str) -> None:
    stays = why_it_stays(data_directory, url)
    if stays is not None:
        print(stays, file=sys.stderr)


def _say(what: str) -> None:
    print(what, file=sys.stderr)


def _tell(facts: Mapping[str, str], advice: Sequence[str]) -> bool:
    width = max(map(len, facts))
    lines = [*(f"{name:<{width}}  {value}" for name, value in facts.items()), *advice, "Ctrl-C ends all."]
    print("\n".join(lines), flush=True)
    return True
