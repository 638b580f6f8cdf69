-- Revision 0008. What a changeset contributes, as before, by the columns' new names.

-- Each owner of an aggregate that counts the changeset, with what it counts of it (docs/definitions.md, section 7).
CREATE OR REPLACE FUNCTION aggregate_members_of(ids bigint[]) RETURNS TABLE (
    owner text, a bigint, b bigint, changeset_id bigint, day date,
    edits bigint, counts jsonb, measurements jsonb, user_id bigint, editor text
) LANGUAGE sql STABLE AS $$
    WITH counted AS (
        SELECT id, (counted_at AT TIME ZONE 'UTC')::date AS day, total_edits::bigint, counts, measurements,
            user_id, editor
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
    SELECT 'country', country_id, 0, c.id, c.day, l.edit_count, l.counts_there, l.measurements_there, c.user_id, c.editor
    FROM counted AS c JOIN changesets_countries AS l ON l.changeset_id = c.id
$$;
