"""The facts' partitions: how an older schema's facts come into them, and who makes them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from stats_assets.database.connection import Connection, connect
from stats_assets.database.facts import fact_partitions
from stats_assets.database.facts.changesets import save_changesets
from stats_assets.database.facts.edits import replace_facts
from stats_assets.database.facts.fact_partitions import make_partitions
from stats_assets.database.facts.ranges import away
from stats_assets.database.ledger.stream_rows import begin
from stats_assets.database.migrations import NEWEST, MigrationRefused, migrate, revision, upgrade
from stats_assets.database.statistics.applier import apply_queue, save_countries
from tests.database.test_statistics import COUNTRIES, changeset, diff, edits, file
from tests.recompute import recomputed
from tests.truth import statistics_of


def everything(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of facts and errors, by table."""
    tables = ("changeset_edits", "changeset_edits_countries", "errors")
    return {
        table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4, 5").fetchall()  # noqa: S608
        for table in tables
    }


def partitions(connection: Connection) -> list[str]:
    """All tables of that sort, attached or not."""
    rows = connection.execute(
        r"SELECT relname FROM pg_class WHERE relname ~ '^changeset_edits.*\d+$' ORDER BY 1"
    ).fetchall()
    return [row[0] for row in rows]


def test_facts_of_the_first_schema_come_into_partitions(empty: str) -> None:
    upgrade(empty, "0001")
    with connect(empty) as connection:
        save_countries(connection, COUNTRIES)
        for sequence in (7, 99_999, 100_000, 7_300_123):
            replace_facts(connection, sequence, diff(edits(10, n=sequence), edits(sequence, countries=())))
        save_changesets(connection, 1, file(changeset(10, "hot")))
        connection.execute(
            "INSERT INTO errors (id, type, sequence, ordinal, reason) VALUES (1, 1, 7, 0, 'broken')"
        )
        before = everything(connection)
        assert migrate(empty) == "0001"
        assert everything(connection) == before
        assert revision(connection) == NEWEST
        found = connection.execute(
            "SELECT tableoid::regclass::text, sequence FROM changeset_edits_countries ORDER BY 2"
        )
        assert found.fetchall() == [
            ("changeset_edits_countries_000000000", 7),
            ("changeset_edits_countries_000000000", 99_999),
            ("changeset_edits_countries_000100000", 100_000),
            ("changeset_edits_countries_007300000", 7_300_123),
        ]
        replace_facts(connection, 7, diff(edits(10, n=3)))
        apply_queue(connection)
        assert statistics_of(connection)["users"] == recomputed(connection)["users"]


def test_missing_partitions_are_made_once(connection: Connection) -> None:
    assert make_partitions(connection, 7_299_999, 7_500_000) == [7_200_000, 7_300_000, 7_400_000, 7_500_000]
    assert make_partitions(connection, 7_250_000, 7_599_999) == []
    assert make_partitions(connection, 7_600_000, 7_600_000) == [7_600_000]
    assert make_partitions(connection, 7_700_001, 7_700_000) == []
    replace_facts(connection, 7_299_999, diff(edits(10)))
    assert connection.execute("SELECT tableoid::regclass::text FROM changeset_edits").fetchall() == [
        ("changeset_edits_007200000",)
    ]


def test_a_partition_has_all_that_the_whole_has(connection: Connection) -> None:
    make_partitions(connection, 0, 0)
    replace_facts(connection, 1, diff(edits(10)))
    for table in fact_partitions.TABLES:
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(f"INSERT INTO {table} SELECT * FROM {table}")  # noqa: S608


@pytest.mark.parametrize("span", [(-1, 5), (0, 10_000_000), (5, 10**15)])
def test_a_ridiculous_span_is_refused(connection: Connection, span: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="No partitions are made"):
        make_partitions(connection, *span)
    assert partitions(connection) == []


def test_nothing_is_made_inside_a_transaction(connection: Connection) -> None:
    with connection.transaction(), pytest.raises(RuntimeError):
        make_partitions(connection, 0, 5)
    assert partitions(connection) == []


