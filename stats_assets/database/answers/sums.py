"""Sums over lines: of all of them, or by a key. Exact: numbers stay numeric, and JSON is read as decimals."""

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from stats_assets.database.answers.lines import Lines
from stats_assets.database.connection import Connection
from stats_assets.questions.vocabulary import Vocabulary


class Sums(NamedTuple):
    """Of all lines."""

    edits: Decimal
    changesets: int
    users: int
    unattributed_edits: Decimal
    hidden_users: int
    first: datetime | None
    last: datetime | None
    counts: dict[str, Decimal]
    measurements: dict[str, Decimal]


_TOTAL = """
WITH lines AS MATERIALIZED ({lines})
SELECT coalesce(sum(edits), 0), count(DISTINCT changeset_id), count(DISTINCT user_id),
    coalesce(sum(edits) FILTER (WHERE user_id IS NULL), 0),
    count(DISTINCT user_id) FILTER (WHERE user_id = ANY (%(hidden)s)),
    min(at) FILTER (WHERE moment = (SELECT min(moment) FROM lines)),
    max(at) FILTER (WHERE moment = (SELECT max(moment) FROM lines)),
    (SELECT jsonb_object_agg(key, total) FROM (
        SELECT key, sum(value::numeric) AS total FROM lines, jsonb_each(counts) GROUP BY key) AS each)::text,
    (SELECT jsonb_object_agg(key, total) FROM (
        SELECT key, sum(value::numeric) AS total FROM lines, jsonb_each(measurements) GROUP BY key) AS each)::text
FROM lines
"""


def total(connection: Connection, lines: Lines, hidden: Sequence[int]) -> Sums:
    """The sums of all lines; keys of counts and measurements are those that are not 0."""
    row = connection.execute(
        _TOTAL.format(lines=lines.sql).encode(), {**lines.given, "hidden": list(hidden)}
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate always answers
    return Sums(*row[:7], *map(exact, row[7:]))


def exact(text: str | None) -> dict[str, Decimal]:
    """A flat JSON object of numbers as Decimals."""
    found: dict[str, Decimal] = json.loads(text or "{}", parse_float=Decimal, parse_int=Decimal)
    return found


def column_sql(name: str, vocabulary: Vocabulary) -> str:
    """A column's sum over lines. `days` needs %(days)s, the beginnings of days. The name is of the vocabulary."""
    if name == "edits":
        return "coalesce(sum(edits), 0)"
    if name in ("changesets", "users"):
        return f"count(DISTINCT {name[:-1]}_id)"
    if name == "days":
        return "count(DISTINCT width_bucket(moment, %(days)s::timestamptz[]))"
    if name not in vocabulary.columns:
        raise ValueError(f"{name!r} is no column")
    where = "counts" if name in vocabulary.counts else "measurements"
    return f"coalesce(sum(({where} ->> '{name}')::numeric), 0)"


def columns_sql(names: Sequence[str], vocabulary: Vocabulary) -> str:
    """Columns' sums, named c0, c1 and so on."""
    return ", ".join(f"{column_sql(name, vocabulary)} AS c{place}" for place, name in enumerate(names))


def numbers(values: Sequence[Any]) -> list[int | Decimal]:
    """As answers have them: whole ones are int."""
    return [number(value) for value in values]


def number(value: Any) -> int | Decimal:
    """A whole number as int, another as it is."""
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return value  # type: ignore[no-any-return]
