"""Facts that are away are not "none": sums stay, nothing is counted over them, and all is exact once they are back."""

from datetime import timedelta

import pytest
from psycopg import errors

from stats_assets.database.connection import Connection, connect
from stats_assets.database.facts.changesets import save_changesets
from stats_assets.database.facts.edits import replace_facts, save_facts
from stats_assets.database.facts.fact_partitions import make_partitions
from stats_assets.database.facts.ranges import FactsAway, away, held, note
from stats_assets.database.migrations import migrate, upgrade
from stats_assets.database.statistics.applier import apply_queue, queued, save_countries
from stats_assets.database.statistics.passes import rebuild, sample, verify
from tests.database.test_revisions import APPLIED_BY_0002
from tests.database.test_statistics import COUNTRIES, NOON, aggregates, changeset, diff, edits, file
from tests.recompute import recomputed
from tests.roll_ups import recomputed_roll_ups, roll_ups
from tests.telling import telling

OLD, NEW = 5, 100_005  # sequences of two ranges
EDITS, PARTS = "changeset_edits_000000000", "changeset_edits_countries_000000000"


DETACH = "ALTER TABLE changeset_edits DETACH PARTITION changeset_edits_000000000;"
DETACH_PARTS = "ALTER TABLE changeset_edits_countries DETACH PARTITION changeset_edits_countries_000000000;"
HALF = " -- and whoever waits gives up"
AWAY = {
    "detached": DETACH + DETACH_PARTS,
    "edits detached": DETACH,
    "countries detached": DETACH_PARTS,
    "dropped": f"DROP TABLE {EDITS}, {PARTS}",
    "countries dropped": f"DROP TABLE {PARTS}",
    "detached and renamed": DETACH + f"ALTER TABLE {EDITS} RENAME TO old_facts",
    "moved": DETACH + f"CREATE SCHEMA cold; ALTER TABLE {EDITS} SET SCHEMA cold",
    "truncated": f"TRUNCATE {EDITS}, {PARTS}",
    "edits truncated": f"TRUNCATE {EDITS}",
    "countries truncated": f"TRUNCATE {PARTS}",
    "detached concurrently": DETACH.replace(";", " CONCURRENTLY;")
    + DETACH_PARTS.replace(";", " CONCURRENTLY;"),
    "half detached": DETACH.replace(";", " CONCURRENTLY") + HALF,
    "countries half detached": DETACH_PARTS.replace(";", " CONCURRENTLY") + HALF,
}
REPLACED = (
    "ALTER TABLE changeset_edits RENAME TO aside;"
    " CREATE TABLE changeset_edits (LIKE aside INCLUDING ALL) PARTITION BY RANGE (sequence)"
)
ASIDE = {
    "renamed": "ALTER TABLE changeset_edits RENAME TO aside",
    "moved": "CREATE SCHEMA cold; ALTER TABLE changeset_edits_countries SET SCHEMA cold",
    "dropped": "DROP TABLE changeset_edits",
}


@pytest.fixture(autouse=True)
def filled(connection: Connection) -> None:
    """Changesets 10 and 11 rest on both ranges, 12 on the old one, 13 on the new one; as the ledger has it."""
    make_partitions(connection, 0, 100_000)
    save_countries(connection, COUNTRIES)
    for sequence, numbers in ((OLD, (10, 11, 12)), (NEW, (10, 11, 13))):
        facts(connection, sequence, *numbers, n=3)
    tagged = [changeset(n, "hot", uid=7 + n % 2) for n in (10, 11, 12, 13)]
    save_changesets(connection, 1, file(*tagged))
    apply_queue(connection)


def facts(connection: Connection, sequence: int, *changesets: int, n: int = 1) -> None:
    connection.execute(
        "INSERT INTO ledger (stream, sequence, result) VALUES ('augmented_diffs', %s, 'committed')"
        " ON CONFLICT DO NOTHING",
        (sequence,),
    )
    with connection.transaction():
        save_facts(
            connection,
            sequence,
            diff(*(edits(c, uid=7 + c % 2, n=n, countries=("USA", "NPL")) for c in changesets)),
        )


