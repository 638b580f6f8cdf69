-- What the applied changesets and uploads of the users in [first, until) say of their days, for each hashtag, country, union
-- and the world, by both clocks, beside people_days: a row that differs. Plain SQL of its own: an error of the applier's can't
-- hide here.

WITH mine AS MATERIALIZED (
    SELECT u.* FROM uploads AS w CROSS JOIN LATERAL (
        SELECT * FROM uploads AS u WHERE u.changeset_id = w.changeset_id AND u.sequence = w.sequence OFFSET 0
    ) AS u
    WHERE w.owner = 'user' AND w.owner_id >= %(first)s AND w.owner_id < %(until)s AND u.owner <> 'user'
), counted AS MATERIALIZED (
    SELECT id, user_id, (counted_at AT TIME ZONE 'UTC')::date AS day, total_edits
    FROM changesets WHERE user_id >= %(first)s AND user_id < %(until)s AND counted_at IS NOT NULL
), rows AS (
    SELECT 'upload' AS clock, owner, owner_id, user_id, (minute_ends(sequence) - interval '1 s')::timestamptz AS at,
        NULL::date AS day, changeset_id, edits
    FROM mine
    UNION ALL
    SELECT 'changeset', 'world', 0, user_id, NULL, day, id, total_edits FROM counted
    UNION ALL
    SELECT 'changeset', 'hashtag', l.hashtag_id, user_id, NULL, day, id, total_edits
    FROM counted JOIN changesets_hashtags AS l ON l.changeset_id = id
    UNION ALL
    SELECT 'changeset', 'union', l.union_id, user_id, NULL, day, id, total_edits
    FROM counted JOIN changesets_unions AS l ON l.changeset_id = id
    UNION ALL
    SELECT 'changeset', 'country', l.country_id, user_id, NULL, day, id, l.edit_count
    FROM counted JOIN changesets_countries AS l ON l.changeset_id = id
), sums AS (
    SELECT clock, owner, owner_id, coalesce(day, (at AT TIME ZONE 'UTC')::date) AS day, user_id,
        count(DISTINCT changeset_id) AS changesets, sum(edits) AS edits
    FROM rows GROUP BY 1, 2, 3, 4, 5
), expected AS (
    SELECT clock, owner, owner_id, day, user_id, jsonb_build_object('changesets', changesets, 'edits', edits, 'before',
        lag(day) OVER (PARTITION BY clock, owner, owner_id, user_id ORDER BY day)) AS row
    FROM sums
), found AS (
    SELECT clock, owner, owner_id, day, user_id,
        jsonb_build_object('changesets', changesets, 'edits', edits, 'before', before) AS row
    FROM people_days WHERE user_id >= %(first)s AND user_id < %(until)s
)
SELECT clock, owner, owner_id, day, user_id, expected.row AS expected, found.row AS found
FROM expected FULL JOIN found USING (clock, owner, owner_id, day, user_id)
WHERE expected.row IS DISTINCT FROM found.row
ORDER BY 1, 2, 3, 4, 5
