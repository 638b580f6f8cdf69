"""Fixtures that all tests share: a real PostgreSQL (the embedded one), a database of its own for each test."""

import gc
import logging
import os
import shutil
import sys
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from stats_assets import garbage, system
from stats_assets.database.connection import Connection, connect
from stats_assets.database.migrations import migrate
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.embedded_postgres.access import embedded_url
from stats_assets.embedded_postgres.place import ROLE
from stats_assets.embedded_postgres.roles import SUPERUSER, as_superuser
from stats_assets.feeds.http_client import Http
from stats_assets.ingest import feed_head
from stats_assets.ingest.run import run_range
from stats_assets.settings import Settings
from stats_assets.system import Stats
from tests import place, workers
from tests.command import command
from tests.drills.waiting import PATIENCE

if TYPE_CHECKING:
    from execnet import XSpec
    from xdist.remote import Producer
    from xdist.scheduler.loadfile import LoadFileScheduling

Run = Callable[..., CompletedProcess[str]]
MINUTES = 8
TEMPLATE = "template_stats"
HERE = Path(__file__).parent
DATA = HERE.parents[1] / "shared" / "data"

# How long an example takes is the machine's affair. The others are --hypothesis-profile of make quick, drill and bench.
_unhurried = hypothesis_settings(deadline=None, suppress_health_check=list(HealthCheck))
for _profile, _examples in {"suite": 30, "quick": 10, "drill": 1000, "long": 20_000}.items():
    hypothesis_settings.register_profile(_profile, _unhurried, max_examples=_examples)
hypothesis_settings.load_profile("suite")


LONGEST = (
    "embedded_postgres/test_embedded.py",
    "ingest/test_sources.py",
    "local/test_stack.py",
    "deploy/test_launcher.py",
    "web/test_api_page.py",
    "orchestration/test_stream_sensor.py",
    "ingest/test_run.py",
    "database/test_facts_away.py",
    "database/test_verification.py",
    "cli/test_standard_streams.py",
    "database/test_looking.py",
    "database/test_dumps.py",
    "database/test_writing.py",
    "cli/test_main.py",
    "orchestration/test_dagster_storage.py",
    "orchestration/test_retention.py",
    "ingest/test_late.py",
    "osm/test_document.py",
    "ingest/test_real_files.py",
    "database/test_histories.py",
    "ingest/test_overpass_hour.py",
    "osm/test_cost.py",
    "ingest/test_facts_away.py",
    "osm/test_tokens.py",
    "deploy/test_services.py",
    "database/test_failures.py",
    "deploy/test_steps.py",
    "orchestration/test_preview.py",
    "orchestration/test_backfill.py",
    "ingest/test_underneath.py",
    "ingest/test_faults.py",
    "database/test_sessions.py",
)


TOGETHER = {
    "deploy": ("deploy/",),  # moto's models of all of AWS: three seconds and a quarter of a gigabyte
    "web": (  # an hour of the demo, counted
        *("web/", "answers/", "cli/test_export.py"),
        *("database/test_osmesa_client.py", "database/test_osmesa_sql.py"),
    ),
    "four days": ("database/test_by_days.py", "database/test_by_uploads.py"),
    "bucket": (
        "ingest/test_sources.py",
        "feeds/test_archive.py",
        "feeds/test_directory.py",
        "feeds/test_storage.py",
    ),
}
"""Files that one worker has, as what they begin with is dear."""


_scripts_of = ScriptDirectory.from_config
_scripts: dict[str, ScriptDirectory] = {}


def _scripts_once(config: Config) -> ScriptDirectory:
    """Dagster's revisions are kept: each new instance of Dagster's would read and execute all of them anew."""
    place = config.get_main_option("script_location") or ""
    if not place.startswith("dagster:"):
        return _scripts_of(config)
    if place not in _scripts:
        _scripts[place] = _scripts_of(config)
    return _scripts[place]


_migrate = system._migrate_once
_migrated: set[str] = set()


def _migrate_what_is_older(url: str) -> None:
    """A database that was made of the migrated template needs none: to find that out took 15 ms a test."""
    if url not in _migrated:
        _migrate(url)


_forking = pytest.StashKey[object]()
SERVERS = {"server", "feed", "run", "s3", "place"}
"""Fixtures that start one: what asks for none of them is for `make quick`, which names the files."""


