"""The quick way to totals equals plain SQL over the facts, whatever the window and whoever's they are."""

import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import pytest

from stats_assets.database.answers import (
    by_days,
    by_keys,
    by_people,
    by_steps,
    groups,
    leaderboard,
    one_owner,
    series,
    sizes,
    trending,
)
from stats_assets.database.answers.answering import KINDS
from stats_assets.database.answers.asked import Asking, Counting
from stats_assets.database.answers.standing import standing
from stats_assets.database.answers.totals import totals
from stats_assets.database.connection import Connection
from stats_assets.feeds.sequences import covers
from stats_assets.questions.answer import Kind
from stats_assets.questions.parsing import parse
from stats_assets.questions.problem import Problem
from stats_assets.questions.steps import edges as edges_of
from stats_assets.questions.vocabulary import Vocabulary
from tests.database.four_days import DAYS, OWNERS, window_of


@pytest.fixture
def template(four_days: str) -> str:
    return four_days


def test_any_window_of_any_owner_is_what_its_facts_say(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    vocabulary = Vocabulary((("roads", ("road_km",)), ("buildings", ())))
    counting = Counting(vocabulary, "definitions", 0)
    now = standing(connection)
    chosen, quick = random.Random(23), by_days.total  # noqa: S311 - not for secrets
    asked = 0
    for _ in range(60):
        ends = sorted(
            chosen.choice([chosen.randrange(DAYS), d * 1440 - 416, q * 15 - 11])
            for d, q in [(chosen.randint(1, 4), chosen.randrange(1, 380)) for _ in range(2)]
        )
        window = [
            (name, f"{covers(max(end, 0)).until:%Y-%m-%dT%H:%MZ}")
            for name, end in zip(("from", "to"), ends, strict=True)
        ]
        window = [one for one in window if chosen.random() < 0.9]
        if len(window) == 2 and window[0][1] == window[1][1]:
            continue
        for owner in OWNERS:
            given = (*owner, *window)
            question = parse("totals", given, datetime(2026, 1, 1, tzinfo=UTC), vocabulary)
            asking = Asking(connection, question, now, counting)
            (subject,) = asking.subjects
            assert quick(asking, subject) is not None
            found = totals(asking, subject)
            with monkeypatch.context() as patched:
                patched.setattr(by_days, "total", lambda *given: None)
                assert found == totals(asking, subject), given
            asked += bool(found["edits"])
    assert asked > 100


COLUMNS = "edits,changesets,users,roads_added,road_km_added,buildings_added"


def test_any_series_of_any_owner_is_what_its_facts_say(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    vocabulary = Vocabulary((("roads", ("road_km",)), ("buildings", ())))
    counting, now = Counting(vocabulary, "definitions", 0), standing(connection)
    chosen = random.Random(24)  # noqa: S311 - not for secrets
    steps = 0
    for _ in range(25):
        since = chosen.randrange(DAYS - 700)
        until = chosen.choice([since + chosen.randrange(1, 700), chosen.randrange(since + 1, DAYS)])
        window = [
            (name, f"{covers(end).until:%Y-%m-%dT%H:%MZ}") for name, end in (("from", since), ("to", until))
        ][chosen.choice([0, 0, 1]) :]
        by = chosen.choice(["15min", "30min", "hour", "day", "week", "month"])
        zone = chosen.choice(["UTC", "Asia/Kathmandu", "America/New_York"])
        names = COLUMNS if chosen.random() < 0.7 else chosen.choice(COLUMNS.split(","))
        for owner in OWNERS:
            given = (*owner, *window, ("by", by), ("tz", zone), ("columns", names))
            question = parse("series", given, datetime(2026, 1, 1, tzinfo=UTC), vocabulary)
            asking = Asking(connection, question, now, counting)
            (subject,) = asking.subjects
            begin = series.first(asking, subject) if question.window.since is None else question.window.since
            with monkeypatch.context() as patched:
                patched.setattr(one_owner, "owner_of", lambda *given: None)
                assert question.window.since is not None or begin == series.first(asking, subject)
            assert question.window.until is not None
            if begin is None:
                continue
            edges = edges_of(begin, question.window.until, by, question.zone)
            quick = by_steps.sums(asking, subject, edges, question.columns)
            assert quick is not None
            plain = series.sums(asking, subject, edges, question.columns)
            assert {step: row for step, row in quick.items() if any(row)} == {
                step: row for step, row in plain.items() if any(row) and 0 < step < len(edges)
            }, given
            steps += len(plain)
    assert steps > 300


def test_any_board_of_people_is_what_its_facts_say(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    vocabulary = Vocabulary((("roads", ("road_km",)), ("buildings", ())))
    counting, now = Counting(vocabulary, "definitions", 0), standing(connection)
    chosen = random.Random(25)  # noqa: S311 - not for secrets
    rows = 0
    for number in range(30):
        window = window_of(chosen)[chosen.choice([0, 0, 0, 1]) :]
        for owner in OWNERS:
            metric, names = chosen.choice(["edits", "changesets"]), f"{COLUMNS}"
            given = (
                *owner,
                *(window if number else ()),
                ("metric", metric),
                ("columns", names),
                ("limit", "9"),
            )
            question = parse("leaderboard", given, datetime(2026, 1, 1, tzinfo=UTC), vocabulary)
            asking = Asking(connection, question, now, counting)
            (subject,) = asking.subjects
            assert groups.quick(asking, subject, "users", metric) is not None
            found = leaderboard.board(asking, subject)
            with monkeypatch.context() as patched:
                patched.setattr(groups, "quick", lambda *given: None)
                patched.setattr(by_people, "fill", lambda *given: False)
                assert found == leaderboard.board(asking, subject), given
            rows += cast(int, found["total_rows"])
    assert rows > 300


def test_what_trends_is_what_its_facts_say(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    vocabulary = Vocabulary((("roads", ("road_km",)), ("buildings", ())))
    counting = Counting(vocabulary, "definitions", 0)
    now = replace(standing(connection), begins=covers(0).since)
    chosen = random.Random(26)  # noqa: S311 - not for secrets
    rows = before = 0
    for _ in range(30):
        window = window_of(chosen)[chosen.choice([0, 0, 0, 1]) :]
        question = parse("trending", tuple(window), datetime(2026, 1, 1, tzinfo=UTC), vocabulary)
        asking = Asking(connection, question, now, counting)
        assert by_keys.trends(asking, asking.subjects[0])
        found = trending.answer(asking)
        with monkeypatch.context() as patched:
            patched.setattr(by_keys, "whose", lambda *given: None)
            assert found == trending.answer(asking), window
        assert isinstance(found["rows"], list)
        rows += len(found["rows"])
        before += sum(bool(row["users_before"]) for row in found["rows"])
    assert rows > 60
    assert before > 10


WINDOW = "from=2012-09-12T08:00Z&to=2012-09-15T20:00Z"
SLOW = {
    f"totals?{WINDOW}": "from",
    f"series?by=hour&{WINDOW}": "columns",
    f"series?by=hour&user=7&{WINDOW}": "tz",
    f"leaderboard?{WINDOW}": "last",
    "leaderboard?hashtag=tag*&metric=changesets": "columns",
    f"trending?{WINDOW}": "last",
    f"leaderboard?country=NPL&{WINDOW}": "columns",
    f"leaderboard?metric=roads_added&{WINDOW}": "from",
    f"leaderboard?of=editors&{WINDOW}": "from",
}


def test_what_would_be_slow_is_refused_and_what_it_says_to_try_is_not(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = Counting(Vocabulary((("roads", ("road_km",)), ("buildings", ()))), "definitions", 0)

    def ask(address: str) -> None:
        parts = urlsplit(address)
        kind = cast(Kind, parts.path.rpartition("/")[2])
        question = parse(kind, parse_qsl(parts.query), datetime(2026, 1, 1, tzinfo=UTC), counting.vocabulary)
        KINDS[kind](Asking(connection, question, standing(connection), counting))

    for asked in SLOW:
        ask(asked)
    monkeypatch.setattr(by_days, "MOST_ENTRIES", 30)
    monkeypatch.setattr(by_steps, "MOST_IN_STEPS", 30)
    monkeypatch.setattr(by_people, "MOST_RANKED", 30)
    for limit in ("MOST_UPLOADS", "MOST_TRENDING"):
        monkeypatch.setattr(by_keys, limit, 30)
    monkeypatch.setattr(by_keys, "MOST_WALKED", 30)
    monkeypatch.setattr(sizes, "MOST", 5)
    for module in (by_people, by_steps, groups):
        monkeypatch.setattr(module, "MOST_FACTS", 5)
    for asked, parameter in SLOW.items():
        with pytest.raises(Problem, match=r"one by one|added up") as refused:
            ask(asked)
        assert (refused.value.status, refused.value.parameter) == (422, parameter), asked
        assert refused.value.attempt is not None
        ask(refused.value.attempt)


@pytest.mark.parametrize("filtered", [("kind", "added"), ("category", "roads"), ("category", "buildings")])
def test_a_filter_of_many_categories_is_as_one_of_few(
    connection: Connection, filtered: tuple[str, str]
) -> None:
    """Each of sixty is looked up by its name, which is more than a function of PostgreSQL's has arguments."""
    few = Vocabulary((("roads", ("road_km",)), ("buildings", ())))
    many = Vocabulary((*few.categories, *((f"c{number}", (f"c{number}_km",)) for number in range(60))))
    found = []
    for vocabulary in (few, many):
        question = parse("totals", (filtered,), datetime(2026, 1, 1, tzinfo=UTC), vocabulary)
        asking = Asking(connection, question, standing(connection), Counting(vocabulary, "definitions", 0))
        answer = cast(dict[str, Any], totals(asking, asking.subjects[0]))
        for part in ("counts", "measurements"):
            answer[part] = {name: value for name, value in answer[part].items() if value}
        found.append(answer)
    assert found[0] == found[1]
    kept = {name for name in found[0]["counts"] if filtered[1] in name}
    assert kept == set(found[0]["counts"])
    assert bool(found[0]["edits"]) == bool(kept)
