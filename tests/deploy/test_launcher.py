"""EcsRunLauncher as the rendered instance configures it: from a tick to a queued run, a task, what that task does,
and what happens when it dies."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.stub import Stubber
from dagster import AssetKey, DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import create_test_daemon_workspace_context
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster._daemon.sensor import execute_sensor_iteration
from dagster_shared.error import SerializableErrorInfo

from deploy.kit import cluster, secrets, services
from deploy.kit.instance import files
from stats_assets.demo.answers import faults
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.orchestration.partitions import key_of
from stats_assets.streams import END_TAG
from tests.conftest import database
from tests.deploy.conftest import IMAGE, Account, register_a_machine
from tests.drills.waiting import PATIENCE, until

HELD = {"model_name": "ecs::task", "transition": {"progression": "manual", "times": 1_000_000}}
LOGGER = logging.getLogger(__name__)
MOST = 7000  # characters; ECS takes 8,192


@pytest.fixture
def instance(
    account: Account, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DagsterInstance]:
    """The production instance: dagster.yaml as it is rendered, its storage in PostgreSQL, the cluster moto's."""
    account.variables["RUNS"] = "tasks"
    cluster.configure(account.aws(), account.config)
    register_a_machine(account)
    secrets.put(account.aws(), account.config)
    services.start(account.aws(), account.config, IMAGE)
    requests.post(
        f"{account.url}/moto-api/state-manager/set-transition", json=HELD, timeout=PATIENCE
    ).raise_for_status()
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(files(account.aws(), account.config)["dagster.yaml"].decode())
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with database(server, "template1") as url:
        monkeypatch.setenv("DAGSTER_DB_URI", url.replace("postgresql://", secrets.DRIVER))
        with DagsterInstance.from_config(str(home)) as made:
            yield made


class Daemon:
    """What the daemon does, a round at a time, on the rendered instance."""

    def __init__(self, instance: DagsterInstance, workspace: WorkspaceProcessContext) -> None:
        self.instance, self._workspace = instance, workspace
        location = next(
            iter(workspace.create_request_context().get_code_location_entries().values())
        ).code_location
        assert location is not None
        [repository] = location.get_repositories().values()
        instance.start_sensor(repository.get_sensor("augmented_diffs_stream"))

    def tick(self) -> None:
        """Of the stream's sensor: what it asks for is queued."""
        self._round(execute_sensor_iteration(self._workspace, LOGGER, None, None))

    def launch(self) -> None:
        """What is queued."""
        self._round(QueuedRunCoordinatorDaemon(interval_seconds=5).run_iteration(self._workspace))

    def monitor(self) -> None:
        """Whether the runs' tasks are well."""
        self._round(execute_run_monitoring_iteration(self._workspace, LOGGER))

    def runs(self, *statuses: DagsterRunStatus) -> list[DagsterRun]:
        """The stream's."""
        return list(self.instance.get_runs(RunsFilter(statuses=statuses, job_name="augmented_diffs_job")))

    @staticmethod
    def _round(results: Iterable[Any]) -> None:
        assert [result for result in results if isinstance(result, SerializableErrorInfo)] == []


