"""Verification finds every number that is not what the facts say, and a rebuild mends it while the stream goes on."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from stats_assets.database import locks
from stats_assets.database.connection import Connection, connect
from stats_assets.database.facts.changesets import save_changesets
from stats_assets.database.facts.edits import replace_facts
from stats_assets.database.facts.fact_partitions import make_partitions
from stats_assets.database.statistics import passes
from stats_assets.database.statistics.aggregates import apply_deltas
from stats_assets.database.statistics.applier import apply_queue, queued, save_countries
from stats_assets.database.statistics.passes import RebuildBusy, rebuild, sample, verify
from stats_assets.database.statistics.verification import PARTS, are_whole
from tests.conftest import filled_template
from tests.database.test_statistics import COUNTRIES, NOON, aggregates, changeset, diff, edits, file
from tests.recompute import recomputed
from tests.roll_ups import recomputed_roll_ups, roll_ups
from tests.telling import telling


def fill(url: str) -> None:
    with connect(url) as connection:
        make_partitions(connection, 0, 100)
        save_countries(connection, COUNTRIES)
        connection.execute("INSERT INTO unions (name, patterns) VALUES ('tag*', '{tag*}')")
        for sequence in range(6):
            changed = (
                edits(10 + i, uid=7 + i % 3, n=i + 1, countries=("USA", "USA-TX")) for i in range(sequence, 6)
            )
            replace_facts(connection, sequence, diff(*changed, edits(20, uid=None, countries=())))
        tagged = [changeset(10 + i, "hot", f"tag{i}", closed=NOON + timedelta(days=i)) for i in range(6)]
        save_changesets(connection, 1, file(*tagged, changeset(30, "empty")))
        apply_queue(connection)


@pytest.fixture(scope="module")
def template(server: str) -> Iterator[str]:
    """Six sequences' facts, all applied."""
    with filled_template(server, fill) as made:
        yield made


def test_what_is_right_has_no_differences(connection: Connection) -> None:
    for size in (1, 3, 5_000):
        passed = verify(connection, "test", size=size)
        assert (passed.differences, passed.pending, passed.whole) == ([], 0, True)
    assert sample(connection).differences == []


