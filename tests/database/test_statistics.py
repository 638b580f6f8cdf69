"""The applier: after any history of facts, corrections and metadata the aggregates equal the recompute, exactly."""

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from stats_assets.database import locks
from stats_assets.database.connection import Connection, connect
from stats_assets.database.facts.changesets import save_changesets
from stats_assets.database.facts.edits import replace_facts
from stats_assets.database.facts.fact_partitions import make_partitions
from stats_assets.database.statistics import applier
from stats_assets.database.statistics.applier import apply_queue, queued, save_countries
from stats_assets.database.statistics.overflow import DoesNotFit
from stats_assets.database.statistics.steps import STEPS
from stats_assets.osm.changesets import Changeset, ChangesetFile
from stats_assets.osm.document import Envelope
from stats_assets.osm.statistics import ChangesetStatistics, DiffStatistics, RegionStatistics
from tests.recompute import recomputed
from tests.truth import statistics_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENVELOPE = Envelope("osm", None, (), True, None)
COUNTRIES = {"NPL": "Nepal", "USA": "United States", "USA-TX": "Texas"}


def edits(
    changeset: int,
    uid: int | None = 7,
    n: int = 1,
    km: str = "0.1",
    at: datetime = NOON,
    countries: tuple[str, ...] = ("NPL",),
    user: str | None = None,
) -> ChangesetStatistics:
    counts, measures = {"roads_added": n}, {"road_km_added": Decimal(km)}
    regions = {code: RegionStatistics(n, counts, measures) for code in countries}
    return ChangesetStatistics(changeset, uid, user or f"user {uid}", at, counts, measures, regions, 0, at)


def diff(*changesets: ChangesetStatistics) -> DiffStatistics:
    return DiffStatistics(ENVELOPE, 1, len(changesets), "", tuple(changesets), (), {}, 0)


def changeset(
    number: int,
    *hashtags: str,
    uid: int | None = 7,
    editor: str | None = "iD",
    created: datetime = NOON,
    closed: datetime | None = None,
    user: str | None = None,
) -> Changeset:
    bbox = (None, None, None, None)
    name = user or f"user {uid}"
    return Changeset(number, created, closed, closed is None, 1, uid, name, *bbox, 0, editor, None, hashtags)


def file(*changesets: Changeset, newest: datetime = NOON) -> ChangesetFile:
    return ChangesetFile(ENVELOPE, tuple(changesets), newest, "", 0)


def aggregates(connection: Connection) -> dict[str, Any]:
    found = statistics_of(connection)
    return {kind: found[kind] for kind in ("users", "hashtags", "countries", "hashtag_users", "days")}


NOTHING: dict[str, Any] = {
    "users": {},
    "hashtags": {},
    "countries": {},
    "hashtag_users": {},
    "days": {"users": {}, "hashtags": {}, "countries": {}},
}


@pytest.fixture(autouse=True)
def countries(connection: Connection) -> None:
    make_partitions(connection, 0, 100)
    save_countries(connection, COUNTRIES)


def test_facts_then_metadata_then_the_other_way_round(connection: Connection) -> None:
    replace_facts(connection, 1, diff(edits(10)))
    save_changesets(connection, 1, file(changeset(10, "hot"), changeset(11, "hot")))
    replace_facts(connection, 2, diff(edits(11, uid=8, countries=("USA", "USA-TX"))))
    apply_queue(connection)
    found = aggregates(connection)
    assert found == recomputed(connection)
    assert found["hashtags"]["hot"]["changeset_count"] == 2
    assert found["countries"]["USA"]["edit_count"] == found["countries"]["USA-TX"]["edit_count"] == 1
    assert queued(connection) == 0


def test_a_sequence_counted_again_with_other_numbers_replaces_its_own(connection: Connection) -> None:
    replace_facts(connection, 1, diff(edits(10, n=3), edits(11)))
    replace_facts(connection, 2, diff(edits(10, n=4)))
    apply_queue(connection)
    assert aggregates(connection)["users"]["7"]["edit_count"] == 8
    replace_facts(connection, 1, diff(edits(10, n=5)))
    apply_queue(connection)
    found = aggregates(connection)
    assert found == recomputed(connection)
    assert (found["users"]["7"]["edit_count"], found["users"]["7"]["changeset_count"]) == (9, 1)
    assert connection.execute("SELECT id, augmented_diffs FROM changesets").fetchall() == [(10, [1, 2])]


def test_what_falls_to_zero_disappears(connection: Connection) -> None:
    replace_facts(connection, 1, diff(edits(10)))
    save_changesets(connection, 1, file(changeset(10, "hot")))
    apply_queue(connection)
    replace_facts(connection, 1, diff())
    apply_queue(connection)
    assert aggregates(connection) == NOTHING
    assert connection.execute("SELECT count(*) FROM aggregates").fetchone() == (0,)
    assert connection.execute("SELECT id, total_edits FROM changesets").fetchall() == [
        (10, 0)
    ]  # by its metadata


