"""A stream whose sensor is off, or no longer ticks, is called so, with what to do: in status, check and metrics."""

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    SensorInstigatorData,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._daemon.types import DaemonHeartbeat

from stats_assets.cli import status as command
from stats_assets.database.connection import Connection
from stats_assets.database.ledger import pauses, stream_rows
from stats_assets.demo.feed import DemoFeed
from stats_assets.ingest.feed_head import of_look
from stats_assets.monitoring import cloudwatch, switches
from stats_assets.monitoring import status as standing
from stats_assets.monitoring.alert_round import found_now
from stats_assets.monitoring.cloudwatch import Dagster
from stats_assets.monitoring.switches import NEVER_ON, UNKNOWN, Switches, switches_here, switches_of
from stats_assets.orchestration.lag_check import lag_of_others
from stats_assets.orchestration.stream_checks import evaluate
from stats_assets.streams import STREAMS, Stream
from stats_assets.system import Stats
from tests.later import pass_time

DIFFS: Stream = "augmented_diffs"


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    (tmp_path / "dagster").mkdir()
    with DagsterInstance.local_temp(str(tmp_path / "dagster")) as made:
        yield made


def switch(instance: DagsterInstance, name: str, *, on: bool) -> None:
    """As the UI does."""
    location = ManagedGrpcPythonEnvCodeLocationOrigin(LoadableTargetOrigin(module_name="m"), "stats_assets")
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), name)
    status = InstigatorStatus.RUNNING if on else InstigatorStatus.STOPPED
    state = InstigatorState(origin, InstigatorType.SENSOR, status, SensorInstigatorData())
    known = instance.get_instigator_state(state.instigator_origin_id, state.selector_id)
    (instance.update_instigator_state if known else instance.add_instigator_state)(state)


@pytest.fixture
def driven(feed: DemoFeed, connection: Connection, instance: DagsterInstance) -> str:
    """Both streams are at their heads, and were ticked just now by the instance."""
    mine = str(instance.run_storage.get_run_storage_id())  # type: ignore[attr-defined]
    for stream, head in ((DIFFS, feed.head), ("changesets", feed.changesets_head)):
        with stream_rows.driving(connection, stream, mine):
            stream_rows.begin(connection, stream, head + 1)
    return mine


def tick(connection: Connection, stream: Stream, instance: DagsterInstance) -> None:
    """As a tick does, by whomever."""
    with stream_rows.driving(connection, stream, switches.instance_id(instance)):
        pass


def said(stats: Stats, switched: Switches, stream: Stream = DIFFS) -> tuple[str, int, str]:
    found = standing.of(stats, switched).streams[stream]
    sentences = " ".join(command._sentences(stream, found, datetime.now(UTC)))
    return found.word, found.exit_code, sentences


@pytest.mark.usefixtures("driven")
def test_a_sensor_that_is_off_is_called_so(
    stats: Stats, connection: Connection, instance: DagsterInstance
) -> None:
    switch(instance, "changesets_stream", on=True)
    switch(instance, "statistics_queue", on=True)
    assert said(stats, switches_of(instance))[0] not in (
        "switched off",
        "no ticks",
    )  # never on, and yet ticked
    switch(instance, f"{DIFFS}_stream", on=True)
    assert said(stats, switches_of(instance))[0] not in ("switched off", "no ticks")
    switch(instance, f"{DIFFS}_stream", on=False)
    for minutes in (0, 60):
        pass_time(connection, minutes * 60)
        word, code, sentence = said(stats, switches_of(instance))
        assert (word, code) == ("switched off", 2)
        assert "switched off in Dagster" in sentence
        assert "Automation" in sentence
        assert f"{DIFFS}_stream" in sentence
    tick(connection, "changesets", instance)
    assert said(stats, switches_of(instance), "changesets")[0] not in ("switched off", "no ticks")
    found = standing.of(stats, switches_of(instance))
    lines = [json.loads(line) for line in cloudwatch.lines("c", found, Dagster(0, 0), datetime.now(UTC))]
    assert {line.get("Stream"): line.get("SwitchedOff") for line in lines} == {
        DIFFS: 1,
        "changesets": 0,
        None: None,
    }
    assert found.as_json()["streams"][DIFFS]["state"] == "switched off"
    # The queue's sensor tells Dagster, once.
    [event] = lag_of_others(instance, stats, connection)
    assert (event.check_name, event.passed) == ("lag", False)
    assert "switched off in Dagster" in (event.description or "")
    instance.report_runless_asset_event(event)
    assert lag_of_others(instance, stats, connection) == []