WRONG = {
    "changesets": "UPDATE changesets SET total_edits = total_edits + 1, editor = 'wrong' WHERE id = 13",
    "changesets gone": "DELETE FROM changesets WHERE id IN (11, 30)",
    "changesets too many": "INSERT INTO changesets (id, measurements, counts, total_edits, augmented_diffs, updated_at)"
    " VALUES (99, '{}', '{\"roads_added\": 2}', 2, '{}', now())",
    "sequence not applied": "UPDATE changesets SET augmented_diffs = augmented_diffs[2:] WHERE id = 15",
    "countries": "UPDATE changesets_countries SET counts_there = '{\"roads_added\": 77}' WHERE changeset_id = 12",
    "countries' time": "UPDATE changesets_countries SET counted_there_at = now() WHERE changeset_id = 12",
    "hashtags": "DELETE FROM changesets_hashtags WHERE changeset_id = 14",
    "hashtags' user": "UPDATE changesets_hashtags SET tagged_by = 9 WHERE changeset_id = 13",
    "totals": "UPDATE aggregates SET changesets = changesets - 1, counts = counts || '{\"pois_added\": 3}'",
    "totals gone": "DELETE FROM aggregates WHERE owner = 'hashtag_user'",
    "totals too many": "INSERT INTO aggregates VALUES ('user', 555, 0, 0, 0, '{}', '{}', now()),"
    " ('user', 1, 0, 1, 2, '{\"roads_added\": 2}', '{}', now())",
    "a key of nothing": "UPDATE aggregates SET counts = counts || '{\"pois_added\": 0}' WHERE owner = 'country'",
    "by a billionth": "UPDATE aggregate_days SET measurements = '{\"road_km_added\": 0.300000001}'"
    " WHERE owner = 'user'",
    "days": "UPDATE aggregate_days SET day = day + 1000 WHERE owner = 'country'",
    "keys": "UPDATE aggregate_keys SET edits = edits + 1 WHERE measure = 'hashtag'",
    "keys gone": "DELETE FROM aggregate_keys WHERE measure = 'user'",
    "keys of nobody": "INSERT INTO aggregate_keys VALUES ('user', 7, 'editor', 0, 'nobody''s', 0, 0)",
    **{
        f"a kept {name}": f"UPDATE aggregates SET {name} = {wrong}"  # noqa: S608 - constants
        for name, wrong in {
            "day_edits": "day_edits || '{\"2026-03-01\": 77}' WHERE owner = 'user'",
            "day_changesets": "NULL",
            "editor_edits": "editor_edits || '{\"vi\": 1}'",
            "country_changesets": "'{}'",
            "hashtag_edits": "NULL WHERE owner = 'country'",
            "user_changesets": "user_changesets || '{\"7\": 0}'",
            "first_edit": "first_edit - interval '1 microsecond'",
            "last_edit": "NULL WHERE owner = 'hashtag_user'",
        }.items()
    },
    "what is kept of nobody": "INSERT INTO aggregates (owner, owner_id, member_id, changesets, edits, counts,"
    " measurements, updated_at, last_edit, day_edits)"
    " VALUES ('user', 555, 0, 0, 0, '{}', '{}', now(), now(), '{\"2026-03-01\": 0}')",
    "everything": "TRUNCATE aggregates, aggregate_days, aggregate_keys",
    "unions": "DELETE FROM changesets_unions WHERE changeset_id = 14",
    "unions' hashtags": "DELETE FROM unions_hashtags; UPDATE changesets_unions SET united_by = 1",
    "uploads": "UPDATE uploads SET edits = edits + 1 WHERE changeset_id = 13 AND owner = 'country'",
    "uploads of another": "UPDATE uploads SET user_id = 9, before = 0 WHERE changeset_id = 12 AND owner = 'world'",
    "uploads gone": "DELETE FROM uploads WHERE changeset_id IN (11, 20)",
    "uploads too many": "INSERT INTO uploads VALUES (99, 'hashtag', 1, 3, 7, 1, NULL), (15, 'world', 0, 90, 7, 1, 5)",
    "upload sums": "UPDATE upload_sums SET users = users + 1 WHERE minutes = 15 AND owner = 'world'",
    "upload days": "UPDATE upload_sums SET measurements = '{}' WHERE minutes = 1440",
    "upload sums gone": "DELETE FROM upload_sums WHERE owner IN ('user', 'union')",
    "upload sums too many": "INSERT INTO upload_sums VALUES"
    " ('hashtag', 99, 15, '2012-09-12 07:00Z', 1, 1, 1, '{}', '{}'),"
    " ('user', 99, 1440, '2013-01-01 00:00Z', 1, 1, 1, '{}', '{}')",
    "people": "UPDATE people_days SET edits = edits + 1 WHERE owner = 'union'",
    "people's day before": "UPDATE people_days SET before = day - 1 WHERE user_id = 8",
    "people gone": "DELETE FROM people_days WHERE owner = 'world'",
    "people too many": "INSERT INTO people_days VALUES ('country', 1, '2026-01-01', 99, 1, 1, NULL)",
    "all roll-ups": "TRUNCATE uploads, upload_sums, people_days",
}

TELLING = (  # of each table that is kept of the facts one, and each way to be wrong
    "changesets",
    "changesets too many",
    "countries",
    "hashtags' user",
    "totals",
    "by a billionth",
    "days",
    "keys gone",
    "a kept day_edits",
    "a kept last_edit",
    "unions' hashtags",
    "uploads",
    "upload sums gone",
    "people too many",
)


@pytest.mark.parametrize("wrong", telling(WRONG, *TELLING))
def test_what_is_wrong_is_found_and_mended(connection: Connection, wrong: str) -> None:
    right = aggregates(connection)
    connection.execute(WRONG[wrong].encode())
    passed = verify(connection, "test", size=3)
    assert passed.differences
    assert passed.whole
    rebuild(connection, size=3)
    assert verify(connection, "test").differences == []
    assert aggregates(connection) == right == recomputed(connection)
    assert roll_ups(connection) == recomputed_roll_ups(connection)


