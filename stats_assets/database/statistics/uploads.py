"""Uploads: the minutes in which each changeset was uploaded, for each of its owners. SQL of a batch, in its order.

What is written is the difference to what is there. Their sums are upload_sums.py's, who was there on a day people.py's;
changesets of which facts are away keep theirs. A recount by other SQL is in sql/verify_changesets.sql.
"""

UPLOAD_TABLES = """
CREATE TEMPORARY TABLE IF NOT EXISTS upload_changes (
    changeset_id bigint, owner text COLLATE "C", owner_id bigint, sequence int, day date, user_id bigint,
    edits bigint, before int, had_user bigint, had_edits bigint, had_before int
) ON COMMIT DELETE ROWS
"""
# Each upload of the batch's changesets as it is to be, beside what is there; edits null: it is to go, had_edits
# null: new.
COMPARE_UPLOADS = """
WITH listed AS MATERIALIZED (
    SELECT id AS changeset_id, user_id, unnest(augmented_diffs) AS sequence
    FROM changesets WHERE id = ANY (%(whole)s) AND counted_at IS NOT NULL
), whole AS MATERIALIZED (
    SELECT l.*, f.edits, lag(sequence) OVER (PARTITION BY changeset_id ORDER BY sequence) AS before
    FROM listed AS l CROSS JOIN LATERAL (
        SELECT total_edits AS edits FROM changeset_edits AS f
        WHERE f.sequence = l.sequence AND f.changeset_id = l.changeset_id AND total_edits > 0 OFFSET 0
    ) AS f
), there AS (
    SELECT l.changeset_id, c.user_id, l.sequence, f.edits, l.country_id,
        lag(l.sequence) OVER (PARTITION BY l.changeset_id, l.country_id ORDER BY l.sequence) AS before
    FROM (
        SELECT changeset_id, country_id, unnest(augmented_diffs) AS sequence
        FROM changesets_countries WHERE changeset_id = ANY (%(whole)s) AND counted_there_at IS NOT NULL
    ) AS l
    JOIN countries AS n ON n.id = l.country_id
    CROSS JOIN LATERAL (SELECT user_id FROM changesets AS c WHERE c.id = l.changeset_id OFFSET 0) AS c
    CROSS JOIN LATERAL (
        SELECT counts FROM changeset_edits_countries AS f
        WHERE f.sequence = l.sequence AND f.changeset_id = l.changeset_id AND f.region = n.code OFFSET 0
    ) AS r CROSS JOIN LATERAL (
        SELECT sum(value::bigint) AS edits FROM jsonb_each(r.counts) HAVING sum(value::bigint) > 0
    ) AS f
), fresh AS (
    SELECT 'user' AS owner, user_id AS owner_id, * FROM whole WHERE user_id IS NOT NULL
    UNION ALL
    SELECT 'world', 0, * FROM whole
    UNION ALL
    SELECT 'hashtag', h.hashtag_id, w.* FROM whole AS w JOIN changesets_hashtags AS h USING (changeset_id)
    WHERE changeset_id = ANY (%(whole)s)
    UNION ALL
    SELECT 'union', h.union_id, w.* FROM whole AS w JOIN changesets_unions AS h USING (changeset_id)
    WHERE changeset_id = ANY (%(whole)s)
    UNION ALL
    SELECT 'country', country_id, changeset_id, user_id, sequence, edits, before FROM there
)
INSERT INTO upload_changes
SELECT changeset_id, owner, owner_id, sequence, (step_of(sequence, 1440) AT TIME ZONE 'UTC')::date,
    fresh.user_id, fresh.edits, fresh.before, old.user_id, old.edits, old.before
FROM fresh FULL JOIN (SELECT * FROM uploads WHERE changeset_id = ANY (%(whole)s)) AS old
    USING (changeset_id, owner, owner_id, sequence)
"""
DIFFERS = "(user_id, edits, before) IS DISTINCT FROM (had_user, had_edits, had_before)"
FORGET_UPLOADS = """
DELETE FROM uploads WHERE ctid = ANY (ARRAY(
    SELECT u.ctid FROM upload_changes AS c CROSS JOIN LATERAL (
        SELECT ctid FROM uploads AS u WHERE u.changeset_id = c.changeset_id AND u.owner = c.owner
            AND u.owner_id = c.owner_id AND u.sequence = c.sequence OFFSET 0
    ) AS u WHERE c.edits IS NULL
))
"""
# Most are new, and need no look for one that is there.
ADD_UPLOADS = """
INSERT INTO uploads (changeset_id, owner, owner_id, sequence, user_id, edits, before)
SELECT changeset_id, owner, owner_id, sequence, user_id, edits, before
FROM upload_changes WHERE edits IS NOT NULL AND had_edits IS NULL
ORDER BY changeset_id, owner, owner_id, sequence
"""
CHANGE_UPLOADS = f"""
INSERT INTO uploads (changeset_id, owner, owner_id, sequence, user_id, edits, before)
SELECT changeset_id, owner, owner_id, sequence, user_id, edits, before
FROM upload_changes WHERE edits IS NOT NULL AND had_edits IS NOT NULL AND {DIFFERS}
ORDER BY changeset_id, owner, owner_id, sequence
ON CONFLICT (changeset_id, owner, owner_id, sequence) DO UPDATE SET user_id = excluded.user_id, edits = excluded.edits,
    before = excluded.before
"""  # noqa: S608 - constants
APPLY_UPLOADS = (COMPARE_UPLOADS, FORGET_UPLOADS, ADD_UPLOADS, CHANGE_UPLOADS)
