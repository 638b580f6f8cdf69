"""Boards, changesets and newcomers by uploads equal those that are added up from facts, whatever the window."""

import random
from collections.abc import Callable, Iterator, Mapping
from typing import cast
from urllib.parse import parse_qsl, urlsplit

import pytest

from stats_assets.database import hidden_people
from stats_assets.database.answers import (
    by_changesets,
    by_keys,
    by_newcomers,
    changesets,
    leaderboard,
    newcomers,
)
from stats_assets.database.answers.asked import Asking
from stats_assets.database.connection import Connection
from stats_assets.feeds.sequences import covers
from stats_assets.questions.answer import Given, Kind, Value
from tests.database.four_days import DAYS, OWNERS, asking_of, window_of


@pytest.fixture
def template(four_days: str) -> str:
    return four_days


Answer = Callable[[Asking], Mapping[str, Value]]


def pages(
    connection: Connection, kind: Kind, given: Given, answer: Answer
) -> Iterator[tuple[Asking, Given, Mapping[str, Value]]]:
    """The first three pages of an answer: the question, its parameters, what it says."""
    for _ in range(3):
        asking = asking_of(connection, kind, given)
        found = answer(asking)
        yield asking, given, found
        if found["next"] is None:
            return
        given = tuple(parse_qsl(urlsplit(cast(str, found["next"])).query))


def test_any_page_of_changesets_is_what_its_facts_say(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = random.Random(28)  # noqa: S311 - not for secrets
    hidden_people.hide(connection, 8)
    rows = 0
    for number in range(20):
        window = window_of(chosen)[chosen.choice([0, 0, 0, 1]) :]
        for owner in OWNERS:
            asked = (
                *owner,
                *(window if number else ()),
                ("columns", "edits,roads_added,users"),
                ("limit", "7"),
            )
            for asking, given, found in pages(connection, "changesets", asked, changesets.answer):
                assert by_changesets.whose(asking, asking.subjects[0]) is not None
                with monkeypatch.context() as patched:
                    patched.setattr(by_changesets, "whose", lambda *given: None)
                    assert found == changesets.answer(asking), given
                rows += len(cast(list[object], found["rows"]))
    assert rows > 500


def test_any_page_of_newcomers_is_what_its_facts_say(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = random.Random(29)  # noqa: S311 - not for secrets
    hidden_people.hide(connection, 8)
    rows = 0
    for _ in range(40):
        window = window_of(chosen)[: chosen.choice([1, 2])]
        for owner in (OWNERS[1], OWNERS[2], OWNERS[4]):
            asked = (*owner, *window, ("columns", "edits,changesets,roads_added"), ("limit", "3"))
            for asking, given, found in pages(connection, "newcomers", asked, newcomers.answer):
                (subject,) = asking.subjects
                assert by_newcomers.whose(asking, subject) is not None
                fresh = newcomers.is_new(asking, subject, [*range(5, 20)])
                with monkeypatch.context() as patched:
                    patched.setattr(by_newcomers, "whose", lambda *given: None)
                    assert found == newcomers.answer(asking), given
                    assert fresh == newcomers.is_new(asking, subject, [*range(5, 20)]), given
                rows += len(cast(list[object], found["rows"]))
    assert rows > 50


def test_who_is_new_to_several_hashtags_is_told_by_days_as_by_changesets(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = random.Random(30)  # noqa: S311 - not for secrets
    rows = 0
    for _ in range(40):
        since = f"{covers(chosen.randrange(DAYS)).until:%Y-%m-%dT%H:%MZ}"
        given = (("hashtag", "tag1"), ("hashtag", "u"), ("from", since))
        asking = asking_of(connection, "newcomers", given)
        found = newcomers.answer(asking)
        with monkeypatch.context() as patched:
            patched.setattr(newcomers, "are_whole", lambda *given: False)
            assert found == newcomers.answer(asking), given
        rows += len(cast(list[object], found["rows"]))
    assert rows > 20


def test_any_board_of_hashtags_countries_or_editors_is_what_its_facts_say(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = random.Random(27)  # noqa: S311 - not for secrets
    rows = 0
    for number in range(20):
        window = window_of(chosen)[chosen.choice([0, 0, 0, 1]) :]
        for owner in OWNERS:
            of, metric = chosen.choice(["hashtags", "countries", "editors"]), chosen.choice(by_keys.KNOWN)
            more = (("of", of), ("metric", metric), ("columns", ",".join(by_keys.KNOWN)), ("limit", "4"))
            given = (*owner, *(window if number else ()), *more)
            asking = asking_of(connection, "leaderboard", given)
            (subject,) = asking.subjects
            quick = by_keys.whose(asking, subject, of, by_keys.KNOWN)
            assert (quick is None) == (of == "countries" and ("country", "NPL") in owner)
            found = leaderboard.board(asking, subject)
            with monkeypatch.context() as patched:
                patched.setattr(by_keys, "whose", lambda *given: None)
                assert found == leaderboard.board(asking, subject), given
            rows += cast(int, found["total_rows"])
    assert rows > 100
