"""Where runs are: live ones in the code server, the others as tasks; and whoever asks after one goes where it is."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from dagster import AssetCheckKey, DagsterInstance, DagsterRun, DagsterRunStatus, DefaultRunLauncher, job, op
from dagster._core.launcher.base import LaunchRunContext, WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._grpc.types import CanCancelExecutionResult
from dagster._serdes import serialize_value
from dagster_aws.ecs import EcsRunLauncher

from deploy.kit.instance import files
from stats_assets.ecs.mixed_runs import PROCESS, TASK, WHERE_TAG, MixedRuns
from stats_assets.orchestration.assets.made_diffs import FEED, MADE
from stats_assets.orchestration.made_diffs_checks import WHOLE
from stats_assets.orchestration.partitions import BACKFILL, BY_HAND, KIND_TAG, LATE, LIVE
from stats_assets.streams import MAKER_CHECK_JOB, MAKER_JOB, STREAM_TAG
from tests.deploy.conftest import Account


@op
def nothing() -> None: ...


@job
def none() -> None:
    nothing()


@pytest.fixture
def instance(running: Account, tmp_path: Path) -> Iterator[DagsterInstance]:
    """With the launcher as it is rendered."""
    told = yaml.safe_load(files(running.aws(), running.config)["dagster.yaml"])
    (tmp_path / "dagster").mkdir()
    with DagsterInstance.local_temp(
        str(tmp_path / "dagster"), overrides={"run_launcher": told["run_launcher"]}
    ) as made:
        yield made


def run_of(instance: DagsterInstance, status: DagsterRunStatus, **tags: str) -> DagsterRun:
    given = {name.replace("__", "/"): value for name, value in tags.items()}
    return instance.create_run_for_job(none, tags=given, status=status)


KINDS = {LIVE: PROCESS, LATE: TASK, BY_HAND: TASK, BACKFILL: TASK, None: TASK}
PLACES = {"mixed": KINDS, "tasks": dict.fromkeys(KINDS, TASK), "processes": dict.fromkeys(KINDS, PROCESS)}


def test_each_kind_of_run_has_its_place_and_carries_it(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched: list[tuple[str, str]] = []
    monkeypatch.setattr(
        DefaultRunLauncher,
        "launch_run",
        lambda _, context: launched.append((PROCESS, context.dagster_run.run_id)),
    )
    monkeypatch.setattr(
        EcsRunLauncher, "launch_run", lambda _, context: launched.append((TASK, context.dagster_run.run_id))
    )
    launcher: Any = instance.run_launcher
    assert isinstance(launcher, MixedRuns)
    assert launcher._runs == "mixed"
    for runs, kinds in PLACES.items():
        launcher._runs = runs
        for kind, where in kinds.items():
            # A run that is done again has the tags of the one before.
            old = {WHERE_TAG: PROCESS if where == TASK else TASK, "ecs/task_arn": "old", GRPC_INFO_TAG: "{}"}
            tags = old if kind is None else old | {STREAM_TAG: "changesets", KIND_TAG: kind}
            run = run_of(instance, DagsterRunStatus.STARTING, **tags)
            launcher.launch_run(LaunchRunContext(run, None))
            assert launched[-1] == (where, run.run_id), (runs, kind)
            found = instance.get_run_by_id(run.run_id)
            assert found is not None
            assert found.tags[WHERE_TAG] == where
        for made in (  # always where its store is
            run_of(instance, DagsterRunStatus.STARTING)._replace(job_name=MAKER_JOB),
            run_of(instance, DagsterRunStatus.STARTING)._replace(job_name=MAKER_CHECK_JOB),
            run_of(instance, DagsterRunStatus.STARTING)._replace(
                asset_selection=frozenset(), asset_check_selection=frozenset([AssetCheckKey(FEED, WHOLE)])
            ),
            run_of(instance, DagsterRunStatus.STARTING)._replace(asset_selection=frozenset([MADE])),
        ):
            assert launcher.where(made) == PROCESS, runs
    health_and_end_are_asked_where_the_run_is(instance, monkeypatch)


def health_and_end_are_asked_where_the_run_is(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher: Any = instance.run_launcher
    ended: list[tuple[str, str]] = []

    def ends(where: str) -> Callable[[object, str], bool]:
        def end(_: object, run_id: str) -> bool:
            ended.append((where, run_id))
            return True

        return end

    monkeypatch.setattr(DefaultRunLauncher, "terminate", ends(PROCESS))
    monkeypatch.setattr(EcsRunLauncher, "terminate", ends(TASK))
    monkeypatch.setattr(EcsRunLauncher, "check_run_worker_health", lambda *_: "asked of ECS")
    has = {"answer": True}

    def asked(*_: object, **__: object) -> str:
        if has["answer"] is None:
            raise OSError("away")
        return serialize_value(CanCancelExecutionResult(can_cancel=has["answer"]))

    client = SimpleNamespace(can_cancel_execution=asked)
    monkeypatch.setattr(DefaultRunLauncher, "_get_grpc_client_for_termination", lambda *_: client)
    process = run_of(instance, DagsterRunStatus.STARTED, **{WHERE_TAG: PROCESS})
    for tags in ({WHERE_TAG: TASK}, {}):  # of a deployment before there was the tag
        task = run_of(instance, DagsterRunStatus.STARTED, **tags)
        assert launcher.check_run_worker_health(task) == "asked of ECS"
        assert launcher.terminate(task.run_id)
        assert ended[-1] == (TASK, task.run_id)
    assert launcher.terminate(process.run_id)
    assert ended[-1] == (PROCESS, process.run_id)
    for answer, status in ((True, "RUNNING"), (False, "FAILED"), (None, "RUNNING")):
        has["answer"] = answer  # type: ignore[assignment]
        assert launcher.check_run_worker_health(process).status == WorkerStatus[status]
    monkeypatch.setattr(DefaultRunLauncher, "_get_grpc_client_for_termination", lambda *_: None)
    assert launcher.check_run_worker_health(process).status == WorkerStatus.SUCCESS
