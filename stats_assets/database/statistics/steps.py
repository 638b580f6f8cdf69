"""The statements of one batch of the applier, in their order: out with what was, changesets and links, in with what is.

When a batch is done, and of what, is applier.py's; how differences get into the aggregates, aggregates.py's.
"""

from stats_assets.database.statistics.aggregates import ADD, APPLY, SUBTRACT

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
