"""A verdict on the statistics lasts: whoever found it, wherever one looks, until all is verified again or rebuilt."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetKey,
    DagsterInstance,
    SensorResult,
    build_sensor_context,
)

from stats_assets.database.connection import Connection
from stats_assets.database.statistics import passes, verdicts
from stats_assets.database.statistics.verification import PARTS
from stats_assets.definitions import defs
from stats_assets.monitoring import cloudwatch
from stats_assets.monitoring import status as standing
from stats_assets.monitoring.stream_status import Status
from stats_assets.orchestration.assets import verification
from stats_assets.settings import load_settings
from stats_assets.system import Stats
from tests.cli.test_verification import WRONG
from tests.conftest import Run
from tests.database.test_verification import template  # noqa: F401 - the database of each test
from tests.telling import drill

CHECK = AssetCheckKey(AssetKey("statistics_verification"), "all_is_exact")
EVERYTHING_WRONG = "UPDATE aggregates SET edits = edits + 1"
MENDED = "UPDATE aggregates SET edits = edits - 1"


@pytest.fixture(autouse=True)
def environment(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    unions = tmp_path / "unions.yaml"
    unions.write_text("tag*: [tag*]\n")  # as the template has it: else the statistics' run takes it away
    monkeypatch.setenv("UNIONS_FILE", str(unions))
    for name in ("OVERPASS_URL", "CHANGESETS_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("DATABASE_URL", url)


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as made:
        yield made


def by_the_schedule(connection: Connection, instance: DagsterInstance) -> None:
    assert defs.resolve_job_def("verification_job").execute_in_process(instance=instance).success


def by_command(connection: Connection, instance: DagsterInstance) -> None:
    passes.verify(connection, "verify")


def by_a_sample(connection: Connection, instance: DagsterInstance) -> None:
    assert defs.resolve_job_def("statistics_job").execute_in_process(instance=instance).success


def tick(instance: DagsterInstance) -> None:
    """The queue's sensor, its events stored as the daemon does."""
    context = build_sensor_context(instance=instance)
    result = defs.get_repository_def().get_sensor_def("statistics_queue")(context)
    if isinstance(result, SensorResult):
        for event in result.asset_events or ():
            assert isinstance(event, AssetCheckEvaluation)
            instance.report_runless_asset_event(event)


def in_the_ui(instance: DagsterInstance) -> bool | None:
    """What the UI shows of the check, after whatever was materialized: None, not evaluated."""
    record = instance.event_log_storage.get_latest_asset_check_execution_by_key([CHECK]).get(CHECK)
    if record is None or record.event is None:
        return None
    assert record.event.dagster_event is not None
    materialized = instance.get_latest_materialization_event(CHECK.asset_key)
    assert materialized is None, "a materialization voids the verdict"
    return record.event.dagster_event.asset_check_evaluation_data.passed


def known() -> tuple[dict[str, Any], int, float]:
    """(--json's verification, the part of the exit code that is its, the metric)."""
    found = standing.of(Stats(load_settings()))
    all_well = Status({}, 0, found.verification)
    [line] = cloudwatch.lines("here", all_well, cloudwatch.Dagster(1.0, 0), datetime.now(UTC))
    return found.as_json()["verification"], int(found.verification.bad), json.loads(line)["Differences"]


@pytest.mark.parametrize("look", [by_the_schedule, drill(by_command), drill(by_a_sample)])
def test_what_was_found_stands_until_all_is_verified_again(
    look: Callable[[Connection, DagsterInstance], None], connection: Connection, instance: DagsterInstance
) -> None:
    assert known()[0] == {"state": "never", "at": None, "differences": 0}
    tick(instance)
    assert in_the_ui(instance) is None
    connection.execute(EVERYTHING_WRONG)
    look(connection, instance)
    tick(instance)
    found, code, metric = known()
    assert (found["state"], code) == ("differs", 1)
    assert found["differences"] == metric > 0
    assert in_the_ui(instance) is False
    connection.execute(MENDED)
    # The statistics are materialized again, and their sample is right: that says nothing of what was found.
    by_a_sample(connection, instance)
    tick(instance)
    assert in_the_ui(instance) is False
    assert known()[0]["state"] == "differs"
    by_the_schedule(connection, instance)
    after, code, metric = known()
    assert (after["state"], after["differences"], code, metric) == ("exact", 0, 0, 0)
    assert after["at"] > found["at"]
    assert in_the_ui(instance) is True


