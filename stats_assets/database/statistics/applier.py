"""The statistics' applier: brings changesets and aggregates up to date with the facts, by difference, exactly.

It alone writes `changesets` and their links. What a changeset contributes is said once, by the migrations'
`contributions_of`; how differences get into the aggregates is aggregates.py's; what changed is said by the queue.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from psycopg import IsolationLevel, errors
from psycopg.rows import TupleRow

from stats_assets.database import locks
from stats_assets.database.connection import Connection, retried
from stats_assets.database.facts.ranges import note, require_tables
from stats_assets.database.statistics.aggregates import ADD, APPLY, DELTAS, SUBTRACT
from stats_assets.database.statistics.overflow import what_does_not_fit
from stats_assets.database.statistics.owners import OWNERS, Owner

BATCH = 2_000
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
    entries = changesets = batches = 0
    with _alone(connection) as alone:
        while alone:
            try:
                done = retried(lambda: _apply_batch(connection))
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
        FROM (SELECT owner_id, edits, changesets FROM aggregates WHERE owner = %(owner)s AND member_id = 0
            ORDER BY edits DESC, owner_id LIMIT %(most)s) AS t
        LEFT JOIN {table} AS n ON n.id = t.owner_id
        ORDER BY t.edits DESC, t.owner_id
        """.encode(),  # noqa: S608 - constants
        {"owner": owner, "most": most},
    ).fetchall()


def save_countries(connection: Connection, regions: dict[str, str]) -> None:
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


def _apply_batch(connection: Connection) -> Applied:
    """One transaction on one snapshot: entries queued after it, and the facts they stand for, are the next batch's."""
    connection.execute(DELTAS)
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        with connection.transaction():
            picked = connection.execute(
                "SELECT id, changeset_id FROM statistics_queue ORDER BY id LIMIT %s", (BATCH,)
            ).fetchall()
            changesets = sorted({changeset for _, changeset in picked})
            batch = {"entries": [entry for entry, _ in picked], "changesets": changesets}
            held = _resting_on_what_is_away(connection, batch) if picked else set()
            batch |= {"whole": [n for n in changesets if n not in held], "held": sorted(held)}
            for statement in STEPS if picked else (REFRESHED,):
                connection.execute(statement, batch)
            return Applied(len(picked), len(changesets), 1 if picked else 0)
    finally:
        connection.isolation_level = None


def _resting_on_what_is_away(connection: Connection, batch: dict[str, list[int]]) -> set[int]:
    """Those of the changesets of which a fact that was applied, or is to be, is not there, and is not taken back."""
    lost = connection.execute(LOST, batch).fetchall()
    sequences = sorted({sequence for _, sequence in lost})
    away = {row[0] for row in connection.execute("SELECT facts_away(%s::bigint[])", (sequences,)).fetchall()}
    return {changeset for changeset, sequence in lost if sequence in away}