@pytest.fixture
def daemon(
    instance: DagsterInstance,
    feed: DemoFeed,
    world: World,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Daemon]:
    told = {
        "DATABASE_URL": url,
        "OVERPASS_URL": feed.url,
        "CHANGESETS_URL": feed.changesets_url,
        "AUGMENTED_DIFFS_START": str(world.first),
        "STATS_DATA_DIR": str(tmp_path / "data"),
        "ARCHIVE_URI": "",
        "POLL_SECONDS": "1",
        "LEASE_STALE_SECONDS": "1",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    target = LoadableTargetOrigin(executable_path=sys.executable, module_name="stats_assets.definitions")
    code = InProcessCodeLocationOrigin(target, location_name="stats_assets")
    with create_test_daemon_workspace_context(InProcessWorkspaceLoadTarget(code), instance) as workspace:
        yield Daemon(instance, workspace)


def launched(account: Account) -> dict[str, Any]:
    """The run's task."""
    ecs = account.client("ecs")
    arns = ecs.list_tasks(cluster="stats-assets", family="stats-assets-run")["taskArns"]
    [task] = ecs.describe_tasks(cluster="stats-assets", tasks=arns)["tasks"]
    return dict(task)


def is_as_rendered(account: Account, given: dict[str, Any], task: dict[str, Any]) -> None:
    """The right definition, strategy, network, secrets and command, and no password."""
    assert given["capacityProviderStrategy"] == account.config.strategy
    assert "launchType" not in given
    network = given["networkConfiguration"]["awsvpcConfiguration"]
    assert (network["subnets"], network["assignPublicIp"]) == (account.config.subnets, "DISABLED")
    assert ":task-definition/stats-assets-run:" in task["taskDefinitionArn"]
    definition = account.client("ecs").describe_task_definition(taskDefinition=task["taskDefinitionArn"])
    [container] = definition["taskDefinition"]["containerDefinitions"]
    assert {one["name"] for one in container["secrets"]} == {"DATABASE_URL", "DAGSTER_DB_URI"}
    assert len(json.dumps(given["overrides"])) < MOST
    assert "password" not in json.dumps(given)


def command(given: dict[str, Any]) -> list[str]:
    """What the task runs."""
    [container] = given["overrides"]["containerOverrides"]
    assert container["name"] == "run"
    words: list[str] = container["command"]
    return words


def dead(task: dict[str, Any]) -> dict[str, Any]:
    """What ECS says of a task whose container was killed."""
    container = {"name": "run", "exitCode": 137, "lastStatus": "STOPPED"}
    return {
        "taskArn": task["taskArn"],
        "lastStatus": "STOPPED",
        "stopCode": "EssentialContainerExited",
        "stoppedReason": "Essential container in task exited",
        "containers": [container],
    }


@pytest.mark.drill
def test_a_queued_run_is_a_task_and_a_dead_one_is_done_again(
    account: Account, instance: DagsterInstance, daemon: Daemon, feed: DemoFeed, world: World
) -> None:
    launcher: Any = instance.run_launcher
    asked: list[dict[str, Any]] = []
    launcher.ecs.meta.events.register(
        "provide-client-params.ecs.RunTask", lambda params, **_: asked.append(params)
    )
    daemon.tick()
    [queued] = daemon.runs(DagsterRunStatus.QUEUED)
    daemon.launch()
    [given] = asked
    task = launched(account)
    is_as_rendered(account, given, task)

    stall = feed.faults.put(faults.stall(60), stream="augmented_diffs", sequence=world.first + 1)
    with subprocess.Popen(command(given)) as worker:  # noqa: S603
        until(
            lambda: any(one.sequence == world.first + 1 for one in feed.requests), "the worker to be at work"
        )
        worker.kill()
    feed.faults.remove(stall)
    with Stubber(launcher.ecs) as ecs:
        ecs.add_response("describe_tasks", {"tasks": [dead(task)]})
        daemon.monitor()
    [failed] = daemon.runs(DagsterRunStatus.FAILURE)
    assert failed.run_id == queued.run_id

    def asked_again() -> list[DagsterRun]:
        daemon.tick()
        return daemon.runs(DagsterRunStatus.QUEUED)

    until(asked_again, "the range to be asked for again")
    daemon.launch()
    for given in asked[1:]:  # the statistics' run, too, perhaps
        done = subprocess.run(command(given), capture_output=True, text=True, timeout=PATIENCE, check=False)  # noqa: S603
        assert done.returncode == 0, done.stderr[-2000:]
    [ended] = daemon.runs(DagsterRunStatus.SUCCESS)
    assert ended.tags[END_TAG] == queued.tags[END_TAG]
    assert instance.get_materialized_partitions(AssetKey("changeset_edits")) == {key_of(world.first)}
