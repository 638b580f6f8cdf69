"""Verification: what is applied against the facts, and the aggregates against what is applied, exactly, range by range.

Each range is read in one snapshot, so that the stream may go on. What is done about a difference is passes.py's.
"""
# ruff: noqa: S608 - SQL is made of constants

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from typing import Any, Final, NamedTuple

from psycopg import IsolationLevel

from stats_assets.database.connection import Connection
from stats_assets.database.statistics.mending import MENDS
from stats_assets.database.statistics.milestones import DIFFERING
from stats_assets.database.statistics.owners import COMPARED

SQL = files("stats_assets.database") / "sql"
MOST = 2**63 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_SEQUENCE = 2**31 - 1
BEGINS = 6 * 60 + 55  # the minute of the day in which the first sequence began
SIZE = 5_000  # changesets, facts or members a range; an owner is never parted

# Where a part's keys are read from, in order, by an index.
KEYS: Final[dict[str, tuple[str, str]]] = {
    "changesets": ("changesets", "id"),
    "sequences": ("changeset_edits", "sequence"),
    **{owner: facts.ids for owner, facts in COMPARED.items()},
    "world": ("(SELECT day - date '1970-01-01' AS n FROM aggregate_days WHERE owner = 'world') AS days", "n"),
    "upload_sums": (
        "(SELECT sequence FROM uploads WHERE owner = 'world' AND owner_id = 0) AS uploads",
        "sequence",
    ),
    "people": ("changesets", "user_id"),
    **{
        f"milestones_{owner}": (
            f"(SELECT owner_id FROM aggregates_ranked WHERE owner = '{owner}' AND member_id = 0) AS owners",
            "owner_id",
        )
        for owner in ("user", "hashtag")
    },
}
PARTS: Final = tuple(KEYS)
ROLL_UPS: Final = ("world", "upload_sums", "people", "milestones_user", "milestones_hashtag")
"""The parts that a database of before has not until a rebuild has filled them."""


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
    mends: tuple[str, dict[str, Any]] | None = None
    """SQL that writes what differs, and its parameters: for the parts that neither the queue nor deltas mend."""


def are_whole(connection: Connection) -> bool:
    """Whether the roll-ups hold all; else a rebuild has yet to fill them."""
    return connection.execute("SELECT whole FROM roll_ups").fetchone() == (True,)


def compare(
    connection: Connection,
    part: str,
    first: int,
    size: int = SIZE,
    *,
    filling: bool = False,
    sampled: bool = False,
) -> Compared:
    """Compare a range of the part that begins at key `first`, in one REPEATABLE READ snapshot. Changes nothing.

    Roll-ups that are not whole are not looked at, unless they are being filled. sampled: of upload_sums quarters of an
    hour, and no days.
    """
    connection.isolation_level, connection.read_only = IsolationLevel.REPEATABLE_READ, True
    try:
        with connection.transaction():
            # An owner with millions of changesets takes long; nobody waits for it.
            connection.execute("SET LOCAL statement_timeout = '2h'")
            pending = connection.execute("SELECT count(*) FROM statistics_queue").fetchone()
            rolled = filling or are_whole(connection)
            if part in ROLL_UPS and not rolled:
                return Compared([], [], [], None, int(pending[0]) if pending else 0)
            until = _until(connection, part, first, size, 15 if sampled else 1440)
            most = LAST_SEQUENCE if part == "upload_sums" else MOST
            given: dict[str, Any] = {"first": first, "until": most if until is None else until}
            given |= {"owner": part, "rolled": rolled, "days": not sampled}
            if part.startswith("milestones"):
                given |= _owners(connection, part.removeprefix("milestones_"), given)
            rows = connection.execute(_query(part), given).fetchall()
    finally:
        connection.isolation_level = connection.read_only = None
    count = int(pending[0]) if pending else 0
    if part in MENDS:
        mends = MENDS[part].format(_query(part).decode()), given
        return Compared([_roll_up(row) for row in rows], [], [], until, count, mends=mends if rows else None)
    if part in COMPARED or part == "world":
        return Compared([_number(row) for row in rows], [], [row[:9] for row in rows], until, count)
    away = {row[0] for row in rows if row[2] == "away"}
    seen = [row for row in rows if row[2] != "away"]
    queue = dict.fromkeys((row[0], sequence) for row in seen for sequence in row[1] or (None,))
    return Compared([_column(row) for row in seen], list(queue), [], until, count, len(away))


def _until(connection: Connection, part: str, first: int, size: int, minutes: int) -> int | None:
    table, key = KEYS[part]
    row = connection.execute(
        f"SELECT {key} FROM {table} WHERE {key} >= %s ORDER BY {key} OFFSET %s LIMIT 1".encode(),
        (first, size),
    ).fetchone()
    if row is None:
        return None
    until = max(int(row[0]), first + 1)
    return _step_after(until - 1, minutes) if part == "upload_sums" else until


def _owners(connection: Connection, owner: str, given: dict[str, Any]) -> dict[str, list[int]]:
    """Those of the range that have milestones, or may have."""
    row = connection.execute(
        "SELECT array(SELECT owner_id FROM aggregates_ranked WHERE owner = %(kind)s AND member_id = 0"
        " AND owner_id >= %(first)s AND owner_id < %(until)s"
        " UNION SELECT owner_id FROM milestones WHERE owner = %(kind)s AND owner_id >= %(first)s AND owner_id < %(until)s)",
        {**given, "kind": owner},
    ).fetchone()
    ids = list(row[0]) if row else []
    return {kind: ids if kind == f"{owner}s" else [] for kind in ("users", "hashtags")}


def step_begins(sequence: int) -> int:
    """The first sequence of its quarter of an hour."""
    return _step_after(sequence, 15) - 15


def _step_after(sequence: int, minutes: int) -> int:
    """The first sequence of the next day, or quarter of an hour: those are never parted."""
    past = BEGINS % minutes
    return (sequence + past) // minutes * minutes + minutes - past


def _query(part: str) -> bytes:
    for owner, facts in COMPARED.items():
        if owner == part:
            text = (SQL / "verify_aggregates.sql").read_text()
            return text.replace("{members}", facts.members).encode()
    if part.startswith("milestones"):
        return DIFFERING.encode()
    return (SQL / f"verify_{part}.sql").read_text().encode()


def _column(row: Sequence[Any]) -> Difference:
    _, _, what, expected, found = row
    return Difference(what, *(None if value is None else str(value) for value in (expected, found)))


def _roll_up(row: Sequence[Any]) -> Difference:
    *key, expected, found = row
    said = (None if value is None else json.dumps(value, default=str) for value in (expected, found))
    return Difference(" ".join(map(str, key)), *said)


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
