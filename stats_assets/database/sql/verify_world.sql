-- What all users' days, and the changesets without a user, say of the world's days in [first, until), counted from
-- 1970-01-01, beside its aggregates; with the first, what all users have in all, too: a row a number that differs.

WITH bounds AS (
    SELECT date '1970-01-01' + greatest(%(first)s, -100000)::int AS first, date '1970-01-01' + least(%(until)s, 1000000)::int AS until
), parts AS (
    SELECT day, changesets, edits, counts, measurements FROM aggregate_days
    WHERE owner = 'user' AND day >= (SELECT first FROM bounds) AND day < (SELECT until FROM bounds)
    UNION ALL
    SELECT (counted_at AT TIME ZONE 'UTC')::date, 1, total_edits, counts, measurements FROM changesets
    WHERE user_id IS NULL AND counted_at >= (SELECT first FROM bounds)::timestamp AT TIME ZONE 'UTC'
        AND counted_at < (SELECT until FROM bounds)::timestamp AT TIME ZONE 'UTC'
), expected AS (
    SELECT day, 'total' AS measure, '' AS key, sum(edits)::numeric AS value, sum(changesets) AS changesets FROM parts GROUP BY day
    UNION ALL
    SELECT day, 'counts', k.key, sum(k.value::numeric), 0 FROM parts, jsonb_each_text(counts) AS k GROUP BY day, k.key
    UNION ALL
    SELECT day, 'measurements', k.key, sum(k.value::numeric), 0 FROM parts, jsonb_each_text(measurements) AS k GROUP BY day, k.key
), everybody AS (
    SELECT changesets, edits, counts, measurements FROM aggregates WHERE owner = 'user' AND %(first)s = 0
    UNION ALL
    SELECT 1, total_edits, counts, measurements FROM changesets
    WHERE user_id IS NULL AND counted_at IS NOT NULL AND %(first)s = 0
), whole AS (
    SELECT 'total' AS measure, '' AS key, sum(edits)::numeric AS value, sum(changesets) AS changesets FROM everybody
    HAVING count(*) > 0
    UNION ALL
    SELECT 'counts', k.key, sum(k.value::numeric), 0 FROM everybody, jsonb_each_text(counts) AS k GROUP BY k.key
    UNION ALL
    SELECT 'measurements', k.key, sum(k.value::numeric), 0 FROM everybody, jsonb_each_text(measurements) AS k GROUP BY k.key
), kept AS (
    SELECT day, changesets, edits, counts, measurements FROM aggregate_days
    WHERE owner = 'world' AND day >= (SELECT first FROM bounds) AND day < (SELECT until FROM bounds)
    UNION ALL
    SELECT NULL, changesets, edits, counts, measurements FROM aggregates WHERE owner = 'world' AND %(first)s = 0
), found AS (
    SELECT day, 'total' AS measure, '' AS key, edits::numeric AS value, changesets FROM kept
    UNION ALL
    SELECT day, 'counts', k.key, k.value::numeric, 0 FROM kept, jsonb_each_text(counts) AS k
    UNION ALL
    SELECT day, 'measurements', k.key, k.value::numeric, 0 FROM kept, jsonb_each_text(measurements) AS k
), both_sides AS (
    SELECT day, measure, key, value AS new, changesets AS new_changesets, NULL::numeric AS old, NULL::bigint AS old_changesets
    FROM expected
    UNION ALL
    SELECT NULL, measure, key, value, changesets, NULL, NULL FROM whole
    UNION ALL
    SELECT day, measure, key, NULL, NULL, value, changesets FROM found
)
SELECT 'world', 0::bigint, 0::bigint, day, measure, 0::bigint, key, coalesce(sum(new), 0) - coalesce(sum(old), 0),
    coalesce(sum(new_changesets), 0) - coalesce(sum(old_changesets), 0),
    sum(new), sum(new_changesets), sum(old), sum(old_changesets)
FROM both_sides
GROUP BY day, measure, key
HAVING coalesce(sum(new), 0) <> coalesce(sum(old), 0) OR coalesce(sum(new_changesets), 0) <> coalesce(sum(old_changesets), 0)
ORDER BY day NULLS FIRST, measure, key
