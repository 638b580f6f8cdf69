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
    value = "sum(CASE sign WHEN 1 THEN value::numeric ELSE -value::numeric END)"
    return f"""{column} AS (
    SELECT n, jsonb_object_agg(key, trim_scale(value)) AS {column}
    FROM (
        SELECT n, key, {value} AS value FROM parted, jsonb_each({column})
        GROUP BY n, key HAVING {value} <> 0
    ) AS sums
    GROUP BY n
)"""


def _sums(by: str, day: str, which: str) -> str:
    """What adds up to nothing is left out. Groups are numbered: their keys are sorted once, not with each number's."""
    return f"""
WITH parted AS MATERIALIZED (
    SELECT dense_rank() OVER (ORDER BY owner_id, owner, {by}) AS n, owner, owner_id, member_id, day, edits, counts,
        measurements, sign
    FROM members WHERE {which}
), totals AS (
    SELECT n, owner, owner_id, {by}, sum(sign) AS changesets, sum(sign * edits) AS edits FROM parted
    GROUP BY n, owner, owner_id, {by}
), {_objects("counts")}, {_objects("measurements")}
INSERT INTO deltas (owner, owner_id, member_id, day, changesets, edits, counts, measurements)
SELECT owner, owner_id, {day}, changesets, edits, coalesce(counts, '{{}}'), coalesce(measurements, '{{}}')
FROM totals LEFT JOIN counts USING (n) LEFT JOIN measurements USING (n)
"""


OF_OWNERS = _sums("member_id", "member_id, NULL", "true")
OF_DAYS = (
    _sums("day", "0, day", "owner <> 'hashtag_user'")
    + "WHERE changesets <> 0 OR edits <> 0 OR counts IS NOT NULL OR measurements IS NOT NULL"
)
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
DIFFERENCES = (OF_OWNERS, OF_DAYS, OF_KEYS)