def test_a_database_of_before_has_its_roll_ups_from_a_rebuild(connection: Connection) -> None:
    """Also what is applied in between; until then they are not verified, and not for use."""
    connection.execute(
        "TRUNCATE uploads, upload_sums, people_days, unions_hashtags; UPDATE roll_ups SET whole = false"
    )
    assert verify(connection, "test").differences == []
    assert sample(connection).differences == []
    replace_facts(connection, 2, diff(edits(13, uid=8, n=2), edits(20, uid=None)))
    apply_queue(connection)
    assert verify(connection, "test").differences == []
    assert not are_whole(connection)
    rebuild(connection, size=3)
    assert are_whole(connection)
    assert verify(connection, "test").differences == []
    assert roll_ups(connection) == recomputed_roll_ups(connection)


def test_a_difference_says_what_and_how_much(connection: Connection) -> None:
    connection.execute("UPDATE aggregates SET edits = edits + 1 WHERE owner = 'user' AND owner_id = 7")
    connection.execute("UPDATE changesets SET editor = 'wrong' WHERE id = 13")
    said = {one.what: (one.expected, one.found) for one in verify(connection, "test").differences}
    assert said["changeset 13 editor"] == ("iD", "wrong")
    assert said["user 7 editor wrong"] == ("16 edits, 1 changesets", None)
    assert said["user 7 total"] == ("17 edits, 2 changesets", "18 edits, 2 changesets")


def test_what_is_queued_is_no_difference_and_is_counted(connection: Connection) -> None:
    replace_facts(connection, 3, diff(edits(13, n=100)))
    passed = verify(connection, "test")
    assert (passed.differences, passed.pending) == ([], 4)
    connection.execute("DELETE FROM statistics_queue")  # lost
    found = [one.what.split() for one in verify(connection, "test").differences]
    assert {words[1] for words in found if words[0] == "changeset"} == {"13", "14", "15", "20"}


def test_a_verification_that_was_ended_goes_on_where_it_was(connection: Connection) -> None:
    places: list[tuple[str, int]] = []

    def note(part: str, first: int) -> None:
        places.append((part, first))

    while not verify(connection, "test", resume=True, seconds=0, size=2, progress=note).whole:
        pass
    assert len(places) == len(set(places)) > 10
    assert {part for part, _ in places} == set(PARTS)
    row = connection.execute("SELECT part, ended IS NOT NULL, differences FROM passes").fetchone()
    assert row == (None, True, 0)


def test_a_rebuild_killed_at_any_step_goes_on_and_mends_nothing_twice(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = aggregates(connection)
    connection.execute("TRUNCATE aggregates, aggregate_days, aggregate_keys")
    real, steps = apply_deltas, iter(range(1000))

    def dying(connection: Connection) -> None:
        real(connection)
        if next(steps) % 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(passes, "apply_deltas", dying)
    ended = 0
    while True:
        try:
            assert rebuild(connection, size=2).whole
            break
        except KeyboardInterrupt:
            ended += 1
    assert ended > 3
    assert aggregates(connection) == right


def test_the_stream_goes_on_while_aggregates_are_rebuilt(connection: Connection, url: str) -> None:
    connection.execute("TRUNCATE aggregates, aggregate_days, aggregate_keys")

    def stream() -> None:
        with connect(url) as other:
            for n in range(12):
                with other.transaction():  # as the ledger's commit does: the rebuild applies the queue too
                    replace_facts(other, n % 7, diff(edits(10 + n % 4, n=n + 1), edits(40 + n, uid=8, n=2)))
                apply_queue(other)

    thread = threading.Thread(target=stream)
    thread.start()
    while thread.is_alive():
        rebuild(connection, size=1)
    thread.join()
    apply_queue(connection)
    assert verify(connection, "test").differences == []
    assert aggregates(connection) == recomputed(connection)


def test_two_rebuilds_at_once_are_refused(connection: Connection, url: str) -> None:
    with connect(url) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (locks.REBUILD,))
        with pytest.raises(RebuildBusy, match="Another rebuild"):
            rebuild(connection)
        other.execute("SELECT pg_advisory_unlock(%s)", (locks.REBUILD,))
        rebuild(connection)


@pytest.fixture
def held(url: str) -> Iterator[Connection]:
    with connect(url) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (locks.APPLIER,))
        yield other


def test_verification_waits_for_no_applier(connection: Connection, held: Connection) -> None:
    assert verify(connection, "test").differences == []
    assert queued(connection) == 0