def test_a_changeset_of_metadata_alone_is_in_no_aggregate(connection: Connection) -> None:
    save_changesets(connection, 1, file(changeset(10, "hot")))
    apply_queue(connection)
    assert aggregates(connection) == NOTHING
    assert connection.execute("SELECT counts, measurements, open FROM changesets").fetchall() == [
        ({}, {}, True)
    ]


def test_a_hashtag_taken_from_a_changeset_is_unlinked(connection: Connection) -> None:
    replace_facts(connection, 1, diff(edits(10), edits(11, at=NOON + timedelta(hours=1))))
    save_changesets(
        connection, 1, file(changeset(10, "hot"), changeset(11, "hot", created=NOON + timedelta(hours=1)))
    )
    apply_queue(connection)
    assert aggregates(connection)["hashtags"]["hot"]["last_edit"] == NOON + timedelta(hours=1)
    save_changesets(connection, 2, file(changeset(11)))  # the newest member leaves
    apply_queue(connection)
    found = aggregates(connection)
    assert found == recomputed(connection)
    assert found["hashtags"]["hot"]["last_edit"] == NOON


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1), (2, 1, 3, 2, 1)])
def test_metadata_comes_to_the_same_end_in_any_order(connection: Connection, order: tuple[int, ...]) -> None:
    versions = {
        1: changeset(10, "a", created=NOON),
        2: changeset(10, "b", closed=NOON + timedelta(hours=1)),
        3: changeset(10, "c", closed=None, editor="JOSM"),  # a comment, years later, without the closing time
    }
    for sequence in order:
        save_changesets(connection, sequence, file(versions[sequence]))
    row = connection.execute(
        "SELECT sequence, closed_at, open, editor, hashtags FROM changeset_metadata"
    ).fetchone()
    assert row == (3, NOON + timedelta(hours=1), False, "JOSM", ["c"])


def test_names_go_by_the_newest_evidence(connection: Connection) -> None:
    late = NOON + timedelta(days=1)
    replace_facts(connection, 9, diff(edits(10, at=late, user="new")))
    replace_facts(connection, 99, diff(edits(11, at=NOON, user="old, replayed later")))
    apply_queue(connection)
    assert aggregates(connection)["users"]["7"]["name"] == "new"
    save_changesets(connection, 1, file(changeset(12, user="feed wins a tie"), newest=late))
    assert connection.execute("SELECT name FROM users").fetchall() == [("feed wins a tie",)]
    replace_facts(connection, 100, diff(edits(13, at=late, user="zzz")))
    assert connection.execute("SELECT name FROM users").fetchall() == [("feed wins a tie",)]


def test_a_user_without_a_name_is_known_and_named_later(connection: Connection) -> None:
    nameless = edits(10)._replace(user=None, named_at=None)
    replace_facts(connection, 1, diff(nameless))
    apply_queue(connection)
    assert aggregates(connection)["users"]["7"]["name"] is None
    replace_facts(connection, 2, diff(edits(10, user="anna")))
    assert aggregates(connection)["users"]["7"]["name"] == "anna"


def test_a_top_list_holds_exactly_its_keys_ties_by_the_smaller_id(connection: Connection) -> None:
    replace_facts(connection, 1, diff(*(edits(100 + uid, uid=uid) for uid in range(95, 110))))
    save_changesets(connection, 1, file(*(changeset(100 + uid, "hot", uid=uid) for uid in range(95, 110))))
    apply_queue(connection)
    assert sorted(map(int, aggregates(connection)["hashtags"]["hot"]["user_edits"])) == list(range(95, 105))


