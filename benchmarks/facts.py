"""What a changeset's facts cost among those of a decade: python -m benchmarks.facts [--partitions N] [--rows N]

The same work in two databases of a temporary embedded PostgreSQL: with one partition of facts, and with 60. The cost
follows the change if the second column is not much above the first.
Not here: assertions; speed belongs into no test.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from itertools import count
from urllib.parse import urlsplit

import psycopg
from psycopg.rows import TupleRow

from benchmarks.aggregates import temporary_server
from stats_assets.database.connection import Connection, connect
from stats_assets.database.facts.edits import replace_facts
from stats_assets.database.facts.fact_partitions import SEQUENCES, make_partitions
from stats_assets.database.migrations import migrate
from stats_assets.database.statistics.applier import apply_queue, save_countries
from stats_assets.osm.document import Envelope
from stats_assets.osm.statistics import DiffStatistics

EACH = 3  # facts a changeset
BATCH = 60  # changesets that a minute touches
FILL = """
INSERT INTO changeset_edits
SELECT n * %(step)s, n / %(each)s, n %% 1000, now(), 2, '{"roads_added": 2}', '{"road_km_added": 0.123456789}'
FROM generate_series(0, %(rows)s - 1) AS n
"""
FILL_COUNTRIES = """
INSERT INTO changeset_edits_countries
SELECT sequence, changeset_id, 'NPL', total_edits, counts, measurements FROM changeset_edits
"""
FIND = """
SELECT f.* FROM changesets AS c, unnest(augmented_diffs) AS s(sequence) CROSS JOIN LATERAL (
    SELECT * FROM changeset_edits AS f WHERE f.sequence = s.sequence AND f.changeset_id = c.id OFFSET 0
) AS f
WHERE c.id = %s
"""
EMPTY = DiffStatistics(Envelope("osm", None, (), True, None), 0, 0, "", (), (), {}, 0)


def filled(url: str, partitions: int, rows: int) -> Connection:
    """A database with so many partitions, and so many facts in each of both tables of each."""
    migrate(url)
    connection = connect(url)
    make_partitions(connection, 0, partitions * SEQUENCES - 1)
    save_countries(connection, {"NPL": "Nepal"})
    connection.execute("SET statement_timeout = 0")
    connection.execute(FILL, {"step": SEQUENCES // rows, "each": EACH, "rows": partitions * rows})
    connection.execute(FILL_COUNTRIES)
    connection.execute("VACUUM ANALYZE")
    return connection


def queue(connection: Connection, changesets: Sequence[int], step: int | None) -> None:
    """Queue the changesets: with the sequences of their facts, or (step None) as after a change of metadata."""
    entries = [
        (changeset, None if step is None else (changeset * EACH + n) * step)
        for changeset in changesets
        for n in range(EACH if step else 1)
    ]
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO statistics_queue (changeset_id, sequence) VALUES (%s, %s)", entries)


def milliseconds(work: Callable[[], object], times: int, before: Callable[[], object] = int) -> float:
    """The best of so many runs, which others on the machine disturb least; `before` each is not counted."""
    best = float("inf")
    for _ in range(times):
        before()
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best * 1000


def measured(url: str, partitions: int, rows: int, times: int) -> dict[str, float]:
    """What each kind of work takes, in ms."""
    step, changesets = SEQUENCES // rows, partitions * rows // EACH
    batches = {
        f"applier, newest {BATCH} changesets": range(changesets - BATCH, changesets),
        f"applier, {BATCH} of all times": range(0, changesets, changesets // BATCH)[:BATCH],
    }
    with filled(url, partitions, rows) as connection:

        def applied(batch: Sequence[int]) -> float:
            queue(connection, batch, step)
            apply_queue(connection)
            return milliseconds(
                lambda: apply_queue(connection), times, lambda: queue(connection, batch, None)
            )

        def find() -> list[TupleRow]:
            return connection.execute(FIND, (changesets - 1,)).fetchall()

        found = {name: applied(batch) for name, batch in batches.items()}
        assert len(find()) == EACH
        found["one changeset's facts"] = milliseconds(find, times)
        sequences, last = count(0, step), partitions * SEQUENCES - 1
        found["one sequence's facts deleted"] = milliseconds(
            lambda: replace_facts(connection, next(sequences), EMPTY), times
        )
        found["no partition missing"] = milliseconds(lambda: make_partitions(connection, last, last), times)
        return found


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--partitions", type=int, default=60, help=f"of {SEQUENCES:,} sequences (60)")
    options.add_argument(
        "--rows", type=int, default=50_000, help="a partition of each of the two tables (50000)"
    )
    options.add_argument("--times", type=int, default=25, help="the best of so many runs counts (25)")
    given = options.parse_args()
    with temporary_server() as server:
        columns = []
        for partitions in (1, given.partitions):
            name = f"partitions_{partitions}"
            with psycopg.connect(server, autocommit=True) as admin:
                admin.execute(f'CREATE DATABASE "{name}"')
            url = urlsplit(server)._replace(path=f"/{name}").geturl()
            columns.append(measured(url, partitions, given.rows, given.times))
        few, many = columns
        print(
            f"{2 * given.rows:,} facts a partition; ms      1 partition {given.partitions:4} partitions  ratio"
        )
        for what, took in few.items():
            print(f"{what:38}{took:13.1f}{many[what]:16.1f}{many[what] / took:7.2f}")


if __name__ == "__main__":
    main()
