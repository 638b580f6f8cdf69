"""EcsRunLauncher as the rendered instance configures it: from a run of our job to a task, and what that task does."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from dagster import AssetKey, DagsterInstance, DagsterRunStatus
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher.base import LaunchRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin

from deploy.kit import cluster, image, secrets, services
from deploy.kit.render import RENDERED
from stats_assets.definitions import defs
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world import World
from stats_assets.partitions import BLOCKS, END_TAG, START_TAG, STREAM_TAG, key_of
from tests.conftest import database
from tests.deploy.conftest import Account, register_a_machine
from tests.deploy.test_steps import IMAGE

HELD = {"model_name": "ecs::task", "transition": {"progression": "manual", "times": 1_000_000}}
MOST = 7000  # characters; ECS takes 8,192


@pytest.fixture
def instance(
    account: Account, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DagsterInstance]:
    """The production instance: dagster.yaml as it is rendered, its storage in PostgreSQL, the cluster moto's."""
    cluster.configure(account.aws(), account.config)
    register_a_machine(account)
    secrets.put(account.aws(), account.config)
    services.start(account.aws(), account.config, IMAGE)
    image.render_instance(account.aws(), account.config)
    requests.post(
        f"{account.url}/moto-api/state-manager/set-transition", json=HELD, timeout=30
    ).raise_for_status()
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text((RENDERED / "dagster.yaml").read_text())
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with database(server, "template1") as url:
        monkeypatch.setenv("DAGSTER_DB_URI", url.replace("postgresql://", secrets.DRIVER))
        with DagsterInstance.from_config(str(home)) as made:
            yield made


def a_run(instance: DagsterInstance, first: int) -> Any:
    """A run of our job on one block, as the code server's location would make it."""
    pointer = ModuleCodePointer("stats_assets.definitions", "defs")
    origin = RepositoryPythonOrigin(sys.executable, pointer, entry_point=["dagster"])
    key = key_of(first)
    instance.add_dynamic_partitions(BLOCKS["augmented_diffs"].name or "", [key])
    config = {"ops": {"augmented_diffs": {"config": {"start": first, "end": first + 3}}}}
    tags = {
        STREAM_TAG: "augmented_diffs",
        START_TAG: str(first),
        END_TAG: str(first + 3),
        "dagster/partition": key,
    }
    return instance.create_run_for_job(
        defs.resolve_job_def("augmented_diffs_job"),
        run_config=config,
        tags=tags,
        status=DagsterRunStatus.NOT_STARTED,
        job_code_origin=JobPythonOrigin("augmented_diffs_job", origin),
    )


def launched(account: Account) -> dict[str, Any]:
    ecs = account.client("ecs")
    arns = ecs.list_tasks(cluster="stats-assets", family="stats-assets-run")["taskArns"]
    [task] = ecs.describe_tasks(cluster="stats-assets", tasks=arns)["tasks"]
    return dict(task)


def test_a_run_is_a_task_and_the_task_does_it(
    account: Account, instance: DagsterInstance, feed: DemoFeed, world: World, url: str, tmp_path: Path
) -> None:
    run = a_run(instance, world.first)
    asked: list[dict[str, Any]] = []
    launcher: Any = instance.run_launcher
    launcher.ecs.meta.events.register(
        "provide-client-params.ecs.RunTask", lambda params, **_: asked.append(params)
    )
    launcher.launch_run(LaunchRunContext(dagster_run=run, workspace=None))
    [given] = asked
    assert given["capacityProviderStrategy"] == account.config.strategy
    assert "launchType" not in given
    network = given["networkConfiguration"]["awsvpcConfiguration"]
    assert (network["subnets"], network["assignPublicIp"]) == (account.config.subnets, "DISABLED")
    task = launched(account)
    assert ":task-definition/stats-assets-run:" in task["taskDefinitionArn"]
    definition = account.client("ecs").describe_task_definition(taskDefinition=task["taskDefinitionArn"])
    found = definition["taskDefinition"]
    assert {one["name"] for one in found["containerDefinitions"][0]["secrets"]} == {
        "DATABASE_URL",
        "DAGSTER_DB_URI",
    }
    [container] = given["overrides"]["containerOverrides"]
    assert container["name"] == "run"
    assert len(json.dumps(given["overrides"])) < MOST
    assert "password" not in json.dumps(given)

    environment = os.environ | {
        "DATABASE_URL": url,
        "OVERPASS_URL": feed.url,
        "CHANGESETS_URL": feed.changesets_url,
        "STATS_DATA_DIR": str(tmp_path / "data"),
        "ARCHIVE_URI": "",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(  # noqa: S603
        container["command"], env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status == DagsterRunStatus.SUCCESS
    assert instance.get_materialized_partitions(AssetKey("changeset_edits")) == {key_of(world.first)}
