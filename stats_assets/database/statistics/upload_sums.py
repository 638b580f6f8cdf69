"""What was uploaded in a quarter of an hour and on a day. SQL of a batch, after uploads.py's and people.py's.

A quarter that a change touches (of a user: a day) is added up anew from its uploads and facts; a day is changed by
what its quarters are now more or less. Where facts of a quarter are away, it and its day stay as they were applied.
"""

# ruff: noqa: S608 - SQL is made of constants

from stats_assets.database.statistics.aggregates import merged
from stats_assets.database.statistics.uploads import DIFFERS

SUM_TABLES = """
CREATE TEMPORARY TABLE IF NOT EXISTS step_changes (
    owner text COLLATE "C", owner_id bigint, minutes smallint, begins timestamptz, lacking boolean, changesets bigint,
    users bigint, edits bigint, counts jsonb, measurements jsonb, had_edits bigint, had_counts jsonb,
    had_measurements jsonb
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS day_changes (
    owner text COLLATE "C", owner_id bigint, begins timestamptz, changesets bigint, edits bigint, counts jsonb,
    measurements jsonb
) ON COMMIT DELETE ROWS
"""
# fresh: all that has changed is that uploads came, which are added to what is there; else all of the step is added
# up anew.
TOUCHED = f"""
SELECT row_number() OVER () AS n, s.* FROM (
    SELECT owner, owner_id, CASE owner WHEN 'user' THEN 1440 ELSE 15 END AS minutes,
        step_of(sequence, CASE owner WHEN 'user' THEN 1440 ELSE 15 END) AS begins,
        bool_and(had_edits IS NULL AND edits IS NOT NULL) AS fresh
    FROM upload_changes
    WHERE {DIFFERS} OR (changeset_id, sequence) IN (
        SELECT changeset_id, sequence FROM statistics_queue WHERE id = ANY (%(entries)s) AND sequence IS NOT NULL
    )
    GROUP BY 1, 2, 3, 4
) AS s
"""
_OF_STEP = """u.owner = t.owner AND u.owner_id = t.owner_id
            AND u.sequence > minute_of(t.begins) AND u.sequence <= minute_of(t.begins) + t.minutes"""


def _object(which: str) -> str:
    return f"""(
        SELECT n, jsonb_object_agg(key, trim_scale(total)) AS {which} FROM (
            SELECT n, key COLLATE "C" AS key, sum(value::numeric) AS total
            FROM parts, jsonb_each({which}) WHERE n IN (SELECT n FROM totals WHERE NOT alone) GROUP BY 1, 2
        ) AS sums WHERE total <> 0 GROUP BY n
    ) AS {which} USING (n)"""


