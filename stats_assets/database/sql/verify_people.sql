-- What the uploads of the users in [first, until) say of their days, for each hashtag, country, union and the world, beside
-- people_days: a row that differs. Plain SQL of its own: an error of the applier's can't
-- hide here.

WITH mine AS MATERIALIZED (
    SELECT u.* FROM uploads AS w CROSS JOIN LATERAL (
        SELECT * FROM uploads AS u WHERE u.changeset_id = w.changeset_id AND u.sequence = w.sequence OFFSET 0
    ) AS u
    WHERE w.owner = 'user' AND w.owner_id >= %(first)s AND w.owner_id < %(until)s AND u.owner <> 'user'
), sums AS (
    SELECT owner, owner_id, ((minute_ends(sequence) - interval '1 s') AT TIME ZONE 'UTC')::date AS day, user_id,
        count(DISTINCT changeset_id) AS changesets, sum(edits) AS edits
    FROM mine GROUP BY 1, 2, 3, 4
), expected AS (
    SELECT owner, owner_id, day, user_id, jsonb_build_object('changesets', changesets, 'edits', edits, 'before',
        lag(day) OVER (PARTITION BY owner, owner_id, user_id ORDER BY day)) AS row
    FROM sums
), found AS (
    SELECT owner, owner_id, day, user_id,
        jsonb_build_object('changesets', changesets, 'edits', edits, 'before', before) AS row
    FROM people_days WHERE user_id >= %(first)s AND user_id < %(until)s
)
SELECT owner, owner_id, day, user_id, expected.row AS expected, found.row AS found
FROM expected FULL JOIN found USING (owner, owner_id, day, user_id)
WHERE expected.row IS DISTINCT FROM found.row
ORDER BY 1, 2, 3, 4
