"""What `stats-assets watch` says, as CloudWatch would read it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.types import DaemonHeartbeat

from stats_assets.database.connection import Connection
from stats_assets.database.ledger.stream_rows import begin, driving, save_checkpoint
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.ingest.run import run_range
from stats_assets.monitoring import cloudwatch
from stats_assets.monitoring import status as standing
from stats_assets.monitoring.cloudwatch import Dagster
from stats_assets.system import Stats
from tests.conftest import Run


def read(line: str) -> tuple[dict[str, str], dict[str, float]]:
    """(dimensions, values) as the embedded metric format defines them."""
    found = json.loads(line)
    [directive] = found["_aws"]["CloudWatchMetrics"]
    assert 0 <= datetime.now(UTC).timestamp() - found["_aws"]["Timestamp"] / 1000 < 120
    assert directive["Namespace"] == "StatsAssets"
    [names] = directive["Dimensions"]
    values = {one["Name"]: found[one["Name"]] for one in directive["Metrics"]}
    assert all(isinstance(value, int | float) for value in values.values())
    assert {one["Unit"] for one in directive["Metrics"]} <= {"Seconds", "Count", "Bytes"}
    return {name: found[name] for name in names}, values


def all_of(stats: Stats, dagster: Dagster) -> dict[str, dict[str, float]]:
    found = [read(line) for line in cloudwatch.lines("here", standing.of(stats), dagster, datetime.now(UTC))]
    assert {dimensions["Cluster"] for dimensions, _ in found} == {"here"}
    return {dimensions.get("Stream", ""): values for dimensions, values in found}


def test_what_is_unknown_is_left_out(stats: Stats) -> None:
    found = all_of(stats, Dagster(None, 0))
    assert set(found) == {"augmented_diffs", "changesets", ""}
    assert found[""] == {"Queued": 0, "Differences": 0, "FactsAway": 0, "FailedRuns": 0}
    always = {"FeedAge", "Rate", "Waiting", "GivenUp", "Flagged", "Unreadable", "RequestsDay", "BytesDay"}
    assert set(found["changesets"]) == always


def test_progress_ends_and_is_seen_to(
    stats: Stats, feed: DemoFeed, world: World, url: str, connection: Connection
) -> None:
    run_range(stats.work("augmented_diffs"), url, "run", world.first, feed.head - 5)
    with driving(connection, "augmented_diffs", "here", timedelta(0)):
        begin(connection, "augmented_diffs", world.first)
        save_checkpoint(connection, "augmented_diffs", feed.head - 5)
    connection.execute(
        "UPDATE streams SET lease_until = now() - interval '10 s'"
    )  # a minute after the last tick
    found = all_of(stats, Dagster(3.5, 2))
    queued = found[""]["Queued"]
    assert found[""] == {
        "Queued": queued,
        "Differences": 0,
        "FactsAway": 0,
        "SinceHeartbeat": 3.5,
        "FailedRuns": 2,
    }
    stream = found["augmented_diffs"]
    assert stream["Lag"] >= 300
    assert stream["Rate"] > 0
    assert 70 <= stream["SinceTick"] < 300
    assert stream["SinceCommit"] < 120
    connection.execute("UPDATE ledger SET done_at = done_at - interval '1 hour'")
    later = all_of(stats, Dagster(3.5, 2))["augmented_diffs"]
    assert later["Rate"] == 0
    assert later["SinceCommit"] >= 3600


def test_a_dead_daemon_and_failed_runs_are_counted(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        assert cloudwatch.of_dagster(instance, now) == Dagster(None, 0)
        kinds: Any = sorted(instance.get_required_daemon_types())
        for age, kind in enumerate(kinds):
            instance.add_daemon_heartbeat(DaemonHeartbeat(now.timestamp() - 100 * age, kind, "one", []))
        create_run_for_test(instance, status=DagsterRunStatus.FAILURE)
        create_run_for_test(instance, status=DagsterRunStatus.SUCCESS)
        found = cloudwatch.of_dagster(instance, now)
        assert found.since_heartbeat == pytest.approx(100 * (len(kinds) - 1))
        assert found.failed_runs == 1
        assert cloudwatch.of_dagster(instance, now + timedelta(hours=1)).failed_runs == 0


@pytest.fixture
def project(tmp_path: Path) -> None:
    """A folder with our `dagster.yaml`, where commands run."""
    (tmp_path / "dagster.yaml").write_text("# stats-assets\n")


@pytest.mark.usefixtures("project")
def test_the_command(run: Run, feed: DemoFeed, url: str) -> None:
    done = run(
        "watch",
        "--once",
        "--name",
        "there",
        DATABASE_URL=url,
        OVERPASS_URL=feed.url,
        CHANGESETS_URL=feed.changesets_url,
    )
    assert done.returncode == 0, done.stderr
    assert [read(line)[0]["Cluster"] for line in done.stdout.splitlines()] == ["there"] * 3


@pytest.mark.usefixtures("project")
def test_a_database_that_is_away_is_said(run: Run) -> None:
    done = run("watch", "--once", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no metrics this time: PostgreSQL" in done.stderr
