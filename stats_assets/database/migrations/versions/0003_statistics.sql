-- What a changeset contributes, as it was last applied, and the views that clients query. Run again by each revision
-- that changes it. The applier subtracts a changeset's contributions, applies its facts, and adds them again.

CREATE FUNCTION jsonb_sum_of(objects jsonb[]) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_object_agg(key, total), '{}')
    FROM (
        SELECT key, trim_scale(sum(value::numeric)) AS total
        FROM unnest(objects) AS object, jsonb_each_text(object)
        GROUP BY key
    ) AS sums
    WHERE total <> 0
$$;
CREATE AGGREGATE jsonb_sum(jsonb) (
    SFUNC = array_append, STYPE = jsonb[], INITCOND = '{}', FINALFUNC = jsonb_sum_of
);
COMMENT ON AGGREGATE jsonb_sum(jsonb) IS 'Flat objects of numbers added key by key, exactly; zero keys left out';

-- Each owner of an aggregate that counts the changeset, with what it counts of it (definitions, section 7).
CREATE FUNCTION aggregate_members_of(ids bigint[]) RETURNS TABLE (
    owner text, a bigint, b bigint, changeset_id bigint, day date,
    edits bigint, counts jsonb, measurements jsonb, user_id bigint, editor text
) LANGUAGE sql STABLE AS $$
    WITH counted AS (
        SELECT id, (counted_at AT TIME ZONE 'UTC')::date AS day, total_edits, counts, measurements, user_id, editor
        FROM changesets
        WHERE id = ANY (ids) AND counted_at IS NOT NULL
    )
    SELECT 'user', user_id, 0, c.* FROM counted AS c WHERE user_id IS NOT NULL
    UNION ALL
    SELECT 'hashtag', hashtag_id, 0, c.* FROM counted AS c JOIN changesets_hashtags ON changeset_id = id
    UNION ALL
    SELECT 'hashtag_user', hashtag_id, c.user_id, c.*
    FROM counted AS c JOIN changesets_hashtags ON changeset_id = id
    WHERE c.user_id IS NOT NULL
    UNION ALL
    SELECT 'country', country_id, 0, c.id, c.day, l.edit_count, l.counts, l.measurements, c.user_id, c.editor
    FROM counted AS c JOIN changesets_countries AS l ON l.changeset_id = c.id
$$;

-- day null: of all days. A breakdown's key is a user's id, or else a text.
CREATE FUNCTION contributions_of(ids bigint[]) RETURNS TABLE (
    owner text, a bigint, b bigint, day date, measure text, id bigint, key text, value numeric, changesets bigint
) LANGUAGE sql STABLE AS $$
    WITH members AS MATERIALIZED (SELECT * FROM aggregate_members_of(ids)),
    sums AS (
        SELECT owner, a, b, day, 'total' AS measure, '' AS key, edits::numeric AS value, 1 AS changesets FROM members
        UNION ALL
        SELECT owner, a, b, day, 'counts', e.key, e.value::numeric, 0 FROM members, jsonb_each_text(counts) AS e
        UNION ALL
        SELECT owner, a, b, day, 'measurements', e.key, e.value::numeric, 0
        FROM members, jsonb_each_text(measurements) AS e
    ),
    keys AS (
        SELECT owner, a, 'editor' AS measure, 0 AS id, editor AS key, edits
        FROM members WHERE owner = 'user' AND editor IS NOT NULL
        UNION ALL
        SELECT owner, a, 'country', 0, countries.code, l.edit_count
        FROM members
        JOIN changesets_countries AS l USING (changeset_id)
        JOIN countries ON countries.id = l.country_id
        WHERE owner = 'user'
        UNION ALL
        SELECT owner, a, 'hashtag', 0, hashtags.hashtag, edits
        FROM members
        JOIN changesets_hashtags AS l USING (changeset_id)
        JOIN hashtags ON hashtags.id = l.hashtag_id
        WHERE owner IN ('user', 'country')
        UNION ALL
        SELECT owner, a, 'user', user_id, '', edits
        FROM members WHERE owner IN ('hashtag', 'country') AND user_id IS NOT NULL
    )
    SELECT owner, a, b, day, measure, 0, key, sum(value), sum(changesets)
    FROM sums
    GROUP BY GROUPING SETS ((owner, a, b, measure, key), (owner, a, b, day, measure, key))
    HAVING GROUPING(day) = 1 OR owner <> 'hashtag_user'
    UNION ALL
    SELECT owner, a, 0, NULL, measure, id, key, sum(edits), count(*) FROM keys GROUP BY owner, a, measure, id, key
$$;

