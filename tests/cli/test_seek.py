"""Moving a stream by hand: what is far asks, what lies beyond the head is refused, and what was made is taken away."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from dagster import DagsterInstance

from stats_assets.cli.messages import sure
from stats_assets.database.connection import Connection
from stats_assets.database.facts.empty_partitions import drop_empty
from stats_assets.database.facts.fact_partitions import SEQUENCES, make_partitions
from stats_assets.database.ledger import ledger, seeking, stream_rows
from stats_assets.database.ledger.spans import skipped
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.ingest.feed_head import Feed, of_look
from stats_assets.ingest.run import run_range
from stats_assets.monitoring import cloudwatch
from stats_assets.monitoring import status as standing
from stats_assets.monitoring.lag import is_ahead
from stats_assets.orchestration.stream_checks import evaluate
from stats_assets.streams import Stream
from stats_assets.system import Stats
from tests.conftest import Run

DIFFS: Stream = "augmented_diffs"


def stand(connection: Connection, origin: int, checkpoint: int) -> None:
    connection.execute("DELETE FROM streams")
    connection.execute(
        "INSERT INTO streams (stream, origin, checkpoint) VALUES (%s, %s, %s)", (DIFFS, origin, checkpoint)
    )


def asked(connection: Connection) -> int | None:
    row = stream_rows.stream_of(connection, DIFFS)
    return row.seek_to if row else None


@pytest.fixture
def environment(url: str, feed: DemoFeed) -> dict[str, str]:
    return {"DATABASE_URL": url, "OVERPASS_URL": feed.url, "CHANGESETS_URL": feed.changesets_url}


def test_a_seek_is_weighed_before_it_is_asked_for(
    run: Run, feed: DemoFeed, connection: Connection, environment: dict[str, str]
) -> None:
    def seek(sequence: int, *flags: str) -> tuple[int, str]:
        done = run("seek", "--stream", DIFFS, "--sequence", str(sequence), *flags, **environment)
        return done.returncode, done.stderr

    stand(connection, feed.head - 9000, feed.head - 5000)
    for flags in ((), ("--yes",)):
        code, said = seek(feed.head + 1, *flags)
        assert (code, f"has {feed.head}" in said) == (2, True)
    code, said = seek(feed.head)
    assert (code, "5000 sequences" in said, "--yes" in said) == (2, True, True)
    code, said = seek(feed.head - 7000)  # a day and more to be done again
    assert (code, "2000 sequences" in said) == (2, True)
    assert asked(connection) is None
    for sequence in (feed.head - 5000 + 1440, feed.head - 5000 - 1440):
        assert seek(sequence)[0] == 0
        assert asked(connection) == sequence
    assert seek(feed.head, "--yes")[0] == 0
    assert asked(connection) == feed.head

    connection.execute("DELETE FROM streams")
    code, said = seek(feed.head // 10)  # a digit too few: where a new stream begins
    assert (code, "begins at" in said) == (2, True)
    assert seek(feed.head - 3)[0] == 0

    feed.stop()
    stand(connection, feed.head - 9000, feed.head - 5000)
    code, said = seek(feed.head * 10)
    assert (code, "can't be told now" in said) == (2, True)
    assert seek(feed.head - 4990, "--yes")[0] == 0  # the tick waits for the head
    assert seek(feed.head - 5010)[0] == 0  # back needs none
    to = feed.head - 5020
    done = run("seek", "--stream", DIFFS, "--sequence", str(to), "--json", **environment)
    asks = {"stream": DIFFS, "checkpoint": feed.head - 5000, "to": to, "from_feed": False, "head": None}
    assert json.loads(done.stdout) == asks


@pytest.mark.parametrize(("answer", "code"), [(True, None), (False, 2)])
def test_a_person_is_asked(answer: bool, code: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: answer)
    try:
        sure("All goes.", yes=False)
    except typer.Exit as refused:
        assert refused.exit_code == code
    else:
        assert code is None


@pytest.fixture
def done(stats: Stats, world: World, feed: DemoFeed, connection: Connection) -> Stats:
    """All committed to five before the head."""
    run_range(stats.work("augmented_diffs"), stats.url, "run", world.first, feed.head - 5)
    stand(connection, world.first, feed.head - 5)
    return stats


def look(stats: Stats) -> dict[str, Any]:
    """The stream's JSON with its exit code, its check and its metric."""
    found = standing.of(stats)
    stream = found.streams["augmented_diffs"]
    said = [
        json.loads(line)
        for line in cloudwatch.lines("here", found, cloudwatch.Dagster(1, 0), datetime.now(UTC))
    ]
    with stats.connect() as connection:
        feed = of_look(connection, stats.source(DIFFS), DIFFS)
        check = evaluate(stats, connection, DIFFS, stream.cursor or 0, feed)["lag"]
    assert stream.cursor is not None
    figures: dict[str, Any] = found.as_json()["streams"]["augmented_diffs"]
    return figures | {
        "exit_code": stream.exit_code,
        "metric": said[0]["Ahead"],
        "check": check.description,
        "passed": check.passed,
    }