def beat(instance: DagsterInstance, *, ago: float = 0.0) -> None:
    """As the daemon does every 30 seconds."""
    instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - ago, "SENSOR", "an id", []))


def test_a_stream_that_never_began_is_told_whether_a_tick_can_come(
    stats: Stats, connection: Connection, instance: DagsterInstance
) -> None:
    begins, dead = "the next tick begins", "Dagster's daemon does not run"
    assert said(stats, switches_of(instance))[2].startswith("not begun. To begin: switch on")
    switch(instance, f"{DIFFS}_stream", on=True)
    for ago, one, other in ((None, dead, begins), (0.0, begins, dead), (600.0, dead, begins)):
        if ago is not None:
            beat(instance, ago=ago)
        word, code, sentence = said(stats, switches_of(instance))
        assert (word, code) == ("not begun", 2)
        assert one in sentence
        assert other not in sentence
    # One that ticked, and yet has not begun as its feed has no head: the ticks tell.
    tick(connection, DIFFS, instance)
    assert begins in said(stats, switches_of(instance))[2]
    pass_time(connection, 3600)
    sentence = said(stats, switches_of(instance))[2]
    assert "not begun: its sensor is switched on, but has not ticked for" in sentence
    assert begins not in sentence
    sentence = said(stats, UNKNOWN)[2]
    assert "not begun: its sensor has not ticked for" in sentence


@pytest.mark.usefixtures("driven")
def test_without_dagsters_records_the_ticks_tell(
    stats: Stats, connection: Connection, instance: DagsterInstance
) -> None:
    assert said(stats, UNKNOWN)[0] not in ("switched off", "no ticks")
    pass_time(connection, 3 * 3600)
    word, code, sentence = said(stats, UNKNOWN)
    assert (word, code) == ("no ticks", 2)
    assert "has not ticked for 3 h: it is switched off, or Dagster's daemon does not run" in sentence
    switch(instance, f"{DIFFS}_stream", on=True)
    word, _, sentence = said(stats, switches_of(instance))
    assert word == "no ticks"
    told = {event.asset_key.to_user_string() for event in lag_of_others(instance, stats, connection)}
    assert told == {"changesets_feed"}  # the other one will tick by itself, as the daemon runs
    assert "is switched on, but has not ticked for 3 h: Dagster's daemon does not run" in sentence


@pytest.mark.usefixtures("driven")
def test_one_that_is_off_and_is_ticked_by_other_means_is_followed(
    stats: Stats, connection: Connection, instance: DagsterInstance
) -> None:
    """By somebody's own scheduler, say. Whoever has just switched it off is told so at once."""
    off = ("switched off", "no ticks")
    assert said(stats, switches_of(instance))[0] not in off
    switch(instance, f"{DIFFS}_stream", on=True)
    switch(instance, f"{DIFFS}_stream", on=False)
    assert said(stats, switches_of(instance))[:2] == ("switched off", 2)
    tick(connection, DIFFS, instance)
    assert said(stats, switches_of(instance))[0] not in off
    assert lag_of_others(instance, stats, connection) == []
    found = standing.of(stats, switches_of(instance))
    lines = [json.loads(line) for line in cloudwatch.lines("c", found, Dagster(0, 0), datetime.now(UTC))]
    assert {line.get("SwitchedOff") for line in lines} == {0, None}
    # A storage that has no such time: off is off.
    now = switches_of(instance)
    assert said(stats, Switches(now.instance_id, now.on))[:2] == ("switched off", 2)
    pass_time(connection, 3600)  # no more ticks
    assert said(stats, switches_of(instance))[:2] == ("switched off", 2)


