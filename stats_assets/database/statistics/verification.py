"""Verification: what is applied against the facts, and the aggregates against what is applied, exactly, range by range.

Each range is read in one snapshot, so that the stream may go on. What is done about a difference is passes.py's.
"""
# ruff: noqa: S608 - SQL is made of constants

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from typing import Any, Final, NamedTuple

from psycopg import IsolationLevel

from stats_assets.database.connection import Connection
from stats_assets.database.statistics.owners import OWNERS

SQL = files("stats_assets.database") / "sql"
MOST = 2**63 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SIZE = 5_000  # changesets, facts or members a range; an owner is never parted

# Where a part's keys are read from, in order, by an index.
KEYS: Final[dict[str, tuple[str, str]]] = {
    "changesets": ("changesets", "id"),
    "sequences": ("changeset_edits", "sequence"),
    **{owner: facts.ids for owner, facts in OWNERS.items()},
}
PARTS: Final = tuple(KEYS)


class Difference(NamedTuple):
    """A number or column that is not what it should be: which, and both values as text; None: there is none."""

    what: str
    expected: str | None
    found: str | None


class Compared(NamedTuple):
    """A range of a part: what differs, and what mends it."""

    differences: list[Difference]
    queue: list[tuple[int, int | None]]
    """Entries for the applier: changeset, sequence."""
    deltas: list[tuple[Any, ...]]
    """Rows of `differences`, to be added to the aggregates."""
    until: int | None
    """Where the next range begins; None: it was the part's last."""
    pending: int
    """Entries of the queue in this snapshot."""
    away: int = 0
    """How many changesets could not be looked at, as facts of theirs are away."""


def compare(connection: Connection, part: str, first: int, size: int = SIZE) -> Compared:
    """Compare a range of the part that begins at key `first`, in one REPEATABLE READ snapshot. Changes nothing."""
    connection.isolation_level, connection.read_only = IsolationLevel.REPEATABLE_READ, True
    try:
        with connection.transaction():
            # An owner with millions of changesets takes long; nobody waits for it.
            connection.execute("SET LOCAL statement_timeout = '2h'")
            pending = connection.execute("SELECT count(*) FROM statistics_queue").fetchone()
            until = _until(connection, part, first, size)
            bounds = {"first": first, "until": MOST if until is None else until}
            rows = connection.execute(_query(part), {**bounds, "owner": part}).fetchall()
    finally:
        connection.isolation_level = connection.read_only = None
    count = int(pending[0]) if pending else 0
    if part in OWNERS:
        return Compared([_number(row) for row in rows], [], [row[:9] for row in rows], until, count)
    away = {row[0] for row in rows if row[2] == "away"}
    seen = [row for row in rows if row[2] != "away"]
    queue = dict.fromkeys((row[0], sequence) for row in seen for sequence in row[1] or (None,))
    return Compared([_column(row) for row in seen], list(queue), [], until, count, len(away))


def _until(connection: Connection, part: str, first: int, size: int) -> int | None:
    table, key = KEYS[part]
    row = connection.execute(
        f"SELECT {key} FROM {table} WHERE {key} >= %s ORDER BY {key} OFFSET %s LIMIT 1".encode(),
        (first, size),
    ).fetchone()
    return max(int(row[0]), first + 1) if row else None


def _query(part: str) -> bytes:
    for owner, facts in OWNERS.items():
        if owner == part:
            text = (SQL / "verify_aggregates.sql").read_text()
            return text.replace("{members}", facts.members).encode()
    return (SQL / f"verify_{part}.sql").read_text().encode()


def _column(row: Sequence[Any]) -> Difference:
    _, _, what, expected, found = row
    return Difference(what, *(None if value is None else str(value) for value in (expected, found)))


def _number(row: Sequence[Any]) -> Difference:
    owner, owner_id, member_id, day, measure, key_id, key, _, _, new, new_changesets, old, old_changesets = (
        row
    )
    name = f"user {member_id} of hashtag {owner_id}" if owner == "hashtag_user" else f"{owner} {owner_id}"
    what = " ".join(filter(None, (name, str(day or ""), measure, key or (str(key_id) if key_id else ""))))
    return Difference(
        what,
        _said(measure, new, new_changesets),
        _said(measure, old, old_changesets),
    )


def _said(measure: str, value: Decimal | None, changesets: int | None) -> str | None:
    if value is None:
        return None
    if measure in ("first_edit", "last_edit", "first_ranked", "last_ranked"):  # seconds
        return (EPOCH + timedelta(microseconds=int(value * 1_000_000))).isoformat()
    counted = measure in ("total", "editor", "country", "hashtag", "user", "ranked")
    return f"{value:f}" + (f" edits, {changesets} changesets" if counted else "")
