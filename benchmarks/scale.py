"""A year of the planet on paper: rows and bytes of each table, from rows measured: python -m benchmarks.scale

A synthetic history (synthetic.sql) is filled; what a row takes, indexes and all, is measured, and multiplied by how
many rows a year has. How many those are is assumed, in RATES. Not here: time; that is the other benchmarks'.
"""

import argparse
from collections.abc import Sequence
from typing import NamedTuple

import psycopg

from benchmarks.aggregates import filled_history, say

MINUTES = 525_600
TOUCHED = 80
"""Changesets that an augmented diff has edits of: 60 to 100 in today's minutes."""
NEW = 30
"""Changesets that are opened in a minute: some 15 million a year."""
USERS, HASHTAGS, PAIRS = 300_000, 20_000, 500_000
"""Mappers, hashtags, and users within a hashtag that are new in a year."""
ACTIVE = 6_000 + 2_000 + 200
"""Mappers, hashtags and countries in which something happens on a day."""
RATES: dict[str, float] = {
    "changeset_edits": MINUTES * TOUCHED,
    "changeset_edits_countries": MINUTES * TOUCHED * 1.1,
    "changeset_metadata": MINUTES * NEW,
    "changesets": MINUTES * NEW,
    "changesets_countries": MINUTES * NEW * 1.1,
    "changesets_hashtags": MINUTES * NEW / 3,
    "aggregates": USERS + HASHTAGS + PAIRS,
    "aggregates_ranked": USERS + HASHTAGS + PAIRS,
    "aggregate_days": ACTIVE * 365,
    "aggregate_keys": (USERS + HASHTAGS + PAIRS) * 6,
    "ledger": 2 * MINUTES,
}
"""Rows a year."""
FILL_LEDGER = """
INSERT INTO ledger (stream, sequence, result, content_hash, actions, fetched_at, definitions, settled_at, done_at,
    run_id, osm_base, unreadable, facts, country_facts)
SELECT 'augmented_diffs', n, 'committed', encode(sha256(n::text::bytea), 'hex'), 3000, now(), repeat('d', 12), now(),
    now(), gen_random_uuid()::text, now(), 0, 80, 88
FROM generate_series(1, 100000) AS n
"""


class Size(NamedTuple):
    """Of a table: its rows, and its bytes with indexes and all."""

    rows: int
    bytes: int

    @property
    def row(self) -> float:
        return self.bytes / self.rows if self.rows else 0.0


def sizes(connection: psycopg.Connection[tuple[int, int]]) -> dict[str, Size]:
    """Of each table, its partitions added up."""
    found = {}
    for table in RATES:
        row = connection.execute(
            f"SELECT (SELECT count(*) FROM {table}), (SELECT coalesce(sum(pg_total_relation_size(relid)),"  # noqa: S608
            f" pg_total_relation_size('{table}')) FROM pg_partition_tree('{table}') WHERE isleaf)::bigint".encode()
        ).fetchone()
        assert row is not None
        found[table] = Size(*row)
    return found


def lines(found: dict[str, Size]) -> list[str]:
    """A table in Markdown."""
    told = ["| table | rows a year | bytes a row, indexes included | GB a year |", "|---|---:|---:|---:|"]
    total = 0.0
    for table, size in found.items():
        grown = RATES[table] * size.row / 1e9
        total += grown
        told.append(f"| `{table}` | {RATES[table]:,.0f} | {size.row:,.0f} | {grown:.1f} |")
    return [*told, f"| all | | | {total:.0f} |"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=400_000, help="changesets (400000)")
    given = parser.parse_args(arguments)
    with filled_history(given.size) as history:
        history.connection.execute(FILL_LEDGER)
        for line in lines(sizes(history.connection)):
            say(line)


if __name__ == "__main__":
    main()
