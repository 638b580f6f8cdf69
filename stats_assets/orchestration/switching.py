"""The streams' sensors switched on and off by command, as the UI's *Automation* does it.

Whether they are on is monitoring/switches.py's to say.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster import DagsterInstance
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.remote_representation.external import RemoteSensor
from dagster._core.workspace.context import IWorkspaceProcessContext, WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_shared.error import SerializableErrorInfo

from stats_assets.mendable import without_class
from stats_assets.streams import TABLE, Stream


class NoCode(Exception):
    """The definitions can't be asked for the sensors; the message says why."""


@contextmanager
def opened(instance: DagsterInstance, home: Path) -> Iterator[IWorkspaceProcessContext[Any]]:
    """The project's workspace; of a local stack its own, which names the code server that runs."""
    running = home / ".dagster" / "workspace.yaml"
    file = running if running.exists() else home / "workspace.yaml"
    target = WorkspaceFileTarget([str(file)])
    # An unreachable code server is said below, in a sentence; one that is made for this alone says nothing of itself.
    with (
        warnings.catch_warnings(action="ignore"),
        WorkspaceProcessContext(instance, target, code_server_log_level="CRITICAL") as workspace,
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
            raise NoCode(_why(name, entry.load_error))
        for repository in entry.code_location.get_repositories().values():
            yield from repository.get_sensors()


def _why(name: str, error: SerializableErrorInfo | None) -> str:
    """In a sentence, with what to do, and without the class names that Dagster's messages begin with."""
    if error is None or error.cls_name == DagsterUserCodeUnreachableError.__name__:
        return (
            f"The code server of {name} doesn't answer: nothing runs here now, or it is only starting. Start it"
            " (stats-assets dev, or demo), and say it again."
        )
    while error.cause is not None:
        error = error.cause
    said = without_class(next(iter(error.message.strip().splitlines()), ""))
    return f"The code of {name} can't be loaded: {said.rstrip('.')}. Mend that, and say it again."
