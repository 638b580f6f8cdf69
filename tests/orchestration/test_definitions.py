"""What Dagster loads is what definitions.yaml says: a change shows in its diff."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from dagster import (
    AssetCheckSpec,
    AssetSpec,
    AutomationCondition,
    BackfillPolicy,
    Config,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    Definitions,
    DynamicPartitionsDefinition,
    FreshnessPolicy,
    RetryPolicy,
    ScheduleDefinition,
    SensorDefinition,
    define_asset_job,
    job,
    multi_asset,
    multiprocess_executor,
    op,
)

from stats_assets.definitions import defs
from stats_assets.monitoring.failing_jobs import BY_ITSELF
from stats_assets.streams import MAKER_CHECK_JOB, MAKER_JOB
from tests.orchestration.graph import FILE, started_by_themselves, text_of


def test_what_dagster_loads_is_as_the_file_has_it() -> None:
    assert FILE.read_text(encoding="utf-8") == text_of(defs), "if it is meant: make graph"


def test_the_jobs_that_run_by_themselves_are_those_that_sensors_and_schedules_start() -> None:
    assert set(BY_ITSELF) - {MAKER_JOB, MAKER_CHECK_JOB} == started_by_themselves(defs)
    assert len(set(BY_ITSELF)) == len(BY_ITSELF)


class _Asked(Config):
    start: int = 0


def _of_asset(
    check: dict[str, Any] | None = None, made: dict[str, Any] | None = None, **spec: Any
) -> Definitions:
    checks = [AssetCheckSpec(**({"name": "good", "asset": "made", "description": "It is."} | (check or {})))]

    @multi_asset(
        name="make", specs=[AssetSpec(**({"key": "made"} | spec))], check_specs=checks, **(made or {})
    )
    def make() -> Iterator[Any]:
        yield from ()

    return Definitions(assets=[make], jobs=[define_asset_job("made_job")])


def _of_job(
    tags: dict[str, str] | None = None, of_job: dict[str, Any] | None = None, **given: Any
) -> Definitions:
    @op(**given)
    def do() -> None: ...

    @job(tags=tags, **(of_job or {}))
    def work() -> None:
        do()

    return Definitions(jobs=[work])


def _with_config() -> Definitions:
    @op
    def do(config: _Asked) -> None: ...

    @job
    def work() -> None:
        do()

    return Definitions(jobs=[work])


def _of_schedule(**given: Any) -> Definitions:
    made = {"name": "now_and_then", "cron_schedule": "1 * * * *", "job_name": "work"} | given
    return Definitions(jobs=_of_job().jobs, schedules=[ScheduleDefinition(**made)])


def _of_sensor(**given: Any) -> Definitions:
    made: dict[str, Any] = {"name": "looks", "job_name": "work", "evaluation_fn": lambda: None} | given
    return Definitions(jobs=_of_job().jobs, sensors=[SensorDefinition(**made)])


BLOCKS = DynamicPartitionsDefinition(name="blocks")
CHANGES: dict[str, tuple[Callable[..., Definitions], dict[str, Any]]] = {
    "key": (_of_asset, {"key": "others", "check": {"asset": "others"}}),
    "description": (_of_asset, {"description": "More."}),
    "group": (_of_asset, {"group_name": "another"}),
    "deps": (_of_asset, {"deps": ["before"]}),
    "kinds": (_of_asset, {"kinds": {"xml"}}),
    "tags": (_of_asset, {"tags": {"a": "b"}}),
    "owners": (_of_asset, {"owners": ["team:us"]}),
    "version": (_of_asset, {"code_version": "2"}),
    "metadata": (_of_asset, {"metadata": {"a": 1}}),
    "partitions": (_of_asset, {"partitions_def": BLOCKS}),
    "automation": (_of_asset, {"automation_condition": AutomationCondition.eager()}),
    "freshness": (_of_asset, {"freshness_policy": FreshnessPolicy.time_window(timedelta(hours=1))}),
    "pool": (_of_asset, {"made": {"pool": "one"}}),
    "backfill": (
        _of_asset,
        {"partitions_def": BLOCKS, "made": {"backfill_policy": BackfillPolicy.single_run()}},
    ),
    "op's tags": (_of_asset, {"made": {"op_tags": {"a": "b"}}}),
    "op's retries": (_of_asset, {"made": {"retry_policy": RetryPolicy(max_retries=2)}}),
    "check": (_of_asset, {"check": {"name": "better"}}),
    "check's description": (_of_asset, {"check": {"description": "It is not."}}),
    "check that blocks": (_of_asset, {"check": {"blocking": True}}),
    "job's tags": (_of_job, {"tags": {"a": "b"}}),
    "job's description": (_of_job, {"of_job": {"description": "Works."}}),
    "job's name": (_of_job, {"of_job": {"name": "works"}}),
    "job's executor": (_of_job, {"of_job": {"executor_def": multiprocess_executor}}),
    "op": (_of_job, {"name": "done"}),
    "op's pool": (_of_job, {"pool": "one"}),
    "cron": (_of_schedule, {"cron_schedule": "2 * * * *"}),
    "zone": (_of_schedule, {"execution_timezone": "Europe/Berlin"}),
    "schedule that is on": (_of_schedule, {"default_status": DefaultScheduleStatus.RUNNING}),
    "schedule's description": (_of_schedule, {"description": "Now."}),
    "interval": (_of_sensor, {"minimum_interval_seconds": 7}),
    "sensor that is on": (_of_sensor, {"default_status": DefaultSensorStatus.RUNNING}),
    "sensor's description": (_of_sensor, {"description": "Looks."}),
    "sensor's tags": (_of_sensor, {"tags": {"a": "b"}}),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_anything_shows(what: str) -> None:
    make, changed = CHANGES[what]
    assert text_of(make(**changed)) != text_of(make())


def test_a_change_of_what_a_run_can_be_told_shows() -> None:
    assert text_of(_with_config()) != text_of(_of_job())
