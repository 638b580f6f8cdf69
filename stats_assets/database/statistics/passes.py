"""Passes over the whole database, in small steps that may be ended and gone on with: a verification, or a rebuild.

What is compared is verification.py's; a rebuild adds what differs, so that it needs no lock and no empty tables.
"""
# ruff: noqa: S608 - SQL is made of constants

import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import NamedTuple

from psycopg import errors

from stats_assets.database import locks
from stats_assets.database.connection import Connection, clock, retried
from stats_assets.database.facts.ranges import note, require_tables
from stats_assets.database.statistics import verdicts
from stats_assets.database.statistics.aggregates import FOUND, apply_deltas
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.database.statistics.milestones import look_again
from stats_assets.database.statistics.owners import COMPARED
from stats_assets.database.statistics.verification import (
    KEYS,
    PARTS,
    SIZE,
    Compared,
    Difference,
    compare,
    step_begins,
)

REBUILD = "rebuild"
QUEUING = PARTS[:2]  # what differs in them is mended by the applier
SAMPLE, SAMPLE_SIZE = 2, 20  # ranges a part, and changesets, facts or members a range
HEAVY = 2_000  # changesets of an owner that are too many for a sample


class Passed(NamedTuple):
    """What a pass, or the steps of one, has found."""

    differences: list[Difference]
    steps: int
    pending: int
    whole: bool
    """It came to its end."""
    known: int
    """How many differences its earlier steps have found too, or, if they are more, the whole pass before."""
    away: int = 0
    """Changesets that the pass so far could not look at, as facts of theirs are away."""


Progress = Callable[[str, int], None]


class RebuildBusy(Exception):
    """Another rebuild is at work on this database."""


def verify(
    connection: Connection,
    name: str,
    *,
    resume: bool = False,
    seconds: float | None = None,
    size: int = SIZE,
    progress: Progress = lambda part, first: None,
) -> Passed:
    """Compare everything, or go on with the pass of that name, for so long; ended early, it can be resumed.

    A role that may only read compares as well, and keeps nothing of it. Raises FactsAway when one of the facts' tables
    itself is missing.
    """
    require_tables(connection)
    kept = is_kept(connection)
    if kept:
        note(connection)
    return _walk(connection, name, lambda compared: None, resume, seconds, size, progress, kept)


def rebuild(
    connection: Connection, *, size: int = SIZE, progress: Progress = lambda part, first: None
) -> Passed:
    """Make the aggregates what the facts say, in place, while the stream goes on; an ended one is gone on with.

    A difference of a snapshot is added: what the applier adds meanwhile is added to both sides. What verifications had
    found before it began is over. What facts of a changeset say stays as it was applied while others of it are away.
    Raises RebuildBusy, and FactsAway when one of the facts' tables itself is missing.
    """
    require_tables(connection)
    if not locks.try_for(connection, locks.REBUILD):
        raise RebuildBusy("Another rebuild is at work on this database. Wait for its end, or end it.")
    try:
        note(connection, anew=True)
        connection.execute(FOUND)
        passed = _walk(
            connection, REBUILD, lambda compared: _mend(connection, compared), True, None, size, progress
        )
        _apply_all(connection)
        look_again(connection)
        with connection.transaction():
            # What is away could not be filled in: it is once it is back, by another rebuild.
            connection.execute("UPDATE roll_ups SET whole = true WHERE NOT whole AND %s = 0", (passed.away,))
            began = connection.execute("SELECT began FROM passes WHERE name = %s", (REBUILD,)).fetchone()
            connection.execute("DELETE FROM passes WHERE name <> %s", (REBUILD,))
            if began is not None:
                verdicts.clear(connection, "rebuilt", began[0])
        return passed
    finally:
        locks.release(connection, locks.REBUILD)


def _apply_all(connection: Connection) -> None:
    """Until nothing is left of what is queued now, also where another applier has a part of it."""
    row = connection.execute("SELECT max(id) FROM statistics_queue").fetchone()
    left = row is not None and row[0] is not None
    while left:
        apply_queue(connection)
        left = connection.execute(
            "SELECT EXISTS (SELECT FROM statistics_queue WHERE id <= %s)", (row and row[0],)
        ).fetchone() == (True,)


def is_kept(connection: Connection) -> bool:
    """Whether what a pass finds, and how far it is, can be written here."""
    row = connection.execute(
        "SELECT has_table_privilege('passes', 'INSERT') AND has_table_privilege('passes', 'UPDATE')"
        " AND NOT current_setting('transaction_read_only')::bool"
    ).fetchone()
    return row == (True,)


def sample(connection: Connection) -> Passed:
    """Compare a few random ranges of each part: bounded, whatever the database holds. Raises FactsAway."""
    require_tables(connection)
    found: list[Difference] = []
    pending = steps = away = 0
    for part in PARTS:
        for first in _random_keys(connection, part):
            compared = compare(connection, part, first, 1 if part == "world" else SAMPLE_SIZE, sampled=True)
            found, pending, steps = found + compared.differences, compared.pending, steps + 1
            away += compared.away
    if found:
        # Who may only look is told all the same.
        with suppress(errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction):
            verdicts.differ(connection, found, len(found))
    return Passed(found, steps, pending, False, len(found), away)


