"""The services of `deploy/` as processes: their commands, health checks and configuration are those that are deployed.

Whoever ends is started again, as Docker's `restart: always` and ECS do; runs are processes of the code server.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

import yaml

from deploy.kit.render import HERE, local_values, rendered
from deploy.kit.variables import LOCAL
from stats_assets.local.dagster_programs import HOST, DagsterChildren
from stats_assets.local.stack import DEFINITIONS
from stats_assets.processes import is_resource_tracker, send, with_variable
from tests.deploy.templates import resources
from tests.drills.waiting import PATIENCE, until
from tests.ports import free_ports

ROLES = ("code", "daemon", "webserver")
SENSORS = ("augmented_diffs_stream", "changesets_stream", "statistics_queue")
MARK = "PRODUCTION_DRILL"
IMPATIENT = {
    "POLL_SECONDS": "1",
    "LEASE_STALE_SECONDS": "7",
    "RETRY_FIRST_SECONDS": "1",
    "RETRY_MAX_SECONDS": "4",
}
Inside = Callable[[Path, Sequence[str], Mapping[str, str]], list[str]]
"""(folder with the configuration, command, its environment) → the command that runs it in the image."""


def as_it_is(_: Path, command: Sequence[str], __: Mapping[str, str]) -> list[str]:
    """In this environment, not in an image."""
    return list(command)


class Production:
    """One machine's processes in `folder`, which holds nothing but the configuration; the databases are elsewhere."""

    def __init__(self, folder: Path, settings: Mapping[str, str], inside: Inside = as_it_is) -> None:
        self.folder, self._inside = folder, inside
        self._code_port, self._ui_port = map(str, free_ports(2))
        self._mark = uuid.uuid4().hex
        folder.mkdir()
        shutil.copy(HERE / "dagster.local.yaml", folder / "dagster.yaml")
        workspace = (HERE / "workspace.local.yaml").read_text()
        workspace = workspace.replace("host: code", f"host: {HOST}").replace("4000", self._code_port)
        (folder / "workspace.yaml").write_text(workspace)
        self._told = {
            "DAGSTER_DAEMON_HEARTBEAT_TOLERANCE": "300",
            **IMPATIENT,
            **settings,
            "DAGSTER_HOME": str(folder),
            MARK: self._mark,
        }
        self._environment = (
            os.environ | self._told | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        )
        self._services = services()
        self._tasks = resources("tasks")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._over = Event()
        self._keeper = Thread(target=self._keep, daemon=True)

    def migrate(self) -> None:
        """As the task that comes before the services."""
        done = self.run(self._services["migrate"]["command"])
        assert done.returncode == 0, done.stderr[-3000:]

    def start(self) -> Self:
        """Start all; from now on what ends is started again."""
        self._keeper.start()
        for role in ROLES:
            until(lambda role=role: self.is_healthy(role), f"{role} to be healthy")  # type: ignore[misc]
        return self

    def switch_on(self) -> None:
        """The sensors, as a person does in the UI."""
        dagster = DagsterChildren(self.folder, int(self._ui_port), {}, DEFINITIONS)
        assert dagster.start_sensors(SENSORS)

    def is_healthy(self, role: str) -> bool:
        """What the health check of its task definition says."""
        [container] = self._tasks[f"{role.capitalize()}Task"]["Properties"]["ContainerDefinitions"]
        kind, *command = container["HealthCheck"]["Command"]
        assert kind == "CMD"
        return self.run(command).returncode == 0

    def kill(self, *roles: str) -> list[int]:
        """kill -9 of these services' processes (run: the code server's children), at once."""
        found = [pid for role in roles for pid in self.pids(role)]
        assert found, f"no process of {roles}"
        send([process for process in with_variable(MARK, self._mark) if process.pid in found], signal.SIGKILL)
        until(lambda: not set(found) & set(self.all()), f"{roles} to be dead")
        return found

    def pids(self, role: str) -> list[int]:
        """The service's process; `run`: all runs."""
        if role != "run":
            return [self._processes[role].pid]
        return [pid for pid in self.all() if b"stats-assets run" in _command(pid)]

    def all(self) -> list[int]:
        """Every process of this machine."""
        return [process.pid for process in with_variable(MARK, self._mark)]

    def die(self) -> None:
        """The machine is lost: everything at once, and nothing is started again."""
        self._over.set()
        if self._keeper.is_alive():
            self._keeper.join()
        while found := with_variable(MARK, self._mark):
            send([process for process in found if not is_resource_tracker(process)], signal.SIGKILL)
            for process in self._processes.values():
                process.wait()
            time.sleep(0.05)

    def _keep(self) -> None:
        while not self._over.wait(0.2):
            for role in ROLES:
                process = self._processes.get(role)
                if process is None or process.poll() is not None:
                    self._processes[role] = self._spawn(role)

    def _spawn(self, role: str) -> subprocess.Popen[bytes]:
        command = self._here(self._services[role]["command"])
        with self.folder.with_name(f"{self.folder.name}.{role}.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603
                self._inside(self.folder, command, self._told),
                cwd=self.folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """A command beside the services, to its end."""
        inside = self._inside(self.folder, self._here(command), self._told)
        return subprocess.run(  # noqa: S603
            inside,
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def begin(self, command: Sequence[str]) -> "subprocess.Popen[str]":
        """A command beside the services, not waited for; what it says is one stream."""
        return subprocess.Popen(  # noqa: S603
            self._inside(self.folder, self._here(command), self._told),
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _here(self, command: Sequence[str]) -> list[str]:
        """With the ports that are free here."""
        ports = {"4000": self._code_port, "3000": self._ui_port}
        return [
            word.replace(":3000", f":{self._ui_port}") if word not in ports else ports[word]
            for word in command
        ]


def services() -> dict[str, Any]:
    """Those of the compose file for one Docker host."""
    values = local_values({name: variable.example for name, variable in LOCAL.items()})
    text = rendered(HERE / "docker-compose.local.yml.tpl", values | {"IMAGE": "any", "DEPLOY": "deploy"})
    found: dict[str, Any] = yaml.safe_load(text)["services"]
    return found


@contextlib.contextmanager
def machine(folder: Path, settings: Mapping[str, str], inside: Inside = as_it_is) -> Iterator[Production]:
    """A machine whose processes are gone in the end."""
    made = Production(folder, settings, inside)
    try:
        yield made
    finally:
        made.die()


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
