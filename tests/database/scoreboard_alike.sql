-- A time series (user, bin) from the base tables alone, as scoreboard asks for it, written anew: unqualified columns, the
-- changesets' own with two of the bins', a union with zero rows of plain integers.

WITH bins AS (
    SELECT bin AS bin_start, bin + interval '1 hour' AS bin_end
    FROM generate_series(%(first)s::timestamptz, %(last)s::timestamptz, interval '1 hour') AS bin
), binned AS (
    SELECT changesets.*, bin_start, bin_end
    FROM changesets JOIN bins ON created_at >= bin_start AND created_at < bin_end
    WHERE {filter}
), tags AS (
    SELECT user_id, bin_start, jsonb_object_agg(hashtag, 1) AS hashtags, sum(total_edits) AS tagged_edits
    FROM changesets_hashtags
    JOIN hashtags ON hashtag_id = hashtags.id
    LEFT JOIN binned ON binned.id = changeset_id
    WHERE changeset_id IN (SELECT id FROM binned)
    GROUP BY user_id, bin_start
), places AS (
    SELECT user_id, bin_start, array_agg(DISTINCT name ORDER BY name) AS countries, sum(edit_count) AS placed_edits
    FROM changesets_countries
    JOIN countries ON country_id = countries.id
    LEFT JOIN binned ON binned.id = changeset_id
    WHERE changeset_id IN (SELECT id FROM binned)
    GROUP BY user_id, bin_start
), numbers AS (
    SELECT user_id, bin_start, jsonb_object_agg(key, value) AS numbers
    FROM (
        SELECT user_id, bin_start, key, sum((value->>0)::numeric) AS value
        FROM binned CROSS JOIN LATERAL jsonb_each(measurements) GROUP BY user_id, bin_start, key
        UNION ALL
        SELECT user_id, bin_start, key, sum((value->>0)::numeric)
        FROM binned CROSS JOIN LATERAL jsonb_each(counts) GROUP BY user_id, bin_start, key
    ) AS each_key
    GROUP BY user_id, bin_start
), series AS (
    SELECT user_id, bin_start, count(*) AS changeset_count, sum(total_edits) AS edit_count, max(closed_at) AS last_edit
    FROM binned GROUP BY user_id, bin_start
    UNION
    SELECT 0, bin_start, 0, 0, NULL FROM bins WHERE bin_start NOT IN (SELECT bin_start FROM binned)
)
SELECT user_id, name, bin_start, changeset_count, edit_count, hashtags, countries, numbers, tagged_edits, placed_edits,
    pg_typeof(edit_count)::text, pg_typeof(changeset_count)::text
FROM series
LEFT JOIN tags USING (user_id, bin_start)
LEFT JOIN places USING (user_id, bin_start)
LEFT JOIN numbers USING (user_id, bin_start)
LEFT JOIN users ON user_id = users.id
ORDER BY bin_start, user_id
