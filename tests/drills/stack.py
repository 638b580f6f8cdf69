"""The demo as a person starts it, in a folder of its own: what its processes are, what it says, what it leaves.

`DemoStack` only acts and looks; what must hold is the drills'.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeVar

import psycopg

from stats_assets.database.connection import Connection, connect
from stats_assets.database.ledger.stream_rows import stream_of
from stats_assets.demo.home import DemoHome, Remembered
from stats_assets.local.supervisor import MARK
from stats_assets.monitoring.status import of as standing_of
from stats_assets.monitoring.stream_status import Status
from stats_assets.processes import is_alive
from stats_assets.settings import Settings
from stats_assets.system import Stats
from tests.drills.waiting import PATIENCE, until
from tests.pids import titled, with_variable
from tests.ports import free_ports

PROJECT = Path(__file__).parents[2]
WORDS = {
    "feed": "stats_assets.demo.feed",
    "code": "api grpc",
    "webserver": "dagster_webserver",
    "daemon": "dagster._daemon run",
    "forks": "stats-assets warm runs",  # which the code server has forked, and runs are forked from
    "run": "stats-assets run",
}
WITH_SETTINGS = """
import json, sys
from stats_assets.cli.main import main
from stats_assets.demo.home import DemoHome
others = json.loads(sys.argv.pop(1))
settings = DemoHome.settings
DemoHome.settings = lambda *arguments: settings(*arguments) | others
main()
"""
S = TypeVar("S", bound="Stack")


class Stack:
    """`stats-assets COMMAND` in a project's root, its UI on a free port; `home` is where its own files are."""

    until = staticmethod(until)

    def __init__(self, folder: Path, root: Path, home: Path, command: str, *options: str) -> None:
        self._folder = folder
        self.root, self.home = root, home
        [port] = free_ports(1)
        self.ui = f"http://127.0.0.1:{port}"
        self.program = str(Path(sys.executable).with_name("stats-assets"))
        self.command = [self.program, command, f"--port={port}", *options]
        hidden = {"DAGSTER_HOME", *(name.upper() for name in Settings.model_fields)}
        self.environment = {name: value for name, value in os.environ.items() if name.upper() not in hidden}
        self._process: subprocess.Popen[bytes] | None = None
        self._marks: set[str] = set()
        self.segments: set[str] = set()
        """Shared memory that its PostgreSQL was seen to use."""

    def start(self) -> Self:
        """Start it and wait until it says that all is ready."""
        told = self._folder / "told"
        with told.open("wb") as out, (self._folder / "said").open("ab") as said:
            self._process = subprocess.Popen(  # noqa: S603
                self.command, cwd=self.root, env=self.environment, stdout=out, stderr=said
            )

        def ready() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, f"it ended: {self.said()}"
            return "Ctrl-C" in told.read_text()

        self.until(ready, "the stack to be ready")
        lines = (line.partition("  ") for line in told.read_text().splitlines())
        self.url = next(value.strip() for name, _, value in lines if name == "Database")
        return self

    def stop(self) -> int:
        """Ctrl-C; returns the exit code when it has ended and its PostgreSQL, too."""
        self.look()
        code = 0
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            code = self._process.wait(PATIENCE)
        self.until(
            lambda: not self.keeper() and not self.postgres(), "PostgreSQL to stop after its last user"
        )
        return code

    def remove(self) -> None:
        """End by force what still runs, and remove the folder."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        for pid in (*self.children(), *self.keeper()):
            if "resource_tracker" not in _command(pid):  # who removes the semaphores of those killed here
                _signal(pid, signal.SIGKILL)
        self.until(lambda: not self.children() and not self.postgres(), "everything to end")
        shutil.rmtree(self._folder)

    def pids(self, role: str) -> list[int]:
        """The living processes of a role: those of WORDS, supervisor, guardian, postgres (postmaster) or keeper."""
        if role in ("supervisor", "guardian"):
            first = 0 if self._process is None else self._process.pid
            both = titled("python", " ".join(self.command[1:]))
            return [pid for pid in both if (pid == first) is (role == "supervisor")]
        if role == "keeper":
            return self.keeper()
        if role == "postgres":
            with contextlib.suppress(FileNotFoundError, StopIteration, ValueError):
                pid_file = next((self.home / ".data/postgresql").rglob("postmaster.pid"))
                postmaster = int(pid_file.read_text().split()[0])
                return [postmaster] if postmaster in self.postgres() else []
            return []
        return [pid for pid in self.children() if WORDS[role] in _command(pid)]

    def kill(self, *roles: str) -> list[int]:
        """kill -9 of all processes of these roles, at once; returns them when they are gone."""
        self.look()
        found = [pid for role in roles for pid in self.pids(role)]
        for pid in found:
            _signal(pid, signal.SIGKILL)
        self.until(lambda: not any(map(self._lives, found)), f"{roles} to be dead")
        return found

    def _lives(self, pid: int) -> bool:
        if self._process is not None and pid == self._process.pid:
            return self._process.poll() is None
        return is_alive(pid)

    def children(self) -> list[int]:
        """All that the supervisor started, at any remove; PostgreSQL is nobody's child."""
        return with_variable(MARK, str(self.home / ".dagster" / "supervisor.lock"))

    def keeper(self) -> list[int]:
        """The process that keeps PostgreSQL running."""
        return titled("python", f"--folder {self.home}/.data/postgresql ")

    def postgres(self) -> list[int]:
        """All processes of its PostgreSQL."""
        marks = (_argument(pid, "cluster_name=") for pid in titled("postgres", f"{self.home}/.data/"))
        self._marks |= {*marks} - {""}
        return sorted({pid for mark in self._marks for pid in titled("postgres", mark)})

    def look(self) -> None:
        """Take note of the shared memory that is in use now."""
        for pid in self.postgres():
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
                    if "/dev/shm/" in line:  # noqa: S108
                        self.segments.add(line.split()[5])
                    elif "/SYSV" in line:
                        self.segments.add(f"shmid {line.split()[4]}")

    def segments_left(self) -> set[str]:
        """Of the shared memory that was seen, what is still there."""
        table = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
        there = {f"shmid {line.split()[1]}" for line in table}
        return {name for name in self.segments if name in there or Path(name).exists()}

    def memory(self) -> dict[str, float]:
        """Resident memory of each role's processes now, in MB, the largest of each."""
        found = {}
        for role in (*WORDS, "supervisor"):
            found[role] = max((_resident_mb(pid) for pid in self.pids(role)), default=0.0)
        return found | {"postgres": sum(map(_proportional_mb, self.postgres()))}

    def connect(self) -> Connection:
        """A connection of the caller's to its database; not a user that keeps the server alive."""
        return connect(self.url)

    def status(self) -> dict[str, Any]:
        """What `stats-assets status --json` says in the demo's folder."""
        done = self.run("status", "--json")
        assert done.stdout, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def bounds(self) -> tuple[int, int] | None:
        """The augmented diffs' first sequence, and the last to which all is done; None: they have not begun."""
        row = None
        with self.connect() as connection, contextlib.suppress(psycopg.errors.UndefinedTable):
            row = stream_of(connection, "augmented_diffs")
        if row is None or row.origin is None or row.checkpoint is None:
            return None
        return row.origin, row.checkpoint

    def run(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """A command as a person calls it in the demo's folder (or another)."""
        return subprocess.run(  # noqa: S603
            [self.program, *arguments],
            cwd=cwd or self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def graphql(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What Dagster's webserver answers; raises OSError while it doesn't."""
        asked = json.dumps({"query": query, "variables": dict(variables or {})}).encode()
        request = urllib.request.Request(f"{self.ui}/graphql", asked, {"Content-Type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            found = json.load(answer)
        assert "errors" not in found, found
        data: dict[str, Any] = found["data"]
        return data

    def said(self) -> str:
        """What the supervisor has said on stderr so far."""
        return (self._folder / "said").read_text()


class DemoStack(Stack):
    """A demo in a project's root of its own; its world has `history` minutes, and one more each `interval` seconds.

    `settings` are the demo's own but for these.
    """

    def __init__(
        self,
        *,
        history: int = 30,
        interval: float = 3.0,
        name: str = "a project",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        # pytest's folders are closed to the user who runs PostgreSQL for root
        folder = Path(tempfile.mkdtemp(prefix="stats-assets-drill-"))
        folder.chmod(0o755)
        root = folder / name
        root.mkdir(parents=True)
        shutil.copy(PROJECT / "dagster.yaml", root)
        self._demo = DemoHome(root, None)
        self._demo.remember(replace(self._demo.world(), history=history, interval=interval))
        [port] = free_ports(1)
        self.feed = f"http://127.0.0.1:{port}"
        super().__init__(folder, root, self._demo.path, "demo", f"--feed-port={port}")
        if settings:
            self.command[:1] = [sys.executable, "-c", WITH_SETTINGS, json.dumps(settings)]

    @property
    def world(self) -> Remembered:
        """Its world: which minutes there are, and when one more comes."""
        return self._demo.world()

    def standing(self) -> Status:
        """What `stats-assets status` says, without a process of its own: to be asked often."""
        changesets = f"{self.feed}/changesets"
        return standing_of(
            Stats(
                Settings(
                    _env_file=None, database_url=self.url, overpass_url=self.feed, changesets_url=changesets
                )
            )
        )

    def is_caught_up(self) -> bool:
        """Whether both cursors are where the feed is."""
        return all(one.cursor == one.head for one in self.standing().streams.values())

    def freeze(self) -> None:
        """From its next start on no more minutes pass in the world."""
        world = self._demo.world()
        now = time.time()
        passed = max(0, int((now - world.started) / world.interval))
        self._demo.remember(replace(world, history=world.history + passed, started=now, interval=1e9))


class DevStack(Stack):
    """The live system in the project of a demo. Its streams are off, so it needs no network."""

    def __init__(self, demo: DemoStack) -> None:
        super().__init__(Path(tempfile.mkdtemp(prefix="stats-assets-drill-")), demo.root, demo.root, "dev")


@contextlib.contextmanager
def running(stack: S) -> Iterator[S]:
    """Start it; at the end it is stopped, and nothing of it may be left."""
    try:
        yield stack.start()
        assert stack.stop() == 0, stack.said()
        assert not stack.children(), [_command(pid) for pid in stack.children()]
        assert not stack.segments_left()
    finally:
        stack.remove()


def demo_stack(**arguments: Any) -> contextlib.AbstractContextManager[DemoStack]:
    """A running demo, in the end gone without a trace."""
    return running(DemoStack(**arguments))


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _argument(pid: int, name: str) -> str:
    return next((word.removeprefix(name) for word in _command(pid).split() if word.startswith(name)), "")


def _resident_mb(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _proportional_mb(pid: int) -> float:
    """Shared pages divided by those who share them: what PostgreSQL's processes can be added up by."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0
