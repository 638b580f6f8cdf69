"""Milestones are what the facts say, after any correction; one can be taken back."""

import random
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from stats_assets.database.connection import Connection
from stats_assets.database.facts.changesets import save_changesets
from stats_assets.database.facts.edits import replace_facts
from stats_assets.database.facts.fact_partitions import make_partitions
from stats_assets.database.statistics.applier import apply_queue, save_countries
from stats_assets.database.statistics.milestones import keep_rules, look_again
from stats_assets.database.statistics.passes import rebuild, verify
from stats_assets.osm.milestones import load_milestones
from tests.database.test_statistics import COUNTRIES, NOON, changeset, diff, edits, file
from tests.milestones import milestones, recomputed_milestones

RULES = """
first_upload: {metric: days, levels: [1]}
days: {metric: days, levels: [2, 4]}
months: {metric: months, levels: [2]}
streak: {metric: days_in_a_row, levels: [2, 3]}
back: {metric: returns, least: 3, levels: [1, 2]}
countries: {metric: countries, least: 5, levels: [1, 2, 3]}
hashtags: {metric: hashtags, least: 5, levels: [1, 2]}
categories: {metric: categories, levels: [1, 2]}
editors: {metric: editors, levels: [1, 2]}
josm: {metric: changesets_with, keys: [josm], levels: [1, 3]}
roads: {metric: sum, keys: [roads_added, pois_added], levels: [5, 20, 40]}
km: {metric: sum, keys: [road_km_added], levels: [0.5, 1.25]}
people: {of: hashtag, metric: people, levels: [1, 2, 3]}
built: {of: hashtag, metric: sum, keys: [roads_added], levels: [10, 50]}
used: {of: hashtag, metric: days, levels: [2]}
"""


def test_milestones_are_what_the_facts_say_after_any_correction(
    connection: Connection, tmp_path: Path
) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    rules = load_milestones(tmp_path / "rules.yaml")
    make_partitions(connection, 0, 100)
    save_countries(connection, COUNTRIES)
    chosen = random.Random(22)  # noqa: S311 - not for secrets
    minutes = [day * 1440 + extra for day in (0, 1, 2, 6, 7, 20, 24, 40) for extra in (0, 700)]
    assert keep_rules(connection, rules)
    taken_back = 0
    for turn in range(14):
        for sequence in chosen.sample(minutes, 4):
            found: list[Any] = [
                edits(
                    number,
                    uid=chosen.choice([None, 7, 8, 9]),
                    n=chosen.randint(1, 9),
                    km=f"0.{chosen.randint(1, 99)}",
                    at=NOON + timedelta(hours=number),
                    countries=tuple(chosen.sample(list(COUNTRIES), chosen.randrange(3))),
                )
                for number in chosen.sample(range(1, 9), chosen.randrange(5))
            ]
            replace_facts(connection, sequence, diff(*found))
        told = [
            changeset(
                n,
                *chosen.sample(["a", "b"], chosen.randrange(3)),
                uid=7,
                editor=chosen.choice([None, "iD 2.1", "JOSM/1.5 (1)", "josm 2"]),
            )
            for n in chosen.sample(range(1, 9), 3)
        ]
        save_changesets(connection, turn, file(*told))
        before = set(milestones(connection))
        apply_queue(connection)
        assert verify(connection, "test").differences == []
        look_again(connection)
        assert milestones(connection) == recomputed_milestones(connection, rules)
        taken_back += len(before - set(milestones(connection)))
    assert verify(connection, "test").differences == []
    assert taken_back
    assert {key[2] for key in milestones(connection)} >= {rule.name for rule in rules} - {"back"}


def test_other_rules_and_a_rebuild_make_all_anew(connection: Connection, tmp_path: Path) -> None:
    make_partitions(connection, 0, 100)
    save_countries(connection, COUNTRIES)
    replace_facts(connection, 3, diff(edits(1, n=100), edits(2, uid=8)))
    save_changesets(connection, 1, file(changeset(1, "a"), changeset(2, "a", uid=8)))
    apply_queue(connection)
    rules = load_milestones(None)
    keep_rules(connection, rules)
    assert not keep_rules(connection, rules)
    assert look_again(connection) == 3
    right = milestones(connection)
    assert right == recomputed_milestones(connection, rules)
    assert ("user", 7, "first_upload", Decimal(1)) in right
    connection.execute(
        "DELETE FROM milestones WHERE owner_id = 7; INSERT INTO milestones VALUES ('user', 99, 'days', 5, now())"
    )
    connection.execute("UPDATE milestones SET earned = '2000-01-01' WHERE owner_id = 8")
    assert len(verify(connection, "test").differences) > 2
    rebuild(connection)
    assert verify(connection, "test").differences == []
    assert milestones(connection) == right
    keep_rules(connection, ())
    look_again(connection)
    assert milestones(connection) == {}