# Facts are looked up sequence by sequence (LATERAL, and OFFSET keeps the planner from undoing it): a join of another
# kind would read the facts of all times, since only a known sequence says which partition is needed.
LOST = """
SELECT w.id, w.sequence
FROM (
    SELECT id, unnest(augmented_diffs)::bigint AS sequence FROM changesets WHERE id = ANY (%(changesets)s)
    UNION
    SELECT changeset_id, sequence FROM statistics_queue WHERE id = ANY (%(entries)s) AND sequence IS NOT NULL
) AS w
LEFT JOIN LATERAL (
    SELECT true AS found FROM changeset_edits AS f WHERE f.sequence = w.sequence AND f.changeset_id = w.id OFFSET 0
) AS f ON true
WHERE found IS NULL
UNION
SELECT w.id, w.sequence
FROM (
    SELECT changeset_id AS id, unnest(augmented_diffs)::bigint AS sequence FROM changesets_countries
    WHERE changeset_id = ANY (%(changesets)s)
    UNION
    SELECT changeset_id, sequence FROM statistics_queue WHERE id = ANY (%(entries)s) AND sequence IS NOT NULL
) AS w
LEFT JOIN LATERAL (
    SELECT true AS found FROM changeset_edits_countries AS f
    WHERE f.sequence = w.sequence AND f.changeset_id = w.id LIMIT 1
) AS f ON true
WHERE found IS NULL
"""
APPLY_CHANGESETS = """
WITH wanted AS (
    SELECT id AS changeset_id, unnest(augmented_diffs)::bigint AS sequence FROM changesets WHERE id = ANY (%(whole)s)
    UNION
    SELECT changeset_id, sequence FROM statistics_queue
    WHERE id = ANY (%(entries)s) AND changeset_id = ANY (%(whole)s) AND sequence IS NOT NULL
), edits AS (
    SELECT f.changeset_id, array_agg(f.sequence ORDER BY f.sequence) AS sequences, max(edited_at) AS edited_at,
        sum(total_edits) AS total_edits, jsonb_sum(counts) AS counts, jsonb_sum(measurements) AS measurements,
        (array_agg(user_id ORDER BY edited_at DESC, user_id DESC) FILTER (WHERE user_id IS NOT NULL))[1] AS user_id
    FROM wanted AS w CROSS JOIN LATERAL (
        SELECT * FROM changeset_edits AS f WHERE f.sequence = w.sequence AND f.changeset_id = w.changeset_id OFFSET 0
    ) AS f
    GROUP BY f.changeset_id
)
INSERT INTO changesets AS c (id, measurements, counts, total_edits, editor, user_id, created_at, closed_at,
    augmented_diffs, updated_at, comment, min_lon, min_lat, max_lon, max_lat, comments_count, num_changes, open,
    edited_at)
SELECT id, coalesce(e.measurements, '{}'), coalesce(e.counts, '{}'), coalesce(e.total_edits, 0), m.editor,
    coalesce(e.user_id, m.user_id), m.created_at, m.closed_at, coalesce(e.sequences, '{}'), now(), m.comment,
    m.min_lon, m.min_lat, m.max_lon, m.max_lat, m.comments_count, m.num_changes, m.open, e.edited_at
FROM unnest(%(whole)s::bigint[]) AS id
LEFT JOIN edits AS e ON e.changeset_id = id
LEFT JOIN changeset_metadata AS m ON m.changeset_id = id
ORDER BY id
ON CONFLICT (id) DO UPDATE SET measurements = excluded.measurements, counts = excluded.counts,
    total_edits = excluded.total_edits, editor = excluded.editor, user_id = excluded.user_id,
    created_at = excluded.created_at, closed_at = excluded.closed_at, augmented_diffs = excluded.augmented_diffs,
    updated_at = excluded.updated_at, comment = excluded.comment, min_lon = excluded.min_lon,
    min_lat = excluded.min_lat, max_lon = excluded.max_lon, max_lat = excluded.max_lat,
    comments_count = excluded.comments_count, num_changes = excluded.num_changes, open = excluded.open,
    edited_at = excluded.edited_at
"""
# What the changeset feed says of a changeset needs no facts.
KEEP_CHANGESETS = """
UPDATE changesets AS c SET editor = m.editor, user_id = coalesce(c.user_id, m.user_id), created_at = m.created_at,
    closed_at = m.closed_at, updated_at = now(), comment = m.comment, min_lon = m.min_lon, min_lat = m.min_lat,
    max_lon = m.max_lon, max_lat = m.max_lat, comments_count = m.comments_count, num_changes = m.num_changes,
    open = m.open
FROM unnest(%(held)s::bigint[]) AS kept LEFT JOIN changeset_metadata AS m ON m.changeset_id = kept
WHERE c.id = kept
"""
KEEP_COUNTRIES = """
UPDATE changesets_countries AS l SET counted_there_at = c.counted_at
FROM changesets AS c
WHERE l.changeset_id = ANY (%(held)s) AND c.id = l.changeset_id AND l.counted_there_at IS DISTINCT FROM c.counted_at
"""
HOLD = """
INSERT INTO statistics_held (changeset_id, sequence)
SELECT DISTINCT changeset_id, sequence FROM statistics_queue AS q
WHERE id = ANY (%(entries)s) AND changeset_id = ANY (%(held)s) AND NOT EXISTS (
    SELECT FROM statistics_held AS h
    WHERE h.changeset_id = q.changeset_id AND h.sequence IS NOT DISTINCT FROM q.sequence
)
ORDER BY 1, 2
"""
FORGET_COUNTRIES = "DELETE FROM changesets_countries WHERE changeset_id = ANY (%(whole)s)"
APPLY_COUNTRIES = """
INSERT INTO changesets_countries (changeset_id, country_id, edit_count, augmented_diffs, counts_there,
    measurements_there, counted_there_at)
SELECT sums.id, countries.id, edit_count, sequences, counts, measurements, counted_at
FROM (
    SELECT c.id, c.counted_at, f.region, sum(f.edit_count) AS edit_count,
        array_agg(f.sequence ORDER BY f.sequence) AS sequences,
        jsonb_sum(f.counts) AS counts, jsonb_sum(f.measurements) AS measurements
    FROM (SELECT id, counted_at, unnest(augmented_diffs)::bigint AS sequence FROM changesets
        WHERE id = ANY (%(whole)s)) AS c
    CROSS JOIN LATERAL (
        SELECT * FROM changeset_edits_countries AS f WHERE f.sequence = c.sequence AND f.changeset_id = c.id OFFSET 0
    ) AS f
    GROUP BY c.id, c.counted_at, f.region
) AS sums
JOIN countries ON countries.code = sums.region
ORDER BY sums.id, countries.id
"""
NEW_HASHTAGS = """
INSERT INTO hashtags (hashtag)
SELECT DISTINCT tag FROM changeset_metadata, unnest(hashtags) AS tag
WHERE changeset_id = ANY (%(changesets)s) AND NOT EXISTS (SELECT FROM hashtags AS h WHERE h.hashtag = tag)
ORDER BY tag
"""
FORGET_HASHTAGS = "DELETE FROM changesets_hashtags WHERE changeset_id = ANY (%(changesets)s)"
APPLY_HASHTAGS = """
INSERT INTO changesets_hashtags (changeset_id, hashtag_id, tagged_by, tagged_at)
SELECT m.changeset_id, h.id, c.user_id, c.counted_at
FROM changeset_metadata AS m JOIN changesets AS c ON c.id = m.changeset_id,
    unnest(m.hashtags) AS tag JOIN hashtags AS h ON h.hashtag = tag
WHERE m.changeset_id = ANY (%(changesets)s)
ORDER BY m.changeset_id, h.id
"""
FORGET_CHANGESETS = """
DELETE FROM changesets AS c
WHERE id = ANY (%(changesets)s) AND augmented_diffs = '{}'
    AND NOT EXISTS (SELECT FROM changeset_metadata AS m WHERE m.changeset_id = c.id)
"""
FORGET_ENTRIES = "DELETE FROM statistics_queue WHERE id = ANY (%(entries)s)"
REFRESHED = "UPDATE refreshments SET updated_at = now()"
STEPS: tuple[str, ...] = (
    *(
        SUBTRACT,
        APPLY_CHANGESETS,
        KEEP_CHANGESETS,
        KEEP_COUNTRIES,
        HOLD,
        FORGET_COUNTRIES,
        APPLY_COUNTRIES,
        NEW_HASHTAGS,
        FORGET_HASHTAGS,
        APPLY_HASHTAGS,
    ),
    *(FORGET_CHANGESETS, ADD, *APPLY, FORGET_ENTRIES, REFRESHED),
)