def test_the_alerts_say_what_status_says(
    driven: str, stats: Stats, connection: Connection, instance: DagsterInstance
) -> None:
    switch(instance, f"{DIFFS}_stream", on=True)
    switch(instance, f"{DIFFS}_stream", on=False)
    pass_time(connection, 3600)
    tick(connection, "changesets", instance)
    found = found_now(stats, instance, connection)
    assert found[DIFFS].said.startswith(f"{DIFFS} is switched off: ")
    assert "its sensor is switched off in Dagster" in found[DIFFS].said
    silent = found_now(stats, "no records", connection)
    assert silent[DIFFS].said.startswith(f"{DIFFS} is without ticks: ")
    assert "its sensor has not ticked for" in silent[DIFFS].said


def test_another_instances_switch_says_nothing(driven: str, stats: Stats) -> None:
    assert said(stats, Switches("another", {}))[0] not in ("switched off", "no ticks")
    assert said(stats, Switches(driven, {}))[0] == "switched off"


@pytest.mark.parametrize("broken", ["no file", "never started", "no storage"])
def test_what_cant_be_read_is_not_known_and_nothing_is_made(
    broken: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(switches, "PATIENCE", 0.5)
    local = (
        "storage: {custom: {module: stats_assets.orchestration.records.storage, class: LocalStorage,"
        " config: {base_dir: .dagster}}}\n"
    )
    server = "storage:\n  postgres:\n    postgres_url: postgresql://nobody@127.0.0.1:9/none\n"
    if broken != "no file":
        (tmp_path / "dagster.yaml").write_text(
            "# stats-assets\n" + (local if broken == "never started" else server)
        )
    assert switches_here() == UNKNOWN
    assert [path.name for path in tmp_path.iterdir()] == ([] if broken == "no file" else ["dagster.yaml"])


@pytest.mark.usefixtures("driven")
def test_a_pause_that_is_over_is_not_said(stats: Stats, connection: Connection) -> None:
    pauses.pause(connection, DIFFS, "The feed failed: 504", None)
    pauses.rest(connection, "changesets", 60, "It asks for quiet")
    assert "paused until" in said(stats, UNKNOWN)[2]
    pass_time(connection, 120)
    for stream in STREAMS:
        found = standing.of(stats).streams[stream]
        assert (found.paused, found.paused_until) == (None, None)
        assert "paused" not in said(stats, UNKNOWN, stream)[2]
        assert "paused" not in json.dumps(evaluate_said(stats, connection, stream))


def evaluate_said(stats: Stats, connection: Connection, stream: Stream) -> list[str | None]:
    feed = of_look(connection, stats.source(stream), stream)
    return [one.description for one in evaluate(stats, connection, stream, 5, feed).values()]


def test_the_projects_own_dagster_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(Path(__file__).parents[2] / "dagster.yaml", tmp_path)
    below = tmp_path / "below"
    below.mkdir()
    with monkeypatch.context() as home:
        home.setenv("DAGSTER_HOME", str(tmp_path))
        with DagsterInstance.get() as made:
            switch(made, "changesets_stream", on=True)
            mine = made.run_storage.get_run_storage_id()  # type: ignore[attr-defined]
    monkeypatch.chdir(below)
    monkeypatch.setattr(switches, "PATIENCE", 600.0)
    found = switches_here()
    assert (found.instance_id, found.on) == (mine, {DIFFS: False, "changesets": True})
    assert (found.set_at[DIFFS], found.set_at["changesets"] > NEVER_ON) == (NEVER_ON, True)


@pytest.mark.usefixtures("driven")
def test_dagster_is_asked_once_and_only_where_a_stream_has_not_ticked_just_now(
    stats: Stats, connection: Connection
) -> None:
    asked = []

    def ask() -> Switches:
        asked.append(1)
        return UNKNOWN

    assert [one.sensor_on for one in standing.of(stats, ask).streams.values()] == [True, True]
    assert asked == []
    pass_time(connection, 60)
    assert [one.sensor_on for one in standing.of(stats, ask).streams.values()] == [None, None]
    assert asked == [1]
    for on, words in (
        (True, "its sensor is on"),
        (False, "To begin: switch on"),
        (None, "To begin: switch on"),
    ):
        begun = replace(standing.of(stats, ask).streams[DIFFS], cursor=None, sensor_on=on)
        assert words in next(command._sentences(DIFFS, begun, datetime.now(UTC)))
    assert said(stats, UNKNOWN)[0] not in ("switched off", "no ticks")  # three minutes say that, not one
