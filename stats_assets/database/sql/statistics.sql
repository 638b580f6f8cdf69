-- What a changeset contributes, as it was last applied, and the views that OSMesa's clients query.
-- The applier subtracts a changeset's contributions, applies its facts, and adds its contributions again.

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
    owner text, a bigint, b bigint, changeset_id bigint, edited_at timestamptz,
    edits bigint, counts jsonb, measurements jsonb, user_id bigint, editor text
) LANGUAGE sql STABLE AS $$
    WITH counted AS (
        SELECT id, coalesce(closed_at, created_at, edited_at) AS at,
            total_edits, counts, measurements, user_id, editor
        FROM changesets
        WHERE id = ANY (ids) AND total_edits > 0
    )
    SELECT 'user', user_id, 0, c.* FROM counted AS c WHERE user_id IS NOT NULL
    UNION ALL
    SELECT 'hashtag', hashtag_id, 0, c.* FROM counted AS c JOIN changesets_hashtags ON changeset_id = id
    UNION ALL
    SELECT 'hashtag_user', hashtag_id, user_id, c.*
    FROM counted AS c JOIN changesets_hashtags ON changeset_id = id
    WHERE user_id IS NOT NULL
    UNION ALL
    SELECT 'country', country_id, 0, c.id, c.at, l.edit_count, l.counts, l.measurements, c.user_id, c.editor
    FROM counted AS c JOIN changesets_countries AS l ON l.changeset_id = c.id
$$;

CREATE FUNCTION contributions_of(ids bigint[]) RETURNS TABLE (
    owner text, a bigint, b bigint, measure text, key text, value numeric, changesets bigint
) LANGUAGE sql STABLE AS $$
    WITH members AS MATERIALIZED (SELECT * FROM aggregate_members_of(ids)),
    parts AS (
        SELECT owner, a, b, 'total' AS measure, '' AS key, edits::numeric AS value FROM members
        UNION ALL
        SELECT owner, a, b, 'counts', e.key, e.value::numeric FROM members, jsonb_each_text(counts) AS e
        UNION ALL
        SELECT owner, a, b, 'measurements', e.key, e.value::numeric FROM members, jsonb_each_text(measurements) AS e
        UNION ALL
        SELECT owner, a, b, 'editor', editor, edits FROM members WHERE owner = 'user' AND editor IS NOT NULL
        UNION ALL
        SELECT owner, a, b, 'day', to_char(edited_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), edits
        FROM members WHERE owner = 'user'
        UNION ALL
        SELECT owner, a, b, 'country', countries.code, l.edit_count
        FROM members
        JOIN changesets_countries AS l USING (changeset_id)
        JOIN countries ON countries.id = l.country_id
        WHERE owner = 'user'
        UNION ALL
        SELECT owner, a, b, 'hashtag', hashtags.hashtag, edits
        FROM members
        JOIN changesets_hashtags AS l USING (changeset_id)
        JOIN hashtags ON hashtags.id = l.hashtag_id
        WHERE owner IN ('user', 'country')
        UNION ALL
        SELECT owner, a, b, 'user', user_id::text, edits
        FROM members WHERE owner IN ('hashtag', 'country') AND user_id IS NOT NULL
    )
    SELECT owner, a, b, measure, key, sum(value), count(*) FROM parts GROUP BY owner, a, b, measure, key
$$;

-- The views ------------------------------------------------------------------------------------------------------

CREATE FUNCTION aggregate_sums(o text, i bigint, j bigint, OUT counts jsonb, OUT measurements jsonb)
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_object_agg(key, trim_scale(value)) FILTER (WHERE measure = 'counts'), '{}'),
        coalesce(jsonb_object_agg(key, trim_scale(value)) FILTER (WHERE measure = 'measurements'), '{}')
    FROM aggregates
    WHERE owner = o AND a = i AND b = j AND measure IN ('counts', 'measurements')
$$;

-- A breakdown's keys with most edits (most = null: all); ties by the smaller user id, else by text.
CREATE FUNCTION aggregate_top(o text, i bigint, m text, most int, OUT changesets jsonb, OUT edits jsonb)
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_object_agg(key, t.changesets), '{}'), coalesce(jsonb_object_agg(key, t.value), '{}')
    FROM (
        SELECT key, changesets, value
        FROM aggregates
        WHERE owner = o AND a = i AND b = 0 AND measure = m
        ORDER BY value DESC, CASE WHEN m = 'user' THEN key::bigint END, key
        LIMIT most
    ) AS t
