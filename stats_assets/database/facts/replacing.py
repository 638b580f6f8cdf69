"""Rows of a sequence's facts put in place of those that are there: only what differs is deleted and written.

A recount that comes to the same leaves all as it is. Which facts there are is edits.py's.
"""
# ruff: noqa: S608 - SQL is made of constants

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from psycopg.types.json import set_json_loads

from stats_assets.database.connection import Connection

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Facts:
    """A table of facts: all of its columns but the sequence, beginning with the key, each with its type."""

    table: str
    columns: Mapping[str, str]
    keys: int
    """How many of the columns are the key within the sequence."""

    @property
    def named(self) -> str:
        return ", ".join(f'"{name}"' for name in self.columns)

    def key(self, row: Row) -> Row:
        return row[: self.keys]


def replace(connection: Connection, facts: Facts, sequence: int, rows: Sequence[Row]) -> set[Row]:
    """Have these rows for the sequence, and no others; returns the keys of what was another, new, or is gone.

    Numbers in a row's objects are compared as they are written, so that older code's 2.000000 is another than 2.
    """
    with connection.cursor() as cursor:
        set_json_loads(partial(json.loads, parse_int=str, parse_float=str), cursor)
        was = cursor.execute(
            f"SELECT {facts.named} FROM {facts.table} WHERE sequence = %s".encode(), (sequence,)
        ).fetchall()
    before = {facts.key(row): row for row in was}
    after = {facts.key(row): tuple(map(_as_read, row)) for row in rows}
    other = {key for key in (*before, *after) if before.get(key) != after.get(key)}
    gone = sorted(key for key in other if key in before)
    if gone:
        names = list(facts.columns)[: facts.keys]
        arrays = ", ".join(f"%s::{facts.columns[name]}[]" for name in names)
        connection.execute(
            f"DELETE FROM {facts.table} WHERE sequence = %s AND ({', '.join(names)}) IN"
            f" (SELECT * FROM unnest({arrays}))".encode(),
            (sequence, *map(list, zip(*gone, strict=True))),
        )
    if new := [row for row in rows if facts.key(row) in other]:
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY {facts.table} (sequence, {facts.named}) FROM STDIN".encode()) as copy,
        ):
            for row in new:
                copy.write_row((sequence, *(_written(value) for value in row)))
    return other


def _as_read(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: one if isinstance(one, str) else _plain(one) for key, one in value.items()}


def _written(value: Any) -> Any:
    return numbers_json(value) if isinstance(value, dict) else value


def numbers_json(numbers: Mapping[str, int | Decimal | str]) -> str:
    """A flat JSON object of texts and exact numbers (json itself would go through floats)."""
    return "{" + ", ".join(f"{json.dumps(key)}: {_plain(value)}" for key, value in numbers.items()) + "}"


def _plain(value: int | Decimal | str) -> str:
    if isinstance(value, str):
        return json.dumps(value)
    return str(value) if isinstance(value, int) else f"{value:f}"  # an int as :f has six zeros