def _mend(connection: Connection, compared: Compared) -> None:
    if compared.mends:
        locks.wait_in_transaction(connection, locks.APPLIER)
        connection.execute(compared.mends[0].encode(), compared.mends[1])
        return
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # see apply_deltas
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO statistics_queue (changeset_id, sequence) VALUES (%s, %s)", compared.queue
        )
        if compared.deltas:
            with cursor.copy("COPY differences FROM STDIN") as copy:
                for delta in compared.deltas:
                    copy.write_row(delta)
            apply_deltas(connection)


def _walk(
    connection: Connection,
    name: str,
    mend: Callable[[Compared], None],
    resume: bool,
    seconds: float | None,
    size: int,
    progress: Progress,
    kept: bool = True,
) -> Passed:
    began = time.monotonic()
    place: tuple[str, int] | None = (resume and _place(connection, name)) or (PARTS[0], 0)
    found: list[Difference] = []
    steps = pending = known = away = 0
    while place is not None:
        progress(*place)
        began_at = clock(connection)
        compared = compare(connection, *place, size, filling=name == REBUILD)
        after = _after(place[0], compared.until)
        found, steps, pending = found + compared.differences, steps + 1, compared.pending
        save = partial(_save, connection, name, place, after, compared, mend, began_at)
        known, away = retried(save) if kept else (len(found), away + compared.away)
        if name == REBUILD and place[0] == QUEUING[-1] and after is not None and after[0] not in QUEUING:
            _apply_all(connection)  # what is summed up next is right before its sums are looked at
        place = after
        if seconds is not None and time.monotonic() - began > seconds:
            break
    return Passed(found, steps, pending, place is None, known, away)


def _after(part: str, until: int | None) -> tuple[str, int] | None:
    if until is not None:
        return part, until
    following = PARTS.index(part) + 1
    return (PARTS[following], 0) if following < len(PARTS) else None


def _place(connection: Connection, name: str) -> tuple[str, int] | None:
    row = connection.execute("SELECT part, position FROM passes WHERE name = %s", (name,)).fetchone()
    return (row[0], row[1]) if row and row[0] else None


def _save(
    connection: Connection,
    name: str,
    place: tuple[str, int],
    after: tuple[str, int] | None,
    compared: Compared,
    mend: Callable[[Compared], None],
    began_at: datetime,
) -> tuple[int, int]:
    """What was mended or found, and how far the pass is, in one transaction: killed in between, nothing is lost.

    How many differences are known now, and how many changesets the pass could not look at.
    """
    part, position = after or (None, None)
    with connection.transaction():
        mend(compared)
        row = connection.execute(
            """
            INSERT INTO passes AS p (name, part, position, began, ended, differences, differences_before, away)
            VALUES (%(name)s, %(part)s, %(position)s, %(began)s, CASE WHEN %(over)s THEN now() END, %(differences)s, 0,
                %(away)s)
            ON CONFLICT (name) DO UPDATE SET part = excluded.part, position = excluded.position,
                began = CASE WHEN %(fresh)s THEN excluded.began ELSE p.began END,
                ended = coalesce(excluded.ended, p.ended),
                differences = CASE WHEN %(fresh)s THEN 0 ELSE p.differences END + excluded.differences,
                away = CASE WHEN %(fresh)s THEN 0 ELSE p.away END + excluded.away,
                differences_before = CASE WHEN %(over)s THEN 0 WHEN %(fresh)s THEN p.differences
                    ELSE p.differences_before END
            RETURNING greatest(differences, differences_before), differences, began, away
            """,
            {
                "name": name,
                "began": began_at,
                "part": part,
                "position": position,
                "over": after is None,
                "differences": len(compared.differences),
                "away": compared.away,
                "fresh": place == (PARTS[0], 0),
            },
        ).fetchone()
        assert row is not None  # noqa: S101 - an upsert returns its row
        known, differences, began, away = row
        if name != REBUILD:
            if compared.differences:
                verdicts.differ(connection, compared.differences, known)
            if after is None and differences:
                verdicts.recount(connection, differences)
            elif after is None:
                verdicts.clear(connection, "exact", began)
    return int(known), int(away)


def _random_keys(connection: Connection, part: str) -> Iterator[int]:
    """A few keys of the part; owners with very many changesets are left to the whole verification."""
    table, key = KEYS[part]
    row = connection.execute(f"SELECT min({key}), max({key}) FROM {table}".encode()).fetchone()
    if row is None or row[0] is None:
        return
    for _ in range(SAMPLE):
        first = random.randint(row[0], row[1])  # noqa: S311 - not for secrets
        if part == "upload_sums":
            first = step_begins(first)
        if part in COMPARED or part == "people":
            owner = connection.execute(
                "SELECT owner_id FROM aggregates WHERE owner = %s AND member_id = 0 AND owner_id >= %s"
                " AND changesets < %s ORDER BY owner_id LIMIT 1",
                ({"hashtag_user": "hashtag", "people": "user"}.get(part, part), first, HEAVY),
            ).fetchone()
            if owner is None:
                continue
            first = owner[0]
        yield first
