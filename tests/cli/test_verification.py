"""Verification as a person meets it: the commands, their exit codes, and the checks in Dagster."""

import json

import pytest
from dagster import AssetCheckKey, AssetKey, DagsterInstance, DefaultScheduleStatus

from stats_assets.database import locks
from stats_assets.database.connection import Connection
from stats_assets.database.facts.edits import replace_facts
from stats_assets.database.facts.fact_partitions import make_partitions
from stats_assets.database.statistics import passes
from stats_assets.database.statistics.applier import apply_queue, save_countries
from stats_assets.database.statistics.verification import PARTS
from stats_assets.definitions import defs
from stats_assets.orchestration.assets import verification
from tests.conftest import Run
from tests.database.test_statistics import COUNTRIES, diff, edits

WRONG = "UPDATE aggregates SET edits = edits + 1 WHERE owner = 'user' AND owner_id = 8"

MENDED = WRONG.replace("+", "-")


@pytest.fixture(autouse=True)
def environment(connection: Connection, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make_partitions(connection, 0, 100)
    save_countries(connection, COUNTRIES)
    for sequence in range(3):
        replace_facts(connection, sequence, diff(*(edits(10 + i, uid=7 + i, n=i + 1) for i in range(3))))
    apply_queue(connection)
    monkeypatch.setenv("DATABASE_URL", url)


def test_verify_says_what_differs_and_rebuild_mends_it(run: Run, connection: Connection) -> None:
    right = run("verify")
    assert (right.returncode, right.stdout) == (0, "")
    assert "All is equal" in right.stderr
    connection.execute(WRONG)
    wrong = run("verify")
    assert wrong.returncode == 1
    assert wrong.stdout == "user 8 total: 6 edits, 1 changesets by the facts, 7 edits, 1 changesets here\n"
    assert "1 differences" in wrong.stderr
    assert "stats-assets rebuild mends" in wrong.stderr
    sampled = run("verify", "--sample", "--json")
    assert json.loads(sampled.stdout)["pending"] == 0
    mended = run("rebuild")
    assert mended.returncode == 0
    assert "1 differences mended" in mended.stderr
    assert json.loads(run("verify", "--json").stdout) == {
        "differences": [],
        "steps": len(PARTS),
        "pending": 0,
        "whole": True,
        "known": 0,
        "away": 0,
    }


def test_verify_ends_in_time_and_goes_on_later(run: Run, connection: Connection) -> None:
    first = run("verify", "--seconds", "0", "--json")
    assert json.loads(first.stdout)["whole"] is False
    assert "verify --resume" in first.stderr
    rest = run("verify", "--resume", "--json")
    assert json.loads(rest.stdout) == {
        "differences": [],
        "steps": len(PARTS) - 1,
        "pending": 0,
        "whole": True,
        "known": 0,
        "away": 0,
    }
    assert run("verify", "--sample", "--resume").returncode == 2


def test_one_rebuild_at_a_time(run: Run, connection: Connection) -> None:
    connection.execute("SELECT pg_advisory_lock(%s)", (locks.REBUILD,))
    refused = run("rebuild")
    assert refused.returncode == 2
    assert "Another rebuild is at work" in refused.stderr


def outcome(instance: DagsterInstance, job: str, check: str, asset: str) -> tuple[bool, str]:
    """The job is run; what the check then says in the UI."""
    assert defs.resolve_job_def(job).execute_in_process(instance=instance).success
    key = AssetCheckKey(AssetKey(asset), check)
    record = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert record.event is not None
    evaluation = record.event.dagster_event.asset_check_evaluation_data  # type: ignore[union-attr]
    return evaluation.passed, evaluation.description or ""


def test_each_update_verifies_a_sample(connection: Connection) -> None:
    with DagsterInstance.ephemeral() as instance:
        assert outcome(instance, "statistics_job", "sample_is_exact", "user_statistics") == (True, "")
        connection.execute("UPDATE aggregates SET edits = edits + 1")
        passed, said = outcome(instance, "statistics_job", "sample_is_exact", "user_statistics")
    assert not passed
    assert "by the facts" in said


def test_the_schedule_verifies_everything_step_by_step(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "STEP_SECONDS", 0.0)
    connection.execute(WRONG)
    with DagsterInstance.ephemeral() as instance:

        def steps(number: int) -> list[bool]:
            check = ("verification_job", "all_is_exact", "statistics_verification")
            return [outcome(instance, *check)[0] for _ in range(number)]

        parts = len(PARTS)
        assert steps(parts) == [True, True, *[False] * (parts - 2)]  # users come third
        assert steps(1) == [False], "what was found once is forgotten at the next pass's begin"
        connection.execute(MENDED)
        assert steps(parts - 1) == [False] * (parts - 2) + [True]
        connection.execute(WRONG)
        assert steps(3) == [True, True, False]
        passes.rebuild(connection)
        assert steps(2) == [True, True]
    schedule = defs.resolve_schedule_def("verification")
    assert (schedule.job_name, schedule.default_status) == ("verification_job", DefaultScheduleStatus.RUNNING)