def sums(connection: Connection) -> list[tuple[object, ...]]:
    return connection.execute(
        "SELECT id, total_edits, counts, measurements, augmented_diffs, edited_at, user_id,"
        " (SELECT jsonb_agg(replace(to_jsonb(l)::text, '_there', '')::jsonb - 'counted_at' ORDER BY country_id)"
        " FROM changesets_countries AS l"
        " WHERE l.changeset_id = c.id) FROM changesets AS c ORDER BY id"
    ).fetchall()


def take_away(connection: Connection, how: str) -> None:
    """A statement at a time: CONCURRENTLY must be alone. Half: somebody reads, and it does not wait for him."""
    for statement in AWAY[how].removesuffix(";").split(";"):
        if not statement.endswith(HALF):
            connection.execute(statement.encode())
            continue
        with connect(connection.info.dsn) as reader, reader.transaction():
            reader.execute("SELECT FROM changeset_edits, changeset_edits_countries LIMIT 1")
            connection.execute("SET lock_timeout = '20ms'")
            with pytest.raises(errors.LockNotAvailable):
                connection.execute(statement.encode())
            connection.execute("RESET lock_timeout")


@pytest.mark.parametrize("how", telling(AWAY, "edits truncated", "countries detached", "half detached"))
def test_whatever_is_mentioned_again_keeps_its_sums(connection: Connection, how: str) -> None:
    before, kept = sums(connection), aggregates(connection)
    take_away(connection, how)
    save_changesets(connection, 2, file(*(changeset(n, "hot", uid=7 + n % 2) for n in (10, 11, 12, 13))))
    apply_queue(connection)
    assert (sums(connection), queued(connection), held(connection)) == (before, 0, 3)
    assert aggregates(connection) == kept
    (range_,) = away(connection)
    assert (range_.first, range_.last, range_.accepted) == (0, 99_999, False)
    assert range_.since is not None
    for _ in range(2):
        passed = verify(connection, "test")
        assert (passed.differences, passed.away) == ([], 3)
    assert rebuild(connection).differences == []
    assert sample(connection).differences == []
    assert (sums(connection), aggregates(connection)) == (before, kept)


@pytest.mark.parametrize("how", telling(AWAY, "detached", "countries truncated", "detached and renamed"))
def test_nothing_is_counted_over_them(connection: Connection, how: str) -> None:
    before = sums(connection)
    take_away(connection, how)
    note(connection)
    assert make_partitions(connection, 0, 299_999) == [200_000]
    for sequence in (OLD, OLD + 1):
        with pytest.raises(FactsAway, match=r"0 to 99999 are away: changeset_edits.* is "):
            facts(connection, sequence, 10)
    facts(connection, NEW + 1, 13, 14)  # elsewhere it goes on
    apply_queue(connection)
    assert [row for row in sums(connection) if row[0] in (10, 11, 12)] == before[:3]
    assert connection.execute("SELECT total_edits FROM changesets WHERE id IN (13, 14)").fetchall() == [
        (4,),
        (1,),
    ]


@pytest.mark.parametrize("how", telling(AWAY, "countries dropped", "detached concurrently"))
def test_what_was_not_applied_yet_when_they_went_away_waits(connection: Connection, how: str) -> None:
    before = aggregates(connection)
    facts(connection, OLD, 10, 11, 12, 14, n=8)
    save_changesets(connection, 2, file(changeset(14, "hot"), changeset(15, "hot")))
    take_away(connection, how)
    apply_queue(connection)
    assert (aggregates(connection), queued(connection), held(connection)) == (before, 0, 4)
    assert verify(connection, "test").differences == []
    if how in BACK:
        connection.execute(BACK[how].encode())
        apply_queue(connection)
        assert (held(connection), aggregates(connection)) == (0, recomputed(connection))
        assert verify(connection, "test").differences == []