ADD_UP = f"""
WITH touched AS MATERIALIZED ({TOUCHED}), wanted AS MATERIALIZED (
    SELECT t.n, t.owner, t.owner_id, c.changeset_id, c.sequence, c.edits
    FROM touched AS t JOIN upload_changes AS c ON c.owner = t.owner AND c.owner_id = t.owner_id
        AND step_of(c.sequence, t.minutes) = t.begins AND c.had_edits IS NULL
    WHERE t.fresh
    UNION ALL
    SELECT t.n, t.owner, t.owner_id, u.changeset_id, u.sequence, u.edits
    FROM touched AS t CROSS JOIN LATERAL (SELECT * FROM uploads AS u WHERE {_OF_STEP} OFFSET 0) AS u
    WHERE NOT t.fresh
), had AS MATERIALIZED (
    SELECT t.n, s.edits, s.counts, s.measurements FROM touched AS t CROSS JOIN LATERAL (
        SELECT * FROM upload_sums AS s WHERE s.owner = t.owner AND s.owner_id = t.owner_id
            AND s.minutes = t.minutes AND s.begins = t.begins OFFSET 0
    ) AS s
), parts AS MATERIALIZED (
    SELECT n, edits, counts, measurements, false AS lacking FROM had JOIN touched AS t USING (n) WHERE t.fresh
    UNION ALL
    SELECT w.n, w.edits, f.counts, f.measurements, f.counts IS NULL
    FROM wanted AS w LEFT JOIN LATERAL (
        SELECT counts, measurements FROM changeset_edits AS f
        WHERE f.sequence = w.sequence AND f.changeset_id = w.changeset_id OFFSET 0
    ) AS f ON true
    WHERE w.owner <> 'country'
    UNION ALL
    SELECT w.n, w.edits, f.counts, f.measurements, f.counts IS NULL
    FROM wanted AS w
    JOIN countries AS c ON c.id = w.owner_id
    LEFT JOIN LATERAL (
        SELECT counts, measurements FROM changeset_edits_countries AS f
        WHERE f.sequence = w.sequence AND f.changeset_id = w.changeset_id AND f.region = c.code OFFSET 0
    ) AS f ON true
    WHERE w.owner = 'country'
), totals AS MATERIALIZED (
    SELECT n, sum(edits) AS edits,
        bool_or(lacking) AS lacking, (array_agg(counts))[1] AS one_counts, (array_agg(measurements))[1]
            AS one_measurements,
        -- of one there is nothing to add, unless it says 0
        count(*) = 1 AND CASE WHEN count(*) = 1 THEN NOT jsonb_path_exists((array_agg(counts))[1], '$.* ? (@ == 0)')
            AND NOT jsonb_path_exists((array_agg(measurements))[1], '$.* ? (@ == 0)') ELSE false END IS TRUE AS alone
    FROM parts GROUP BY n
)
INSERT INTO step_changes
SELECT t.owner, t.owner_id, t.minutes, t.begins, coalesce(lacking, false), there.changesets, there.users,
    coalesce(s.edits, 0), coalesce(CASE WHEN alone THEN one_counts ELSE counts.counts END, '{{}}'),
    coalesce(CASE WHEN alone THEN one_measurements ELSE measurements.measurements END, '{{}}'), coalesce(had.edits, 0),
    coalesce(had.counts, '{{}}'), coalesce(had.measurements, '{{}}')
FROM touched AS t
CROSS JOIN LATERAL (
    SELECT count(DISTINCT changeset_id) AS changesets, count(DISTINCT user_id) AS users FROM uploads AS u
    WHERE {_OF_STEP}
) AS there
LEFT JOIN totals AS s USING (n) LEFT JOIN {_object("counts")} LEFT JOIN {_object("measurements")}
LEFT JOIN had USING (n)
"""
# What rests on such a quarter is looked at again when the facts are back.
HOLD_LACKING = """
INSERT INTO statistics_held (changeset_id, sequence)
SELECT DISTINCT c.changeset_id, c.sequence
FROM step_changes AS s JOIN upload_changes AS c ON c.owner = s.owner AND c.owner_id = s.owner_id
    AND step_of(c.sequence, s.minutes) = s.begins
WHERE s.lacking AND NOT EXISTS (
    SELECT FROM statistics_held AS h WHERE h.changeset_id = c.changeset_id AND h.sequence = c.sequence
) AND EXISTS (
    SELECT FROM facts_away(ARRAY(
        SELECT u.sequence::bigint FROM uploads AS u WHERE u.owner = s.owner AND u.owner_id = s.owner_id
            AND u.sequence > minute_of(s.begins) AND u.sequence <= minute_of(s.begins) + s.minutes
    ))
)
ORDER BY 1, 2
"""


def _difference(which: str) -> str:
    return f"""(
        SELECT owner, owner_id, begins, jsonb_object_agg(key, trim_scale(total)) AS {which} FROM (
            SELECT owner, owner_id, day AS begins, key, sum(value) AS total FROM (
                SELECT owner, owner_id, day, key, value::numeric FROM quarters, jsonb_each({which})
                UNION ALL
                SELECT owner, owner_id, day, key, -value::numeric FROM quarters, jsonb_each(had_{which})
            ) AS sides GROUP BY owner, owner_id, day, key
        ) AS sums WHERE total <> 0 GROUP BY owner, owner_id, begins
    ) AS {which} USING (owner, owner_id, begins)"""


