"""What is read of a decade of facts: the partitions that a transaction needs, and no others."""

import pytest

from stats_assets.database.connection import Connection
from stats_assets.database.facts.edits import replace_facts
from stats_assets.database.facts.fact_partitions import TABLES, make_partitions
from stats_assets.database.statistics import applier, steps
from stats_assets.database.statistics.applier import apply_queue, save_countries
from tests.database.test_statistics import COUNTRIES, diff, edits
from tests.telling import drill

SEEN = """
INSERT INTO seen
SELECT array(
        SELECT relname::text FROM pg_stat_xact_user_tables
        WHERE relname ~ '^changeset_edits.*[0-9]$' AND coalesce(seq_scan, 0) + coalesce(idx_scan, 0) > 0 ORDER BY 1
    ),
    (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid())
"""
FLUSH = "SELECT pg_stat_force_next_flush()"  # else what was read before would be seen too


@pytest.fixture(params=[drill("auto"), "force_generic_plan"])
def decade(connection: Connection, request: pytest.FixtureRequest) -> Connection:
    """60 partitions of facts, a changeset for every three; `seen` is what transactions have read, and locked.

    PostgreSQL chooses its statements' plans by itself, or as it might at worst once they are prepared.
    """
    make_partitions(connection, 0, 5_999_999)
    connection.execute(
        """
        CREATE TABLE seen (partitions text[], locks int);
        INSERT INTO changeset_edits
        SELECT n * 300, n / 3, 7, now(), 1, '{"a": 1}', '{}' FROM generate_series(0, 19999) AS n;
        INSERT INTO changeset_edits_countries
        SELECT n * 300, n / 3, 'NPL', 1, '{"a": 1}', '{}' FROM generate_series(0, 19999) AS n
        """
    )
    save_countries(connection, COUNTRIES)
    connection.execute(f"SET plan_cache_mode = {request.param}".encode())
    connection.execute(FLUSH)
    return connection


def read(connection: Connection, *starts: int) -> bool:
    """Whether each transaction has read the partitions with these first sequences, and no others."""
    names = sorted(f"{table}_{start:09d}" for table in TABLES for start in starts)
    return connection.execute("SELECT DISTINCT partitions FROM seen").fetchall() == [(names,)]


def test_a_batch_reads_the_partitions_of_its_changesets_alone(
    decade: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applier, "STEPS", (*steps.STEPS, SEEN, FLUSH))
    changesets = [*range(500, 600), *range(6600, 6666)]
    first = [(changeset, changeset * 900 + n * 300) for changeset in changesets for n in range(3)]
    again = [(changeset, None) for changeset in changesets]  # their metadata changed: by what was applied
    for entries in (first, *[again] * 7):
        with (
            decade.cursor() as cursor,
            cursor.copy("COPY statistics_queue (changeset_id, sequence) FROM STDIN") as copy,
        ):
            for entry in entries:
                copy.write_row(entry)
        apply_queue(decade)
    assert read(decade, 400_000, 500_000, 5_900_000)
    # Each partition and its index; a lock table has room for 64 a connection, in all.
    assert decade.execute("SELECT max(locks) < 4 * 60 + 170, count(*) FROM seen").fetchone() == (True, 8)
    sums = "SELECT sum(total_edits), sum(edit_count) FROM changesets JOIN changesets_countries ON changeset_id = id"
    assert decade.execute(sums).fetchone() == (498, 498)


def test_a_sequence_is_replaced_in_its_partition_alone(decade: Connection) -> None:
    for n in range(8):
        with decade.transaction():
            replace_facts(decade, 3_000_000 + n, diff(edits(10), edits(11)))
            decade.execute(SEEN)
            decade.execute(FLUSH)
    assert read(decade, 3_000_000)
