-- What the applied changesets say of each owner in [first, until), beside its aggregates: a row a number that differs.
-- Plain SQL of its own: an error of the applier's can't hide here.

WITH members AS MATERIALIZED (
    {members}
), rows AS (
    SELECT owner_id, member_id, day, 'total' AS measure, 0 AS id, '' AS key, edits::numeric AS value, 1 AS changesets FROM members
    UNION ALL
    SELECT owner_id, member_id, day, 'counts', 0, k.key, k.value::numeric, 0 FROM members, jsonb_each_text(counts) AS k
    UNION ALL
    SELECT owner_id, member_id, day, 'measurements', 0, k.key, k.value::numeric, 0 FROM members, jsonb_each_text(measurements) AS k
), keys AS (
    SELECT owner_id, 'editor' AS measure, 0 AS id, editor AS key, edits
    FROM members WHERE %(owner)s = 'user' AND editor IS NOT NULL
    UNION ALL
    SELECT owner_id, 'country', 0, n.code, l.edit_count
    FROM members AS m JOIN changesets_countries AS l ON l.changeset_id = m.changeset_id
    JOIN countries AS n ON n.id = l.country_id WHERE %(owner)s = 'user'
    UNION ALL
    SELECT owner_id, 'hashtag', 0, h.hashtag, edits
    FROM members AS m JOIN changesets_hashtags AS l ON l.changeset_id = m.changeset_id
    JOIN hashtags AS h ON h.id = l.hashtag_id WHERE %(owner)s IN ('user', 'country')
    UNION ALL
    SELECT owner_id, 'user', user_id, '', edits
    FROM members WHERE %(owner)s IN ('hashtag', 'country', 'union') AND user_id IS NOT NULL
), expected AS (
    SELECT owner_id, member_id, NULL::date AS day, measure, id, key, sum(value) AS value, sum(changesets) AS changesets
    FROM rows GROUP BY owner_id, member_id, measure, id, key
    UNION ALL
    SELECT owner_id, member_id, day, measure, id, key, sum(value), sum(changesets)
    FROM rows WHERE %(owner)s <> 'hashtag_user' GROUP BY owner_id, member_id, day, measure, id, key
    UNION ALL
    SELECT owner_id, 0, NULL, measure, id, key, sum(edits), count(*) FROM keys GROUP BY owner_id, measure, id, key
), ranked AS (
    SELECT owner_id, measure, coalesce(nullif(key, ''), id::text) AS key, value AS edits, changesets,
        row_number() OVER (PARTITION BY owner_id, measure ORDER BY value DESC, id, key COLLATE "C") AS place
    FROM expected WHERE measure IN ('editor', 'country', 'hashtag', 'user')
), shown AS (
    SELECT owner_id, measure, key, edits, changesets
    FROM ranked
    WHERE measure = 'country'
        OR place <= CASE WHEN measure = 'hashtag' AND %(owner)s = 'user' THEN 50 ELSE 10 END
    UNION ALL
    SELECT owner_id, 'day', day::text, value, changesets
    FROM expected WHERE measure = 'total' AND day IS NOT NULL AND %(owner)s = 'user'
), times AS (
    SELECT owner_id, member_id, min(counted_at) AS first_edit, max(counted_at) AS last_edit FROM members GROUP BY owner_id, member_id
), kept AS (
    SELECT owner_id, member_id, NULL::date AS day, changesets, edits, counts, measurements
    FROM aggregates WHERE owner = %(owner)s AND owner_id >= %(first)s AND owner_id < %(until)s
    UNION ALL
    SELECT owner_id, 0, day, changesets, edits, counts, measurements
    FROM aggregate_days WHERE owner = %(owner)s AND owner_id >= %(first)s AND owner_id < %(until)s
), found AS (
    SELECT owner_id, member_id, day, 'total' AS measure, 0::bigint AS id, '' AS key, edits AS value, changesets FROM kept
    UNION ALL
    SELECT owner_id, member_id, day, 'counts', 0, k.key, k.value::numeric, 0 FROM kept, jsonb_each_text(counts) AS k
    UNION ALL
    SELECT owner_id, member_id, day, 'measurements', 0, k.key, k.value::numeric, 0 FROM kept, jsonb_each_text(measurements) AS k
    UNION ALL
    SELECT owner_id, 0, NULL, measure, id, key, edits, changesets
    FROM aggregate_keys WHERE owner = %(owner)s AND owner_id >= %(first)s AND owner_id < %(until)s
    UNION ALL
    SELECT owner_id, member_id, NULL, measure, 0, k.key, k.value::numeric, 0
    FROM aggregates, LATERAL (VALUES
        ('editor_edits', editor_edits), ('editor_changesets', editor_changesets),
        ('day_edits', day_edits), ('day_changesets', day_changesets),
        ('country_edits', country_edits), ('country_changesets', country_changesets),
        ('hashtag_edits', hashtag_edits), ('hashtag_changesets', hashtag_changesets),
        ('user_edits', user_edits), ('user_changesets', user_changesets)
    ) AS document (measure, keys), jsonb_each_text(keys) AS k
    WHERE owner = %(owner)s AND owner_id >= %(first)s AND owner_id < %(until)s
    UNION ALL
    SELECT owner_id, member_id, NULL, measure, 0, '', extract(epoch FROM at), 0
    FROM aggregates, LATERAL (VALUES ('first_edit', first_edit), ('last_edit', last_edit)) AS one (measure, at)
    WHERE owner = %(owner)s AND owner_id >= %(first)s AND owner_id < %(until)s
), both_sides AS (
    SELECT owner_id, member_id, day, measure, id, key COLLATE "C" AS key, value AS new, changesets AS new_changesets,
        NULL::numeric AS old, NULL::bigint AS old_changesets FROM expected
    UNION ALL
    SELECT owner_id, 0, NULL, measure || '_edits', 0, key, edits, 0, NULL, NULL FROM shown
    UNION ALL
    SELECT owner_id, 0, NULL, measure || '_changesets', 0, key, changesets, 0, NULL, NULL FROM shown
    UNION ALL
    SELECT owner_id, member_id, NULL, measure, 0, '', extract(epoch FROM at), 0, NULL, NULL
    FROM times, LATERAL (VALUES ('first_edit', first_edit), ('last_edit', last_edit)) AS one (measure, at)
    UNION ALL
    SELECT owner_id, member_id, day, measure, id, key, NULL, NULL, value, changesets FROM found
    UNION ALL
    SELECT owner_id, member_id, NULL, measure, 0, '', value, one.changesets, NULL, NULL
    FROM aggregates AS r, LATERAL (VALUES ('ranked', edits::numeric, r.changesets), ('first_ranked', extract(epoch FROM first_edit), 0),
        ('last_ranked', extract(epoch FROM last_edit), 0)) AS one (measure, value, changesets)
    WHERE owner = %(owner)s AND owner_id >= %(first)s AND owner_id < %(until)s
    UNION ALL
    SELECT owner_id, member_id, NULL, measure, 0, '', NULL, NULL, value, one.changesets
    FROM aggregates_ranked AS r, LATERAL (VALUES ('ranked', edits::numeric, r.changesets), ('first_ranked', extract(epoch FROM first_edit), 0),
        ('last_ranked', extract(epoch FROM last_edit), 0)) AS one (measure, value, changesets)
    WHERE owner = %(owner)s AND owner_id >= %(first)s AND owner_id < %(until)s
)
SELECT %(owner)s, owner_id, member_id, day, measure, id, key, coalesce(sum(new), 0) - coalesce(sum(old), 0),
    coalesce(sum(new_changesets), 0) - coalesce(sum(old_changesets), 0),
    sum(new), sum(new_changesets), sum(old), sum(old_changesets)
FROM both_sides
GROUP BY owner_id, member_id, day, measure, id, key
HAVING sum(new) IS DISTINCT FROM sum(old) OR sum(new_changesets) IS DISTINCT FROM sum(old_changesets)
ORDER BY owner_id, member_id, day NULLS FIRST, measure, id, key