OF_UPLOAD_DAYS = f"""
WITH quarters AS MATERIALIZED (
    SELECT *, date_trunc('day', begins AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS day
    FROM step_changes WHERE minutes = 15 AND NOT lacking
), edited AS (
    SELECT owner, owner_id, day AS begins, sum(edits - had_edits) AS edits FROM quarters GROUP BY owner, owner_id, day
), present AS (
    SELECT owner, owner_id, day::timestamp AT TIME ZONE 'UTC' AS begins,
        count(DISTINCT changeset_id) FILTER (WHERE edits IS NOT NULL)
            - count(DISTINCT changeset_id) FILTER (WHERE had_edits IS NOT NULL) AS changesets
    FROM upload_changes WHERE owner <> 'user' GROUP BY owner, owner_id, day
)
INSERT INTO day_changes
SELECT owner, owner_id, begins, coalesce(changesets, 0), coalesce(edits, 0), coalesce(counts, '{{}}'),
    coalesce(measurements, '{{}}')
FROM present FULL JOIN edited USING (owner, owner_id, begins)
LEFT JOIN {_difference("counts")} LEFT JOIN {_difference("measurements")}
"""
SAVE_STEPS = """
INSERT INTO upload_sums AS s (owner, owner_id, minutes, begins, changesets, users, edits, counts, measurements)
SELECT owner, owner_id, minutes, begins, changesets, users, edits, counts, measurements
FROM step_changes WHERE changesets > 0 AND NOT lacking
ORDER BY owner, owner_id, minutes, begins
ON CONFLICT (owner, owner_id, minutes, begins) DO UPDATE SET changesets = excluded.changesets, users = excluded.users,
    edits = excluded.edits, counts = excluded.counts, measurements = excluded.measurements
WHERE (s.changesets, s.users, s.edits, s.counts, s.measurements)
    IS DISTINCT FROM (excluded.changesets, excluded.users, excluded.edits, excluded.counts, excluded.measurements)
"""
SAVE_UPLOAD_DAYS = f"""
INSERT INTO upload_sums AS g (owner, owner_id, minutes, begins, changesets, users, edits, counts, measurements)
SELECT owner, owner_id, 1440, begins, changesets, (
        SELECT count(*) FROM people_days AS p WHERE p.owner = d.owner AND p.owner_id = d.owner_id
            AND p.day = (d.begins AT TIME ZONE 'UTC')::date
    ), edits, counts, measurements
FROM day_changes AS d
ORDER BY owner, owner_id, begins
ON CONFLICT (owner, owner_id, minutes, begins) DO UPDATE SET changesets = g.changesets + excluded.changesets,
    users = excluded.users, edits = g.edits + excluded.edits, counts = {merged("counts")},
    measurements = {merged("measurements")}
"""
FORGET_SUMS = """
DELETE FROM upload_sums WHERE ctid = ANY (ARRAY(
    SELECT s.ctid
    FROM (
        SELECT owner, owner_id, minutes, begins FROM step_changes WHERE changesets = 0
        UNION ALL
        SELECT owner, owner_id, 1440, begins FROM day_changes WHERE changesets < 0
    ) AS c CROSS JOIN LATERAL (
        SELECT ctid FROM upload_sums AS s WHERE s.owner = c.owner AND s.owner_id = c.owner_id
            AND s.minutes = c.minutes AND s.begins = c.begins
            AND (c.minutes = 15 OR c.owner = 'user' OR s.changesets = 0) OFFSET 0
    ) AS s
))
"""
APPLY_SUMS = (ADD_UP, HOLD_LACKING, OF_UPLOAD_DAYS, SAVE_STEPS, SAVE_UPLOAD_DAYS, FORGET_SUMS)
