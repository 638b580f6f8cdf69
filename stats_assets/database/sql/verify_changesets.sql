-- What the facts say of each changeset in [first, until) that isn't queued, beside what is applied: a row a column that
-- differs. Plain SQL of its own: an error of the applier's can't hide here. A changeset of which facts are away can't be
-- looked at: what is applied of its facts is expected to stay, and it is a row of its own ('away').

WITH chosen AS (
    SELECT id FROM changesets WHERE id >= %(first)s AND id < %(until)s
    UNION
    SELECT changeset_id FROM changeset_metadata WHERE changeset_id >= %(first)s AND changeset_id < %(until)s
    EXCEPT
    SELECT changeset_id FROM statistics_queue
), listed AS (
    SELECT id, sequence FROM chosen JOIN changesets AS c USING (id), unnest(c.augmented_diffs::bigint[]) AS sequence
), edits AS MATERIALIZED (
    SELECT f.* FROM listed AS w CROSS JOIN LATERAL (
        SELECT * FROM changeset_edits AS f WHERE f.sequence = w.sequence AND f.changeset_id = w.id OFFSET 0
    ) AS f
), regions AS MATERIALIZED (
    SELECT f.* FROM listed AS w CROSS JOIN LATERAL (
        SELECT * FROM changeset_edits_countries AS f WHERE f.sequence = w.sequence AND f.changeset_id = w.id OFFSET 0
    ) AS f
), parts AS MATERIALIZED (
    SELECT f.*, countries.id AS country_id FROM regions AS f JOIN countries ON countries.code = f.region
), lost AS (
    (SELECT id, sequence FROM listed EXCEPT SELECT changeset_id, sequence FROM edits)
    UNION
    (SELECT l.changeset_id, unnest(l.augmented_diffs::bigint[]) FROM changesets_countries AS l JOIN chosen ON id = l.changeset_id
        EXCEPT SELECT changeset_id, sequence FROM regions)
    UNION
    SELECT h.changeset_id, h.sequence FROM statistics_held AS h JOIN chosen ON id = h.changeset_id
    WHERE NOT EXISTS (SELECT FROM changeset_edits AS f WHERE f.sequence = h.sequence AND f.changeset_id = id)
        OR NOT EXISTS (SELECT FROM changeset_edits_countries AS f WHERE f.sequence = h.sequence AND f.changeset_id = id)
), away AS MATERIALIZED (
    SELECT id, array_agg(sequence ORDER BY sequence) AS sequences
    FROM lost WHERE sequence IN (SELECT facts_away((SELECT array_agg(DISTINCT sequence) FROM lost)))
    GROUP BY id
), numbers AS (
    SELECT changeset_id, NULL::bigint AS country_id, 'counts' AS measure, key, sum(value::numeric) AS total
    FROM edits, jsonb_each_text(counts) GROUP BY changeset_id, key
    UNION ALL
    SELECT changeset_id, NULL, 'measurements', key, sum(value::numeric)
    FROM edits, jsonb_each_text(measurements) GROUP BY changeset_id, key
    UNION ALL
    SELECT changeset_id, country_id, 'counts', key, sum(value::numeric)
    FROM parts, jsonb_each_text(counts) GROUP BY changeset_id, country_id, key
    UNION ALL
    SELECT changeset_id, country_id, 'measurements', key, sum(value::numeric)
    FROM parts, jsonb_each_text(measurements) GROUP BY changeset_id, country_id, key
), documents AS (
    SELECT changeset_id, country_id,
        coalesce(jsonb_object_agg(key, trim_scale(total)) FILTER (WHERE measure = 'counts'), '{}') AS counts,
        coalesce(jsonb_object_agg(key, trim_scale(total)) FILTER (WHERE measure = 'measurements'), '{}') AS measurements
    FROM numbers WHERE total <> 0 GROUP BY changeset_id, country_id
), sums AS (
    SELECT changeset_id, sum(total_edits) AS total_edits, max(edited_at) AS edited_at,
        array_agg(sequence ORDER BY sequence) AS augmented_diffs,
        (array_agg(user_id ORDER BY edited_at DESC, user_id DESC) FILTER (WHERE user_id IS NOT NULL))[1] AS user_id
    FROM edits GROUP BY changeset_id
), applied AS (
    SELECT id, f.measurements, f.counts, f.total_edits, m.editor, coalesce(f.user_id, m.user_id) AS user_id,
        m.created_at, m.closed_at, f.augmented_diffs, m.comment, m.min_lon, m.min_lat, m.max_lon, m.max_lat,
        m.comments_count, m.num_changes, m.open, f.edited_at,
        CASE WHEN f.total_edits > 0 THEN coalesce(m.closed_at, m.created_at, f.edited_at) END AS counted_at
    FROM (
        SELECT id, coalesce(d.measurements, '{}') AS measurements, coalesce(d.counts, '{}') AS counts,
            coalesce(s.total_edits, 0) AS total_edits, s.user_id, coalesce(s.augmented_diffs, '{}') AS augmented_diffs,
            s.edited_at
        FROM chosen
        LEFT JOIN sums AS s ON s.changeset_id = id
        LEFT JOIN documents AS d ON d.changeset_id = id AND d.country_id IS NULL
        WHERE id NOT IN (SELECT id FROM away)
        UNION ALL
        SELECT id, measurements, counts, total_edits, user_id, augmented_diffs, edited_at
        FROM changesets JOIN away USING (id)
    ) AS f
    LEFT JOIN changeset_metadata AS m ON m.changeset_id = id
    WHERE f.augmented_diffs <> '{}' OR m.changeset_id IS NOT NULL
), lands AS (
    SELECT changeset_id, country_id, sum(edit_count) AS edit_count,
        array_agg(sequence ORDER BY sequence) AS augmented_diffs
    FROM parts WHERE changeset_id NOT IN (SELECT id FROM away) GROUP BY changeset_id, country_id
), uploaded AS (
    SELECT f.changeset_id, 'world' AS owner, 0::bigint AS owner_id, f.sequence, f.total_edits AS edits FROM edits AS f
    UNION ALL
    SELECT f.changeset_id, 'user', a.user_id, f.sequence, f.total_edits
    FROM edits AS f JOIN applied AS a ON a.id = f.changeset_id WHERE a.user_id IS NOT NULL
    UNION ALL
    SELECT f.changeset_id, 'hashtag', h.id, f.sequence, f.total_edits
    FROM edits AS f JOIN changeset_metadata AS m USING (changeset_id) CROSS JOIN unnest(m.hashtags) AS tag
    JOIN hashtags AS h ON h.hashtag = tag
    UNION ALL
    SELECT f.changeset_id, 'union', u.id, f.sequence, f.total_edits
    FROM edits AS f JOIN changeset_metadata AS m USING (changeset_id)
    JOIN unions AS u ON EXISTS (SELECT FROM unnest(m.hashtags) AS tag WHERE fits(tag, u.patterns))
    UNION ALL
    SELECT p.changeset_id, 'country', p.country_id, p.sequence,
        (SELECT sum(value::numeric) FROM jsonb_each_text(p.counts) AS e (key, value))
    FROM parts AS p
), expected AS (
    SELECT u.changeset_id AS id, concat_ws(' ', 'uploaded', u.sequence, u.owner, u.owner_id) AS place, jsonb_build_object(
        'user_id', a.user_id, 'edits', u.edits,
        'before', lag(u.sequence) OVER (PARTITION BY u.changeset_id, u.owner, u.owner_id ORDER BY u.sequence)) AS row
    FROM uploaded AS u JOIN applied AS a ON a.id = u.changeset_id
    WHERE %(rolled)s AND a.counted_at IS NOT NULL AND u.edits > 0 AND u.changeset_id NOT IN (SELECT id FROM away)
    UNION ALL
    SELECT m.changeset_id, 'union ' || u.name, jsonb_build_object('united_by', a.user_id, 'united_at', a.counted_at)
    FROM applied AS a JOIN changeset_metadata AS m ON m.changeset_id = a.id
    JOIN unions AS u ON EXISTS (SELECT FROM unnest(m.hashtags) AS tag WHERE fits(tag, u.patterns))
    UNION ALL
    SELECT id, 'changesets' AS place, to_jsonb(a) AS row FROM applied AS a
    UNION ALL
    SELECT l.changeset_id, 'country ' || l.country_id, jsonb_build_object('edit_count', l.edit_count,
        'augmented_diffs', l.augmented_diffs, 'counts_there', coalesce(d.counts, '{}'),
        'measurements_there', coalesce(d.measurements, '{}'), 'counted_there_at', a.counted_at)
    FROM lands AS l JOIN applied AS a ON a.id = l.changeset_id LEFT JOIN documents AS d USING (changeset_id, country_id)
    UNION ALL
    SELECT l.changeset_id, 'country ' || l.country_id,
        to_jsonb(l) - 'changeset_id' - 'country_id' || jsonb_build_object('counted_there_at', a.counted_at)
    FROM changesets_countries AS l JOIN away AS w ON w.id = l.changeset_id JOIN applied AS a ON a.id = l.changeset_id
    UNION ALL
    SELECT m.changeset_id, 'hashtag ' || tag, jsonb_build_object('tagged_by', a.user_id, 'tagged_at', a.counted_at)
    FROM applied AS a JOIN changeset_metadata AS m ON m.changeset_id = a.id, unnest(m.hashtags) AS tag
), found AS (
    SELECT u.changeset_id AS id, concat_ws(' ', 'uploaded', u.sequence, u.owner, u.owner_id) AS place,
        jsonb_build_object('user_id', u.user_id, 'edits', u.edits, 'before', u.before) AS row
    FROM uploads AS u
    WHERE %(rolled)s AND u.changeset_id >= %(first)s AND u.changeset_id < %(until)s
        AND u.changeset_id NOT IN (SELECT id FROM away) AND u.changeset_id NOT IN (SELECT changeset_id FROM statistics_queue)
    UNION ALL
    SELECT l.changeset_id, 'union ' || u.name, to_jsonb(l) - 'changeset_id' - 'union_id'
    FROM changesets_unions AS l JOIN chosen ON id = l.changeset_id LEFT JOIN unions AS u ON u.id = l.union_id
    UNION ALL
    SELECT id, 'changesets' AS place, to_jsonb(c) - 'updated_at' AS row FROM changesets AS c JOIN chosen USING (id)
    UNION ALL
    SELECT l.changeset_id, 'country ' || l.country_id, to_jsonb(l) - 'changeset_id' - 'country_id'
    FROM changesets_countries AS l JOIN chosen ON id = l.changeset_id
    UNION ALL
    SELECT l.changeset_id, 'hashtag ' || h.hashtag, to_jsonb(l) - 'changeset_id' - 'hashtag_id'
    FROM changesets_hashtags AS l JOIN chosen ON id = l.changeset_id JOIN hashtags AS h ON h.id = l.hashtag_id
)
SELECT id, listed.sequences, concat_ws(' ', 'changeset', id, nullif(place, 'changesets'), key),
    expected.row -> key, found.row -> key
FROM expected FULL JOIN found USING (id, place)
CROSS JOIN LATERAL jsonb_object_keys(coalesce(expected.row, found.row)) AS key
LEFT JOIN LATERAL (SELECT array_agg(sequence) AS sequences FROM listed AS l WHERE l.id = expected.id) AS listed ON true
WHERE expected.row -> key IS DISTINCT FROM found.row -> key
UNION ALL
SELECT id, sequences, 'away', NULL, NULL FROM away
ORDER BY 1, 3
