"""How a rebuild writes what differs in the roll-ups: the rows that a verification found, as they should be.

SQL around a verification's query, as one statement, while no applier is at work. What differs elsewhere is mended by the
queue, or by deltas (passes.py).
"""

from typing import Final

MENDS: Final[dict[str, str]] = {
    "upload_sums": """
WITH differing AS MATERIALIZED (
{}
), gone AS (
    DELETE FROM upload_sums AS s USING differing AS d
    WHERE d.expected IS NULL AND s.owner = d.owner AND s.owner_id = d.owner_id AND s.minutes = d.minutes
        AND s.begins = d.begins
)
INSERT INTO upload_sums (owner, owner_id, minutes, begins, changesets, users, edits, counts, measurements)
SELECT owner, owner_id, minutes, begins, (expected->>'changesets')::bigint, (expected->>'users')::bigint,
    (expected->>'edits')::bigint, expected->'counts', expected->'measurements'
FROM differing WHERE expected IS NOT NULL
ON CONFLICT (owner, owner_id, minutes, begins) DO UPDATE SET changesets = excluded.changesets, users = excluded.users,
    edits = excluded.edits, counts = excluded.counts, measurements = excluded.measurements
""",
    "people": """
WITH differing AS MATERIALIZED (
{}
), gone AS (
    DELETE FROM people_days AS p USING differing AS d
    WHERE d.expected IS NULL AND p.user_id = d.user_id AND p.clock = d.clock AND p.owner = d.owner
        AND p.owner_id = d.owner_id AND p.day = d.day
)
INSERT INTO people_days (clock, owner, owner_id, day, user_id, changesets, edits, before)
SELECT clock, owner, owner_id, day, user_id, (expected->>'changesets')::bigint, (expected->>'edits')::bigint,
    (expected->>'before')::date
FROM differing WHERE expected IS NOT NULL
ON CONFLICT (user_id, clock, owner, owner_id, day) DO UPDATE SET changesets = excluded.changesets,
    edits = excluded.edits, before = excluded.before
""",
    **{
        f"milestones_{owner}": """
INSERT INTO milestones_due (owner, owner_id)
SELECT DISTINCT owner, owner_id FROM (
{}
) AS differing ORDER BY 1, 2 ON CONFLICT DO NOTHING
"""
        for owner in ("user", "hashtag")
    },
}
