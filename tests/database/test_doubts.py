"""What the ledger says of a counted body: how far the server was, and what could not be read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stats_assets.database.connection import Connection, connect
from stats_assets.database.ledger.commit import commit
from stats_assets.database.ledger.doubts import Doubts, doubts
from stats_assets.database.ledger.due_again import late
from stats_assets.database.ledger.ledger import take
from stats_assets.database.ledger.worth import Counted
from stats_assets.database.migrations import migrate, upgrade
from stats_assets.feeds.sequences import sequence_of
from tests.database.test_ledger import Written

DIFFS = "augmented_diffs"
NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def at_work(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO run_leases (run_id, stream, start_sequence, end_sequence) VALUES ('run', %s, 0, 1000)",
        (DIFFS,),
    )


def save(connection: Connection, sequence: int, name: str = "a", **others: Any) -> None:
    (taken,) = take(connection, "run", DIFFS, [sequence])
    commit(connection, "run", DIFFS, taken, Counted(name, 5, NOW, "d", **others), Written())


def test_what_could_not_be_read_stands_in_the_ledger_until_it_is_read(connection: Connection) -> None:
    tally = {"unreadable_version": 2, "time_cut": 1}
    save(connection, 7, flagged="2 of 5 could not be read", unreadable=2, tally=tally, osm_base=NOW)
    save(connection, 8, flagged="a geometry is broken")
    save(connection, 9)
    row = connection.execute("SELECT unreadable, tally, osm_base FROM ledger WHERE sequence = 7").fetchone()
    assert row == (2, tally, NOW)
    assert doubts(connection, DIFFS, 1) == Doubts(2, 2, [(8, "a geometry is broken")])
    assert doubts(connection, DIFFS, 5, unread=True) == Doubts(1, 2, [(7, "2 of 5 could not be read")])
    assert doubts(connection, "changesets", 5) == Doubts(0, 0, [])
    save(connection, 7, "b", osm_base=NOW + timedelta(minutes=1))
    assert doubts(connection, DIFFS, 5, unread=True) == Doubts(0, 0, [])


def test_the_same_body_again_says_how_far_the_server_is_now(connection: Connection) -> None:
    save(connection, 7, osm_base=NOW)
    save(connection, 7, osm_base=NOW + timedelta(minutes=61))
    save(connection, 7)
    found = connection.execute("SELECT osm_base FROM ledger WHERE sequence = 7").fetchone()
    assert found == (NOW + timedelta(minutes=61),)


def test_what_was_settled_by_the_wall_clock_or_refused_for_its_length_is_due_again(empty: str) -> None:
    upgrade(empty, "0004")
    today, old = sequence_of(NOW) - 90, sequence_of(NOW) - 10_000
    committed = (
        "INSERT INTO ledger (stream, sequence, result, epoch, fetched_at, settled_at, flagged)"
        " VALUES (%s, %s, 'committed', 0, now(), now(), %s)"
    )
    refused = "a later read had only 779 of 780 actions"
    with connect(empty) as connection:
        connection.execute(
            "INSERT INTO ledger_blocks (stream, block) SELECT %s, n - n %% 100 FROM unnest(%s::bigint[]) AS n"
            " ON CONFLICT DO NOTHING",
            (DIFFS, [today, old, old + 1]),
        )
        connection.execute(committed, (DIFFS, today, None))
        connection.execute(committed, (DIFFS, old, None))
        connection.execute(committed, (DIFFS, old + 1, refused))
        connection.execute(committed, ("changesets", today, None))
        migrate(empty)
        assert late(connection, DIFFS, today + 100) == [old + 1, today]
        assert late(connection, "changesets", today + 100) == []
