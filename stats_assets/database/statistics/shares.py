"""How much of a pass over everything lies before a place: for people who wait. An estimate, from a few index lookups.

The passes are passes.py's. Parts weigh what PostgreSQL says of their tables' rows.
"""
# ruff: noqa: S608 - SQL is made of constants

import re
from typing import NamedTuple

from stats_assets.database.connection import Connection
from stats_assets.database.statistics.verification import KEYS


class Extent(NamedTuple):
    """A part's keys, from the lowest to the highest, and how many rows there are, about."""

    lowest: int
    highest: int
    rows: int


def extents(connection: Connection) -> dict[str, Extent]:
    """The parts, in the order of a pass."""
    found = {}
    for part, (source, key) in KEYS.items():
        table = re.sub(r"\A\(.* FROM (\w+) .*", r"\1", source)  # of a part of a table: all of it
        if connection.execute("SELECT to_regclass(%s)", (table,)).fetchone() == (None,):
            found[part] = Extent(0, 0, 0)  # the pass itself says what is not there
            continue
        row = connection.execute(
            f"SELECT min({key}), max({key}), (SELECT sum(greatest(reltuples, 0)) FROM pg_class"
            f" WHERE oid = '{table}'::regclass OR oid IN (SELECT relid FROM pg_partition_tree('{table}')))"
            f" FROM {source}".encode()
        ).fetchone()
        lowest, highest, rows = row or (None, None, None)
        found[part] = Extent(lowest or 0, highest or 0, int(rows or 0))
    return found


def share(parts: dict[str, Extent], part: str, first: int) -> float:
    """Of the whole, 0 to 1: what lies before key `first` of the part."""
    before, all_ = 0.0, 0.0
    passed = False
    for name, extent in parts.items():
        weight = 1 + extent.rows
        all_ += weight
        if name == part:
            passed = True
            wide = extent.highest - extent.lowest + 1
            before += weight * min(1.0, max(0.0, (first - extent.lowest) / wide))
        elif not passed:
            before += weight
    return before / all_
