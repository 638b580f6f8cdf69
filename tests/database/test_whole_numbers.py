"""Counts are whole numbers in all jsonb: `2`, and not `2.000000`, as clients read them."""

import json
from decimal import Decimal

from stats_assets.database.connection import Connection
from stats_assets.database.facts.replacing import numbers_json
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.database.statistics.passes import rebuild, verify
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.ingest import run as runs
from stats_assets.ingest.mode import BY_HAND
from stats_assets.system import Stats

# Each table and view with counts, the partitions aside.
PLACES = """
SELECT c.table_name, c.column_name FROM information_schema.columns AS c JOIN pg_class AS k ON k.relname = c.table_name
WHERE c.table_schema = current_schema() AND c.column_name IN ('counts', 'counts_there') AND c.data_type = 'jsonb'
    AND NOT k.relispartition ORDER BY 1
"""


def broken(connection: Connection) -> dict[str, tuple[int, int]]:
    """Where counts are, how many, and how many of these are no whole numbers as they are written."""
    found = {}
    for place, column in connection.execute(PLACES).fetchall():
        row = connection.execute(
            f"SELECT count(*), count(*) FILTER (WHERE value !~ '^-?[0-9]+$') FROM \"{place}\","  # noqa: S608
            f" jsonb_each_text({column})".encode()
        ).fetchone()
        assert row is not None
        found[place] = (row[0], row[1])
    return found


def test_in_facts_and_in_all_that_is_added_up_from_them(
    feed: DemoFeed, world: World, stats: Stats, connection: Connection
) -> None:
    runs.run_range(stats.work("augmented_diffs"), stats.url, "a", world.first, feed.head)
    runs.run_range(stats.work("changesets"), stats.url, "c", world.changesets_first, feed.changesets_head)
    apply_queue(connection)
    kept = {
        "changeset_edits",
        "changeset_edits_countries",
        "changesets",
        "changesets_countries",
        "aggregates",
    }
    found = broken(connection)
    assert kept <= set(found)
    assert min(found[place][0] for place in kept) > 0
    assert sum(wrong for _, wrong in found.values()) == 0

    # Facts that an older version wrote with six zeros, and a rebuild from them.
    for table in ("changeset_edits", "changeset_edits_countries"):
        connection.execute(
            f"UPDATE {table} SET counts = (SELECT jsonb_object_agg(key, value::numeric * 1.000000)"  # noqa: S608
            " FROM jsonb_each_text(counts)) WHERE counts <> '{}'".encode()
        )
    assert broken(connection)["changeset_edits"][1] > 0
    connection.execute("UPDATE aggregates SET counts = '{}'")
    rebuild(connection)
    assert verify(connection, "whole").differences == []
    rebuilt = broken(connection)
    assert {place for place, (_, wrong) in rebuilt.items() if wrong} == {
        "changeset_edits",
        "changeset_edits_countries",
    }
    assert rebuilt["aggregates"][0] == found["aggregates"][0]
    runs.run_range(stats.work("augmented_diffs"), stats.url, "b", world.first, feed.head, mode=BY_HAND)
    assert sum(wrong for _, wrong in broken(connection).values()) == 0


def test_numbers_are_written_as_they_are() -> None:
    numbers: dict[str, int | Decimal] = {"a": 2, "b": -10, "c": Decimal("0.000000001"), "d": 10**20}
    assert numbers_json(numbers) == '{"a": 2, "b": -10, "c": 0.000000001, "d": 100000000000000000000}'
    assert all(isinstance(value, int | float) for value in json.loads(numbers_json(numbers)).values())
