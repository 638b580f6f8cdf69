"""The statistics' applier: brings changesets and aggregates up to date with the facts, by difference, exactly.

It alone writes `changesets` and their links. What a changeset contributes is said once, by the migrations'
`contributions_of`; a batch's statements are steps.py's; what changed is said by the queue.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from psycopg import IsolationLevel, errors
from psycopg.rows import TupleRow

from stats_assets.database import locks
from stats_assets.database.connection import Connection, retried
from stats_assets.database.facts.ranges import note, require_tables
from stats_assets.database.statistics.overflow import what_does_not_fit
from stats_assets.database.statistics.owners import OWNERS, Owner
from stats_assets.database.statistics.steps import LOST, OF_HELD, REFRESHED, STEPS, TEMPORARY

BATCH = 5_000  # entries; a changeset has one of each minute that it was edited or told of in
WAIT_SECONDS = 30.0  # for another applier


class Applied(NamedTuple):
    """What was brought up to date: entries of the queue, distinct changesets, batches."""

    entries: int
    changesets: int
    batches: int


def apply_queue(connection: Connection, progress: Callable[[int], None] = lambda left: None) -> Applied:
    """Apply what is queued now, in batches of one transaction each; `progress` hears how many entries are left.

    One applier works at a time. Another waits for it a while, and then leaves its entries to whoever comes next.
    What facts of a changeset say stays as it was applied while others of it are away. Raises FactsAway when the facts'
    tables themselves are, DoesNotFit when facts of a changeset say more than its columns hold.
    """
    require_tables(connection)
    note(connection)
    row = connection.execute("SELECT max(id) FROM statistics_queue").fetchone()
    newest = row[0] if row else None
    if newest is not None:  # nothing to do leaves no trace in the catalog
        connection.execute(TEMPORARY)
    entries = changesets = batches = 0
    with _alone(connection) as alone:
        while alone:
            try:
                done = retried(lambda: _apply_batch(connection, 0 if newest is None else BATCH))
            except errors.NumericValueOutOfRange:
                if unfit := what_does_not_fit(connection, BATCH):
                    raise unfit from None
                raise
            if not done.entries or newest is None:
                break
            entries, changesets, batches = entries + done.entries, changesets + done.changesets, batches + 1
            row = connection.execute(
                "SELECT count(*) FROM statistics_queue WHERE id <= %s", (newest,)
            ).fetchone()
            left = int(row[0]) if row else 0
            progress(left)
            if not left:
                break
    return Applied(entries, changesets, batches)


def applying(connection: Connection) -> bool:
    """Whether an applier is at work just now."""
    if locks.try_for(connection, locks.APPLIER):
        locks.release(connection, locks.APPLIER)
        return False
    return True


def queued(connection: Connection) -> int:
    """How many entries wait for the applier."""
    row = connection.execute("SELECT count(*) FROM statistics_queue").fetchone()
    return int(row[0]) if row else 0


def leaders(connection: Connection, owner: Owner, most: int) -> list[TupleRow]:
    """The owners with most edits, of a kind with names: (name, edits, changesets), read from an index."""
    named = OWNERS[owner].named
    assert named is not None  # noqa: S101 - such are asked for
    table, name = named
    return connection.execute(
        f"""
        SELECT coalesce(n.{name}, t.owner_id::text), t.edits, t.changesets
        FROM (SELECT owner_id, edits, changesets FROM aggregates_ranked WHERE owner = %(owner)s AND member_id = 0
            ORDER BY edits DESC, owner_id LIMIT %(most)s) AS t
        LEFT JOIN {table} AS n ON n.id = t.owner_id
        ORDER BY t.edits DESC, t.owner_id
        """.encode(),  # noqa: S608 - constants
        {"owner": owner, "most": most},
    ).fetchall()


def save_countries(connection: Connection, regions: Mapping[str, str]) -> None:
    """Make the regions known as countries (code → name), under their present names; ids stay for ever."""
    given = {"codes": list(regions), "names": list(regions.values())}
    connection.execute(
        """
        INSERT INTO countries (code, name)
        SELECT code, name FROM unnest(%(codes)s::text[], %(names)s::text[]) AS new(code, name)
        WHERE NOT EXISTS (SELECT FROM countries AS c WHERE c.code = new.code) ORDER BY code
        ON CONFLICT (code) DO NOTHING
        """,
        given,
    )
    connection.execute(
        """
        UPDATE countries AS c SET name = new.name
        FROM unnest(%(codes)s::text[], %(names)s::text[]) AS new(code, name)
        WHERE c.code = new.code AND c.name IS DISTINCT FROM new.name
        """,
        given,
    )


def keep_refreshments(connection: Connection, rows: int) -> None:
    """Have four rows in `refreshments`, or three: OSMesa's stat-server fails at the fourth, scoreboard without it."""
    if rows == 4:
        connection.execute(
            "INSERT INTO refreshments SELECT 'hashtag_user_statistics', max(updated_at) FROM refreshments"
            " ON CONFLICT (mat_view) DO NOTHING"
        )
    else:
        connection.execute("DELETE FROM refreshments WHERE mat_view = 'hashtag_user_statistics'")


@contextmanager
def _alone(connection: Connection) -> Iterator[bool]:
    # Taken before the snapshot of the first batch: a snapshot from before another applier's end would be refused.
    until = time.monotonic() + WAIT_SECONDS
    while not locks.try_for(connection, locks.APPLIER):
        if time.monotonic() > until:
            yield False
            return
        time.sleep(0.1)
    try:
        yield True
    finally:
        locks.release(connection, locks.APPLIER)


def _apply_batch(connection: Connection, most: int) -> Applied:
    """One transaction on one snapshot: entries queued after it, and the facts they stand for, are the next batch's.

    most: entries.
    """
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        with connection.transaction():
            picked = connection.execute(
                "SELECT id, changeset_id FROM statistics_queue ORDER BY id LIMIT %s", (most,)
            ).fetchall()
            changesets = sorted({changeset for _, changeset in picked})
            batch = {"entries": [entry for entry, _ in picked], "changesets": changesets}
            held = _resting_on_what_is_away(connection, batch) if picked else set()
            batch |= {"whole": [n for n in changesets if n not in held], "held": sorted(held)}
            for statement in STEPS if picked else (REFRESHED,):
                if held or statement not in OF_HELD:
                    # Planned for this batch: a plan for sixty changesets is a bad one for thousands.
                    connection.execute(statement, batch, prepare=False)
            return Applied(len(picked), len(changesets), 1 if picked else 0)
    finally:
        connection.isolation_level = None


def _resting_on_what_is_away(connection: Connection, batch: dict[str, list[int]]) -> set[int]:
    """Those of the changesets of which a fact that was applied, or is to be, is not there, and is not taken back."""
    lost = connection.execute(LOST, batch).fetchall()
    sequences = sorted({sequence for _, sequence in lost})
    away = {row[0] for row in connection.execute("SELECT facts_away(%s::bigint[])", (sequences,)).fetchall()}
    return {changeset for changeset, sequence in lost if sequence in away}