$$;

CREATE FUNCTION aggregate_span(o text, i bigint, j bigint, OUT first_edit timestamptz, OUT last_edit timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT min(edited_at), max(edited_at) FROM aggregate_members WHERE owner = o AND a = i AND b = j
$$;

CREATE VIEW user_statistics AS
SELECT t.a AS id, u.name, sums.measurements, sums.counts, span.last_edit,
    t.changesets AS changeset_count, t.value::bigint AS edit_count,
    editor.changesets AS editor_changesets, editor.edits AS editor_edits,
    day.changesets AS day_changesets, day.edits AS day_edits,
    country.changesets AS country_changesets, country.edits AS country_edits,
    hashtag.changesets AS hashtag_changesets, hashtag.edits AS hashtag_edits,
    t.updated_at, span.first_edit
FROM aggregates AS t
JOIN users AS u ON u.id = t.a
CROSS JOIN LATERAL aggregate_sums('user', t.a, 0) AS sums
CROSS JOIN LATERAL aggregate_span('user', t.a, 0) AS span
CROSS JOIN LATERAL aggregate_top('user', t.a, 'editor', 10) AS editor
CROSS JOIN LATERAL aggregate_top('user', t.a, 'day', NULL) AS day
CROSS JOIN LATERAL aggregate_top('user', t.a, 'country', NULL) AS country
CROSS JOIN LATERAL aggregate_top('user', t.a, 'hashtag', 50) AS hashtag
WHERE t.owner = 'user' AND t.measure = 'total';

CREATE VIEW hashtag_statistics AS
SELECT h.hashtag AS tag, t.a AS hashtag_id, sums.measurements, sums.counts,
    t.changesets AS changeset_count, t.value::bigint AS edit_count, span.last_edit, t.updated_at,
    users.changesets AS user_changesets, users.edits AS user_edits, span.first_edit
FROM aggregates AS t
JOIN hashtags AS h ON h.id = t.a
CROSS JOIN LATERAL aggregate_sums('hashtag', t.a, 0) AS sums
CROSS JOIN LATERAL aggregate_span('hashtag', t.a, 0) AS span
CROSS JOIN LATERAL aggregate_top('hashtag', t.a, 'user', 10) AS users
WHERE t.owner = 'hashtag' AND t.measure = 'total';

CREATE VIEW hashtag_user_statistics AS
SELECT t.b AS user_id, u.name, t.a AS hashtag_id, h.hashtag, sums.measurements, sums.counts, span.last_edit,
    t.changesets AS changeset_count, t.value::bigint AS edit_count, t.updated_at, span.first_edit
FROM aggregates AS t
JOIN users AS u ON u.id = t.b
JOIN hashtags AS h ON h.id = t.a
CROSS JOIN LATERAL aggregate_sums('hashtag_user', t.a, t.b) AS sums
CROSS JOIN LATERAL aggregate_span('hashtag_user', t.a, t.b) AS span
WHERE t.owner = 'hashtag_user' AND t.measure = 'total';

CREATE VIEW country_statistics AS
SELECT t.a AS country_id, c.name AS country_name, c.code AS country_code, sums.measurements, sums.counts,
    t.changesets AS changeset_count, t.value::bigint AS edit_count, span.last_edit, t.updated_at,
    users.changesets AS user_changesets, users.edits AS user_edits,
    hashtag.changesets AS hashtag_changesets, hashtag.edits AS hashtag_edits, span.first_edit
FROM aggregates AS t
JOIN countries AS c ON c.id = t.a
CROSS JOIN LATERAL aggregate_sums('country', t.a, 0) AS sums
CROSS JOIN LATERAL aggregate_span('country', t.a, 0) AS span
CROSS JOIN LATERAL aggregate_top('country', t.a, 'user', 10) AS users
CROSS JOIN LATERAL aggregate_top('country', t.a, 'hashtag', 10) AS hashtag
WHERE t.owner = 'country' AND t.measure = 'total';
