-- Views with the columns of OSMesa's four, over the tables that it reads, written anew as its clients write: columns without
-- their tables, wherever that is not ambiguous there. Run with search_path on a schema of their own, then ours.

CREATE MATERIALIZED VIEW user_statistics AS
WITH totals AS (
    SELECT user_id, max(coalesce(closed_at, created_at)) last_edit, count(*) changeset_count,
        sum(coalesce(total_edits, 0)) edit_count, max(updated_at) updated_at
    FROM changesets GROUP BY user_id
), by_editor AS (
    SELECT user_id, editor, count(*) changesets, sum(coalesce(total_edits, 0)) edits,
        rank() OVER (PARTITION BY user_id ORDER BY sum(coalesce(total_edits, 0)) DESC) place
    FROM changesets WHERE editor IS NOT NULL GROUP BY user_id, editor
), editors AS (
    SELECT user_id, jsonb_object_agg(editor, changesets) editor_changesets, jsonb_object_agg(editor, edits) editor_edits
    FROM by_editor WHERE place <= 10 GROUP BY user_id
), by_day AS (
    SELECT user_id, date_trunc('day', coalesce(closed_at, created_at))::date AS day, count(*) changesets,
        sum(coalesce(total_edits, 0)) edits
    FROM changesets WHERE coalesce(closed_at, created_at) IS NOT NULL GROUP BY user_id, day
), days AS (
    SELECT user_id, jsonb_object_agg(day, changesets) day_changesets, jsonb_object_agg(day, edits) day_edits
    FROM by_day GROUP BY user_id
), by_country AS (
    SELECT user_id, code, count(*) changesets, sum(coalesce(total_edits, 0)) edits
    FROM changesets
    JOIN changesets_countries ON changesets.id = changeset_id
    JOIN countries ON country_id = countries.id
    GROUP BY user_id, code
), places AS (
    SELECT user_id, jsonb_object_agg(code, changesets) country_changesets, jsonb_object_agg(code, edits) country_edits
    FROM by_country GROUP BY user_id
), by_hashtag AS (
    SELECT user_id, hashtag, count(*) changesets, sum(coalesce(total_edits, 0)) edits,
        rank() OVER (PARTITION BY user_id ORDER BY sum(coalesce(total_edits, 0)) DESC) place
    FROM changesets
    JOIN changesets_hashtags ON changesets.id = changeset_id
    JOIN hashtags ON hashtag_id = hashtags.id
    GROUP BY user_id, hashtag
), tags AS (
    SELECT user_id, jsonb_object_agg(hashtag, changesets) hashtag_changesets,
        jsonb_object_agg(hashtag, edits) hashtag_edits
    FROM by_hashtag WHERE place <= 50 GROUP BY user_id
), each_measure AS (
    SELECT user_id, key, sum((value->>0)::numeric) AS value
    FROM changesets CROSS JOIN LATERAL jsonb_each(measurements) GROUP BY user_id, key
), measures AS (
    SELECT user_id, jsonb_object_agg(key, value) measurements FROM each_measure GROUP BY user_id
), each_count AS (
    SELECT user_id, key, sum((value->>0)::numeric) AS value
    FROM changesets CROSS JOIN LATERAL jsonb_each(counts) GROUP BY user_id, key
), numbers AS (
    SELECT user_id, jsonb_object_agg(key, value) counts FROM each_count GROUP BY user_id
)
SELECT user_id AS id, name, measurements, counts, last_edit, changeset_count, edit_count, editor_changesets,
    editor_edits, day_changesets, day_edits, country_changesets, country_edits, hashtag_changesets, hashtag_edits,
    updated_at
FROM totals
LEFT JOIN editors USING (user_id)
LEFT JOIN days USING (user_id)
LEFT JOIN places USING (user_id)
LEFT JOIN tags USING (user_id)
LEFT JOIN measures USING (user_id)
LEFT JOIN numbers USING (user_id)
JOIN users ON user_id = users.id;
CREATE UNIQUE INDEX ON user_statistics (id);

CREATE MATERIALIZED VIEW hashtag_statistics AS
WITH totals AS (
    SELECT hashtag_id, count(*) changeset_count, sum(coalesce(total_edits, 0)) edit_count,
        max(coalesce(closed_at, created_at)) last_edit, max(updated_at) updated_at
    FROM changesets JOIN changesets_hashtags ON changesets.id = changeset_id GROUP BY hashtag_id
), by_user AS (
    SELECT hashtag_id, user_id, count(*) changesets, sum(coalesce(total_edits, 0)) edits,
        rank() OVER (PARTITION BY hashtag_id ORDER BY sum(coalesce(total_edits, 0)) DESC) place
    FROM changesets JOIN changesets_hashtags ON changesets.id = changeset_id GROUP BY hashtag_id, user_id
), mappers AS (
    SELECT hashtag_id, jsonb_object_agg(user_id, changesets) user_changesets, jsonb_object_agg(user_id, edits) user_edits
    FROM by_user WHERE place <= 10 GROUP BY hashtag_id
), each_measure AS (
    SELECT hashtag_id, key, sum((value->>0)::numeric) AS value
    FROM changesets
    JOIN changesets_hashtags ON changesets.id = changeset_id
    CROSS JOIN LATERAL jsonb_each(measurements)
    GROUP BY hashtag_id, key
), measures AS (
    SELECT hashtag_id, jsonb_object_agg(key, value) measurements FROM each_measure GROUP BY hashtag_id
), each_count AS (
    SELECT hashtag_id, key, sum((value->>0)::numeric) AS value
    FROM changesets
    JOIN changesets_hashtags ON changesets.id = changeset_id
    CROSS JOIN LATERAL jsonb_each(counts)
    GROUP BY hashtag_id, key
), numbers AS (
    SELECT hashtag_id, jsonb_object_agg(key, value) counts FROM each_count GROUP BY hashtag_id
)
SELECT hashtag AS tag, hashtag_id, measurements, counts, changeset_count, edit_count, last_edit, updated_at,
    user_changesets, user_edits
