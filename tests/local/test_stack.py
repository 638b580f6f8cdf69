"""The local stack: the project's root, the demo's folder and settings, and the whole of it with real processes."""

import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from dagster import DagsterInstance

from benchmarks import rest
from stats_assets.demo.home import DemoError, DemoHome
from stats_assets.local.dagster_programs import LOCATION, DagsterChildren, environment, reserve
from stats_assets.local.demo import run_demo
from stats_assets.local.dev import how_they_start, run_dev
from stats_assets.local.stack import StackError, port_held
from stats_assets.local.supervisor import MARK
from stats_assets.orchestration.switching import switch
from stats_assets.root import MARKER, NoProject, find_project_root, project_root
from stats_assets.settings import Settings, SettingsError
from stats_assets.streams import Stream
from tests.at_once import at_once
from tests.drills.waiting import PATIENCE
from tests.pids import titled, with_variable
from tests.place import open_folder
from tests.ports import free_ports
from tests.workspaces import in_process

PROJECT = Path(__file__).parents[2]
TINY = """
import os, time
from pathlib import Path
import dagster

@dagster.asset
def stays() -> None:
    Path("run.pid").write_text(str(os.getpid()))
    while True:
        time.sleep(0.1)

job = dagster.define_asset_job("job", [stays])

def make(stream: str) -> dagster.SensorDefinition:
    @dagster.sensor(name=f"{stream}_stream", job=job, minimum_interval_seconds=1)
    def ticks(context):
        from stats_assets.settings import load_settings
        tick = int(context.cursor or 0) + 1
        new = Path(f"new.{stream}")  # both sensors tick at once, in threads
        new.write_text(load_settings().model_dump_json() + os.environ.get("DATABASE_URL", ""))
        new.rename("settings.json")
        new.write_text(str(tick))
        new.rename(f"{stream}.tick")
        requests = [dagster.RunRequest(run_key="only")] if stream == "changesets" else []
        return dagster.SensorResult(cursor=str(tick), run_requests=requests)
    return ticks

defs = dagster.Definitions(
    assets=[stays], jobs=[job], sensors=[make("augmented_diffs"), make("changesets")],
    executor=dagster.in_process_executor,
)
"""
DEMO = """
import sys
from stats_assets.local.demo import run_demo
from stats_assets.local.stack import StackError
try:
    sys.exit(run_demo(int(sys.argv[1]), int(sys.argv[2]), module="tiny_definitions"))
except StackError as error:
    sys.exit(f"error: {error}")
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    root = tmp_path / "a project"
    root.mkdir()
    shutil.copy(PROJECT / "dagster.yaml", root)
    return root


def test_the_root_is_found_upwards_and_other_dagster_projects_are_not_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = root / "docs" / "deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert project_root() == root
    (below / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    assert project_root() == root
    monkeypatch.chdir(root.parent)
    assert find_project_root() is None
    with pytest.raises(NoProject, match="DAGSTER_HOME"):
        project_root()


def test_dagster_home_wins_and_a_foreign_one_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setenv("DAGSTER_HOME", str(root.parent))
    assert find_project_root() is None
    with pytest.raises(NoProject, match=r"DAGSTER_HOME is .* Unset it"):
        project_root()
    monkeypatch.setenv("DAGSTER_HOME", str(root))
    monkeypatch.chdir("/")
    assert project_root() == root


def test_dagsters_settings_load_and_leave_backfills_without_the_last_slot(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (root / "dagster.yaml").read_text().startswith(MARKER + "\n")
    monkeypatch.chdir(root)
    with DagsterInstance.from_config(str(root)) as instance:
        concurrency = instance.get_concurrency_config()
        [limit] = concurrency.run_queue_config.tag_concurrency_limits  # type: ignore[union-attr]
        assert limit == {"key": "dagster/backfill", "limit": 2}
        assert concurrency.run_queue_config.max_concurrent_runs > limit["limit"]  # type: ignore[union-attr]
        assert concurrency.pool_config.default_pool_limit > limit["limit"]
        assert instance.run_monitoring_enabled
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
    assert {path.name for path in root.iterdir()} == {"dagster.yaml", ".dagster"}


def test_plain_dagster_dev_has_the_same_location() -> None:
    # a sensor is switched on in a location: under another name all would be off
    assert f"location_name: {LOCATION}\n" in (PROJECT / "workspace.yaml").read_text()
    # plain `dagster dev` takes this one before the workspace
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    assert project["tool"]["dagster"]["code_location_name"] == LOCATION


def test_nothing_of_the_live_project_reaches_the_demo(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = "postgresql://somebody@example.org/theirs"
    monkeypatch.setenv("DATABASE_URL", live)
    monkeypatch.setenv("archive_uri", "s3://theirs")
    monkeypatch.setenv("AUGMENTED_DIFFS_URL", "s3://theirs")
    home = DemoHome(root, None)
    world = home.world()
    settings = home.settings(world, "http://127.0.0.1:1")
    home.furnish(root, settings)
    (home.path / ".env").write_text(f"DATABASE_URL={live}\nCATEGORIES_FILE=theirs.yaml\n")
    variables = environment(home.path, settings)
    monkeypatch.chdir(home.path)
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    got = Settings()
    assert "theirs" not in got.model_dump_json()
    assert got.database_url is None
    assert got.stats_data_dir.is_relative_to(home.path)
    assert Path(got.archive).is_relative_to(home.path)
    assert got.augmented_diffs_start == world.first


def test_commands_called_in_the_demos_folder_find_its_settings(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = DemoHome(root, None)
    home.path.mkdir()
    settings = home.settings(home.world(), "http://127.0.0.1:1")
    home.furnish(root, settings | {"USER_AGENT": r"it's \ odd # agent"})
    monkeypatch.delenv("STATS_DATA_DIR")
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    monkeypatch.chdir(home.path)
    assert project_root() == home.path
    got = Settings()
    assert got.overpass_url == "http://127.0.0.1:1"
    assert got.stats_data_dir.absolute() == home.path / ".data"
    moved = home.path.rename(root.parent / "moved")
    monkeypatch.chdir(moved)
    assert Path(Settings().archive).absolute() == moved / ".data/archive"
    assert got.user_agent == r"it's \ odd # agent"


def test_a_world_is_remembered_and_a_broken_memory_is_named(root: Path) -> None:
    home = DemoHome(root, None)
    world = home.world()
    assert DemoHome(root, None).world() == world
    (root / ".demo/world.json").write_text("{")
    with pytest.raises(DemoError, match=r"world\.json can't be read"):
        home.world()


def test_real_diffs_have_a_folder_and_starts_of_their_own(root: Path, tmp_path: Path) -> None:
    diffs = tmp_path / "diffs"
    diffs.mkdir()
    with pytest.raises(DemoError, match="NNN"):
        DemoHome(root, diffs).world()
    for name in ("100.adiff.xml.gz", "99.adiff.xml.gz", "notes.adiff.xml.gz"):
        (diffs / name).touch()
    home = DemoHome(root, diffs)
    assert home.path != DemoHome(root, None).path
    world = home.world()
    assert (world.first, world.changesets_first) == (99, None)
    assert f"--directory={diffs}" in home.feed_arguments(world, 1)


def test_what_is_said_of_the_streams_at_the_start_is_as_their_sensors_were_left(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(root))
    made = DagsterChildren(root, 1, {}, "unused")
    streams: list[list[Stream]] = [[], ["changesets"], ["augmented_diffs"]]
    said = []
    for switched_on in streams:
        with DagsterInstance.get() as instance, in_process(instance) as workspace:
            switch(workspace, switched_on, on=True)
        said.append(how_they_start(made.make_records()()))
    switched = "switched on: Automation in the UI."
    assert said == [
        f"The streams start when their sensors are {switched}",
        f"changesets goes on where it stopped; augmented_diffs when its sensor is {switched}",
        "The streams' sensors are on: they go on where they stopped.",
    ]


def test_the_code_servers_port_stays_while_it_is_free(tmp_path: Path) -> None:
    (tmp_path / ".dagster").mkdir()
    programs = DagsterChildren(tmp_path, 1, {}, "m")

    def port() -> str:
        return programs.children()[0].argv[-1]

    first = port()
    assert port() == first
    with socket.create_server(("127.0.0.1", int(first))):
        assert port() != first


def test_a_port_is_one_stacks_before_anything_listens_there() -> None:
    [port] = free_ports(1)
    held = reserve(port)
    assert held is not None
    with held:
        assert at_once(lambda: reserve(port)) == [None]
        # a live system that begins beside a demo: the demo would switch the live sensors on
        with pytest.raises(StackError, match=f"Port {port} is in use"), port_held(port, "--port"):
            pass
    with port_held(port, "--port"):
        pass


class Demo:
    """The demo, over tiny definitions, in a process of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / ".demo"
        self.ports = free_ports(2)
        self._running: list[subprocess.Popen[str]] = []
        (root / "tiny_definitions.py").write_text(TINY)

    def start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", DEMO, *map(str, self.ports)],
            cwd=self.root,
            env={
                **os.environ,
                "PYTHONPATH": str(self.root),
                "DATABASE_URL": "postgresql://localhost/theirs",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._running.append(process)
        return process

    def told(self, process: subprocess.Popen[str]) -> dict[str, str]:
        """The facts that it prints when all is ready."""
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip())
            if line.startswith("Ctrl-C"):
                facts = (line.partition("  ") for line in lines)
                return {name: value.strip() for name, _, value in facts}
        raise AssertionError(process.stderr.read() if process.stderr else "")

    def ticks(self, stream: str) -> int:
        try:
            return int((self.home / f"{stream}.tick").read_text())
        except FileNotFoundError:
            return 0

    def children(self) -> list[int]:
        return with_variable(MARK, str(self.home / ".dagster" / "supervisor.lock"))

    def database_processes(self) -> list[int]:
        return titled("python", f"--folder {self.home}/.data/postgresql ")

    def close(self) -> None:
        for process in self._running:
            process.kill()
            process.communicate()
        _until(lambda: not self.children(), "the demo's processes to end")
        for pid in self.database_processes():
            os.kill(pid, signal.SIGTERM)
        _until(lambda: not self.database_processes(), "its database to stop")


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except FileNotFoundError:
        return ""


