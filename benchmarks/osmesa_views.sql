-- OSMesa's way, written anew: four materialized views over all history, with its columns, each refreshed CONCURRENTLY
-- after a batch. They read the same tables that our applier keeps.

CREATE SCHEMA osmesa_like;
SET search_path = osmesa_like, public;

CREATE VIEW members AS
SELECT c.id, c.user_id, c.editor, c.total_edits, c.counts, c.measurements,
    coalesce(c.closed_at, c.created_at) AS at, c.updated_at
FROM changesets AS c;

CREATE MATERIALIZED VIEW user_statistics AS
WITH totals AS (
    SELECT user_id, max(at) AS last_edit, count(*) AS changeset_count, sum(total_edits) AS edit_count,
        max(updated_at) AS updated_at
    FROM members GROUP BY user_id
), measurements AS (
    SELECT user_id, jsonb_object_agg(key, value) AS measurements
    FROM (SELECT user_id, key, sum(value::numeric) AS value FROM members, jsonb_each_text(measurements)
        GROUP BY user_id, key) AS sums GROUP BY user_id
), counts AS (
    SELECT user_id, jsonb_object_agg(key, value) AS counts
    FROM (SELECT user_id, key, sum(value::numeric) AS value FROM members, jsonb_each_text(counts)
        GROUP BY user_id, key) AS sums GROUP BY user_id
), keys AS (
    SELECT user_id, 'editor' AS kind, editor AS key, total_edits FROM members WHERE editor IS NOT NULL
    UNION ALL
    SELECT user_id, 'day', to_char(at, 'YYYY-MM-DD'), total_edits FROM members
    UNION ALL
    SELECT m.user_id, 'country', n.code, total_edits
    FROM members AS m JOIN changesets_countries AS l ON l.changeset_id = m.id JOIN countries AS n ON n.id = l.country_id
    UNION ALL
    SELECT m.user_id, 'hashtag', h.hashtag, total_edits
    FROM members AS m JOIN changesets_hashtags AS l ON l.changeset_id = m.id JOIN hashtags AS h ON h.id = l.hashtag_id
), ranked AS (
    SELECT user_id, kind, key, count(*) AS changesets, sum(total_edits) AS edits,
        rank() OVER (PARTITION BY user_id, kind ORDER BY sum(total_edits) DESC) AS place
    FROM keys GROUP BY user_id, kind, key
), tops AS (
    SELECT user_id,
        jsonb_object_agg(key, changesets) FILTER (WHERE kind = 'editor') AS editor_changesets,
        jsonb_object_agg(key, edits) FILTER (WHERE kind = 'editor') AS editor_edits,
        jsonb_object_agg(key, changesets) FILTER (WHERE kind = 'day') AS day_changesets,
        jsonb_object_agg(key, edits) FILTER (WHERE kind = 'day') AS day_edits,
        jsonb_object_agg(key, changesets) FILTER (WHERE kind = 'country') AS country_changesets,
        jsonb_object_agg(key, edits) FILTER (WHERE kind = 'country') AS country_edits,
        jsonb_object_agg(key, changesets) FILTER (WHERE kind = 'hashtag') AS hashtag_changesets,
        jsonb_object_agg(key, edits) FILTER (WHERE kind = 'hashtag') AS hashtag_edits
    FROM ranked
    WHERE kind IN ('day', 'country') OR place <= CASE kind WHEN 'editor' THEN 10 ELSE 50 END
    GROUP BY user_id
)
SELECT user_id AS id, name, measurements, counts, last_edit, changeset_count, edit_count, editor_changesets,
    editor_edits, day_changesets, day_edits, country_changesets, country_edits, hashtag_changesets, hashtag_edits,
    updated_at
FROM totals JOIN users ON users.id = user_id
LEFT JOIN measurements USING (user_id) LEFT JOIN counts USING (user_id) LEFT JOIN tops USING (user_id);
CREATE UNIQUE INDEX ON user_statistics (id);

CREATE VIEW tagged AS
SELECT l.hashtag_id, m.* FROM changesets_hashtags AS l JOIN members AS m ON m.id = l.changeset_id;

CREATE MATERIALIZED VIEW hashtag_statistics AS
WITH totals AS (
    SELECT hashtag_id, max(at) AS last_edit, count(*) AS changeset_count, sum(total_edits) AS edit_count,
        max(updated_at) AS updated_at
    FROM tagged GROUP BY hashtag_id
), measurements AS (
    SELECT hashtag_id, jsonb_object_agg(key, value) AS measurements
    FROM (SELECT hashtag_id, key, sum(value::numeric) AS value FROM tagged, jsonb_each_text(measurements)
        GROUP BY hashtag_id, key) AS sums GROUP BY hashtag_id
), counts AS (
    SELECT hashtag_id, jsonb_object_agg(key, value) AS counts
    FROM (SELECT hashtag_id, key, sum(value::numeric) AS value FROM tagged, jsonb_each_text(counts)
        GROUP BY hashtag_id, key) AS sums GROUP BY hashtag_id
), ranked AS (
    SELECT hashtag_id, user_id, count(*) AS changesets, sum(total_edits) AS edits,
        rank() OVER (PARTITION BY hashtag_id ORDER BY sum(total_edits) DESC) AS place
    FROM tagged GROUP BY hashtag_id, user_id
), tops AS (
    SELECT hashtag_id, jsonb_object_agg(user_id, changesets) AS user_changesets,
        jsonb_object_agg(user_id, edits) AS user_edits
    FROM ranked WHERE place <= 10 GROUP BY hashtag_id
)
SELECT hashtag AS tag, hashtag_id, measurements, counts, changeset_count, edit_count, last_edit, updated_at,
    user_changesets, user_edits