def pytest_configure(config: pytest.Config) -> None:
    """One folder for the whole run: the workers of one that has them are told by the environment."""
    # Else each of the many processes that the tests start compiles all anew.
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    ScriptDirectory.from_config = _scripts_once  # type: ignore[method-assign]
    system._migrate_once = _migrate_what_is_older  # type: ignore[assignment]
    if not hasattr(config, "workerinput"):
        # Ended after multiprocessing's own end, which removes a folder of its own in there.
        Finalize(None, place.begin().end, exitpriority=-200)


@pytest.hookimpl(optionalhook=True)  # pytest-xdist's
def pytest_xdist_setupnodes(config: pytest.Config, specs: "list[XSpec]") -> None:
    """Of the whole suite, workers on this machine are forks of one process; not where lines are counted."""
    ours = [spec for spec in specs if spec.popen and not spec.python]
    if ours and config.getoption("dist") == "loadfile" and not config.getoption("cov_source", None):
        # held, as the process ends when nobody has its standard input
        config.stash[_forking], python = workers.begin()
        for spec in ours:
            spec.python = python


@pytest.hookimpl(optionalhook=True)  # pytest-xdist's
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> "LoadFileScheduling | None":
    """As --dist loadfile asks for: a file is one worker's, and so are files that are named together."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler.loadfile import LoadFileScheduling

    class Together(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = str(super()._split_scope(nodeid)).removeprefix("tests/")
            return next((name for name, files in TOGETHER.items() if file.startswith(files)), file)

    return Together(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest begin, so that in the end no worker waits for another."""
    order = {HERE / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))
    for item in items:
        asked = getattr(item, "fixturenames", ())
        if SERVERS.isdisjoint(asked) and not any(map(item.get_closest_marker, ("large", "drill"))):
            item.add_marker(pytest.mark.quick)
    if lacking := [f"{item.nodeid}: {name}" for item in items for name in _lacking(item)]:
        raise pytest.UsageError("no such fixture, also of a drill, which runs seldom:\n" + "\n".join(lacking))


def _lacking(item: pytest.Item) -> set[str]:
    """Fixtures that the test asks for, itself or by others, and that it can't see."""
    info = getattr(item, "_fixtureinfo", None)
    if info is None:
        return set()
    given = getattr(getattr(item, "callspec", None), "params", {})
    return {name for name in info.names_closure if name not in info.name2fixturedefs} - {"request", *given}


def pytest_collection_finish() -> None:
    """All that was imported stays: no garbage collection need look at it, and no fork copies it by that.

    Python's own 700 objects stay, after which it looks for circles: with more, workers grew to a gigabyte, and each of
    their many forks had to copy what tells where all of it is.
    """
    if "dagster._core.storage.sqlite_storage" in sys.modules:  # not for the tests that go without Dagster
        from tests import dagster_records

        dagster_records.copy_them()
    gc.collect()
    gc.freeze()
    garbage.kept = True


def examples(few: int) -> hypothesis_settings:
    """Hypothesis's settings for a test with so many examples in the suite; other profiles say how many in theirs."""
    profile = hypothesis_settings.get_current_profile_name()
    return hypothesis_settings(max_examples=few) if profile == "suite" else hypothesis_settings()


def real_file(name: str) -> Path:
    """A real feed file; skips the test where the files are not."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the real feed files are not here: {path}")
    return path


@pytest.fixture(autouse=True)
def no_settings_from_outside(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Neither the person's environment nor an .env must reach a test."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    if "tmp_path" in request.fixturenames:
        folder: Path = request.getfixturevalue("tmp_path")
    else:  # to make one takes longer than most tests that need none
        folder = tmp_path_factory.getbasetemp() / uuid.uuid4().hex
    monkeypatch.setenv("STATS_DATA_DIR", str(folder / "data"))


@pytest.fixture(autouse=True)
def no_pause_between_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that is asked for twice is so at once."""
    monkeypatch.setattr(feed_head, "CONFIRM_SECONDS", 0)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A server with a migrated template database; stopped by itself when the tests' processes end."""
    folder = place.open_folder(fast=True)
    url = embedded_url(folder, grace=1)
    with psycopg.connect(as_superuser(url), autocommit=True) as connection:
        for name in (
            "fsync",
            "synchronous_commit",
            "full_page_writes",
        ):  # speed alone: it need not outlive a crash
            connection.execute(f"ALTER SYSTEM SET {name} = off".encode())
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("GRANT SET ON PARAMETER deadlock_timeout TO stats")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}".encode())
    migrate(other_database(url, TEMPLATE))
    yield url
    shutil.rmtree(folder, ignore_errors=True)


# Dropped some tests later: while a backend of it is about to end, PostgreSQL waits a tenth of a second.
_left: dict[int, list[str]] = defaultdict(list)


