"""Rounds of alerts over a real database, by the daemon's sensor and by the command; nothing is sent by a look."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    DefaultSensorStatus,
    SensorEvaluationContext,
    SkipReason,
    build_sensor_context,
)
from dagster._core.test_utils import create_run_for_test

from stats_assets.database.alert_book import RoundBusy, alone
from stats_assets.database.connection import Connection, connect
from stats_assets.database.ledger import pauses
from stats_assets.database.statistics import verdicts
from stats_assets.database.statistics.verification import Difference
from stats_assets.definitions import defs
from stats_assets.monitoring import status as standing
from stats_assets.monitoring.alert_books import NAME
from stats_assets.monitoring.alert_round import tell
from stats_assets.monitoring.alerts import UI
from stats_assets.monitoring.failing_jobs import failing_jobs
from stats_assets.orchestration.alert_sensor import NONE_SET, alert_sensors
from stats_assets.settings import load_settings
from stats_assets.streams import STREAM_TAG, Stream
from stats_assets.system import Stats
from tests.conftest import Run
from tests.database.test_looking import GRANTS, role
from tests.feeds.conftest import FeedServer

REPOSITORY = defs.get_repository_def()
DIFFS: Stream = "augmented_diffs"
SECRET = "/hooks/xyzzysecret"  # noqa: S105 - a test's
Heard = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture(autouse=True)
def environment(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams that have not begun; a command that writes down what it is told."""
    (tmp_path / "dagster.yaml").write_text("# stats-assets\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OVERPASS_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("CHANGESETS_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("ALERT_COMMAND", f"sh -c 'cat >> {tmp_path}/heard'")


@pytest.fixture
def heard(tmp_path: Path) -> Heard:
    """What the command was told since this was last asked."""

    def read() -> list[dict[str, Any]]:
        file = tmp_path / "heard"
        told = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        file.unlink(missing_ok=True)
        return told

    return read


def tick(instance: DagsterInstance) -> str:
    context = build_sensor_context(instance=instance, repository_def=REPOSITORY)
    [sensor] = alert_sensors(load_settings().model_copy(update={"alert_command": "true"}))
    result = sensor(context)
    assert isinstance(result, SkipReason)
    return str(result.skip_message)


def later(connection: Connection, minutes: int = 11) -> None:
    """As if so much time had passed since the last round."""
    for column in ("since", "told_at", "gone_at", "tried_at"):
        moved = f"UPDATE alerts SET {column} = {column} - make_interval(mins => %s)"  # noqa: S608
        connection.execute(moved.encode(), (minutes,))


LEDGER = (
    "INSERT INTO ledger_blocks (stream, block, done) VALUES ('augmented_diffs', 0, 1);"
    " INSERT INTO ledger (stream, sequence, result, work, epoch, reason, flagged, given_up_at)"
    " VALUES ('augmented_diffs', 7, %s, %s, 0, %s, %s, now())"
)


def in_ledger(result: str, work: str, reason: str | None, flagged: str | None) -> Callable[[Any], None]:
    def begin(connection: Connection) -> None:
        for statement in LEDGER.split(";"):
            given = (result, work, reason, flagged) if "%s" in statement else ()
            connection.execute(statement.encode(), given)

    return begin


def pause(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO streams (stream, origin, checkpoint) VALUES ('augmented_diffs', 1, 6900000)"
    )
    pauses.pause(connection, DIFFS, "PostgreSQL fails or refuses: its disk is full.", None)


def differ(connection: Connection) -> None:
    verdicts.differ(connection, [Difference("users 1: edits", "1", "2")], 1)


DONE = "DELETE FROM ledger"
REAL: dict[str, tuple[Callable[[Connection], None], str, str, str]] = {
    "given up": (in_ledger("none", "quarantined", "Broken", None), DONE, f"{DIFFS}: given_up", "7: Broken"),
    "hole": (in_ledger("none", "hole", "404", None), DONE, f"{DIFFS}: holes", "7: 404"),
    "flagged": (in_ledger("committed", "idle", None, "odd"), DONE, f"{DIFFS}: flagged", "7: odd"),
    "stopped": (pause, "DELETE FROM streams", DIFFS, "PostgreSQL fails or refuses: its disk is full"),
    "verification": (differ, "DELETE FROM verdicts", "verification", "users 1: edits"),
}


@pytest.mark.parametrize(("begin", "mend", "key", "said"), REAL.values(), ids=REAL)
def test_what_the_status_says_is_told_once_and_its_end_once(
    begin: Callable[[Connection], None],
    mend: str,
    key: str,
    said: str,
    connection: Connection,
    instance: DagsterInstance,
    heard: Heard,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(UI, "http://127.0.0.1:3999")
    assert tick(instance) == "All is fine."
    begin(connection)
    tick(instance)
    later(connection)  # what goes on by itself is told later
    tick(instance)
    [alert] = heard()
    assert (alert["key"], alert["change"]) == (key, "began")
    assert said in alert["text"]
    assert alert["text"].endswith(" http://127.0.0.1:3999")
    assert "Nothing new: 1 problems stand" in tick(instance)
    connection.execute(mend.encode())
    tick(instance)
    later(connection, 3)
    tick(instance)
    assert [(one["key"], one["change"]) for one in heard()] == [(key, "over")]
    assert tick(instance) == "All is fine."
    assert connection.execute("SELECT FROM alerts").fetchall() == []


def test_a_hook_that_fails_is_seen_everywhere_and_told_again(
    connection: Connection, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch, run: Run, url: str
) -> None:
    server = FeedServer()
    server.answer(SECRET, f"no {SECRET}".encode(), 500)
    server.answer(SECRET)
    monkeypatch.setenv("ALERT_URL", server.url + SECRET)
    monkeypatch.setenv("ALERT_COMMAND", "./no-such-program")
    differ(connection)
    said = tick(instance)
    assert "ALERT_COMMAND: there is no program ./no-such-program, or" in said
    assert "ALERT_URL: http://127.0.0.1: it answered 500 Internal Server Error, saying: no ***." in said
    assert "2 alerts wait for the next round." in said
    status = run("status")
    assert "Alerts are not delivered since" in status.stderr
    assert "ALERT_URL: http://127.0.0.1: it answered 500" in status.stderr
    found = standing.of(Stats(load_settings())).as_json()["alert_hooks"]
    assert [(hook["hook"], hook["failed_at"] is None) for hook in found] == [
        ("ALERT_COMMAND", False),
        ("ALERT_URL", False),
    ]
    said += tick(instance)
    assert len(server.posted[SECRET]) == 2
    tick(instance)
    assert len(server.posted[SECRET]) == 2  # told; the command is tried alone
    everything = [said, status.stdout, status.stderr, str(found)]
    everything += [str(row) for row in connection.execute("SELECT a::text FROM alert_hooks AS a")]
    assert not any("xyzzy" in text for text in everything)
    hooks = {hook.hook: hook for hook in standing.of(Stats(load_settings())).hooks}
    assert hooks["ALERT_URL"].failed_at is None
    assert hooks["ALERT_COMMAND"].failed_at is not None
    server.stop()


def test_a_database_that_is_away_is_told_too_and_its_end(
    instance: DagsterInstance, heard: Heard, monkeypatch: pytest.MonkeyPatch, url: str, tmp_path: Path
) -> None:
    file = tmp_path / "data" / NAME

    def back(minutes: int) -> None:
        kept = json.loads(file.read_text())
        for entry in kept["alerts"]["ALERT_COMMAND"]:
            for name in ("since", "gone_at", "told_at"):
                if entry[name] is not None:
                    moved = datetime.fromisoformat(entry[name]) - timedelta(minutes=minutes)
                    entry[name] = moved.isoformat()
        file.write_text(json.dumps(kept))

    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:1/stats")
    tick(instance)
    assert heard() == []  # it may be back in a moment
    back(3)
    for _ in range(3):
        tick(instance)
    [alert] = heard()
    assert alert["kind"] == "outage"
    assert "PostgreSQL at me@127.0.0.1:1/stats can't be reached" in alert["text"]
    assert "hunter2" not in alert["text"]
    monkeypatch.setenv("DATABASE_URL", url)
    tick(instance)
    back(3)
    tick(instance)
    assert [(one["key"], one["change"]) for one in heard()] == [("outage", "over")]
    assert not file.exists()


def test_a_round_waits_for_no_other(instance: DagsterInstance, connection: Connection, heard: Heard) -> None:
    differ(connection)
    with alone(connection):
        assert "Another round is telling the alert hooks" in tick(instance)
        with pytest.raises(RoundBusy):
            tell(Stats(load_settings()), instance)
    assert heard() == []
    tick(instance)
    assert len(heard()) == 1


def test_runs_that_fail(instance: DagsterInstance, connection: Connection, heard: Heard) -> None:
    create_run_for_test(instance, job_name="verification_job", status=DagsterRunStatus.FAILURE)
    create_run_for_test(instance, job_name="changesets_job", status=DagsterRunStatus.CANCELED)
    tick(instance)
    tick(instance)
    [alert] = heard()
    assert (alert["key"], alert["kind"]) == ("runs: verification_job", "runs")
    create_run_for_test(instance, job_name="verification_job", status=DagsterRunStatus.SUCCESS)
    [found] = failing_jobs(instance, datetime.now(UTC) - timedelta(minutes=15))
    assert (found.failed, found.stands) == (1, False)
    assert failing_jobs(instance, datetime.now(UTC)) == []


def test_a_run_s_own_words_are_told(instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    done = defs.resolve_job_def("verification_job").execute_in_process(
        instance=instance, raise_on_error=False
    )
    assert not done.success
    [found] = failing_jobs(instance, datetime.now(UTC) - timedelta(minutes=15))
    assert found.why.startswith("PostgreSQL at nobody@127.0.0.1:1/none can't be reached")
    own = {STREAM_TAG: "changesets"}
    failed = create_run_for_test(
        instance, job_name="changesets_job", status=DagsterRunStatus.STARTED, tags=own
    )
    instance.report_run_failed(failed, "No sign of life for 21 s.")
    found = next(one for one in failing_jobs(instance, datetime.now(UTC)) if one.job == "changesets_job")
    assert (found.stream, found.stands, found.why) == ("changesets", True, "No sign of life for 21 s.")


def test_failures_while_nobody_looked_are_told(
    instance: DagsterInstance, connection: Connection, heard: Heard
) -> None:
    """The daemon was away for an hour, in which a run failed, and one succeeded."""
    tick(instance)
    create_run_for_test(instance, job_name="statistics_job", status=DagsterRunStatus.FAILURE)
    create_run_for_test(instance, job_name="statistics_job", status=DagsterRunStatus.SUCCESS)
    run_storage: Any = instance.run_storage
    with run_storage.connect() as storage:
        storage.exec_driver_sql("UPDATE runs SET update_timestamp = datetime('now', '-40 minutes')")
    connection.execute("UPDATE alert_hooks SET looked_at = looked_at - interval '1 hour'")
    tick(instance)
    assert [one["key"] for one in heard()] == ["runs: statistics_job"]


def test_a_preview_sends_and_keeps_nothing(
    instance: DagsterInstance, connection: Connection, heard: Heard, tmp_path: Path
) -> None:
    differ(connection)
    context = SensorEvaluationContext(
        None,
        instance=instance,
        repository_name="__repository__",
        sensor_name="alerts",
        log_key=["a", "20260101_0"],
    )
    [sensor] = alert_sensors(load_settings())
    result = sensor(context)
    assert isinstance(result, SkipReason)
    assert "A preview: nothing was changed. The statistics differ" in str(result.skip_message)
    assert heard() == []
    for table in ("alerts", "alert_hooks"):
        assert connection.execute(f"SELECT FROM {table}".encode()).fetchall() == []
    assert not (tmp_path / "data" / NAME).exists()


def test_the_sensor_is_there_and_on_where_a_hook_is_set(
    instance: DagsterInstance, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    [sensor] = alert_sensors(load_settings())
    assert sensor.default_status == DefaultSensorStatus.RUNNING
    monkeypatch.delenv("ALERT_COMMAND")
    assert alert_sensors(load_settings()) == []
    differ(connection)
    assert tick(instance) == NONE_SET
    assert connection.execute("SELECT FROM alerts").fetchall() == []


def test_the_command_shows_tests_and_sends(
    run: Run, connection: Connection, instance: DagsterInstance, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine = run("alerts", ALERT_COMMAND="")
    assert (fine.returncode, fine.stdout) == (0, "All is fine.\n")
    assert "Nobody is told" in fine.stderr
    differ(connection)
    shown = run("alerts", "--json")
    [problem] = json.loads(shown.stdout)["problems"]
    assert (shown.returncode, problem["key"]) == (1, "verification")
    assert heard() == []
    assert (run("alerts", "--test").returncode, [one["change"] for one in heard()]) == (0, ["test"])
    sent = run("alerts", "--send")
    assert (sent.returncode, sent.stderr.startswith("Told: stats-assets on ")) == (0, True)
    assert len(heard()) == 1
    assert "Nothing new" in str(tell(Stats(load_settings()), instance))
    both = run("alerts", "--send", "--test")
    assert (both.returncode, "say one of them" in both.stderr) == (2, True)
    failed = run("alerts", "--test", ALERT_COMMAND="false")
    assert (failed.returncode, failed.stderr) == (1, "ALERT_COMMAND: false ended with code 1.\n")
    monkeypatch.delenv("ALERT_COMMAND")
    for option in ("--test", "--send"):
        none = run("alerts", option)
        assert (none.returncode, "No alert hook is set" in none.stderr) == (2, True)


def test_from_outside_a_daemon_without_records_is_told(
    run: Run, heard: Heard, tmp_path: Path, connection: Connection
) -> None:
    (tmp_path / "dagster.yaml").write_text(
        "# stats-assets\nstorage:\n  sqlite:\n    base_dir: /proc/nowhere\n"
    )
    tell(Stats(load_settings()), "They are away.")
    assert heard() == []  # they may be back in a moment
    later(connection)
    assert run("alerts", "--send").returncode == 0
    [alert] = heard()
    assert (alert["kind"], "Dagster's records can't be read" in alert["text"]) == ("daemon", True)


def test_a_role_that_may_only_select_looks_and_does_not_send(
    run: Run, connection: Connection, url: str, heard: Heard
) -> None:
    differ(connection)
    with role(url, "watchman") as watchman:
        with connect(url) as admin:
            admin.execute(GRANTS.format(role="watchman").encode())
        refused = run("alerts", "--send", DATABASE_URL=watchman)
        assert refused.returncode == 2
        assert "may not write down what the hooks were told" in refused.stderr
    assert heard() == []


def test_two_rounds_at_once_tell_once(
    connection: Connection, instance: DagsterInstance, heard: Heard
) -> None:
    differ(connection)
    stats = Stats(load_settings())

    def round_() -> None:
        with suppress(RoundBusy):
            tell(stats, instance)

    threads = [threading.Thread(target=round_) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tell(stats, instance)
    assert len(heard()) == 1
