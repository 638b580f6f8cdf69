"""Four days of a made world, in which windows' answers are compared with their facts; and windows of it."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from stats_assets.database.answers.asked import Asking, Counting
from stats_assets.database.answers.standing import standing
from stats_assets.database.connection import Connection, connect
from stats_assets.database.facts.changesets import save_changesets
from stats_assets.database.facts.edits import replace_facts
from stats_assets.database.facts.fact_partitions import make_partitions
from stats_assets.database.statistics.applier import apply_queue, save_countries
from stats_assets.feeds.sequences import covers
from stats_assets.questions.answer import Given, Kind
from stats_assets.questions.parsing import parse
from stats_assets.questions.vocabulary import Vocabulary
from tests.database.test_statistics import COUNTRIES, changeset, diff, edits, file

COUNTING = Counting(Vocabulary((("roads", ("road_km",)), ("buildings", ()))), "definitions", 0)
DAYS = 4 * 1440
OWNERS: tuple[tuple[tuple[str, str], ...], ...] = (
    (),
    (("hashtag", "tag1"),),
    (("hashtag", "tag*"),),
    (("user", "7"),),
    (("country", "NPL"),),
)


def fill(url: str) -> None:
    """Four days in which twelve users upload sixty changesets, each up to five times, at any minute of them."""
    with connect(url) as connection:
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
            for n in range(1, 57)  # of the others the changeset feed has said nothing yet
        ]
        save_changesets(connection, 1, file(*tagged))
        apply_queue(connection)


def window_of(chosen: random.Random) -> list[tuple[str, str]]:
    """From one minute of them to another."""
    ends = sorted(chosen.sample(range(DAYS), 2))
    return [
        (name, f"{covers(end).until:%Y-%m-%dT%H:%MZ}") for name, end in zip(("from", "to"), ends, strict=True)
    ]


def asking_of(connection: Connection, kind: Kind, given: Given) -> Asking:
    """A question of it, as it stands."""
    question = parse(kind, given, datetime(2026, 1, 1, tzinfo=UTC), COUNTING.vocabulary)
    return Asking(connection, question, standing(connection), COUNTING)
