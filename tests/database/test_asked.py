"""What a feed is asked, on a real database: pacing, rationing, counting, and that nobody asks while it wants quiet.

Time passes by moving what is stored into the past: nothing here waits for long.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stats_assets.database.connection import Connection, connect
from stats_assets.database.ledger import asked, pauses, stream_rows
from stats_assets.database.ledger.asked import Requests
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.limits import ASKED_MOST, QUIET, QUIET_MOST
from stats_assets.feeds.manners import GAP, Manners
from stats_assets.feeds.outcomes import (
    AskedJustNow,
    BadAnswer,
    DuplicateQueryRefused,
    FeedError,
    FeedQuiet,
    FeedRefused,
    HeadQuiet,
    HeadRefused,
)
from stats_assets.feeds.overpass import OverpassSource
from stats_assets.feeds.source import Source
from stats_assets.streams import Stream
from tests.later import pass_time

DIFFS: Stream = "augmented_diffs"
URL = "http://overpass.example.org"
SLEEP = "stats_assets.database.ledger.asked.time.sleep"
WINDOW = 180  # seconds, in which a server refuses a fourth identical query


def source(pause: float = 0, gap: float = GAP) -> Source:
    return OverpassSource(URL, Http("test"), Manners(pause, gap))


def refused(seconds: float | None = None) -> FeedRefused:
    return FeedRefused(URL, "asked too often", retry_after=seconds)


def ask(
    connection: Connection, sequence: int, error: FeedError | None = None, size: int = 0, **how: float
) -> None:
    request = asked.begin(connection, DIFFS, source(**how), sequence)
    asked.end(connection, DIFFS, request, size, error)


def left(connection: Connection) -> float:
    quiet = pauses.quiet(connection, DIFFS)
    return 0.0 if quiet is None else quiet[0]


def about(seconds: float) -> Any:
    return pytest.approx(seconds, abs=5)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr(SLEEP, waits.append)
    return waits


def test_bodies_are_paced_from_an_answers_end_to_the_next_question(
    connection: Connection, slept: list[float]
) -> None:
    request = asked.begin(connection, DIFFS, source(pause=100), 1)
    pass_time(connection, 90)  # so long the answer takes
    asked.end(connection, DIFFS, request, 10, None)
    ask(connection, 2, pause=100)
    assert slept == [pytest.approx(100, abs=5)]
    pass_time(connection, 101)
    ask(connection, 3, pause=100)
    assert slept[1:] == [0]
    with connect(_url(connection)) as other:  # whoever asks
        ask(other, 4, pause=100)
    assert slept[2:] == [pytest.approx(100, abs=5)]


def test_what_was_refused_while_one_waited_its_turn_counts(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(connection, 1, pause=5)
    monkeypatch.setattr(SLEEP, lambda _: pauses.be_quiet(connection, DIFFS, 0, "a tick was refused"))
    with pytest.raises(FeedQuiet, match="a tick was refused"):
        ask(connection, 2, pause=5)


def test_an_id_is_asked_once_in_60_and_twice_in_180_seconds(connection: Connection) -> None:
    ask(connection, 7)
    for after, wait in ((0, 60), (59, 1)):
        pass_time(connection, after)
        with pytest.raises(AskedJustNow) as just:
            ask(connection, 7)
        assert just.value.retry_after == about(wait)
        assert just.value.answered
    ask(connection, 8)  # another id may be
    pass_time(connection, 2)
    ask(connection, 7, BadAnswer(URL, "cut"))
    pass_time(connection, 61)
    with pytest.raises(AskedJustNow) as third:
        ask(connection, 7)
    assert third.value.retry_after == about(WINDOW - 59 - 2 - 61)
    assert not third.value.answered
    pass_time(connection, (third.value.retry_after or 0) + 1)
    ask(connection, 7)
    assert asked.lately(connection, DIFFS)[0].bodies == 4  # what was not asked is not counted


def test_a_request_whose_run_died_counts_too(connection: Connection) -> None:
    asked.begin(connection, DIFFS, source(), 7)
    with connect(_url(connection)) as other, pytest.raises(AskedJustNow):
        ask(other, 7)


def test_at_ones_own_server_an_id_may_be_asked_as_often_as_one_likes(connection: Connection) -> None:
    for _ in range(5):
        ask(connection, 7, gap=0)


def test_a_duplicates_refusal_poisons_its_id_for_an_hour(connection: Connection) -> None:
    ask(connection, 7, DuplicateQueryRefused(URL, "duplicate_query"))
    assert asked.poisoned(connection, DIFFS, 7, URL)
    assert not asked.poisoned(connection, DIFFS, 8, URL)
    assert not asked.poisoned(connection, "changesets", 7, URL)
    assert left(connection) == 0  # it is that id's alone
    pass_time(connection, 3599 - 30)
    assert asked.poisoned(connection, DIFFS, 7, URL)
    pass_time(connection, 60)
    assert not asked.poisoned(connection, DIFFS, 7, URL)


def test_a_feed_fails_while_its_last_two_answers_are_bad_and_of_now(connection: Connection) -> None:
    bad = BadAnswer(URL, "504")
    assert not asked.fails(connection, DIFFS)
    ask(connection, 5, bad)
    assert not asked.fails(connection, DIFFS)  # it may be that one's own failure
    ask(connection, 6, bad)
    assert asked.fails(connection, DIFFS)
    pass_time(connection, 299)
    assert asked.fails(connection, DIFFS)
    pass_time(connection, 2)
    assert not asked.fails(connection, DIFFS)
    ask(connection, 7, bad)
    ask(connection, 8)
    assert not asked.fails(connection, DIFFS)


def test_requests_and_bytes_are_counted_by_the_hour_and_forgotten_after_a_week(
    connection: Connection,
) -> None:
    assert asked.lately(connection, DIFFS) == (Requests(), Requests())
    for hours, number in ((1, 5), (23, 7), (24, 100), (24 * 8, 1000), (-1, 10_000)):
        connection.execute(
            "INSERT INTO requests VALUES (%s, date_trunc('hour', now()) - make_interval(hours => %s), 'head', %s, 0)",
            (DIFFS, hours, number),
        )
    asked.count(connection, DIFFS, "head")
    ask(connection, 1, size=100)
    ask(connection, 2, BadAnswer(URL, "cut"), size=50)
    ask(connection, 3, BadAnswer(URL, "no connection"))
    asked.count(connection, "changesets", "head")
    assert asked.lately(connection, DIFFS) == (Requests(1, 3, 150), Requests(1 + 5 + 7, 3, 150))
    assert asked.lately(connection, "changesets") == (Requests(1), Requests(1))
    assert connection.execute("SELECT count(*) FROM requests WHERE number = 1000").fetchone() == (0,)


def test_what_was_asked_long_ago_is_forgotten(connection: Connection) -> None:
    ask(connection, 1)
    pass_time(connection, asked.ASKED_KEPT.total_seconds() + 1)
    ask(connection, 2)
    assert connection.execute("SELECT array_agg(sequence) FROM asked").fetchone() == ([2],)


def test_a_quiet_doubles_with_refusals_in_a_row_and_a_good_answer_ends_that(connection: Connection) -> None:
    for wait in (30, 60, 120, 240, 480, 900, 900):
        ask(connection, 7, refused(), gap=0)
        assert left(connection) == about(wait)
        with pytest.raises(FeedQuiet) as quiet:
            ask(connection, 8)
        assert quiet.value.retry_after == about(wait)
        pass_time(connection, wait + 1)
    ask(connection, 7, BadAnswer(URL, "cut"), gap=0)  # says nothing of limits
    ask(connection, 7, refused(), gap=0)
    assert left(connection) == about(900)
    pass_time(connection, 901)
    ask(connection, 7, gap=0)
    ask(connection, 7, refused(), gap=0)
    assert left(connection) == about(30)


def test_a_longer_quiet_is_not_shortened_and_what_was_asked_before_it_is_no_further_refusal(
    connection: Connection,
) -> None:
    for seconds in (None, 600.0, 40.0, None):  # of requests that were all under way
        asked.heed(connection, DIFFS, refused(seconds))
    assert left(connection) == about(600)
    assert connection.execute("SELECT refusals FROM streams").fetchone() == (1,)
    pass_time(connection, 601)
    asked.heed(connection, DIFFS, refused(3600))
    assert left(connection) == about(3600)
    pass_time(connection, 3601)
    asked.heed(connection, DIFFS, refused(10**9))
    assert left(connection) == about(ASKED_MOST)
    assert pauses.quiet(connection, "changesets") is None


def test_what_was_not_asked_because_of_a_quiet_is_no_refusal(connection: Connection) -> None:
    asked.heed(connection, DIFFS, HeadRefused(URL, "asked too often"))
    for error in (FeedQuiet(URL, "quiet", retry_after=900), HeadQuiet(URL, "quiet", retry_after=900)):
        asked.heed(connection, DIFFS, error)
    assert left(connection) == about(30)


def test_a_quiet_counts_from_the_refusal_not_from_the_ticks_beginning(connection: Connection) -> None:
    with connection.transaction():
        connection.execute("SELECT pg_sleep(1.5)")
        asked.heed(connection, DIFFS, refused())
    assert left(connection) > QUIET - 1


def test_two_connections_that_are_refused_at_once_are_refused_once(connection: Connection) -> None:
    with connect(_url(connection)) as other:
        requests = [asked.begin(one, DIFFS, source(), n) for n, one in enumerate((connection, other))]
        for request, one in zip(requests, (connection, other), strict=True):
            asked.end(one, DIFFS, request, 0, refused())
        assert left(other) == about(30)
    assert connection.execute("SELECT refusals FROM streams").fetchone() == (1,)


def test_a_clock_set_back_keeps_what_was_left_of_a_quiet(connection: Connection) -> None:
    with stream_rows.driving(connection, DIFFS, "here"):
        pass
    asked.heed(connection, DIFFS, refused(600))
    pass_time(connection, -7200)  # two hours
    assert left(connection) == about(7800)
    with stream_rows.driving(connection, DIFFS, "here"):
        pass
    assert left(connection) == about(600)


def test_a_clock_set_back_neither_forgets_nor_keeps_an_id_for_long(
    connection: Connection, slept: list[float]
) -> None:
    ask(connection, 7)
    pass_time(connection, -7200)
    with pytest.raises(AskedJustNow) as just:
        ask(connection, 7)
    assert just.value.retry_after == about(60)
    ask(connection, 8, pause=5)
    assert slept == [about(5)]
    pass_time(connection, 61)
    ask(connection, 7)


def test_one_outage_is_one_pause_however_many_runs_meet_it(connection: Connection) -> None:
    (began,) = connection.execute("SELECT now()").fetchone() or (None,)
    until = [pauses.pause(connection, DIFFS, f"run {n}", None, began) for n in range(3)]
    assert until == [until[0]] * 3
    assert pauses.in_a_row(connection, DIFFS) == 1
    asked_for = pauses.pause(connection, DIFFS, "asks for more", 600, began)
    assert (asked_for - until[0]).total_seconds() == about(600 - pauses.PAUSE_FIRST)
    assert pauses.in_a_row(connection, DIFFS) == 1
    pauses.pause(connection, DIFFS, "begun since", None, asked_for + timedelta(hours=1))
    assert pauses.in_a_row(connection, DIFFS) == 2


STEPS = st.one_of(
    st.tuples(st.just("wait"), st.floats(0, 200)),
    st.tuples(st.just("good"), st.integers(1, 2)),
    st.tuples(st.just("bad"), st.integers(1, 2)),
    st.tuples(st.just("refused"), st.sampled_from([None, 0.0, 5.0, 45.0, 2000.0])),
    st.tuples(st.just("head refused"), st.sampled_from([None, 100.0])),
    st.tuples(st.just("head good"), st.none()),
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(steps=st.lists(STEPS, min_size=5, max_size=30))
def test_nobody_asks_within_a_quiet_nor_an_id_a_third_time(
    connection: Connection, steps: list[tuple[str, Any]]
) -> None:
    """Whatever is answered, whenever: a model of what the feed wants, kept in a time of its own."""
    connection.execute("TRUNCATE asked, requests, streams CASCADE")
    now = quiet = 0.0
    made: dict[int, list[float]] = {}
    answers: dict[str, Callable[[Any], FeedError | None]] = {
        "good": lambda _: None,
        "bad": lambda _: BadAnswer(URL, "cut"),
        "refused": refused,
        "head refused": lambda seconds: HeadRefused(URL, "asked too often", retry_after=seconds),
        "head good": lambda _: None,
    }
    for step, value in steps:
        if step == "wait":
            pass_time(connection, value)
            now += value
            continue
        error = answers[step](value)
        if step.startswith("head"):  # asked before the quiet began, perhaps: heads are not held back here
            asked.heed(connection, DIFFS, error)
        else:
            sequence = value if step in ("good", "bad") else 1
            try:
                ask(connection, sequence, error)
            except FeedQuiet as held:
                assert quiet - 1 <= now + (held.retry_after or 0)
                assert (held.retry_after or 0) <= max(QUIET_MOST, 2000)
                continue
            except AskedJustNow as just:
                assert made[sequence]
                assert (just.retry_after or 0) <= WINDOW
                continue
            assert now >= quiet - 1, "asked within a quiet"
            times = made.setdefault(sequence, [])
            assert not times or now - times[-1] >= GAP - 1
            assert len(times) < 2 or now - times[-2] >= WINDOW - 1, "a third time"
            times.append(now)
        if isinstance(error, FeedRefused):
            quiet = max(quiet, now + max(QUIET, error.retry_after or 0))


def _url(connection: Connection) -> str:
    info = connection.info
    return f"postgresql://{info.user}@/{info.dbname}?host={info.host}&port={info.port}"
