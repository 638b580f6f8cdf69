"""The live events: their form, who is told what and when, how often the database is asked, and how it ends."""

import gc
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from stats_assets.database import hidden_people
from stats_assets.database.answers.movement import movement
from stats_assets.database.connection import Connection
from stats_assets.questions.answer import Given, Value
from stats_assets.questions.problem import Problem
from stats_assets.web import live
from stats_assets.web.serving import Serving
from tests.drills.waiting import until
from tests.web.running import Web, served

QUERY = "/api/v1/live?last=24h"


class Events:
    """What one who listens is sent, event by event."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines

    def next(self) -> dict[str, str]:
        """The next event."""
        while "event" not in (found := self.anything()):
            pass
        return found

    def anything(self) -> dict[str, str]:
        """The next event, or comment (`""`)."""
        found: dict[str, str] = {}
        for line in self._lines:
            if not line:
                return found
            name, _, value = line.partition(":")
            found[name] = value.removeprefix(" ")
        raise EOFError


def hub_of(web: Web) -> live.Hub:
    return next(one for one in gc.get_objects() if isinstance(one, live.Hub) and one._serving is web.serving)


@contextmanager
def listening(web: Web, path: str = QUERY) -> Iterator[Events]:
    with httpx.Client(base_url=web.url, timeout=60) as client, client.stream("GET", path) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        yield Events(answer.iter_lines())


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Given]]:
    """Each question to the database; hasty looks."""
    found: list[Given] = []
    before = Serving.live

    def counting(self: Serving, given: Given) -> Mapping[str, Value]:
        found.append(given)
        return before(self, given)

    monkeypatch.setattr(Serving, "live", counting)
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(live, "ANEW_SECONDS", 1e9)
    yield found


def test_the_whole_state_at_once_in_the_form_that_is_fixed(web: Web) -> None:
    with listening(web) as events:
        first = events.next()
    assert list(first) == ["id", "event", "retry", "data"]
    assert (first["event"], first["retry"]) == ("board", "5000")
    state = json.loads(first["data"])
    assert {
        "as_of",
        "complete_to",
        "left_seconds",
        "totals",
        "rows",
        "without_hashtag",
        "news",
    } <= state.keys()


def test_many_listen_and_one_question_is_asked_and_all_are_told_what_changed(
    web: Web, owner: Connection, asked: list[Given]
) -> None:
    with (
        listening(web) as one,
        listening(web) as two,
        listening(web) as three,
        listening(web, QUERY + "&limit=1") as other,
    ):
        everybody = (one, two, three, other)
        before = [json.loads(each.next()["data"]) for each in everybody]
        assert before[0]["rows"] == before[1]["rows"] == before[2]["rows"]
        uid = before[0]["rows"][0]["user_id"]
        hidden_people.hide(owner, uid)
        try:
            after = [json.loads(each.next()["data"]) for each in everybody]
        finally:
            hidden_people.show(owner, uid)
        assert len(asked) <= 6  # two filters: at first, at the first look, and when somebody was hidden
        for state, had in zip(after, before, strict=True):
            assert uid not in {row["user_id"] for row in state["rows"]}
            assert state["totals"] == had["totals"]
        again = [json.loads(each.next()["data"]) for each in everybody]
        assert [state["rows"] for state in again] == [state["rows"] for state in before]


def test_nothing_is_asked_when_nobody_listens_any_more(web: Web, asked: list[Given]) -> None:
    with listening(web) as events:
        events.next()
    until(lambda: not hub_of(web).listeners, "the listener is gone")
    time.sleep(0.3)
    number = len(asked)
    time.sleep(0.3)
    assert len(asked) == number


def test_a_comment_when_nothing_happens(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "COMMENT_SECONDS", 0.05)
    with listening(web) as events:
        assert events.next()["event"] == "board"
        assert events.anything() == {"": "still here"}
        assert events.anything() == {"": "still here"}


@pytest.mark.parametrize(
    ("query", "status"), [("last=abc", 400), ("nonsense=1", 400), ("last=24h&user=nobody-of-this-name", 404)]
)
def test_what_cannot_be_asked_is_refused_before_anything_is_sent(web: Web, query: str, status: int) -> None:
    answer = web.get(f"/api/v1/live?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_head_does_not_listen(web: Web) -> None:
    answer = web.client.head(QUERY)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    until(lambda: not hub_of(web).listeners, "nobody listens")


def test_while_the_database_is_away_it_is_said_and_then_all_goes_on(
    web: Web, asked: list[Given], monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(web) as events:
        first = json.loads(events.next()["data"])
        there = movement

        def away(connection: object) -> tuple[object, ...]:
            raise Problem("database-away", "The numbers can't be read now", "Try again in 20 s.", status=503)

        monkeypatch.setattr(live, "movement", away)
        problem = events.next()
        assert (problem["event"], json.loads(problem["data"])["type"]) == (
            "problem",
            "/problems/database-away",
        )
        monkeypatch.setattr(live, "movement", there)
        back = events.next()
        assert back["event"] == "board"
        assert json.loads(back["data"])["totals"] == first["totals"]


def test_filters_and_listeners_are_limited(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_FILTERS", 1)
    with listening(web) as events:
        events.next()
        refused = web.get(QUERY + "&limit=3")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
        with listening(web) as same:
            same.next()
        monkeypatch.setattr(live, "MOST_LISTENERS", 1)
        assert web.get(QUERY).status_code == 503


def test_it_ends_at_once_when_the_server_does(counted: str) -> None:
    with served(counted) as short:
        ended: list[Any] = []

        def listen() -> None:
            with listening(short) as events:
                events.next()
                began.set()
                try:
                    while True:
                        events.next()
                except (EOFError, httpx.HTTPError) as error:
                    ended.append(type(error))

        began = threading.Event()
        thread = threading.Thread(target=listen)
        thread.start()
        began.wait(60)
    thread.join(60)
    assert ended == [EOFError]  # a whole end, no broken connection


def test_the_countdown_goes_on_between_states() -> None:
    state: dict[str, Value] = {"as_of": "2025-02-20T14:28:03Z", "left_seconds": 3, "rows": []}
    assert live._later(state, 2) == {"as_of": "2025-02-20T14:28:05Z", "left_seconds": 1, "rows": []}
    assert live._later(state, 60)["left_seconds"] == 0
