"""Heads: who asks the feed and when, what is stored, what is believed, and what is said of a feed that is late."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, build_sensor_context

from stats_assets.database.connection import Connection
from stats_assets.database.ledger import failed_tries, ledger, pauses, seeking, stream_rows
from stats_assets.database.ledger.heads import head_of
from stats_assets.database.ledger.leases import lease
from stats_assets.database.ledger.ledger import Retries
from stats_assets.database.ledger.waiting import waiting
from stats_assets.demo.feed import DemoFeed
from stats_assets.feeds.directory import read_state
from stats_assets.feeds.outcomes import HeadQuiet, HeadRefused, HeadUnknown
from stats_assets.feeds.sequences import covers, sequence_of
from stats_assets.feeds.source import State
from stats_assets.ingest import feed_head
from stats_assets.ingest.feed_head import Feed
from stats_assets.monitoring import status as standing
from stats_assets.orchestration import stream_sensor
from stats_assets.orchestration.stream_checks import evaluate
from stats_assets.streams import START_TAG, STREAMS, Stream
from stats_assets.system import Stats
from tests.conftest import real_file

DIFFS: Stream = "augmented_diffs"
CHANGES: Stream = "changesets"
NOW = datetime.now(UTC)
HEAD = sequence_of(NOW) - 2


class Told:
    """A source that says what it is told to: a number, a state, or an error; the last for ever."""

    serial = True

    def __init__(self, *answers: int | State | HeadUnknown, stream: Stream = DIFFS) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.stream: str = stream
        self.url = "http://feed"

    def ask(self) -> State:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, HeadUnknown):
            raise answer
        return State(answer, None) if isinstance(answer, int) else answer


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_head, "CONFIRM_SECONDS", 0)


def source(*answers: int | State | HeadUnknown, stream: Stream = DIFFS) -> Any:
    return Told(*answers, stream=stream)


def older(connection: Connection, seconds: float) -> None:
    """As if the last question had been so much earlier."""
    connection.execute(
        "UPDATE heads SET asked_at = asked_at - make_interval(secs => %(s)s),"
        " moved_at = moved_at - make_interval(secs => %(s)s), failed_at = failed_at - make_interval(secs => %(s)s)",
        {"s": seconds},
    )


def requests(connection: Connection) -> int:
    row = connection.execute("SELECT coalesce(sum(number), 0) FROM requests WHERE kind = 'head'").fetchone()
    return int(row[0]) if row else 0


def stored(connection: Connection) -> list[Any]:
    return [
        connection.execute(f"SELECT row(t.*)::text FROM {table} AS t".encode()).fetchall()  # noqa: S608
        for table in ("heads", "requests", "streams")
    ]


# Who asks


def test_a_head_is_asked_once_for_all_until_it_is_old(connection: Connection) -> None:
    told = source(HEAD)
    assert feed_head.of_tick(connection, told, DIFFS, HEAD).head == HEAD
    asked = told.asked
    for _ in range(3):  # a run, a check and status take what is known
        assert feed_head.of_run(connection, told, DIFFS, HEAD).head == HEAD
        assert feed_head.of_look(connection, told, DIFFS).head == HEAD
    assert told.asked == asked
    older(connection, 121)
    before = stored(connection)
    assert feed_head.of_look(connection, told, DIFFS).head == HEAD
    assert (told.asked, stored(connection)) == (asked + 1, before)  # who looks stores nothing
    assert feed_head.of_run(connection, told, DIFFS, HEAD).head == HEAD
    assert feed_head.of_run(connection, told, DIFFS, HEAD).head == HEAD
    assert told.asked == asked + 2
    assert requests(connection) == told.asked - 1  # a look's is not counted


def test_a_preview_stores_nothing(connection: Connection) -> None:
    told = source(HEAD)
    before = stored(connection)
    assert feed_head.of_tick(connection, told, DIFFS, None, keep=False).head == HEAD
    assert (told.asked, stored(connection)) == (1, before)


def test_a_failure_is_stored_and_what_was_known_stays(connection: Connection) -> None:
    feed_head.of_tick(connection, source(HEAD), DIFFS, HEAD)
    older(connection, 300)
    down = source(HeadUnknown("http://feed", "out of order"))
    feed = feed_head.of_tick(connection, down, DIFFS, HEAD)
    assert (feed.head, feed.last, "out of order" in feed.trouble) == (None, HEAD, True)
    known = head_of(connection, DIFFS)
    assert (known.head, known.failed_at is not None, known.failure) == (HEAD, True, feed.trouble)
    with pytest.raises(HeadUnknown, match="out of order"):
        feed_head.of_run(connection, down, DIFFS, HEAD)
    assert feed_head.of_tick(connection, source(HEAD), DIFFS, HEAD).head == HEAD
    assert head_of(connection, DIFFS).failed_at is None


def test_a_refused_head_keeps_everybody_away(connection: Connection) -> None:
    feed_head.of_tick(connection, source(HEAD), DIFFS, HEAD)
    older(connection, 300)
    refuses = source(HeadRefused("http://feed", "status 429", retry_after=77))
    assert feed_head.of_tick(connection, refuses, DIFFS, HEAD).head is None
    left, reason = pauses.quiet(connection, DIFFS) or (0, "")
    assert 70 < left <= 77
    assert "429" in reason
    told = source(HEAD)
    with pytest.raises(HeadQuiet, match="429"):
        feed_head.of_run(connection, told, DIFFS, HEAD)
    with pytest.raises(HeadQuiet):
        feed_head.of_limit(connection, told, DIFFS, decides=False)
    feed_head.of_tick(connection, told, DIFFS, HEAD)
    feed_head.of_look(connection, told, DIFFS)
    assert told.asked == 0
    assert (
        feed_head.of_look(connection, source(5, stream=CHANGES), CHANGES).head == 5
    )  # the other feed may be asked


def test_a_feed_that_is_down_and_says_for_how_long_is_left_alone_for_that(connection: Connection) -> None:
    told = source(HeadUnknown("http://feed", "status 503", retry_after=600), HEAD)
    for _ in range(3):
        assert "503" in feed_head.of_tick(connection, told, DIFFS, HEAD).trouble
    assert told.asked == 1
    assert 590 < (pauses.quiet(connection, DIFFS) or (0, ""))[0] <= 600
    connection.execute("UPDATE streams SET quiet_until = now()")
    assert feed_head.of_tick(connection, told, DIFFS, HEAD).head == HEAD


# What is believed

REAL = f"---\nlast_run: {NOW:%Y-%m-%d %H:%M:%S}.949763878 Z\nsequence: {HEAD}\n"
OLD = "---\nsequence: 6543229\nlast_run: 2025-02-21 10:24:00.000000000 +00:00\n"
CRLF = REAL.replace("\n", "\r\n")


@pytest.mark.parametrize("whole", [REAL, OLD, CRLF], ids=["now", "long ago", "crlf"])
def test_a_state_cut_anywhere_is_no_head_or_the_right_one(whole: str, connection: Connection) -> None:
    right = read_state(whole, url="u").sequence
    for length in range(len(whole) + 1):
        try:
            state = read_state(whole[:length], url="u")
        except HeadUnknown:
            assert length < len(whole)
            continue
        assert state.sequence == right, whole[:length]
        assert (
            feed_head.of_limit(connection, source(state), DIFFS, decides=True) == right
        )  # also without a last_run


CUT = State(740, datetime(2026, 11, 28, 23, tzinfo=UTC))


@pytest.mark.parametrize(
    "answers",
    [
        (CUT,),
        (740,),
        (State(HEAD // 10, NOW),),
        (HEAD // 10,),
        (HEAD + 60,),
        (State(HEAD + 20, covers(HEAD).until),),
        (HEAD, HEAD - 1000, HEAD - 1000),
        (HEAD, 740),
    ],
)
def test_what_is_not_believed_begins_no_stream_and_limits_nothing(
    answers: tuple[int | State, ...], connection: Connection
) -> None:
    assert feed_head.of_tick(connection, source(*answers), DIFFS, None, decides=True).head is None
    assert head_of(connection, DIFFS).head is None
    with pytest.raises(HeadUnknown, match="not believed"):
        feed_head.of_limit(connection, source(*answers), DIFFS, decides=True)


@pytest.mark.parametrize(
    "text",
    [
        "---\nlast_run: 2026-11-28 23:00:00.000000000 +00:00\nsequence: 740",
        "---\nlast_run: 2026-11-28 23:00:00.000000000 +00:00\nsequence: 740\n",
        "sequence: 740\n",
    ],
)
def test_a_torn_state_begins_no_stream(
    text: str, stats: Stats, connection: Connection, tmp_path: Path
) -> None:
    (tmp_path / "state.yaml").write_text(text)
    given = {"augmented_diffs_url": str(tmp_path)}
    torn = Stats(stats.settings.model_copy(update=given))
    with DagsterInstance.ephemeral() as instance:
        result: Any = stream_sensor.tick(build_sensor_context(instance=instance), torn, DIFFS)
    assert "Nowhere to start" in result.skip_reason.skip_message
    row = stream_rows.stream_of(connection, DIFFS)
    assert row is None or (row.origin, row.checkpoint) == (None, None)


@pytest.mark.parametrize("stream", STREAMS)
def test_the_state_that_was_torn_begins_neither_stream(
    stream: Stream, stats: Stats, connection: Connection, tmp_path: Path
) -> None:
    shutil.copy(real_file("cases/state-torn.yaml"), tmp_path / "state.yaml")
    torn = Stats(stats.settings.model_copy(update={f"{stream}_url": str(tmp_path)}))
    with DagsterInstance.ephemeral() as instance:
        result: Any = stream_sensor.tick(build_sensor_context(instance=instance), torn, stream)
    assert "Nowhere to start" in result.skip_reason.skip_message
    row = stream_rows.stream_of(connection, stream)
    assert row is None or (row.origin, row.checkpoint) == (None, None)


def test_a_tick_says_that_the_server_is_late(stats: Stats, feed: DemoFeed, connection: Connection) -> None:
    connection.execute(
        "INSERT INTO streams (stream, origin, checkpoint) VALUES (%s, %s, %s)", (DIFFS, feed.head, feed.head)
    )
    with DagsterInstance.ephemeral() as instance:
        context = build_sensor_context(instance=instance, cursor=str(feed.head))
        result: Any = stream_sensor.tick(context, stats, DIFFS)
    said = result.skip_reason.skip_message
    assert "Up to date" in said
    assert "The feed itself is late" in said


def test_a_number_that_its_own_time_contradicts_is_never_a_head(connection: Connection) -> None:
    feed_head.of_tick(connection, source(HEAD), DIFFS, HEAD)
    older(connection, 300)
    assert "not believed" in feed_head.of_tick(connection, source(CUT), DIFFS, HEAD).trouble
    assert "not believed" in feed_head.of_look(connection, source(CUT), DIFFS).trouble
    with pytest.raises(HeadUnknown, match="not believed"):
        feed_head.of_run(connection, source(CUT), DIFFS, HEAD)
    assert head_of(connection, DIFFS).head == HEAD


@pytest.mark.parametrize(
    ("stream", "answer"),
    [
        (DIFFS, sequence_of(datetime(2099, 1, 1, tzinfo=UTC))),
        (CHANGES, State(5, datetime(9999, 12, 31, 23, 59, tzinfo=UTC))),
        (DIFFS, State(HEAD, datetime(2999, 1, 1, tzinfo=UTC))),
    ],
)
def test_a_head_of_years_to_come_is_no_head_whoever_confirms_it(
    stream: Stream, answer: int | State, connection: Connection
) -> None:
    told = source(answer, stream=stream)
    assert (
        "not believed"
        in feed_head.of_tick(connection, told, stream, 5 if stream == CHANGES else HEAD).trouble
    )
    assert head_of(connection, stream).head is None
    assert "not believed" in feed_head.of_look(connection, told, stream).trouble


def test_a_first_head_of_a_stream_with_a_start_is_confirmed_too(connection: Connection) -> None:
    assert feed_head.of_tick(connection, source(HEAD, HEAD - 1000), DIFFS, None).head is None
    assert feed_head.of_tick(connection, source(740, HEAD, stream=CHANGES), CHANGES, None).head is None
    assert feed_head.of_tick(connection, source(HEAD), DIFFS, None).head == HEAD


@pytest.mark.parametrize(
    "answer", [State(6_543_229, covers(6_543_229).until), 6_543_229, State(30, covers(30).until)]
)
def test_a_feed_of_long_ago_may_be_followed(answer: int | State, connection: Connection) -> None:
    told = source(answer)
    number = answer if isinstance(answer, int) else answer.sequence
    if number > 1000:
        assert feed_head.of_tick(connection, told, DIFFS, None, decides=True).head == number
    assert feed_head.of_tick(connection, told, DIFFS, number).head == number


# Late by the clock


def aged(head: int, age: timedelta, *, stood: bool = False) -> Feed:
    then = datetime.now(UTC) - age
    return Feed(head, "http://feed", None if stood else then, head, head, then)


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("stood", [False, True], ids=["its own time", "stands still"])
@pytest.mark.parametrize(
    ("minutes", "word", "code"),
    [(2, "fine", 0), (10, "behind", 1), (60, "stalled", 2), (43_200, "stalled", 2)],
)
def test_a_late_feed_is_late_wherever_the_cursor_is(
    stream: Stream,
    stood: bool,
    minutes: int,
    word: str,
    code: int,
    stats: Stats,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    age = timedelta(minutes=minutes, seconds=1)
    head = sequence_of(datetime.now(UTC)) - 2 - (0 if stood else minutes)  # the suite takes minutes
    connection.execute(
        "INSERT INTO streams (stream, origin, checkpoint, begun_at) VALUES (%s, %s, %s, now())",
        (stream, head - 5, head),
    )
    connection.execute(
        "INSERT INTO ledger (stream, sequence, result) VALUES (%s, %s, 'committed')", (stream, head)
    )
    feed = aged(head, age, stood=stood)
    monkeypatch.setattr(Stats, "head", lambda *_, **__: feed)
    found = standing.of(stats)
    said = found.streams[stream]
    assert (said.word, said.exit_code) == (word, code)
    assert found.exit_code >= code
    shown = found.as_json()["streams"][stream]
    assert shown["state"] == word
    assert shown["feed_age_seconds"] >= minutes * 60
    check = evaluate(stats, connection, stream, head, feed)["lag"]
    assert check.passed is (code == 0)
    late = "All that it has is done: the feed itself is late"
    assert (late in (check.description or "")) is (code > 0)


def test_another_numbering_is_named_with_what_to_do(
    stats: Stats, feed: DemoFeed, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    cursor = feed.head + 50_000
    connection.execute(
        "INSERT INTO streams (stream, origin, checkpoint) VALUES (%s, %s, %s)", (DIFFS, cursor - 9, cursor)
    )
    connection.execute(
        "INSERT INTO ledger (stream, sequence, result) VALUES (%s, %s, 'committed')", (DIFFS, cursor)
    )
    monkeypatch.setattr(stream_sensor, "make_partitions", lambda *_: None)
    with DagsterInstance.ephemeral() as instance:
        context = build_sensor_context(instance=instance, cursor=str(cursor))
        result: Any = stream_sensor.tick(context, stats, DIFFS)
    advice = f"stats-assets seek --stream {DIFFS} --sequence {feed.head - 1} --from-feed"
    for said in (
        result.skip_reason.skip_message,
        evaluate(
            stats, connection, DIFFS, cursor, feed_head.known_of(connection, stats.source(DIFFS), DIFFS)
        )["lag"].description,
    ):
        assert "numbering began again" in (said or "")
        assert advice in (said or "")
    found = standing.of(stats).streams[DIFFS]
    assert (found.word, found.exit_code, found.another) == ("another numbering", 2, True)
    seeking.request_seek(connection, DIFFS, feed.head - 1, from_feed=True)
    with DagsterInstance.ephemeral() as instance:
        connection.execute("UPDATE streams SET instance_id = NULL")
        result = stream_sensor.tick(build_sensor_context(instance=instance, cursor=str(cursor)), stats, DIFFS)
    assert [run.tags[START_TAG] for run in result.run_requests] == [str(feed.head)]
    assert standing.of(stats).streams[DIFFS].another is False


def test_what_a_run_is_at_does_not_wait(connection: Connection, url: str) -> None:
    retries = Retries(0.0, 0.0, 3, 60)
    with lease(connection, url, "by the sensor", DIFFS, 100, 120, stale=20):
        for row in ledger.take(connection, "by the sensor", DIFFS, [101, 102]):
            failed_tries.count_attempt(connection, DIFFS, row, "broken", retries)
        ledger.take(connection, "by the sensor", DIFFS, [101])
        assert waiting(connection, DIFFS, 20) == []  # one is tried, one is due in the run's range
    assert [number for number, _ in waiting(connection, DIFFS, 20)] == [102]  # the run has ended