FROM totals
JOIN hashtags ON hashtag_id = hashtags.id
LEFT JOIN mappers USING (hashtag_id)
LEFT JOIN measures USING (hashtag_id)
LEFT JOIN numbers USING (hashtag_id);
CREATE UNIQUE INDEX ON hashtag_statistics (hashtag_id);

CREATE MATERIALIZED VIEW hashtag_user_statistics AS
WITH totals AS (
    SELECT user_id, hashtag_id, max(coalesce(closed_at, created_at)) last_edit, count(*) changeset_count,
        sum(coalesce(total_edits, 0)) edit_count, max(updated_at) updated_at, array_agg(id) changesets
    FROM changesets JOIN changesets_hashtags ON changesets.id = changeset_id GROUP BY user_id, hashtag_id
), each_measure AS (
    SELECT user_id, hashtag_id, key, sum((value->>0)::numeric) AS value
    FROM changesets
    JOIN changesets_hashtags ON changesets.id = changeset_id
    CROSS JOIN LATERAL jsonb_each(measurements)
    GROUP BY user_id, hashtag_id, key
), measures AS (
    SELECT user_id, hashtag_id, jsonb_object_agg(key, value) measurements FROM each_measure GROUP BY user_id, hashtag_id
), each_count AS (
    SELECT user_id, hashtag_id, key, sum((value->>0)::numeric) AS value
    FROM changesets
    JOIN changesets_hashtags ON changesets.id = changeset_id
    CROSS JOIN LATERAL jsonb_each(counts)
    GROUP BY user_id, hashtag_id, key
), numbers AS (
    SELECT user_id, hashtag_id, jsonb_object_agg(key, value) counts FROM each_count GROUP BY user_id, hashtag_id
)
SELECT user_id, name, hashtag_id, hashtag, measurements, counts, last_edit, changeset_count, edit_count, updated_at
FROM totals
LEFT JOIN hashtags ON hashtag_id = hashtags.id
LEFT JOIN measures USING (user_id, hashtag_id)
LEFT JOIN numbers USING (user_id, hashtag_id)
JOIN users ON user_id = users.id;
CREATE UNIQUE INDEX ON hashtag_user_statistics (hashtag_id, user_id);

CREATE MATERIALIZED VIEW country_statistics AS
WITH known AS (
    SELECT * FROM changesets WHERE user_id > 1
), placed AS (
    SELECT id, user_id, country_id, measurements, counts, edit_count, closed_at, created_at, updated_at
    FROM known JOIN changesets_countries ON known.id = changeset_id
), totals AS (
    SELECT country_id, max(coalesce(closed_at, created_at)) last_edit, count(*) changeset_count,
        sum(coalesce(edit_count, 0)) edit_count, max(updated_at) updated_at
    FROM known JOIN changesets_countries ON known.id = changeset_id GROUP BY country_id
), by_user AS (
    SELECT country_id, user_id, count(*) changesets, sum(coalesce(edit_count, 0)) edits,
        rank() OVER (PARTITION BY country_id ORDER BY sum(coalesce(edit_count, 0)) DESC) place
    FROM placed GROUP BY country_id, user_id
), mappers AS (
    SELECT country_id, jsonb_object_agg(user_id, changesets) user_changesets, jsonb_object_agg(user_id, edits) user_edits
    FROM by_user WHERE place <= 10 GROUP BY country_id
), by_hashtag AS (
    SELECT country_id, hashtag, count(*) changesets, sum(coalesce(edit_count, 0)) edits,
        rank() OVER (PARTITION BY country_id ORDER BY sum(coalesce(edit_count, 0)) DESC) place
    FROM placed
    JOIN changesets_hashtags ON placed.id = changeset_id
    JOIN hashtags ON hashtag_id = hashtags.id
    GROUP BY country_id, hashtag
), tags AS (
    SELECT country_id, jsonb_object_agg(hashtag, changesets) hashtag_changesets,
        jsonb_object_agg(hashtag, edits) hashtag_edits
    FROM by_hashtag WHERE place <= 10 GROUP BY country_id
), each_measure AS (
    SELECT country_id, key, sum((value->>0)::numeric) AS value
    FROM placed CROSS JOIN LATERAL jsonb_each(measurements) GROUP BY country_id, key
), measures AS (
    SELECT country_id, jsonb_object_agg(key, value) measurements FROM each_measure GROUP BY country_id
), each_count AS (
    SELECT country_id, key, sum((value->>0)::numeric) AS value
    FROM placed CROSS JOIN LATERAL jsonb_each(counts) GROUP BY country_id, key
), numbers AS (
    SELECT country_id, jsonb_object_agg(key, value) counts FROM each_count GROUP BY country_id
)
SELECT country_id, name AS country_name, code AS country_code, measurements, counts, changeset_count, edit_count,
    last_edit, updated_at, user_changesets, user_edits, hashtag_changesets, hashtag_edits
FROM totals
JOIN countries ON country_id = countries.id
LEFT JOIN mappers USING (country_id)
LEFT JOIN tags USING (country_id)
LEFT JOIN measures USING (country_id)
LEFT JOIN numbers USING (country_id);
CREATE UNIQUE INDEX ON country_statistics (country_code);