def test_a_rebuild_ends_it_and_says_when(connection: Connection, instance: DagsterInstance) -> None:
    connection.execute(WRONG)
    by_command(connection, instance)
    tick(instance)
    assert in_the_ui(instance) is False
    passes.rebuild(connection)
    tick(instance)
    assert in_the_ui(instance) is True
    assert known()[0]["state"] == "rebuilt"
    assert "rebuilt from the facts until 20" in str(verdicts.verdict(connection))
    by_command(connection, instance)
    assert known()[0]["state"] == "exact"


def test_a_pass_that_began_before_it_was_found_says_nothing(
    connection: Connection, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a verification of a week nor a rebuild that was ended and gone on with."""
    monkeypatch.setattr(verification, "STEP_SECONDS", 0.0)
    for _ in PARTS[:-1]:
        by_the_schedule(connection, instance)
    connection.execute(EVERYTHING_WRONG)  # in a part that it has passed
    by_a_sample(connection, instance)
    connection.execute(MENDED)
    by_the_schedule(connection, instance)
    assert known()[0]["state"] == "differs"
    rows = connection.execute("SELECT part, ended IS NOT NULL FROM passes").fetchall()
    assert rows == [(None, True)]

    connection.execute(
        "INSERT INTO passes VALUES ('rebuild', 'country', 0, now() - interval '1 h', NULL, 0, 0)"
    )
    passes.rebuild(connection)
    assert known()[0]["state"] == "differs"
    passes.rebuild(connection)
    assert known()[0]["state"] == "rebuilt"


def test_a_pass_that_finds_less_corrects_the_number_at_its_end(connection: Connection) -> None:
    connection.execute(EVERYTHING_WRONG)
    passes.verify(connection, "verify")
    before = verdicts.verdict(connection).differences
    connection.execute(MENDED)
    connection.execute(WRONG)
    while not passes.verify(connection, "verify", resume=True, seconds=0).whole:
        assert verdicts.verdict(connection).differences == before
    now = verdicts.verdict(connection)
    assert (now.state, now.differences) == ("differs", 1)
    assert "user 8 total" in str(now)


def test_a_sample_by_who_may_only_look_is_told_and_leaves_no_record(connection: Connection) -> None:
    connection.execute(EVERYTHING_WRONG)
    connection.execute("SET default_transaction_read_only = on")
    assert passes.sample(connection).differences
    assert verdicts.verdict(connection).state == "never"


def test_who_asks_is_told(run: Run, connection: Connection) -> None:
    def said() -> tuple[str, dict[str, Any]]:
        shown = run("status").stdout.splitlines()[-1]
        return shown, json.loads(run("status", "--json").stdout)["verification"]

    assert said()[0].startswith("The statistics were never verified to the end")
    connection.execute(WRONG)
    assert run("verify").returncode == 1
    shown, found = said()
    assert "1 differences. user 8 total: " in shown
    assert shown.endswith("stats-assets verify lists them, stats-assets rebuild mends them.")
    assert (set(found), found["state"]) == ({"state", "at", "differences"}, "differs")
    assert run("rebuild").returncode == 0
    assert said()[0].startswith("All statistics were rebuilt from the facts until")
    assert run("verify").returncode == 0
    assert f"{datetime.now(UTC):%Y-%m-%d}" in said()[0]
    assert said()[1]["differences"] == 0


def test_the_checks_that_last_hang_where_nothing_is_materialized() -> None:
    """The others speak of the run that they are part of."""
    repository = defs.get_repository_def()
    made = {key for job in repository.get_all_jobs() for key in job.asset_layer.executable_asset_keys}
    of_a_run = {key.name for key in repository.asset_graph.asset_check_keys if key.asset_key in made}
    assert of_a_run == {"sample_is_exact", "files_can_be_used", "run_complete"}
    assert CHECK in repository.asset_graph.asset_check_keys
