-- Revision 0008. The views again, with the columns that they had. A column is a subquery of its own, so that a query pays
-- for what it names, and after its sort and limit; no function, which would cost a start for each row. A user's days, which
-- have no bound, are made once a row, however often a query comes back to them, and not at all when it names none.

CREATE INDEX aggregates_changesets ON aggregates (owner, changesets DESC, a) WHERE b = 0;
CREATE INDEX aggregates_most_in_hashtag ON aggregates (a, edits DESC, b) WHERE owner = 'hashtag_user';
CREATE INDEX aggregates_most_of_pairs ON aggregates (edits DESC, a, b) WHERE owner = 'hashtag_user';

CREATE OR REPLACE VIEW user_statistics AS
SELECT t.a AS id, u.name, t.measurements, t.counts,
    (SELECT max(counted_at) FROM changesets WHERE user_id = t.a) AS last_edit,
    t.changesets AS changeset_count, t.edits AS edit_count,
    (SELECT coalesce(jsonb_object_agg(key, changesets), '{}') FROM (
        SELECT id, key, changesets FROM aggregate_keys
        WHERE owner = 'user' AND a = t.a AND measure = 'editor' ORDER BY edits DESC, id, key LIMIT 10) AS top) AS editor_changesets,
    (SELECT coalesce(jsonb_object_agg(key, edits), '{}') FROM (
        SELECT id, key, edits FROM aggregate_keys
        WHERE owner = 'user' AND a = t.a AND measure = 'editor' ORDER BY edits DESC, id, key LIMIT 10) AS top) AS editor_edits,
    d.day_changesets, d.day_edits,
    (SELECT coalesce(jsonb_object_agg(key, changesets), '{}') FROM aggregate_keys
        WHERE owner = 'user' AND a = t.a AND measure = 'country') AS country_changesets,
    (SELECT coalesce(jsonb_object_agg(key, edits), '{}') FROM aggregate_keys
        WHERE owner = 'user' AND a = t.a AND measure = 'country') AS country_edits,
    (SELECT coalesce(jsonb_object_agg(key, changesets), '{}') FROM (
        SELECT id, key, changesets FROM aggregate_keys
        WHERE owner = 'user' AND a = t.a AND measure = 'hashtag' ORDER BY edits DESC, id, key LIMIT 50) AS top) AS hashtag_changesets,
    (SELECT coalesce(jsonb_object_agg(key, edits), '{}') FROM (
        SELECT id, key, edits FROM aggregate_keys
        WHERE owner = 'user' AND a = t.a AND measure = 'hashtag' ORDER BY edits DESC, id, key LIMIT 50) AS top) AS hashtag_edits,
    t.updated_at,
    (SELECT min(counted_at) FROM changesets WHERE user_id = t.a) AS first_edit
FROM aggregates AS t
JOIN users AS u ON u.id = t.a
LEFT JOIN LATERAL (
    SELECT jsonb_object_agg(day, changesets) AS day_changesets, jsonb_object_agg(day, edits) AS day_edits
    FROM aggregate_days WHERE owner = 'user' AND a = t.a
) AS d ON true
WHERE t.owner = 'user' AND t.b = 0;

CREATE OR REPLACE VIEW hashtag_statistics AS
SELECT h.hashtag AS tag, t.a AS hashtag_id, t.measurements, t.counts,
    t.changesets AS changeset_count, t.edits AS edit_count,
    (SELECT max(tagged_at) FROM changesets_hashtags WHERE hashtag_id = t.a) AS last_edit,
    t.updated_at,
    (SELECT coalesce(jsonb_object_agg(id::text, changesets), '{}') FROM (
        SELECT id, key, changesets FROM aggregate_keys
        WHERE owner = 'hashtag' AND a = t.a AND measure = 'user' ORDER BY edits DESC, id, key LIMIT 10) AS top) AS user_changesets,
    (SELECT coalesce(jsonb_object_agg(id::text, edits), '{}') FROM (
        SELECT id, key, edits FROM aggregate_keys
        WHERE owner = 'hashtag' AND a = t.a AND measure = 'user' ORDER BY edits DESC, id, key LIMIT 10) AS top) AS user_edits,
    (SELECT min(tagged_at) FROM changesets_hashtags WHERE hashtag_id = t.a) AS first_edit
FROM aggregates AS t
JOIN hashtags AS h ON h.id = t.a
WHERE t.owner = 'hashtag' AND t.b = 0;

CREATE OR REPLACE VIEW hashtag_user_statistics AS
SELECT t.b AS user_id, u.name, t.a AS hashtag_id, h.hashtag, t.measurements, t.counts,
    (SELECT max(tagged_at) FROM changesets_hashtags WHERE hashtag_id = t.a AND tagged_by = t.b) AS last_edit,
    t.changesets AS changeset_count, t.edits AS edit_count, t.updated_at,
    (SELECT min(tagged_at) FROM changesets_hashtags WHERE hashtag_id = t.a AND tagged_by = t.b) AS first_edit
FROM aggregates AS t
JOIN users AS u ON u.id = t.b
JOIN hashtags AS h ON h.id = t.a
WHERE t.owner = 'hashtag_user';

-- A country is here once by its own code, and once more by each alias that OSMesa's clients may know it by.
CREATE OR REPLACE VIEW country_statistics AS
SELECT t.a AS country_id, c.name AS country_name, n.code AS country_code, t.measurements, t.counts,
    t.changesets AS changeset_count, t.edits AS edit_count,
    (SELECT max(counted_there_at) FROM changesets_countries WHERE country_id = t.a) AS last_edit,
    t.updated_at,
    (SELECT coalesce(jsonb_object_agg(id::text, changesets), '{}') FROM (
        SELECT id, key, changesets FROM aggregate_keys
        WHERE owner = 'country' AND a = t.a AND measure = 'user' ORDER BY edits DESC, id, key LIMIT 10) AS top) AS user_changesets,
    (SELECT coalesce(jsonb_object_agg(id::text, edits), '{}') FROM (
        SELECT id, key, edits FROM aggregate_keys
        WHERE owner = 'country' AND a = t.a AND measure = 'user' ORDER BY edits DESC, id, key LIMIT 10) AS top) AS user_edits,
    (SELECT coalesce(jsonb_object_agg(key, changesets), '{}') FROM (
        SELECT id, key, changesets FROM aggregate_keys
        WHERE owner = 'country' AND a = t.a AND measure = 'hashtag' ORDER BY edits DESC, id, key LIMIT 10) AS top) AS hashtag_changesets,
    (SELECT coalesce(jsonb_object_agg(key, edits), '{}') FROM (
        SELECT id, key, edits FROM aggregate_keys
        WHERE owner = 'country' AND a = t.a AND measure = 'hashtag' ORDER BY edits DESC, id, key LIMIT 10) AS top) AS hashtag_edits,
    (SELECT min(counted_there_at) FROM changesets_countries WHERE country_id = t.a) AS first_edit,
    n.alias_of
FROM aggregates AS t
JOIN countries AS c ON c.id = t.a
CROSS JOIN LATERAL (
    SELECT c.code, NULL AS alias_of UNION ALL SELECT alias, c.code FROM country_aliases WHERE code = c.code
) AS n
WHERE t.owner = 'country' AND t.b = 0;

DROP FUNCTION top_changesets, top_edits, top_keys;
