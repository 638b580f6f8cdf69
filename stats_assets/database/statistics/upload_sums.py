"""What was uploaded in a quarter of an hour and on a day. SQL of a batch, after uploads.py's and people.py's.

Uploads that came to a quarter (of a user: to a day) are added to it; where others have changed, it is added up anew
from its uploads and facts. A day is changed by what its quarters are now more or less. Where facts of a quarter are
away, it and its day stay as they were applied.
"""

# ruff: noqa: S608 - SQL is made of constants

from stats_assets.database.statistics.aggregates import merged
from stats_assets.database.statistics.uploads import DIFFERS

# counts, measurements, more: what a step is now more or less; its changesets, users and edits are in all.
SUM_TABLES = """
CREATE TEMPORARY TABLE IF NOT EXISTS step_changes (
    owner text COLLATE "C", owner_id bigint, minutes smallint, begins timestamptz, lacking boolean, changesets bigint,
    users bigint, edits bigint, more bigint, counts jsonb, measurements jsonb
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS day_changes (
    owner text COLLATE "C", owner_id bigint, begins timestamptz, changesets bigint, edits bigint, counts jsonb,
    measurements jsonb
) ON COMMIT DELETE ROWS
"""
_BEGINS = "step_of(sequence, CASE owner WHEN 'user' THEN 1440 ELSE 15 END)"
# fresh: all that has changed is that uploads came, which are added to what is there; else all of the step is added
# up anew.
TOUCHED = f"""
SELECT row_number() OVER () AS n, s.* FROM (
    SELECT owner, owner_id, CASE owner WHEN 'user' THEN 1440 ELSE 15 END AS minutes,
        {_BEGINS} AS begins,
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


# Of one there is nothing to add, unless it says 0.
_PLAIN = "NOT jsonb_path_exists(counts, '$.* ? (@ == 0)') AND NOT jsonb_path_exists(measurements, '$.* ? (@ == 0)')"


def _more(which: str) -> str:
    return f"""(
        SELECT n, jsonb_object_agg(key, trim_scale(total)) AS {which} FROM (
            SELECT n, key, sum(value) AS total FROM (
                SELECT n, key COLLATE "C" AS key, value::numeric FROM several, jsonb_each({which})
                UNION ALL
                SELECT n, key COLLATE "C", -value::numeric FROM had, jsonb_each({which}) WHERE NOT fresh
            ) AS sides GROUP BY n, key
        ) AS sums WHERE total <> 0 GROUP BY n
    ) AS {which} USING (n)"""


# A fact is fetched once, whoever counts it: s is its number, n a step's.
ADD_UP = f"""
WITH touched AS MATERIALIZED ({TOUCHED}), wanted AS MATERIALIZED (
    SELECT *, dense_rank() OVER (ORDER BY changeset_id, sequence, country_id) AS s FROM (
        SELECT t.n, c.changeset_id, c.sequence, CASE t.owner WHEN 'country' THEN t.owner_id ELSE 0 END AS country_id,
            c.edits, c.user_id, c.before IS NULL OR c.before <= minute_of(t.begins) AS first
        FROM touched AS t JOIN upload_changes AS c ON c.owner = t.owner AND c.owner_id = t.owner_id
            AND t.begins = {_BEGINS.replace("sequence", "c.sequence").replace("owner", "c.owner")}
            AND c.had_edits IS NULL
        WHERE t.fresh
        UNION ALL
        SELECT t.n, u.changeset_id, u.sequence, CASE t.owner WHEN 'country' THEN t.owner_id ELSE 0 END,
            u.edits, u.user_id, u.before IS NULL OR u.before <= minute_of(t.begins)
        FROM touched AS t CROSS JOIN LATERAL (SELECT * FROM uploads AS u WHERE {_OF_STEP} OFFSET 0) AS u
        WHERE NOT t.fresh
    ) AS w
), had AS MATERIALIZED (
    SELECT t.n, t.fresh, s.changesets, s.edits, s.counts, s.measurements FROM touched AS t CROSS JOIN LATERAL (
        SELECT * FROM upload_sums AS s WHERE s.owner = t.owner AND s.owner_id = t.owner_id
            AND s.minutes = t.minutes AND s.begins = t.begins OFFSET 0
    ) AS s
), sources AS (
    SELECT DISTINCT s, changeset_id, sequence, country_id FROM wanted
), facts AS MATERIALIZED (
    SELECT w.s, f.counts, f.measurements, {_PLAIN} AS plain
    FROM sources AS w CROSS JOIN LATERAL (
        SELECT counts, measurements FROM changeset_edits AS f
        WHERE f.sequence = w.sequence AND f.changeset_id = w.changeset_id OFFSET 0
    ) AS f
    WHERE w.country_id = 0
    UNION ALL
    SELECT w.s, f.counts, f.measurements, {_PLAIN}
    FROM sources AS w JOIN countries AS c ON c.id = w.country_id CROSS JOIN LATERAL (
        SELECT counts, measurements FROM changeset_edits_countries AS f
        WHERE f.sequence = w.sequence AND f.changeset_id = w.changeset_id AND f.region = c.code OFFSET 0
    ) AS f
), totals AS MATERIALIZED (
    SELECT w.n, sum(w.edits) AS edits, bool_or(f.s IS NULL) AS lacking, count(*) FILTER (WHERE first) AS changesets,
        count(DISTINCT user_id) AS users,
        CASE WHEN count(*) = 1 AND bool_and(plain) AND bool_and(t.fresh OR had.n IS NULL) THEN min(f.s) END AS alone
    FROM wanted AS w JOIN touched AS t USING (n) LEFT JOIN had USING (n) LEFT JOIN facts AS f USING (s) GROUP BY w.n
), several AS MATERIALIZED (
    SELECT w.n, f.counts, f.measurements FROM (SELECT n, s FROM wanted) AS w JOIN facts AS f USING (s)
    WHERE n IN (SELECT n FROM totals WHERE alone IS NULL)
)
INSERT INTO step_changes
SELECT t.owner, t.owner_id, t.minutes, t.begins, coalesce(lacking, false),
    CASE WHEN t.fresh THEN coalesce(had.changesets, 0) + s.changesets
        ELSE (SELECT count(DISTINCT changeset_id) FROM uploads AS u WHERE {_OF_STEP}) END,
    CASE WHEN t.fresh AND (had.n IS NULL OR t.owner = 'user') THEN s.users
        ELSE (SELECT count(DISTINCT user_id) FROM uploads AS u WHERE {_OF_STEP}) END,
    coalesce(s.edits, 0) + CASE WHEN t.fresh THEN coalesce(had.edits, 0) ELSE 0 END,
    coalesce(s.edits, 0) - CASE WHEN t.fresh THEN 0 ELSE coalesce(had.edits, 0) END,
    coalesce(one.counts, counts.counts, '{{}}'), coalesce(one.measurements, measurements.measurements, '{{}}')