@contextmanager
def database(server: str, template: str = TEMPLATE, *, gone: bool = False) -> Iterator[str]:
    """An empty, migrated database, or one made from another template; dropped in the end. gone: is it then at once?"""
    name = f"test_{os.getpid()}_{uuid.uuid4().hex[:8]}"
    admin = _admin(server, os.getpid())
    # by copying files: half the time of its way through the log
    admin.execute(f'CREATE DATABASE "{name}" OWNER {ROLE} TEMPLATE "{template}" STRATEGY file_copy'.encode())
    made = other_database(server, name)
    if template == TEMPLATE:
        _migrated.add(made)
    yield made
    left = _left[os.getpid()]
    left.append(name)
    while len(left) > (0 if gone else 3):
        admin.execute(f'DROP DATABASE "{left.pop(0)}" WITH (FORCE)'.encode())  # whoever is connected to it


@contextmanager
def filled_template(server: str, fill: Callable[[str], object]) -> Iterator[str]:
    """The name of a database that `fill` is given the URL of, once: others are made of it, nobody connects to it."""
    with database(server) as url:
        fill(url)
        yield urlsplit(url).path[1:]


@cache
def _admin(server: str, process: int) -> Connection:
    """The superuser's, kept open: two new ones a test cost as much as all the copying."""
    return psycopg.connect(as_superuser(server), autocommit=True)


@pytest.fixture
def template() -> str:
    """What each test's database is made of; a file whose tests begin with the same rows has another."""
    return TEMPLATE


@pytest.fixture
def url(server: str, template: str) -> Iterator[str]:
    """An empty, migrated database, or one of the file's own template."""
    with database(server, template) as made:
        yield made


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    """A connection to the test's database, as the system makes it."""
    with connect(url) as opened:
        yield opened


def superuser_of(url: str) -> str:
    """The embedded server's superuser on the same database."""
    return url.replace("//stats@", f"//{SUPERUSER}@", 1)


def other_database(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


@pytest.fixture(scope="session")
def world() -> World:
    """The demo's default world, made once."""
    return World()


@pytest.fixture(scope="session")
def hour(server: str, world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The template of a database with an hour of the demo, all applied."""

    def fill(url: str) -> None:
        with DemoFeed(world, history=60) as feed, connect(url) as connection:
            stats = Stats(settings_for(feed, url, tmp_path_factory.mktemp("hour")))
            run_range(stats.work("augmented_diffs"), url, "diffs", world.first, feed.head)
            run_range(stats.work("changesets"), url, "files", world.changesets_first, feed.changesets_head)
            apply_queue(connection)
            connection.execute("ANALYZE")

    with filled_template(server, fill) as made:
        yield made


@pytest.fixture
def minutes() -> int:
    """How long the feed's history is; a file whose tests read more or less of it says so."""
    return MINUTES


@pytest.fixture
def feed(world: World, minutes: int) -> Iterator[DemoFeed]:
    """The demo's feed with some minutes of history; its head moves only by `advance`."""
    with DemoFeed(world, history=minutes) as served:
        yield served


@pytest.fixture
def stats(feed: DemoFeed, url: str, tmp_path: Path) -> Stats:
    """The system on the test's database and feed, with pauses of no time."""
    made = Stats(settings_for(feed, url, tmp_path / "data"))
    vars(made)["http"] = Http("test", timeout=PATIENCE, pause=0.01)
    return made


def settings_for(feed: DemoFeed, url: str, folder: Path, **others: object) -> Settings:
    """Settings that follow the demo's feed."""
    given: dict[str, object] = {
        "database_url": url,
        "overpass_url": feed.url,
        "changesets_url": feed.changesets_url,
        "stats_data_dir": folder,
        "retry_first_seconds": 0.001,
        "retry_max_seconds": 0.001,
        "retry_attempts": 3,
        "http_timeout_seconds": PATIENCE,
    }
    return Settings(**(given | others))  # type: ignore[arg-type]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """The command line, in a process and an empty folder of its own; a traceback fails the test."""

    def call(*arguments: str, stdin: bytes = b"", **environment: str) -> CompletedProcess[str]:
        with tempfile.TemporaryDirectory() as streams:
            given = os.environ | {"COLUMNS": "200"} | environment
            done = command(arguments, tmp_path, stdin, given, Path(streams))
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return call


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What a backfill logs, as its command shows it."""
    lines: list[str] = []
    handler, log = logging.Handler(), logging.getLogger("stats_assets.orchestration.backfill")
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield lines
    log.removeHandler(handler)
    log.setLevel(level)
