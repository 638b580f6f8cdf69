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

import psycopg
import pytest
import requests
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from dagster import AssetKey, DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher.base import LaunchRunContext, ResumeRunContext, RunLauncher
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import create_run_for_test, create_test_daemon_workspace_context
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster._daemon.sensor import execute_sensor_iteration
from dagster_shared.error import SerializableErrorInfo

from deploy.kit import cluster, secrets, services
from deploy.kit.instance import files
from deploy.kit.render import RUN_TAG
from stats_assets.cli.forward_only import of_dagster
from stats_assets.definitions import defs
from stats_assets.demo.answers import faults
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.ecs.run_launcher import PLACE
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
    arns = ecs.list_tasks(cluster="stats-assets", family="stats-assets-run", desiredStatus="RUNNING")[
        "taskArns"
    ]
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


ELSEWHERE = "arn:aws:ecs:us-east-1:123456789012:task/stats-assets/0123456789abcdef0123456789abcdef"
TYPED = {
    "ecs/cpu": "4096",
    "ecs/memory": "16384",
    "ecs/ephemeral_storage": "200",
    "ecs/task_overrides": json.dumps(
        {"taskRoleArn": "arn:aws:iam::123456789012:role/stats-assets-execution"}
    ),
    "ecs/container_overrides": json.dumps(
        {"command": ["sh"], "environment": [{"name": "OVERPASS_URL", "value": "https://elsewhere.example"}]}
    ),
    "ecs/run_task_kwargs": json.dumps(
        {"taskDefinition": "another", "cluster": "another", "enableExecuteCommand": True, "tags": []}
    ),
    "ecs/task_arn": ELSEWHERE,
    "ecs/cluster": "arn:aws:ecs:us-east-1:123456789012:cluster/stats-assets",
    "ecs/what-comes-next": "{}",
    "dagster/image": "elsewhere/image:1",
    "dagster/priority": "5",
}


def queued(instance: DagsterInstance, tags: dict[str, str]) -> DagsterRun:
    """A run as the UI asks for it."""
    made: DagsterRun = create_run_for_test(
        instance,
        "augmented_diffs_job",
        status=DagsterRunStatus.STARTING,
        tags=tags,
        job_code_origin=JobPythonOrigin(
            "augmented_diffs_job",
            RepositoryPythonOrigin(
                sys.executable, ModuleCodePointer("stats_assets.definitions", "defs", None)
            ),
        ),
    )
    return made


def test_a_task_is_what_the_deployment_says(
    account: Account,
    instance: DagsterInstance,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever is typed in the UI, and whatever another deployment has registered. One instance for all: it is dear."""
    dagsters_own_revisions_count(instance)
    launcher: Any = instance.run_launcher
    nothing_typed_is_heard(account, instance, launcher, caplog)
    anothers_task_is_not_ended(account, instance, launcher)
    ecs = account.client("ecs")
    own = ecs.describe_task_definition(taskDefinition="stats-assets-run")["taskDefinition"]
    keep = ("family", "networkMode", "containerDefinitions")
    newer = ecs.register_task_definition(**{name: own[name] for name in keep})["taskDefinition"]
    assert newer["revision"] == own["revision"] + 1
    monkeypatch.setenv("RUN_TASK_DEFINITION", own["taskDefinitionArn"])
    deployed = launcher.inst_data.rehydrate(as_type=RunLauncher)
    deployed.register_instance(instance)
    deployed.launch_run(LaunchRunContext(queued(instance, {}), None))
    assert launched(account)["taskDefinitionArn"] == own["taskDefinitionArn"]


def dagsters_own_revisions_count(instance: DagsterInstance) -> None:
    """Of a storage in PostgreSQL, for which `migrate --additive-only` is asked."""
    assert of_dagster(instance) == []
    url = os.environ["DAGSTER_DB_URI"].replace(secrets.DRIVER, "postgresql://")
    with psycopg.connect(url, autocommit=True) as connection:
        [now] = connection.execute("SELECT version_num FROM alembic_version").fetchone() or ()
        connection.execute("UPDATE alembic_version SET version_num = '7e2f3204cf8e'")
        assert of_dagster(instance) == [f"Dagster's own, from 7e2f3204cf8e to {now}"]
        connection.execute("UPDATE alembic_version SET version_num = %s", (now,))


def nothing_typed_is_heard(
    account: Account, instance: DagsterInstance, launcher: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Every launch, and every resumption, asks ECS for the same."""
    asked: list[dict[str, Any]] = []
    launcher.ecs.meta.events.register(
        "provide-client-params.ecs.RunTask", lambda params, **_: asked.append(params)
    )
    for tags in ({}, *({name: value} for name, value in TYPED.items()), TYPED):
        run = queued(instance, tags)
        caplog.clear()
        launcher.launch_run(LaunchRunContext(run, None))
        end_the_task(account)
        orders = [name for name in tags if name.startswith("ecs/")]
        assert all(name in caplog.text for name in orders)
        assert ("are not heard" in caplog.text) is bool(orders)
    launcher.resume_run(ResumeRunContext(run, None))
    end_the_task(account)
    without = {"clientToken", "overrides", "tags"}
    for given in asked:
        assert "api" in command(given)
        assert set(given["overrides"]) == {"containerOverrides"}
        assert set(given["overrides"]["containerOverrides"][0]) == {"name", "command"}
        assert {one["key"] for one in given["tags"]} == {"dagster/run_id", "dagster/job_name", RUN_TAG}
        assert all(given[name] == asked[0][name] for name in {*given, *asked[0]} - without)
    assert len(asked) == len(TYPED) + 3


def end_the_task(account: Account) -> None:
    """The machine has room for three."""
    account.client("ecs").stop_task(cluster="stats-assets", task=launched(account)["taskArn"])


def anothers_task_is_not_ended(account: Account, instance: DagsterInstance, launcher: Any) -> None:
    mine = queued(instance, {})
    launcher.launch_run(LaunchRunContext(mine, None))
    victim = launched(account)
    place = dict(zip(PLACE, (victim["taskArn"], victim["clusterArn"]), strict=True))
    assert not launcher.terminate(queued(instance, place).run_id)
    assert launched(account)["desiredStatus"] == "RUNNING"
    failed = queued(instance, place)
    with Stubber(
        launcher.ecs
    ) as ecs:  # what it names is not taken for its own where its own does not come up
        ecs.add_client_error("run_task", "ClusterNotFoundException")
        with pytest.raises(ClientError, match="ClusterNotFound"):
            launcher.launch_run(LaunchRunContext(failed, None))
    again = instance.get_run_by_id(failed.run_id)
    assert again is not None
    assert {again.tags[name] for name in place} == {""}
    assert launcher.terminate(mine.run_id)
    [ended] = account.client("ecs").describe_tasks(cluster="stats-assets", tasks=[victim["taskArn"]])["tasks"]
    assert ended["desiredStatus"] == "STOPPED"


def test_what_is_typed_as_configuration_reads_no_environment() -> None:
    """`{env: DATABASE_URL}` where a text is wanted is said in the UI, or a folder that pickles are read from."""
    for job in defs.resolve_all_job_defs():
        kinds = job.run_config_schema.config_type_dict_by_key
        assert [one for one in kinds if "StringSource" in one] == [], job.name
