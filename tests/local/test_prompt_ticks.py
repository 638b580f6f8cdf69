"""The sensor daemon of a local stack: ticks by the interval, and when it is told of a moment; then not again."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, Definitions, SensorDefinition, SkipReason, job, op, sensor
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import create_test_daemon_workspace_context
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon import sensor as daemon

from stats_assets.local import prompt_ticks
from stats_assets.orchestration.wakes import FEED, RUN, wake

TOLD, OTHER = "augmented_diffs_stream", "changesets_stream"


@op
def nothing() -> None:
    pass


@job
def empty() -> None:
    nothing()


def sleepy(name: str) -> SensorDefinition:
    @sensor(name=name, minimum_interval_seconds=3600, job=empty)
    def ticks() -> SkipReason:
        return SkipReason("nothing")

    return ticks


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkspaceProcessContext]:
    for name in ("execute_sensor_iteration", "is_under_min_interval", "MIN_INTERVAL_LOOP_TIME"):
        monkeypatch.setattr(daemon, name, getattr(daemon, name))
    prompt_ticks.begin()
    origin = InProcessCodeLocationOrigin(
        LoadableTargetOrigin(python_file=__file__, attribute="defs"), location_name="any"
    )
    with (
        DagsterInstance.local_temp(str(tmp_path)) as instance,
        create_test_daemon_workspace_context(InProcessWorkspaceLoadTarget(origin), instance) as made,
    ):
        yield made


class Ticks:
    """What the daemon does, a look at a time."""

    def __init__(self, workspace: WorkspaceProcessContext) -> None:
        self.instance = workspace.instance
        self._workspace = workspace
        location = next(
            iter(workspace.create_request_context().get_code_location_entries().values())
        ).code_location
        assert location is not None
        [repository] = location.get_repositories().values()
        self._sensors = {name: repository.get_sensor(name) for name in (TOLD, OTHER)}
        for one in self._sensors.values():
            self.instance.start_sensor(one)

    def look(self) -> dict[str, int]:
        """Look who is due; how many ticks each has had by now."""
        list(daemon.execute_sensor_iteration(self._workspace, logging.getLogger(__name__), None, None))
        return {
            name: len(self.instance.get_ticks(one.get_remote_origin_id(), one.selector_id))
            for name, one in self._sensors.items()
        }


def test_a_sensor_that_is_told_ticks_once_though_its_interval_is_not_over(
    workspace: WorkspaceProcessContext,
) -> None:
    ticks = Ticks(workspace)
    assert ticks.look() == {TOLD: 1, OTHER: 1}
    assert ticks.look() == {TOLD: 1, OTHER: 1}
    wake(ticks.instance, TOLD, RUN)
    assert ticks.look() == {TOLD: 2, OTHER: 1}
    assert ticks.look() == {TOLD: 2, OTHER: 1}
    wake(ticks.instance, TOLD, FEED, 3600)
    assert ticks.look() == {TOLD: 2, OTHER: 1}, "the moment has not come"
    wake(ticks.instance, TOLD, RUN)
    assert ticks.look() == {TOLD: 3, OTHER: 1}, "one who tells does not take back what another has told"


def test_a_storage_that_cannot_say_leaves_the_interval(
    workspace: WorkspaceProcessContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OSError("away")

    ticks = Ticks(workspace)
    monkeypatch.setattr(type(ticks.instance.daemon_cursor_storage), "get_cursor_values", away)
    monkeypatch.setattr(type(ticks.instance.daemon_cursor_storage), "set_cursor_values", away)
    assert ticks.look() == {TOLD: 1, OTHER: 1}
    wake(ticks.instance, TOLD, RUN)
    assert ticks.look() == {TOLD: 1, OTHER: 1}


defs = Definitions(jobs=[empty], sensors=[sleepy(TOLD), sleepy(OTHER)])