FROM touched AS t LEFT JOIN totals AS s USING (n) LEFT JOIN had USING (n)
LEFT JOIN {_more("counts")} LEFT JOIN {_more("measurements")}
LEFT JOIN facts AS one ON one.s = s.alone
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


def _of_days(which: str) -> str:
    """What several quarters are more or less: of one there is nothing to add."""
    return f"""(
        SELECT owner, owner_id, begins, jsonb_object_agg(key, trim_scale(total)) AS {which} FROM (
            SELECT owner, owner_id, day AS begins, key, sum(value::numeric) AS total
            FROM quarters, jsonb_each({which}) WHERE many GROUP BY owner, owner_id, day, key
        ) AS sums WHERE total <> 0 GROUP BY owner, owner_id, begins
        UNION ALL
        SELECT owner, owner_id, day, {which} FROM quarters WHERE NOT many
    ) AS {which} USING (owner, owner_id, begins)"""


OF_UPLOAD_DAYS = f"""
WITH quarters AS MATERIALIZED (
    SELECT *, count(*) OVER (PARTITION BY owner, owner_id, day) > 1 AS many FROM (
        SELECT *, date_trunc('day', begins AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS day
        FROM step_changes WHERE minutes = 15 AND NOT lacking
    ) AS s
), edited AS (
    SELECT owner, owner_id, day AS begins, sum(more) AS edits FROM quarters GROUP BY owner, owner_id, day
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
LEFT JOIN {_of_days("counts")} LEFT JOIN {_of_days("measurements")}
"""
SAVE_STEPS = f"""
INSERT INTO upload_sums AS g (owner, owner_id, minutes, begins, changesets, users, edits, counts, measurements)
SELECT owner, owner_id, minutes, begins, changesets, users, edits, counts, measurements
FROM step_changes WHERE changesets > 0 AND NOT lacking
ORDER BY owner, owner_id, minutes, begins
ON CONFLICT (owner, owner_id, minutes, begins) DO UPDATE SET changesets = excluded.changesets, users = excluded.users,
    edits = excluded.edits, counts = {merged("counts")}, measurements = {merged("measurements")}
WHERE (g.changesets, g.users, g.edits, '{{}}'::jsonb, '{{}}'::jsonb)
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