FROM totals JOIN hashtags ON hashtags.id = hashtag_id
LEFT JOIN measurements USING (hashtag_id) LEFT JOIN counts USING (hashtag_id) LEFT JOIN tops USING (hashtag_id);
CREATE UNIQUE INDEX ON hashtag_statistics (hashtag_id);

CREATE MATERIALIZED VIEW hashtag_user_statistics AS
WITH totals AS (
    SELECT hashtag_id, user_id, max(at) AS last_edit, count(*) AS changeset_count, sum(total_edits) AS edit_count,
        max(updated_at) AS updated_at
    FROM tagged GROUP BY hashtag_id, user_id
), measurements AS (
    SELECT hashtag_id, user_id, jsonb_object_agg(key, value) AS measurements
    FROM (SELECT hashtag_id, user_id, key, sum(value::numeric) AS value FROM tagged, jsonb_each_text(measurements)
        GROUP BY hashtag_id, user_id, key) AS sums GROUP BY hashtag_id, user_id
), counts AS (
    SELECT hashtag_id, user_id, jsonb_object_agg(key, value) AS counts
    FROM (SELECT hashtag_id, user_id, key, sum(value::numeric) AS value FROM tagged, jsonb_each_text(counts)
        GROUP BY hashtag_id, user_id, key) AS sums GROUP BY hashtag_id, user_id
)
SELECT user_id, name, hashtag_id, hashtag, measurements, counts, last_edit, changeset_count, edit_count, updated_at
FROM totals JOIN users ON users.id = user_id JOIN hashtags ON hashtags.id = hashtag_id
LEFT JOIN measurements USING (hashtag_id, user_id) LEFT JOIN counts USING (hashtag_id, user_id);
CREATE UNIQUE INDEX ON hashtag_user_statistics (hashtag_id, user_id);

CREATE VIEW placed AS
SELECT l.country_id, l.edit_count AS edits_there, m.*
FROM changesets_countries AS l JOIN members AS m ON m.id = l.changeset_id WHERE m.user_id > 1;

CREATE MATERIALIZED VIEW country_statistics AS
WITH totals AS (
    SELECT country_id, max(at) AS last_edit, count(*) AS changeset_count, sum(edits_there) AS edit_count,
        max(updated_at) AS updated_at
    FROM placed GROUP BY country_id
), measurements AS (
    SELECT country_id, jsonb_object_agg(key, value) AS measurements
    FROM (SELECT country_id, key, sum(value::numeric) AS value FROM placed, jsonb_each_text(measurements)
        GROUP BY country_id, key) AS sums GROUP BY country_id
), counts AS (
    SELECT country_id, jsonb_object_agg(key, value) AS counts
    FROM (SELECT country_id, key, sum(value::numeric) AS value FROM placed, jsonb_each_text(counts)
        GROUP BY country_id, key) AS sums GROUP BY country_id
), keys AS (
    SELECT country_id, 'user' AS kind, user_id::text AS key, edits_there FROM placed
    UNION ALL
    SELECT country_id, 'hashtag', h.hashtag, edits_there
    FROM placed AS p JOIN changesets_hashtags AS l ON l.changeset_id = p.id JOIN hashtags AS h ON h.id = l.hashtag_id
), ranked AS (
    SELECT country_id, kind, key, count(*) AS changesets, sum(edits_there) AS edits,
        rank() OVER (PARTITION BY country_id, kind ORDER BY sum(edits_there) DESC) AS place
    FROM keys GROUP BY country_id, kind, key
), tops AS (
    SELECT country_id,
        jsonb_object_agg(key, changesets) FILTER (WHERE kind = 'user') AS user_changesets,
        jsonb_object_agg(key, edits) FILTER (WHERE kind = 'user') AS user_edits,
        jsonb_object_agg(key, changesets) FILTER (WHERE kind = 'hashtag') AS hashtag_changesets,
        jsonb_object_agg(key, edits) FILTER (WHERE kind = 'hashtag') AS hashtag_edits
    FROM ranked WHERE place <= 10 GROUP BY country_id
)
SELECT country_id, name AS country_name, code AS country_code, measurements, counts, changeset_count, edit_count,
    last_edit, updated_at, user_changesets, user_edits, hashtag_changesets, hashtag_edits
FROM totals JOIN countries ON countries.id = country_id
LEFT JOIN measurements USING (country_id) LEFT JOIN counts USING (country_id) LEFT JOIN tops USING (country_id);
CREATE UNIQUE INDEX ON country_statistics (country_code);
