"""What changesets contribute to their owners' aggregates: read before and after a batch, and subtracted.

An owner that counts a changeset is a member, as the database's `aggregate_members_of` says; how differences get into
the tables is aggregates.py's.
"""
# ruff: noqa: S608 - SQL is made of constants

MEMBERS = """
CREATE TEMPORARY TABLE IF NOT EXISTS members (
    owner text COLLATE "C", owner_id bigint, member_id bigint, changeset_id bigint, day date, edits bigint,
    counts jsonb, measurements jsonb, user_id bigint, editor text COLLATE "C", counted_at timestamptz, sign int
) ON COMMIT DELETE ROWS"""


def _members(sign: int) -> str:
    return f"""
INSERT INTO members SELECT m.*, c.counted_at, {sign}
FROM aggregate_members_of(%(changesets)s) AS m
CROSS JOIN LATERAL (SELECT counted_at FROM changesets AS c WHERE c.id = m.changeset_id OFFSET 0) AS c
"""


BEFORE, AFTER = _members(-1), _members(1)
# Of most changesets that were told of again nothing is another: they need not be taken apart.
UNCHANGED = """
DELETE FROM members WHERE changeset_id NOT IN (
    SELECT changeset_id FROM members
    GROUP BY owner, owner_id, member_id, changeset_id, day, edits, counts, measurements, user_id, editor, counted_at
    HAVING sum(sign) <> 0
)
"""


def _objects(column: str) -> str:
    """Of days, n is a number of each; of owners, o: theirs are the sums of their days, and are that of the only one."""
    value = "sum(CASE sign WHEN 1 THEN value::numeric ELSE -value::numeric END)"
    made = f"jsonb_object_agg(key, trim_scale(value)) AS {column}"
    return f"""sums_of_{column} AS MATERIALIZED (
    SELECT n, key COLLATE "C" AS key, {value} AS value FROM parted, jsonb_each({column})
    GROUP BY 1, 2 HAVING {value} <> 0
), day_{column} AS MATERIALIZED (
    SELECT n, {made} FROM sums_of_{column} GROUP BY n
), owner_{column} AS (
    SELECT o, {made} FROM (
        SELECT o, key, sum(value) AS value
        FROM (SELECT n, o FROM days WHERE many) AS d JOIN sums_of_{column} USING (n)
        GROUP BY o, key HAVING sum(value) <> 0
    ) AS sums GROUP BY o
    UNION ALL
    SELECT o, {column} FROM days JOIN day_{column} USING (n) WHERE NOT many
)"""


# Of each owner, and of each of its days. What adds up to nothing is left out. Groups are numbered: their keys are
# sorted once, not with each number's.
OF_OWNERS_AND_DAYS = f"""
WITH parted AS MATERIALIZED (
    SELECT dense_rank() OVER (ORDER BY owner_id, owner, member_id, day) AS n, owner, owner_id, member_id, day, edits,
        counts, measurements, sign
    FROM members
), days AS MATERIALIZED (
    SELECT *, count(*) OVER (PARTITION BY o) > 1 AS many FROM (
        SELECT n, owner, owner_id, member_id, day, dense_rank() OVER (ORDER BY owner_id, owner, member_id) AS o,
            sum(sign) AS changesets, sum(sign * edits) AS edits
        FROM parted GROUP BY n, owner, owner_id, member_id, day
    ) AS d
), {_objects("counts")}, {_objects("measurements")}, owners AS (
    SELECT o, owner, owner_id, member_id, sum(changesets) AS changesets, sum(edits) AS edits
    FROM days GROUP BY o, owner, owner_id, member_id
)
INSERT INTO deltas (owner, owner_id, member_id, day, changesets, edits, counts, measurements)
SELECT owner, owner_id, member_id, NULL::date, changesets, edits, coalesce(counts, '{{}}'),
    coalesce(measurements, '{{}}')
FROM owners LEFT JOIN owner_counts USING (o) LEFT JOIN owner_measurements USING (o)
UNION ALL
SELECT owner, owner_id, 0, day, changesets, edits, coalesce(counts, '{{}}'), coalesce(measurements, '{{}}')
FROM days LEFT JOIN day_counts USING (n) LEFT JOIN day_measurements USING (n)
WHERE owner <> 'hashtag_user' AND (changesets <> 0 OR edits <> 0 OR counts IS NOT NULL OR measurements IS NOT NULL)
"""
# A breakdown's key is a user's id, or else a text.
OF_KEYS = """
WITH keys AS (
    SELECT owner, owner_id, 'editor' AS measure, 0 AS id, editor AS key, sign * edits AS edits, sign
    FROM members WHERE owner = 'user' AND editor IS NOT NULL
    UNION ALL
    SELECT m.owner, m.owner_id, 'country', 0, n.code, l.sign * l.edits, l.sign
    FROM members AS m JOIN members AS l USING (changeset_id, sign) JOIN countries AS n ON n.id = l.owner_id
    WHERE m.owner = 'user' AND l.owner = 'country'
    UNION ALL
    SELECT m.owner, m.owner_id, 'hashtag', 0, h.hashtag, m.sign * m.edits, m.sign
    FROM members AS m JOIN members AS l USING (changeset_id, sign) JOIN hashtags AS h ON h.id = l.owner_id
    WHERE m.owner IN ('user', 'country') AND l.owner = 'hashtag'
    UNION ALL
    SELECT owner, owner_id, 'user', user_id, '', sign * edits, sign
    FROM members WHERE owner IN ('hashtag', 'country', 'union') AND user_id IS NOT NULL
)
INSERT INTO key_deltas (owner, owner_id, measure, id, key, changesets, edits)
SELECT owner, owner_id, measure, id, key, sum(sign), sum(edits)
FROM keys GROUP BY owner, owner_id, measure, id, key HAVING sum(edits) <> 0 OR sum(sign) <> 0
"""
DIFFERENCES = (OF_OWNERS_AND_DAYS, OF_KEYS)
