"""The code server of a local stack: its runs are forks that import nothing anew, and end as Dagster's own do."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from multiprocessing import forkserver, get_context
from pathlib import Path

import psutil
import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.test_utils import create_run_for_test, create_test_daemon_workspace_context
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget

from stats_assets.linux import entitle
from stats_assets.local import warm_runs
from stats_assets.local.dagster_programs import HOST, LOCATION, answers_at
from tests.at_once import at_once
from tests.drills.waiting import until
from tests.ports import free_ports

TINY = """
import os, time
from pathlib import Path
import dagster

LOADED_BY = os.getpid()

@dagster.op
def tells():
    Path("told").write_text(f"{LOADED_BY} {os.getpid()} {os.getppid()} {os.getcwd()}")

@dagster.op
def stays():
    Path("told").write_text(f"{LOADED_BY} {os.getpid()} {os.getppid()} {os.getcwd()}")
    while True:
        time.sleep(0.05)

@dagster.job(executor_def=dagster.in_process_executor)
def short(): tells()

@dagster.job(executor_def=dagster.in_process_executor)
def long(): stays()

defs = dagster.Definitions(jobs=[short, long])
"""


class CodeServer:
    """As a stack starts it, over tiny definitions; runs are launched as the daemon does."""

    def __init__(self, home: Path) -> None:
        self.home = home
        [self._port] = free_ports(1)
        (home / "tiny_definitions.py").write_text(TINY)
        (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        words = ["-m", "tiny_definitions", "--location-name", LOCATION, "--host", HOST]
        environment = {**os.environ, "PYTHONPATH": str(home), "DAGSTER_HOME": str(home), "TMPDIR": str(home)}
        with (home / "said").open("ab") as said:
            self.process = subprocess.Popen(  # noqa: S603
                [
                    sys.executable,
                    "-m",
                    "stats_assets.local.dagster_plain",
                    "dagster",
                    "api",
                    "grpc",
                    *words,
                    "--port",
                    str(self._port),
                ],
                cwd=home,
                env=environment,
                stdout=said,
                stderr=said,
            )
        until(lambda: answers_at(self._port), "the code server to answer")
        self.instance = DagsterInstance.from_config(str(home))

    @property
    def target(self) -> GrpcServerTarget:
        return GrpcServerTarget(host=HOST, port=self._port, socket=None, location_name=LOCATION)

    def launch(self, workspace: WorkspaceProcessContext, job: str) -> str:
        """Launch a run of the job; its id."""
        (self.home / "told").unlink(missing_ok=True)
        context = workspace.create_request_context()
        [repository] = context.get_code_location(LOCATION).get_repositories().values()
        remote = repository.get_full_job(job)
        run = create_run_for_test(
            self.instance,
            job_name=job,
            remote_job_origin=remote.get_remote_origin(),
            job_code_origin=remote.get_python_origin(),
        )
        self.instance.launch_run(run.run_id, context)
        return str(run.run_id)

    def told(self) -> tuple[int, int, int, str]:
        """Who loaded the definitions, the run's process, its parent, its folder."""
        words = until(lambda: (self.home / "told").exists() and (self.home / "told").read_text(), "it to run")
        assert isinstance(words, str)
        loader, run, parent, folder = words.split(" ", 3)
        return int(loader), int(run), int(parent), folder

    def ends(self, run_id: str) -> DagsterRunStatus:
        """How it has ended."""

        def over() -> DagsterRunStatus | None:
            run = self.instance.get_run_by_id(run_id)
            return run.status if run is not None and run.is_finished else None

        return until(over, "the run to end")

    def close(self) -> None:
        self.instance.dispose()
        for process in (*psutil.Process(self.process.pid).children(recursive=True),):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CodeServer]:
    """One for all tests, of which the last ends it."""
    made = CodeServer(tmp_path_factory.mktemp("code"))
    yield made
    if made.process.poll() is None:
        made.close()


@pytest.fixture(autouse=True)
def home(code: CodeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(code.home))


def test_runs_are_forks_and_end_as_they_do_with_dagsters_own_launcher(code: CodeServer) -> None:
    with create_test_daemon_workspace_context(code.target, code.instance) as workspace:
        assert code.ends(code.launch(workspace, "short")) == DagsterRunStatus.SUCCESS
        loader, run, forks, folder = code.told()
        assert loader == code.process.pid, "what a run needs was imported anew"
        assert run != loader and forks != loader
        assert folder == str(code.home)

        killed = code.launch(workspace, "long")
        _, run, _, _ = code.told()
        assert psutil.Process(run).cmdline()[0] == "stats-assets run"
        os.kill(run, signal.SIGKILL)
        assert code.ends(killed) == DagsterRunStatus.FAILURE


@pytest.mark.drill
def test_a_run_that_is_terminated_or_whose_forks_are_killed_ends_so_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with closing(CodeServer(tmp_path)) as code:
        _terminated_and_killed(code)


def _terminated_and_killed(code: CodeServer) -> None:
    with create_test_daemon_workspace_context(code.target, code.instance) as workspace:
        terminated = code.launch(workspace, "long")
        _, _, forks, _ = code.told()
        assert code.instance.run_launcher.terminate(terminated)
        assert code.ends(terminated) == DagsterRunStatus.CANCELED

        orphaned = code.launch(workspace, "long")
        _, run, _, _ = code.told()
        os.kill(forks, signal.SIGKILL)
        assert code.ends(orphaned) == DagsterRunStatus.FAILURE, "nobody knows any more how it ends"
        os.kill(run, signal.SIGKILL)
        assert code.ends(code.launch(workspace, "short")) == DagsterRunStatus.SUCCESS
        assert code.told()[2] != forks


def test_definitions_that_raise_do_not_end_who_forks(tmp_path: Path) -> None:
    (tmp_path / "broken_definitions.py").write_text("raise ValueError('not now')")
    assert at_once(partial(_forked_beside_broken_ones, tmp_path)) == [(True, 0)]


def _waits(pid: int) -> bool:
    """Whether it is where a fork server waits, which handles SIGCHLD there."""
    [caught] = [
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigCgt")
    ]
    return bool(int(caught.split()[1], 16) >> (signal.SIGCHLD - 1) & 1)


def _forked_beside_broken_ones(folder: Path) -> tuple[bool, int | None]:
    """In a process of one thread: whether the same process forks as at first, and how what it forked has ended."""
    sys.path.insert(0, str(folder))
    forkserver._forkserver.__init__()  # type: ignore[misc]  # a worker's own may be begun: it isn't this process's child
    warm_runs.begin("broken_definitions")
    first = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    until(lambda: psutil.Process(first).status() == psutil.STATUS_ZOMBIE or _waits(first), "it to begin")
    process = get_context("forkserver").Process(target=os.getpid)
    process.start()
    process.join()
    return forkserver._forkserver._forkserver_pid == first, process.exitcode  # type: ignore[attr-defined]


def test_a_fork_has_a_name_of_its_own() -> None:
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        entitle("a name" + " and more" * 10_000)
        os.write(writer, b".")
        signal.pause()
    try:
        os.read(reader, 1)
        assert " ".join(psutil.Process(pid).cmdline()).startswith("a name and")
        assert "a name" not in psutil.Process().cmdline()[0]
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_who_forks_ends_with_the_code_server_and_leaves_nothing(code: CodeServer) -> None:
    [forks] = [one for one in psutil.Process(code.process.pid).children() if "warm" in one.cmdline()[0]]
    code.process.kill()
    code.process.wait()
    forks.wait()
    assert list(code.home.glob("pymp-*")) == []
    code.instance.dispose()
