"""The quick way to totals equals plain SQL over the facts, whatever the window and whoever's they are."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stats_assets.database.answers import by_days
from stats_assets.database.answers.asked import Asking, Counting
from stats_assets.database.answers.standing import standing
from stats_assets.database.answers.totals import totals
from stats_assets.database.connection import Connection
from stats_assets.database.facts.changesets import save_changesets
from stats_assets.database.facts.edits import replace_facts
from stats_assets.database.facts.fact_partitions import make_partitions
from stats_assets.database.statistics.applier import apply_queue, save_countries
from stats_assets.feeds.sequences import covers
from stats_assets.questions.parsing import parse
from stats_assets.questions.vocabulary import Vocabulary
from tests.database.test_statistics import COUNTRIES, changeset, diff, edits, file

DAYS = 4 * 1440
OWNERS: tuple[tuple[tuple[str, str], ...], ...] = (
    (),
    (("hashtag", "tag1"),),
    (("hashtag", "tag*"),),
    (("user", "7"),),
    (("country", "NPL"),),
)


@pytest.fixture
def filled(connection: Connection) -> Connection:
    """Four days in which twelve users upload sixty changesets, each up to five times, at any minute of them."""
    make_partitions(connection, 0, 100)
    save_countries(connection, COUNTRIES)
    connection.execute("INSERT INTO unions (name, patterns) VALUES ('all tags', '{tag*}')")
    chosen = random.Random(22)  # noqa: S311 - not for secrets
    diffs: dict[int, list[Any]] = {}
    for number in range(1, 61):
        places = chosen.choice([("NPL",), ("USA", "USA-TX"), ()])
        uid = chosen.choice([None, *range(7, 18)])
        edges = [d * 1440 - 415 + chosen.choice([-1, 0, 1]) for d in (1, 2, 3)]
        for sequence in {
            chosen.choice([chosen.randrange(DAYS), *edges]) for _ in range(chosen.randint(1, 5))
        }:
            at = covers(sequence).until - timedelta(seconds=chosen.randrange(60))
            one = edits(
                number,
                uid=uid,
                n=chosen.randint(1, 9),
                km=f"0.{chosen.randint(1, 99)}",
                at=at,
                countries=places,
            )
            diffs.setdefault(sequence, []).append(one)
    for sequence, found in diffs.items():
        replace_facts(connection, sequence, diff(*found))
    tagged = [
        changeset(
            n,
            *chosen.sample(["tag1", "tag2", "u"], chosen.randrange(4)),
            uid=7 if n % 5 else None,
            closed=covers(DAYS).until,
        )
        for n in range(1, 61)
    ]
    save_changesets(connection, 1, file(*tagged))
    apply_queue(connection)
    return connection


def test_any_window_of_any_owner_is_what_its_facts_say(
    filled: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    vocabulary = Vocabulary((("roads", ("road_km",)), ("buildings", ())))
    counting = Counting(vocabulary, "definitions", 0)
    now = standing(filled)
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
            asking = Asking(filled, question, now, counting)
            (subject,) = asking.subjects
            assert quick(asking, subject) is not None
            found = totals(asking, subject)
            with monkeypatch.context() as patched:
                patched.setattr(by_days, "total", lambda *given: None)
                assert found == totals(asking, subject), given
            asked += bool(found["edits"])
    assert asked > 100