def _until(condition: Callable[[], object], what: str) -> None:
    limit = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < limit, f"waited in vain: {what}"
        time.sleep(0.05)


@pytest.fixture
def demo() -> Iterator[Demo]:
    folder = open_folder()
    root = folder / "a project"
    root.mkdir()
    shutil.copy(PROJECT / "dagster.yaml", root)
    demo = Demo(root)
    yield demo
    demo.close()
    shutil.rmtree(folder)


def test_the_demo_from_nothing_to_its_end(demo: Demo) -> None:
    with socket.create_server(("127.0.0.1", demo.ports[0])):
        refused = demo.start()
        assert "--port" in refused.communicate()[1]
        assert refused.returncode == 1
    first = demo.start()
    told = demo.told(first)
    with urllib.request.urlopen(f"{told['Feed'].split()[0]}/truth.json") as truth:  # noqa: S310
        assert json.load(truth)
    with psycopg.connect(told["Database"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    _until(lambda: demo.ticks("augmented_diffs") and demo.ticks("changesets"), "both sensors to tick")
    found = {one.name for one in rest.measured(demo.home, 0.001)}  # the benchmark's own look at it
    assert any("daemon" in name for name in found), found
    assert any(name.startswith("postgres") for name in found), found
    settings = (demo.home / "settings.json").read_text()
    assert "theirs" not in settings
    assert json.loads(settings.rpartition("}")[0] + "}")["stats_data_dir"] == ".data"  # in the demo's folder

    second = demo.start()
    assert "runs already" in second.communicate()[1]

    first.send_signal(signal.SIGINT)
    assert "Traceback" not in first.communicate()[1]
    assert first.returncode == 0
    assert not demo.children()


@pytest.mark.parametrize("start", [run_demo, run_dev])
def test_a_root_that_cannot_be_written_is_named(
    root: Path, monkeypatch: pytest.MonkeyPatch, start: Callable[[], int]
) -> None:
    monkeypatch.chdir(root)
    for name in (".demo", ".dagster"):
        (root / name).touch()  # as good as a read-only folder, for root too
    with pytest.raises(StackError, match=r"a project can't be used: .* DAGSTER_HOME"):
        start()


@pytest.mark.parametrize("start", [run_demo, run_dev])
def test_a_full_disk_is_not_called_a_matter_of_rights(
    root: Path, monkeypatch: pytest.MonkeyPatch, start: Callable[[], int]
) -> None:
    def full(path: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.chdir(root)
    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(StackError, match=r"a project.* can't be used: .* Make room, and start again[.]$"):
        start()


def test_a_setting_that_dagster_and_the_commands_would_read_differently_is_named(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    (root / ".env").write_text("database_url='postgresql://theirs'\nPOLL_SECONDS=3\n")
    monkeypatch.setenv("POLL_SECONDS", "3")
    monkeypatch.setenv("DATABASE_URL", "postgresql://ours")
    with pytest.raises(SettingsError, match=r"DATABASE_URL is set in the environment and.*Remove one"):
        run_dev()


def test_a_demo_that_is_refused_leaves_the_running_ones_settings(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    home = DemoHome(root, None)
    home.furnish(root, home.settings(home.world(), "http://127.0.0.1:1"))
    before = (home.path / ".env").read_text()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=f"Port {port} is in use"):
            run_demo(feed_port=port, feed_only=True)
    assert (home.path / ".env").read_text() == before
