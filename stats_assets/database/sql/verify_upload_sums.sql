-- What uploads and their facts say of each quarter of an hour in the sequences [first, until), and of each day if days are
-- whole, beside upload_sums: a row a step that differs. Plain SQL of its own: an error of the applier's can't hide here.
-- A step of which facts are away, or have yet to be applied, can't be looked at.

WITH chosen AS MATERIALIZED (
    SELECT u.* FROM uploads AS w CROSS JOIN LATERAL (
        SELECT * FROM uploads AS u WHERE u.changeset_id = w.changeset_id AND u.sequence = w.sequence OFFSET 0
    ) AS u
    WHERE w.owner = 'world' AND w.owner_id = 0 AND w.sequence >= %(first)s AND w.sequence < %(until)s
), unsure AS (
    SELECT changeset_id, sequence FROM statistics_queue WHERE sequence >= %(first)s AND sequence < %(until)s
    UNION
    SELECT changeset_id, sequence FROM statistics_held WHERE sequence >= %(first)s AND sequence < %(until)s
), facts AS MATERIALIZED (
    SELECT u.changeset_id, u.owner, u.owner_id, u.sequence, u.user_id, u.edits,
        CASE WHEN u.owner = 'country' THEN r.counts ELSE f.counts END AS counts,
        CASE WHEN u.owner = 'country' THEN r.measurements ELSE f.measurements END AS measurements,
        (u.changeset_id, u.sequence) IN (SELECT changeset_id, sequence FROM unsure) AS unsure
    FROM chosen AS u
    LEFT JOIN countries AS n ON u.owner = 'country' AND n.id = u.owner_id
    LEFT JOIN LATERAL (
        SELECT counts, measurements FROM changeset_edits AS f
        WHERE u.owner <> 'country' AND f.sequence = u.sequence AND f.changeset_id = u.changeset_id OFFSET 0
    ) AS f ON true
    LEFT JOIN LATERAL (
        SELECT counts, measurements FROM changeset_edits_countries AS r
        WHERE n.code IS NOT NULL AND r.sequence = u.sequence AND r.changeset_id = u.changeset_id AND r.region = n.code OFFSET 0
    ) AS r ON true
), steps AS (
    SELECT f.*, minutes, step_of(sequence, minutes) AS begins
    FROM facts AS f, unnest(CASE WHEN %(days)s THEN '{15,1440}' ELSE '{15}' END::int[]) AS minutes
    WHERE minutes = 1440 OR owner <> 'user'
), totals AS (
    SELECT owner, owner_id, minutes, begins, bool_or(counts IS NULL OR unsure) AS lacking,
        count(DISTINCT changeset_id) AS changesets, count(DISTINCT user_id) AS users, sum(edits) AS edits
    FROM steps GROUP BY owner, owner_id, minutes, begins
), numbers AS (
    SELECT owner, owner_id, minutes, begins, 'counts' AS measure, key, sum(value::numeric) AS total
    FROM steps, jsonb_each_text(counts) GROUP BY owner, owner_id, minutes, begins, key
    UNION ALL
    SELECT owner, owner_id, minutes, begins, 'measurements', key, sum(value::numeric)
    FROM steps, jsonb_each_text(measurements) GROUP BY owner, owner_id, minutes, begins, key
), documents AS (
    SELECT owner, owner_id, minutes, begins,
        jsonb_object_agg(key, trim_scale(total)) FILTER (WHERE measure = 'counts') AS counts,
        jsonb_object_agg(key, trim_scale(total)) FILTER (WHERE measure = 'measurements') AS measurements
    FROM numbers WHERE total <> 0 GROUP BY owner, owner_id, minutes, begins
), expected AS (
    SELECT owner, owner_id, minutes, begins, lacking, jsonb_build_object('changesets', changesets, 'users', users,
        'edits', edits, 'counts', coalesce(counts, '{}'), 'measurements', coalesce(measurements, '{}')) AS row
    FROM totals LEFT JOIN documents USING (owner, owner_id, minutes, begins)
), found AS (
    SELECT owner, owner_id, minutes, begins, to_jsonb(s) - '{owner,owner_id,minutes,begins}'::text[] AS row
    FROM upload_sums AS s
    WHERE minutes = ANY (CASE WHEN %(days)s THEN '{15,1440}' ELSE '{15}' END::int[])
        AND begins >= step_of(%(first)s, minutes) AND begins < step_of(%(until)s, minutes)
)
SELECT owner, owner_id, minutes::int, begins, expected.row AS expected, found.row AS found
FROM expected FULL JOIN found USING (owner, owner_id, minutes, begins)
WHERE lacking IS NOT TRUE AND expected.row IS DISTINCT FROM found.row
ORDER BY 1, 2, 3, 4