@pytest.mark.parametrize("table", ["", "countries "])
def test_a_half_done_detach_is_said_to_be_one(connection: Connection, table: str) -> None:
    take_away(connection, f"{table}half detached")
    (range_,) = away(connection)
    name = PARTS if table else EDITS
    assert range_.reason == f"{name} is half detached (FINALIZE ends it)"


BACK = {
    "detached": f"ALTER TABLE changeset_edits ATTACH PARTITION {EDITS} FOR VALUES FROM (0) TO (100000);"
    f"ALTER TABLE changeset_edits_countries ATTACH PARTITION {PARTS} FOR VALUES FROM (0) TO (100000)",
    "detached concurrently": f"ALTER TABLE changeset_edits ATTACH PARTITION {EDITS} FOR VALUES FROM (0) TO (100000);"
    f"ALTER TABLE changeset_edits_countries ATTACH PARTITION {PARTS} FOR VALUES FROM (0) TO (100000)",
    "half detached": f"ALTER TABLE changeset_edits DETACH PARTITION {EDITS} FINALIZE;"
    f"ALTER TABLE changeset_edits ATTACH PARTITION {EDITS} FOR VALUES FROM (0) TO (100000)",
    "countries half detached": f"ALTER TABLE changeset_edits_countries DETACH PARTITION {PARTS} FINALIZE;"
    f"ALTER TABLE changeset_edits_countries ATTACH PARTITION {PARTS} FOR VALUES FROM (0) TO (100000)",
    "edits detached": f"ALTER TABLE changeset_edits ATTACH PARTITION {EDITS} FOR VALUES FROM (0) TO (100000)",
    "countries detached": f"ALTER TABLE changeset_edits_countries ATTACH PARTITION {PARTS}"
    " FOR VALUES FROM (0) TO (100000)",
    "detached and renamed": "ALTER TABLE changeset_edits ATTACH PARTITION old_facts FOR VALUES FROM (0) TO (100000)",
    "moved": f"ALTER TABLE changeset_edits ATTACH PARTITION cold.{EDITS} FOR VALUES FROM (0) TO (100000)",
}


@pytest.mark.parametrize("how", telling(BACK, "edits detached", "moved", "countries half detached"))
def test_once_they_are_back_all_is_exact_again(connection: Connection, how: str) -> None:
    take_away(connection, how)
    facts(connection, NEW + 1, 10, 13, n=2)  # new facts of a changeset that rests on what is away
    facts(connection, NEW, 11, 13, n=9)  # and others in place of old ones
    closed = changeset(11, "cold", uid=8, closed=NOON + timedelta(days=2))
    save_changesets(connection, 2, file(closed))
    apply_queue(connection)
    assert held(connection) > 0
    rows = connection.execute("SELECT closed_at, open FROM changesets WHERE id = 11").fetchall()
    assert rows == [(NOON + timedelta(days=2), False)]  # what needs no facts goes on
    assert verify(connection, "test").differences == []
    connection.execute(BACK[how].encode())
    apply_queue(connection)
    assert (away(connection), held(connection), queued(connection)) == ([], 0, 0)
    assert aggregates(connection) == recomputed(connection)
    passed = verify(connection, "test")
    assert (passed.differences, passed.away) == ([], 0)
    facts(connection, OLD, 10, n=5)
    apply_queue(connection)
    assert aggregates(connection) == recomputed(connection)


def test_another_table_under_the_name_of_the_facts(connection: Connection) -> None:
    """All ranges are away: neither a rebuild nor a mention takes the statistics along."""
    before, kept = sums(connection), aggregates(connection)
    connection.execute(REPLACED)
    save_changesets(connection, 2, file(*(changeset(n, "hot", uid=7 + n % 2) for n in (10, 13))))
    rebuild(connection)
    assert [one.first for one in away(connection)] == [0, 100_000]
    assert (sums(connection), aggregates(connection), held(connection)) == (before, kept, 2)
    assert make_partitions(connection, 0, 299_999) == [200_000]
    connection.execute("DROP TABLE changeset_edits; ALTER TABLE aside RENAME TO changeset_edits")
    rebuild(connection)
    assert (away(connection), held(connection), aggregates(connection)) == ([], 0, recomputed(connection))