def test_many_at_once_make_each_once(connection: Connection, url: str) -> None:
    ready = threading.Barrier(6)

    def work(_: int) -> list[int]:
        with connect(url) as other:
            ready.wait()
            return make_partitions(other, 0, 499_999)

    with ThreadPoolExecutor(6) as pool:
        made = sorted(start for found in pool.map(work, range(6)) for start in found)
    assert made == [0, 100_000, 200_000, 300_000, 400_000]
    assert len(partitions(connection)) == 10


def test_partitions_are_made_while_facts_are_written_and_read(connection: Connection, url: str) -> None:
    make_partitions(connection, 0, 0)
    with connect(url) as writer, writer.transaction(), connect(url) as reader, reader.transaction():
        replace_facts(writer, 1, diff(edits(10)))
        reader.execute("SELECT count(*) FROM changeset_edits JOIN changeset_edits_countries USING (sequence)")
        assert make_partitions(connection, 100_000, 100_000) == [100_000]
        replace_facts(writer, 100_001, diff(edits(10)))
    assert connection.execute("SELECT count(*) FROM changeset_edits").fetchone() == (2,)


def test_a_locked_table_is_waited_for_a_while(
    connection: Connection, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fact_partitions, "WAIT", "10ms")
    tried: list[float] = []
    with connect(url) as other:
        other.execute("BEGIN; LOCK TABLE changeset_edits_countries IN ACCESS EXCLUSIVE MODE")

        def wait(seconds: float) -> None:
            tried.append(seconds)
            if len(tried) == 7:  # of the second call
                other.execute("COMMIT")

        monkeypatch.setattr(time, "sleep", wait)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            make_partitions(connection, 0, 5)
        assert (len(tried), partitions(connection)) == (fact_partitions.TRIES - 1, [])
        assert make_partitions(connection, 0, 5) == [0]
        assert len(tried) == 7
    assert connection.execute("SHOW lock_timeout").fetchone() == ("1min",)


def test_an_end_between_the_two_tables_leaves_neither(
    connection: Connection, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach = fact_partitions._attach

    def die(connection: Connection, table: str, start: int) -> None:
        attach(connection, table, start)
        if (table, start) == ("changeset_edits", 100_000):
            connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(fact_partitions, "_attach", die)
    with connect(url) as dying, pytest.raises(psycopg.OperationalError):
        make_partitions(dying, 0, 299_999)
    assert partitions(connection) == ["changeset_edits_000000000", "changeset_edits_countries_000000000"]
    monkeypatch.setattr(fact_partitions, "_attach", attach)
    assert make_partitions(connection, 0, 299_999) == [100_000, 200_000]


def test_a_partition_that_was_detached_is_not_attached_again_by_itself(connection: Connection) -> None:
    make_partitions(connection, 0, 0)
    replace_facts(connection, 1, diff(edits(10)))
    connection.execute("ALTER TABLE changeset_edits DETACH PARTITION changeset_edits_000000000")
    assert make_partitions(connection, 0, 100_000) == [100_000]
    assert connection.execute("SELECT sequence FROM changeset_edits").fetchall() == []
    assert [one.first for one in away(connection)] == [0]


def test_migrate_makes_them_ahead_of_the_checkpoint(connection: Connection, url: str) -> None:
    migrate(url)
    assert partitions(connection) == []
    begin(connection, "changesets", 5)
    begin(connection, "augmented_diffs", 7_300_001)
    assert migrate(url) == NEWEST
    assert partitions(connection)[:2] == ["changeset_edits_007300000", "changeset_edits_007400000"]


def test_a_revision_that_fails_leaves_all_as_it_was(empty: str) -> None:
    upgrade(empty, "0001")
    with connect(empty) as connection:
        replace_facts(connection, 7, diff(edits(10)))
        connection.execute("CREATE VIEW report AS SELECT changeset_id FROM changeset_edits")
        with pytest.raises(MigrationRefused, match=r"report.*drop it, and make it again"):
            migrate(empty)
        assert (revision(connection), partitions(connection)) == ("0001", [])
        assert connection.execute("TABLE report").fetchall() == [(10,)]
        connection.execute("DROP VIEW report")
        assert migrate(empty) == "0001"
