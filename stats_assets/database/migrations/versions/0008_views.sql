-- Revision 0008. The views again.

CREATE OR REPLACE VIEW user_statistics AS
SELECT t.a AS id, u.name, t.measurements, t.counts,
    (SELECT max(counted_at) FROM changesets WHERE user_id = t.a) AS last_edit,
    t.changesets AS changeset_count, t.edits AS edit_count,
    top_changesets('user', t.a, 'editor', 10) AS editor_changesets,
    top_edits('user', t.a, 'editor', 10) AS editor_edits,
    (SELECT jsonb_object_agg(day, changesets) FROM aggregate_days WHERE owner = 'user' AND a = t.a) AS day_changesets,
    (SELECT jsonb_object_agg(day, edits) FROM aggregate_days WHERE owner = 'user' AND a = t.a) AS day_edits,
    top_changesets('user', t.a, 'country', NULL) AS country_changesets,
    top_edits('user', t.a, 'country', NULL) AS country_edits,
    top_changesets('user', t.a, 'hashtag', 50) AS hashtag_changesets,
    top_edits('user', t.a, 'hashtag', 50) AS hashtag_edits,
    t.updated_at,
    (SELECT min(counted_at) FROM changesets WHERE user_id = t.a) AS first_edit
FROM aggregates AS t
JOIN users AS u ON u.id = t.a
WHERE t.owner = 'user' AND t.b = 0;

CREATE OR REPLACE VIEW hashtag_statistics AS
SELECT h.hashtag AS tag, t.a AS hashtag_id, t.measurements, t.counts,
    t.changesets AS changeset_count, t.edits AS edit_count,
    (SELECT max(tagged_at) FROM changesets_hashtags WHERE hashtag_id = t.a) AS last_edit,
    t.updated_at,
    top_changesets('hashtag', t.a, 'user', 10) AS user_changesets,
    top_edits('hashtag', t.a, 'user', 10) AS user_edits,
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
    top_changesets('country', t.a, 'user', 10) AS user_changesets,
    top_edits('country', t.a, 'user', 10) AS user_edits,
    top_changesets('country', t.a, 'hashtag', 10) AS hashtag_changesets,
    top_edits('country', t.a, 'hashtag', 10) AS hashtag_edits,
    (SELECT min(counted_there_at) FROM changesets_countries WHERE country_id = t.a) AS first_edit,
    n.alias_of
FROM aggregates AS t
JOIN countries AS c ON c.id = t.a
CROSS JOIN LATERAL (
    SELECT c.code, NULL AS alias_of UNION ALL SELECT alias, c.code FROM country_aliases WHERE code = c.code
) AS n
WHERE t.owner = 'country' AND t.b = 0;
