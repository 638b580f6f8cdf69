"""Dagster's three programs on one machine: code server, webserver, daemon; their ports, environment and sensors.

Keeping them running is `supervisor.py`; what else belongs to a stack is `stack.py`.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from stats_assets.files import write_whole
from stats_assets.local.child import Child
from stats_assets.mendable import without_class
from stats_assets.monitoring.alerts import UI
from stats_assets.root import RecordsError
from stats_assets.streams import Stream

LOCATION = "stats_assets"
"""The code location's name; as in `workspace.yaml`, or Dagster takes the sensors for others, which are off."""
HOST = "127.0.0.1"

_MAKE_RECORDS = """
import json
from dagster import DagsterInstance
from stats_assets.monitoring.switches import switches_of
with DagsterInstance.get() as instance:
    print(json.dumps(dict(switches_of(instance).on)))
"""
_START_SENSOR = """
mutation ($selector: SensorSelector!) {
  startSensor(sensorSelector: $selector) { __typename ... on PythonError { message } }
}
"""


class DagsterChildren(NamedTuple):
    """Dagster's three programs in a DAGSTER_HOME. The code server's port is free, and the same as last time if
    that still is.
    """

    home: Path
    port: int
    settings: Mapping[str, str]
    module: str

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def make_records(self) -> Callable[[], Mapping[Stream, bool]]:
        """Begin to make Dagster's records whole, in a process of its own; call what is returned to wait for it.

        It says which streams' sensors are on, and raises RecordsError.
        """
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", _MAKE_RECORDS],
            cwd=self.home,
            env=environment(self.home, self.settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

        def wait() -> Mapping[Stream, bool]:
            said, complaint = process.communicate()
            if process.returncode != 0:
                why = without_class(complaint.strip().rpartition("\n")[2])
                raise RecordsError(f"Dagster's records in {self.home} can't be used: {why}")
            on: Mapping[Stream, bool] = json.loads(said.strip().rpartition("\n")[2])
            return on

        return wait

    def children(self) -> list[Child]:
        """Code server, webserver, daemon, in this order: the latter two want to find the code."""
        workspace = self.home / ".dagster" / "workspace.yaml"
        code_port = _remembered_port(workspace, self.port)
        server = {"host": HOST, "port": code_port, "location_name": LOCATION}
        write_whole(workspace, json.dumps({"load_from": [{"grpc_server": server}]}))
        code = ["dagster", "api", "grpc", "-m", self.module, "--location-name", LOCATION]
        return [
            self._child(
                "code", [*code, "--host", HOST, "--port", str(code_port)], lambda: answers_at(code_port)
            ),
            self._child(
                "webserver",
                ["dagster_webserver", "-h", HOST, "-p", str(self.port), "-w", str(workspace)],
                self._server_info,
            ),
            self._child("daemon", ["dagster._daemon", "run", "-w", str(workspace)], lambda: True),
        ]

    def start_sensors(self, names: Sequence[str]) -> bool:
        """Switch sensors on; False: Dagster doesn't know them yet, or doesn't answer."""
        selector = {"repositoryName": "__repository__", "repositoryLocationName": LOCATION}
        return all(self._start_sensor({**selector, "sensorName": name}) for name in names)

    def _start_sensor(self, selector: Mapping[str, str]) -> bool:
        asked = {"query": _START_SENSOR, "variables": {"selector": selector}}
        request = urllib.request.Request(  # noqa: S310
            f"{self.url}/graphql", json.dumps(asked).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return bool(json.load(answer)["data"]["startSensor"]["__typename"] == "Sensor")
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def _server_info(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/server_info", timeout=2) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (OSError, ValueError):
            return False

    def _child(self, name: str, words: Sequence[str], ready: Callable[[], bool]) -> Child:
        command = [sys.executable, "-m", "stats_assets.local.dagster_plain", *words]
        variables = environment(self.home, self.settings) | {UI: self.url}
        return Child(name, command, variables, self.home, ready)


def environment(home: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment, with settings in place of those of the same name, however written."""
    names = {name.upper() for name in settings}
    kept = {name: value for name, value in os.environ.items() if name.upper() not in names}
    return {**kept, **settings, "DAGSTER_HOME": str(home), "PYTHONUNBUFFERED": "1"}


def answers_at(port: int) -> bool:
    """Whether a program listens there."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def is_free(port: int) -> bool:
    """Whether a program could listen there now. Raises PermissionError where this user may not."""
    with socket.socket() as trial:
        # as the servers do: connections of an earlier one that linger don't count
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except PermissionError:
            raise
        except OSError:
            return False
    return True


def reserve(port: int) -> socket.socket | None:
    """A hold on a port that a program is to listen on, among this project's stacks on the machine; None: another's.

    Two stacks that begin at once find the port free, both. The name in the kernel is gone with the process.
    Raises PermissionError.
    """
    held = socket.socket(socket.AF_UNIX)
    with contextlib.ExitStack() as unless_kept:
        unless_kept.callback(held.close)
        try:
            held.bind(f"\0stats-assets-port-{port}")
        except OSError:
            return None
        if not is_free(port):
            return None
        unless_kept.pop_all()
    return held


def _remembered_port(workspace: Path, taken: int) -> int:
    try:
        port = int(json.loads(workspace.read_bytes())["load_from"][0]["grpc_server"]["port"])
    except (OSError, ValueError, LookupError, TypeError):
        port = 0
    if port >= 1024 and port != taken and is_free(port):
        return port
    with socket.socket() as any_free:
        any_free.bind((HOST, 0))
        return int(any_free.getsockname()[1])