@pytest.mark.parametrize("how", ASIDE)
def test_a_table_that_is_not_there_is_said_in_a_sentence(connection: Connection, how: str) -> None:
    before = sums(connection)
    connection.execute(ASIDE[how])
    for look in (apply_queue, rebuild, sample, lambda c: verify(c, "test")):
        with pytest.raises(
            FactsAway, match=r"there is no table changeset_edits\w* in this database's schema"
        ):
            look(connection)
    assert make_partitions(connection, 0, 300_000) == []
    assert {one.first for one in away(connection)} == {0, 100_000}
    assert sums(connection) == before


OLDER = (
    "INSERT INTO ledger (stream, sequence, result) SELECT 'augmented_diffs', unnest(ARRAY[5, 100005]), 'committed';"
    "INSERT INTO ledger_blocks (stream, block, done) SELECT 'augmented_diffs', unnest(ARRAY[0, 100000]), 1"
)


@pytest.mark.parametrize("how", telling(AWAY, "dropped", "truncated"))
def test_a_database_of_before_knows_what_went_away_by_its_ledger(empty: str, how: str) -> None:
    upgrade(empty, "0002")
    with connect(empty) as older:
        make_partitions(older, 0, 100_000)
        save_countries(older, COUNTRIES)
        replace_facts(older, OLD, diff(edits(10), edits(11)))
        replace_facts(older, NEW, diff(edits(12)))
        older.execute(APPLIED_BY_0002.encode())
        older.execute(OLDER.encode())
        before = sums(older)
        take_away(older, how)
        assert migrate(empty) == "0002"
        assert [one.first for one in away(older)] == [0]
        save_changesets(older, 2, file(changeset(10, "hot"), changeset(12)))
        rebuild(older)
        assert (sums(older), held(older)) == (before, 1)
        passed = verify(older, "test")
        assert (passed.differences, passed.away) == ([], 2)


def test_a_quarter_stays_while_facts_of_a_neighbour_are_away(connection: Connection) -> None:
    """The last sequence of a range and the first of the next are in one quarter, which is added up of both."""
    facts(connection, 99_999, 20, n=2)
    facts(connection, 100_000, 21, n=3)
    apply_queue(connection)
    of_quarter = (
        "SELECT sum(edits), jsonb_agg(counts ORDER BY owner, owner_id) FROM upload_sums"
        " WHERE owner <> 'user' AND minutes = 15 AND begins = step_of(100000, 15)"
    )
    assert connection.execute("SELECT step_of(99999, 15) = step_of(100000, 15)").fetchone() == (True,)
    before = connection.execute(of_quarter).fetchall()
    connection.execute((DETACH + DETACH_PARTS).encode())
    with connection.transaction():
        replace_facts(connection, 100_000, diff(edits(21, uid=8, n=5, countries=("USA", "NPL"))))
    apply_queue(connection)
    assert connection.execute(of_quarter).fetchall() == before
    kept = connection.execute("SELECT changeset_id, sequence FROM statistics_held").fetchall()
    assert (21, 100_000) in kept
    assert verify(connection, "test").differences == []
    for table in (EDITS, PARTS):
        whole = table.removesuffix("_000000000")
        connection.execute(
            f"ALTER TABLE {whole} ATTACH PARTITION {table} FOR VALUES FROM (0) TO (100000)".encode()
        )
    note(connection)
    apply_queue(connection)
    assert connection.execute(of_quarter).fetchall() != before
    assert roll_ups(connection) == recomputed_roll_ups(connection)