-- The views --------------------------------------------------------------------------------------------------------
-- Each column is an expression of its own, so that a query pays for those alone that it names.

-- A breakdown's keys with most edits (most null: all), ties by the smaller user id, else by text.
CREATE FUNCTION top_keys(o text, i bigint, m text, most int) RETURNS TABLE (key text, changesets bigint, edits bigint)
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN m = 'user' THEN id::text ELSE key END, changesets, edits
    FROM aggregate_keys
    WHERE owner = o AND a = i AND measure = m
    ORDER BY edits DESC, id, key
    LIMIT most
$$;
CREATE FUNCTION top_changesets(o text, i bigint, m text, most int) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_object_agg(key, changesets), '{}') FROM top_keys(o, i, m, most)
$$;
CREATE FUNCTION top_edits(o text, i bigint, m text, most int) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_object_agg(key, edits), '{}') FROM top_keys(o, i, m, most)
$$;

CREATE VIEW user_statistics AS
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
WHERE t.owner = 'user';

CREATE VIEW hashtag_statistics AS
SELECT h.hashtag AS tag, t.a AS hashtag_id, t.measurements, t.counts,
    t.changesets AS changeset_count, t.edits AS edit_count,
    (SELECT max(counted_at) FROM changesets_hashtags WHERE hashtag_id = t.a) AS last_edit,
    t.updated_at,
    top_changesets('hashtag', t.a, 'user', 10) AS user_changesets,
    top_edits('hashtag', t.a, 'user', 10) AS user_edits,
    (SELECT min(counted_at) FROM changesets_hashtags WHERE hashtag_id = t.a) AS first_edit
FROM aggregates AS t
JOIN hashtags AS h ON h.id = t.a
WHERE t.owner = 'hashtag';

CREATE VIEW hashtag_user_statistics AS
SELECT t.b AS user_id, u.name, t.a AS hashtag_id, h.hashtag, t.measurements, t.counts,
    (SELECT max(counted_at) FROM changesets_hashtags WHERE hashtag_id = t.a AND user_id = t.b) AS last_edit,
    t.changesets AS changeset_count, t.edits AS edit_count, t.updated_at,
    (SELECT min(counted_at) FROM changesets_hashtags WHERE hashtag_id = t.a AND user_id = t.b) AS first_edit
FROM aggregates AS t
JOIN users AS u ON u.id = t.b
JOIN hashtags AS h ON h.id = t.a
WHERE t.owner = 'hashtag_user';

-- A country is here once by its own code, and once more by each alias that OSMesa's clients may know it by.
CREATE VIEW country_statistics AS
SELECT t.a AS country_id, c.name AS country_name, n.code AS country_code, t.measurements, t.counts,
    t.changesets AS changeset_count, t.edits AS edit_count,
    (SELECT max(counted_at) FROM changesets_countries WHERE country_id = t.a) AS last_edit,
    t.updated_at,
    top_changesets('country', t.a, 'user', 10) AS user_changesets,
    top_edits('country', t.a, 'user', 10) AS user_edits,
    top_changesets('country', t.a, 'hashtag', 10) AS hashtag_changesets,
    top_edits('country', t.a, 'hashtag', 10) AS hashtag_edits,
    (SELECT min(counted_at) FROM changesets_countries WHERE country_id = t.a) AS first_edit,
    n.alias_of
FROM aggregates AS t
JOIN countries AS c ON c.id = t.a
CROSS JOIN LATERAL (
    SELECT c.code, NULL AS alias_of UNION ALL SELECT alias, c.code FROM country_aliases WHERE code = c.code
) AS n
WHERE t.owner = 'country';

CREATE VIEW user_days AS
SELECT t.a AS user_id, u.name, t.day, t.measurements, t.counts,
    t.changesets AS changeset_count, t.edits AS edit_count, t.updated_at
FROM aggregate_days AS t
JOIN users AS u ON u.id = t.a
WHERE t.owner = 'user';

CREATE VIEW hashtag_days AS
SELECT t.a AS hashtag_id, h.hashtag, t.day, t.measurements, t.counts,
    t.changesets AS changeset_count, t.edits AS edit_count, t.updated_at
FROM aggregate_days AS t
JOIN hashtags AS h ON h.id = t.a
WHERE t.owner = 'hashtag';

CREATE VIEW country_days AS
SELECT t.a AS country_id, c.name AS country_name, c.code AS country_code, t.day, t.measurements, t.counts,
    t.changesets AS changeset_count, t.edits AS edit_count, t.updated_at
FROM aggregate_days AS t
JOIN countries AS c ON c.id = t.a
WHERE t.owner = 'country';