def test_a_crash_at_any_statement_loses_and_doubles_nothing(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_facts(connection, 1, diff(edits(10), edits(11, uid=8)))
    save_changesets(connection, 1, file(changeset(10, "hot")))
    steps = STEPS
    for at in range(len(steps)):
        monkeypatch.setattr(applier, "STEPS", (*steps[:at], "SELECT 1 / 0"))
        with pytest.raises(psycopg.errors.DivisionByZero):
            apply_queue(connection)
        assert queued(connection) == 3
    monkeypatch.setattr(applier, "STEPS", steps)
    apply_queue(connection)
    assert aggregates(connection) == recomputed(connection)


def test_facts_that_come_while_a_batch_is_applied_wait_for_the_next(
    connection: Connection, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_facts(connection, 1, diff(edits(10)))
    steps = STEPS
    with connect(url) as other:

        def late(*_: object) -> str:
            with other.transaction():
                replace_facts(other, 2, diff(edits(10, n=5)))
            monkeypatch.setattr(applier, "STEPS", steps)
            return "SELECT"

        class Interrupting(tuple[str, ...]):
            def __iter__(self):  # type: ignore[no-untyped-def]
                yield steps[0]
                late()
                yield from steps[1:]

        monkeypatch.setattr(applier, "STEPS", Interrupting(steps))
        apply_queue(connection)
    assert queued(connection) == 1
    assert aggregates(connection)["users"]["7"]["edit_count"] == 1
    apply_queue(connection)
    assert aggregates(connection) == recomputed(connection)
    assert aggregates(connection)["users"]["7"]["edit_count"] == 6


def test_two_appliers_at_once(connection: Connection, url: str) -> None:
    for sequence in range(20):
        replace_facts(connection, sequence, diff(*(edits(10 + i % 7, uid=i, n=i + 1) for i in range(5))))

    def work() -> None:
        with connect(url) as other:
            apply_queue(other)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert queued(connection) == 0
    assert aggregates(connection) == recomputed(connection)


def test_what_another_applier_holds_up_too_long_is_left_to_whoever_comes_next(
    connection: Connection, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_facts(connection, 1, diff(edits(10)))
    monkeypatch.setattr(applier, "WAIT_SECONDS", 0.0)
    with connect(url) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (locks.APPLIER,))
        assert apply_queue(connection).entries == 0
    assert queued(connection) == 1


def test_a_changeset_closed_and_then_open_in_one_file_stays_closed(connection: Connection) -> None:
    closed = NOON + timedelta(hours=1)
    save_changesets(connection, 1, file(changeset(10, closed=closed), changeset(10, "late")))
    row = connection.execute("SELECT closed_at, open, hashtags FROM changeset_metadata").fetchone()
    assert row == (closed, False, ["late"])


def test_a_changeset_that_closes_on_another_day_moves_there(connection: Connection) -> None:
    replace_facts(connection, 1, diff(edits(10, n=3)))
    save_changesets(connection, 1, file(changeset(10, "hot")))
    apply_queue(connection)
    assert list(aggregates(connection)["days"]["hashtags"]["hot"]) == ["2026-03-01"]
    save_changesets(connection, 2, file(changeset(10, "hot", closed=NOON + timedelta(hours=12))))
    apply_queue(connection)
    found = aggregates(connection)
    assert found == recomputed(connection)
    assert {key: list(days) for kind in found["days"].values() for key, days in kind.items()} == {
        "7": ["2026-03-02"],
        "hot": ["2026-03-02"],
        "NPL": ["2026-03-02"],
    }


def test_metadata_that_comes_years_later_moves_what_was_counted(connection: Connection) -> None:
    replace_facts(connection, 1, diff(edits(10, uid=None, at=NOON)))
    apply_queue(connection)
    assert (aggregates(connection)["users"], list(aggregates(connection)["countries"])) == ({}, ["NPL"])
    save_changesets(connection, 1, file(changeset(10, "hot", created=NOON - timedelta(days=900))))
    apply_queue(connection)
    found = aggregates(connection)
    assert found == recomputed(connection)
    assert list(found["days"]["users"]["7"]) == ["2023-09-13"]


@pytest.mark.parametrize("place", ["total_edits", "edit_count"])
def test_what_does_not_fit_is_refused_by_name_and_nothing_of_it_is_cut_or_lost(
    connection: Connection, place: str
) -> None:
    replace_facts(connection, 5, diff(edits(10, n=7)))
    apply_queue(connection)
    before = aggregates(connection)
    if place == "total_edits":
        replace_facts(connection, 6, diff(edits(10, n=2**31 - 7), edits(11)))
    else:
        replace_facts(connection, 6, diff(edits(10, n=1), edits(11)))
        connection.execute(
            "UPDATE changeset_edits_countries SET edit_count = %s WHERE sequence = 6 AND changeset_id = 10",
            (2**31 - 7,),
        )
    waiting = queued(connection)
    for _ in range(2):
        with pytest.raises(
            DoesNotFit, match="changeset 10 has 2147483648 edits by sequences 5, 6"
        ) as refused:
            apply_queue(connection)
        assert "11" not in str(refused.value).split(". Such")[0].replace("2147483647", "")
        assert (aggregates(connection), queued(connection)) == (before, waiting)
    replace_facts(connection, 6, diff(edits(10, n=2**31 - 8), edits(11)))  # the most that fits
    apply_queue(connection)
    assert connection.execute("SELECT id, total_edits FROM changesets ORDER BY id").fetchall() == [
        (10, 2**31 - 1),
        (11, 1),
    ]
    assert aggregates(connection) == recomputed(connection)
