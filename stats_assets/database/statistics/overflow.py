"""Changesets whose facts say more than their columns hold: found when the applier was refused, and named.

The columns are integers as OSMesa's are. Nothing is cut, and no sequence is charged: what is queued waits.
"""

from stats_assets.database.connection import Connection
from stats_assets.database.failures import DatabaseFailed

MOST = 2**31 - 1
SHOWN = 5


class DoesNotFit(DatabaseFailed):
    """Facts of a changeset say more than its columns can hold; the message names it and the facts' sequences."""


def what_does_not_fit(connection: Connection, batch: int) -> DoesNotFit | None:
    """Which of the first entries of the queue, so many, have facts that do not fit; None: it is not that."""
    rows = connection.execute(TOO_MUCH, {"batch": batch, "most": MOST}).fetchall()
    if not rows:
        return None
    said = [
        f"changeset {changeset} has {max(edits, there)} edits by sequences {', '.join(map(str, sequences[:SHOWN]))}"
        + (" …" if len(sequences) > SHOWN else "")
        for changeset, edits, there, sequences in rows[:SHOWN]
    ]
    return DoesNotFit(
        f"The statistics hold integers up to {MOST} of a changeset, and facts say more: {'; '.join(said)}. Such facts"
        " are wrong, or their feed is. No changeset of this batch was applied, and the queue waits. Have these"
        " sequences counted again: stats-assets backfill --stream augmented_diffs --start N --end N."
    )


TOO_MUCH = """
WITH picked AS (
    SELECT changeset_id, sequence FROM statistics_queue ORDER BY id LIMIT %(batch)s
), wanted AS (
    SELECT id, unnest(augmented_diffs)::bigint AS sequence FROM changesets WHERE id IN (SELECT changeset_id FROM picked)
    UNION
    SELECT changeset_id, sequence FROM picked WHERE sequence IS NOT NULL
), found AS (
    SELECT w.id, w.sequence, f.total_edits, r.edit_count
    FROM wanted AS w CROSS JOIN LATERAL (
        SELECT total_edits FROM changeset_edits AS f WHERE f.sequence = w.sequence AND f.changeset_id = w.id OFFSET 0
    ) AS f LEFT JOIN LATERAL (
        SELECT max(edit_count) AS edit_count FROM changeset_edits_countries AS f
        WHERE f.sequence = w.sequence AND f.changeset_id = w.id
    ) AS r ON true
)
SELECT id, sum(total_edits), coalesce(sum(edit_count), 0), array_agg(sequence ORDER BY sequence)
FROM found GROUP BY id
HAVING sum(total_edits) > %(most)s OR sum(edit_count) > %(most)s OR max(sequence) > %(most)s
ORDER BY id
"""
