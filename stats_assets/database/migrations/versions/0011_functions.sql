-- Revision 0011. What an owner's aggregates are made of and show, as a whole: as before, with the world and with unions.

DROP FUNCTION contributions_of, aggregate_members_of, breakdowns_of;

CREATE FUNCTION aggregate_members_of(ids bigint[]) RETURNS TABLE(owner text, owner_id bigint, member_id bigint, changeset_id bigint, day date, edits bigint, counts jsonb, measurements jsonb, user_id bigint, editor text)
    LANGUAGE sql STABLE
    AS $$
    WITH counted AS (
        SELECT id, (counted_at AT TIME ZONE 'UTC')::date AS day, total_edits::bigint, counts, measurements,
            user_id, editor
        FROM changesets
        WHERE id = ANY (ids) AND counted_at IS NOT NULL
    )
    SELECT 'user', user_id, 0, c.* FROM counted AS c WHERE user_id IS NOT NULL
    UNION ALL
    SELECT 'world', 0, 0, c.* FROM counted AS c
    UNION ALL
    SELECT 'union', union_id, 0, c.* FROM counted AS c JOIN changesets_unions ON changeset_id = id
    UNION ALL
    SELECT 'hashtag', hashtag_id, 0, c.* FROM counted AS c JOIN changesets_hashtags ON changeset_id = id
    UNION ALL
    SELECT 'hashtag_user', hashtag_id, c.user_id, c.*
    FROM counted AS c JOIN changesets_hashtags ON changeset_id = id
    WHERE c.user_id IS NOT NULL
    UNION ALL
    SELECT 'country', country_id, 0, c.id, c.day, l.edit_count, l.counts_there, l.measurements_there, c.user_id, c.editor
    FROM counted AS c JOIN changesets_countries AS l ON l.changeset_id = c.id
$$;

CREATE FUNCTION breakdowns_of(o text, i bigint, j bigint) RETURNS TABLE(first_edit timestamp with time zone, last_edit timestamp with time zone, editor_changesets jsonb, editor_edits jsonb, day_changesets jsonb, day_edits jsonb, country_changesets jsonb, country_edits jsonb, hashtag_changesets jsonb, hashtag_edits jsonb, user_changesets jsonb, user_edits jsonb)
    LANGUAGE sql STABLE
    AS $$
    SELECT
        CASE o
            WHEN 'user' THEN (SELECT min(counted_at) FROM changesets WHERE user_id = i)
            WHEN 'hashtag' THEN (SELECT min(tagged_at) FROM changesets_hashtags WHERE hashtag_id = i)
            WHEN 'world' THEN NULL
            WHEN 'union' THEN (SELECT min(united_at) FROM changesets_unions WHERE union_id = i)
            WHEN 'country' THEN (SELECT min(counted_there_at) FROM changesets_countries WHERE country_id = i)
            ELSE (SELECT min(tagged_at) FROM changesets_hashtags WHERE hashtag_id = i AND tagged_by = j)
        END,
        CASE o
            WHEN 'user' THEN (SELECT max(counted_at) FROM changesets WHERE user_id = i)
            WHEN 'hashtag' THEN (SELECT max(tagged_at) FROM changesets_hashtags WHERE hashtag_id = i)
            WHEN 'world' THEN NULL
            WHEN 'union' THEN (SELECT max(united_at) FROM changesets_unions WHERE union_id = i)
            WHEN 'country' THEN (SELECT max(counted_there_at) FROM changesets_countries WHERE country_id = i)
            ELSE (SELECT max(tagged_at) FROM changesets_hashtags WHERE hashtag_id = i AND tagged_by = j)
        END,
        editors.*, days.*, places.*, tags.*, mappers.*
    FROM (
        SELECT jsonb_object_agg(key, changesets), jsonb_object_agg(key, edits) FROM (
            SELECT * FROM aggregate_keys WHERE j = 0 AND owner = o AND owner_id = i AND measure = 'editor'
            ORDER BY edits DESC, id, key LIMIT 10
        ) AS top
    ) AS editors, (
        SELECT jsonb_object_agg(day, changesets), jsonb_object_agg(day, edits)
        FROM aggregate_days WHERE o = 'user' AND owner = 'user' AND owner_id = i
    ) AS days, (
        SELECT jsonb_object_agg(key, changesets), jsonb_object_agg(key, edits)
        FROM aggregate_keys WHERE j = 0 AND owner = o AND owner_id = i AND measure = 'country'
    ) AS places, (
        SELECT jsonb_object_agg(key, changesets), jsonb_object_agg(key, edits) FROM (
            SELECT * FROM aggregate_keys WHERE j = 0 AND owner = o AND owner_id = i AND measure = 'hashtag'
            ORDER BY edits DESC, id, key LIMIT CASE o WHEN 'user' THEN 50 ELSE 10 END
        ) AS top
    ) AS tags, (
        SELECT jsonb_object_agg(id::text, changesets), jsonb_object_agg(id::text, edits) FROM (
            SELECT * FROM aggregate_keys WHERE j = 0 AND owner = o AND owner_id = i AND measure = 'user'
            ORDER BY edits DESC, id, key LIMIT 10
        ) AS top
    ) AS mappers
$$;

CREATE FUNCTION contributions_of(ids bigint[]) RETURNS TABLE(owner text, owner_id bigint, member_id bigint, day date, measure text, id bigint, key text, value numeric, changesets bigint)
    LANGUAGE sql STABLE
    AS $$
    WITH members AS MATERIALIZED (SELECT * FROM aggregate_members_of(ids)),
    sums AS (
        SELECT owner, owner_id, member_id, day, 'total' AS measure, '' AS key, edits::numeric AS value, 1 AS changesets
        FROM members
        UNION ALL
        SELECT owner, owner_id, member_id, day, 'counts', e.key, e.value::numeric, 0
        FROM members, jsonb_each_text(counts) AS e
        UNION ALL
        SELECT owner, owner_id, member_id, day, 'measurements', e.key, e.value::numeric, 0
        FROM members, jsonb_each_text(measurements) AS e
    ),
    keys AS (
        SELECT owner, owner_id, 'editor' AS measure, 0 AS id, editor AS key, edits
        FROM members WHERE owner = 'user' AND editor IS NOT NULL
        UNION ALL
        SELECT owner, owner_id, 'country', 0, countries.code, l.edit_count
        FROM members
        JOIN changesets_countries AS l USING (changeset_id)
        JOIN countries ON countries.id = l.country_id
        WHERE owner = 'user'
        UNION ALL
        SELECT owner, owner_id, 'hashtag', 0, hashtags.hashtag, edits
        FROM members
        JOIN changesets_hashtags AS l USING (changeset_id)
        JOIN hashtags ON hashtags.id = l.hashtag_id
        WHERE owner IN ('user', 'country')
        UNION ALL
        SELECT owner, owner_id, 'user', user_id, '', edits
        FROM members WHERE owner IN ('hashtag', 'country', 'union') AND user_id IS NOT NULL
    )
    SELECT owner, owner_id, member_id, day, measure, 0, key, sum(value), sum(changesets)
    FROM sums
    GROUP BY GROUPING SETS ((owner, owner_id, member_id, measure, key), (owner, owner_id, member_id, day, measure, key))
    HAVING GROUPING(day) = 1 OR owner <> 'hashtag_user'
    UNION ALL
    SELECT owner, owner_id, 0, NULL, measure, id, key, sum(edits), count(*)
    FROM keys GROUP BY owner, owner_id, measure, id, key
$$;
