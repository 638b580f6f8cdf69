"""The streams' sensors switched on and off by command, as the UI's *Automation* does it.

Whether they are on is monitoring/switches.py's to say.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster import DagsterInstance
from dagster._core.remote_representation.external import RemoteSensor
from dagster._core.workspace.context import IWorkspaceProcessContext, WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget

from stats_assets.streams import TABLE, Stream


class NoCode(Exception):
    """The definitions can't be asked for the sensors; the message says why."""


@contextmanager
def opened(instance: DagsterInstance, home: Path) -> Iterator[IWorkspaceProcessContext[Any]]:
    """The project's workspace; of a local stack its own, which names the code server that runs."""
    running = home / ".dagster" / "workspace.yaml"
    file = running if running.exists() else home / "workspace.yaml"
    # An unreachable code server is said below, in a sentence.
    with (
        warnings.catch_warnings(action="ignore"),
        WorkspaceProcessContext(instance, WorkspaceFileTarget([str(file)])) as workspace,
    ):
        yield workspace


def switch(workspace: IWorkspaceProcessContext[Any], streams: Sequence[Stream], *, on: bool) -> list[Stream]:
    """Those of the streams that were not so already. Raises NoCode."""
    instance, changed = workspace.instance, []
    sensors = {sensor.name: sensor for sensor in _sensors(workspace)}
    for stream in streams:
        sensor = sensors[TABLE[stream].sensor]
        state = instance.get_instigator_state(sensor.get_remote_origin_id(), sensor.selector_id)
        if sensor.get_current_instigator_state(state).is_running == on:
            continue
        if on:
            instance.start_sensor(sensor)
        else:
            instance.stop_sensor(sensor.get_remote_origin_id(), sensor.selector_id, sensor)
        changed.append(stream)
    return changed


def _sensors(workspace: IWorkspaceProcessContext[Any]) -> Iterator[RemoteSensor]:
    for name, entry in workspace.create_request_context().get_code_location_entries().items():
        if entry.code_location is None:
            why = entry.load_error.message.strip().splitlines()[0] if entry.load_error else "it is not loaded"
            raise NoCode(f"The code server of {name} doesn't answer: {why}")
        for repository in entry.code_location.get_repositories().values():
            yield from repository.get_sensors()