def test_a_cursor_beyond_the_head_is_a_state_of_its_own(
    done: Stats, feed: DemoFeed, connection: Connection, run: Run, environment: dict[str, str]
) -> None:
    """As an older version left it: a digit too many, and all to it skipped."""
    before = look(done)
    assert (before["ahead"], before["metric"]) == (False, 0)
    for beyond in (1, 9, 25_000):
        seeking.skip(connection, "augmented_diffs", feed.head - 5, feed.head + beyond)
        stream_rows.save_checkpoint(connection, "augmented_diffs", feed.head + beyond)
        found = look(done)
        assert (found["state"], found["exit_code"]) == ("ahead of the head", 2)
        assert (found["ahead"], found["metric"], found["passed"]) == (True, 1, False)
        assert f"ahead of the feed's head {feed.head}" in found["check"]
        assert found["newest"] == feed.head - 5
        assert found["lag_seconds"] >= before["lag_seconds"]  # not 0
    shown = run("status", **environment).stdout
    assert "ahead of the head" in shown
    back = f"stats-assets seek --stream augmented_diffs --sequence {feed.head - 5}"
    assert back in shown
    assert skipped(connection, "augmented_diffs") == [(feed.head - 4, feed.head + 25_000)]
    seeking.rewind(connection, "augmented_diffs", feed.head - 5)
    assert skipped(connection, "augmented_diffs") == []  # due again
    assert look(done)["ahead"] is False


@pytest.mark.parametrize(
    ("newest", "head", "several", "ahead"),
    [
        (1000, 995, False, False),  # it was there before
        (1000, 900, False, True),  # another feed
        (1000, 900, True, False),  # another address of the same one, which is behind
        (999, 999, False, True),
        (999, 999, True, True),
        (None, 999, False, True),
        (None, None, False, False),
    ],
)
def test_a_feed_that_went_back_a_little_is_no_seek(
    newest: int | None, head: int | None, several: bool, ahead: bool
) -> None:
    assert is_ahead(1000, newest, Feed(head, "", several=several)) is ahead


# Partitions before the origin ---------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parents[2] / "dagster.yaml", tmp_path)


@pytest.fixture
def instance(project: None, tmp_path: Path) -> Iterator[DagsterInstance]:
    (tmp_path / ".dagster").mkdir()
    with DagsterInstance.local_temp(str(tmp_path / ".dagster")) as made:
        yield made


def fact_partitions(connection: Connection) -> list[str]:
    return [
        row[0]
        for row in connection.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            " WHERE inhparent = 'changeset_edits'::regclass ORDER BY 1"
        ).fetchall()
    ]


def test_partitions_before_the_origin_are_asked_about_and_taken_away_again(
    run: Run,
    world: World,
    feed: DemoFeed,
    url: str,
    environment: dict[str, str],
    connection: Connection,
    instance: DagsterInstance,
    stats: Stats,
) -> None:
    environment = {**environment, "AUGMENTED_DIFFS_START": str(world.first + 20)}
    many = run("migrate", "--from", "1", **environment)
    blocks = (world.first + 20 + 99) // 100
    assert (many.returncode, f"makes {blocks} partitions" in many.stderr) == (2, True)
    assert instance.get_dynamic_partitions("augmented_diffs_blocks") == []
    assert fact_partitions(connection) == []
    before = world.first - 3 * SEQUENCES
    assert run("migrate", "--from", str(before), "--yes", **environment).returncode == 0
    assert len(instance.get_dynamic_partitions("augmented_diffs_blocks")) == 3 * SEQUENCES // 100 + 1
    assert len(fact_partitions(connection)) == 4
    # Facts in one, a failed try in another: these stay.
    run_range(stats.work("augmented_diffs"), url, "run", world.first, world.first + 2)
    connection.execute(
        "INSERT INTO run_leases (run_id, stream, start_sequence, end_sequence) VALUES ('tries', %s, 0, 0)",
        (DIFFS,),
    )
    ledger.take(connection, "tries", DIFFS, [before + 250])
    asks = run("migrate", "--from", str(before), "--remove", **environment)
    assert (asks.returncode, "removes 2999 partitions" in asks.stderr) == (2, True)
    gone = run("migrate", "--from", str(before), "--remove", "--yes", "--json", **environment)
    assert gone.returncode == 0, gone.stderr
    answer = json.loads(gone.stdout)
    assert (answer["before"], answer["removed"]) == (answer["revision"], True)
    assert (len(answer["partitions"]), answer["partitions"][0]) == (2999, f"{before:09d}")
    kept = [f"{before + 200:09d}", f"{world.first:09d}"]
    assert sorted(instance.get_dynamic_partitions("augmented_diffs_blocks")) == kept
    assert len(fact_partitions(connection)) == 2
    assert "2 empty partitions of the facts" in gone.stderr
    assert connection.execute("SELECT count(*) > 0 FROM changeset_edits").fetchone() == (True,)
    assert run("migrate", "--remove", **environment).returncode == 2


def test_a_partition_with_facts_the_ledger_does_not_know_stays(connection: Connection) -> None:
    make_partitions(connection, 0, 2 * SEQUENCES - 1)
    connection.execute("INSERT INTO changeset_edits VALUES (7, 1, 1, now(), 0, '{}', '{}')")
    assert drop_empty(connection, 5, 2 * SEQUENCES - 1) == [SEQUENCES]
    assert drop_empty(connection, 5, 2 * SEQUENCES - 1) == []
    assert fact_partitions(connection) == ["changeset_edits_000000000"]
