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
FROM aggregate_members_of(%(changesets)s) AS m JOIN changesets AS c ON c.id = m.changeset_id
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
# day null: of all days. A breakdown's key is a user's id, or else a text. What adds up to nothing is left out.
DIFFERENCES = """
WITH sums AS (
    SELECT owner, owner_id, member_id, day, 'total' AS measure, '' AS key, sign * edits::numeric AS value,
        sign AS changesets
    FROM members
    UNION ALL
    SELECT owner, owner_id, member_id, day, 'counts', e.key, sign * e.value::numeric, 0
    FROM members, jsonb_each(counts) AS e
    UNION ALL
    SELECT owner, owner_id, member_id, day, 'measurements', e.key, sign * e.value::numeric, 0
    FROM members, jsonb_each(measurements) AS e
), keys AS (
    SELECT owner, owner_id, 0 AS member_id, 'editor' AS measure, 0 AS id, editor AS key, sign * edits AS edits, sign
    FROM members WHERE owner = 'user' AND editor IS NOT NULL
    UNION ALL
    SELECT m.owner, m.owner_id, 0, 'country', 0, n.code, l.sign * l.edits, l.sign
    FROM members AS m JOIN members AS l USING (changeset_id, sign) JOIN countries AS n ON n.id = l.owner_id
    WHERE m.owner = 'user' AND l.owner = 'country'
    UNION ALL
    SELECT m.owner, m.owner_id, 0, 'hashtag', 0, h.hashtag, m.sign * m.edits, m.sign
    FROM members AS m JOIN members AS l USING (changeset_id, sign) JOIN hashtags AS h ON h.id = l.owner_id
    WHERE m.owner IN ('user', 'country') AND l.owner = 'hashtag'
    UNION ALL
    SELECT owner, owner_id, 0, 'user', user_id, '', sign * edits, sign
    FROM members WHERE owner IN ('hashtag', 'country') AND user_id IS NOT NULL
    UNION ALL
    SELECT owner, owner_id, member_id, 'time', 0, counted_at::text, 0, sign FROM members
)
INSERT INTO deltas (owner, owner_id, member_id, day, measure, id, key, value, changesets)
SELECT owner, owner_id, member_id, day, measure, 0, key, sum(value), sum(changesets)
FROM sums
GROUP BY GROUPING SETS ((owner, owner_id, member_id, measure, key), (owner, owner_id, member_id, day, measure, key))
HAVING (GROUPING(day) = 1 OR owner <> 'hashtag_user') AND (sum(value) <> 0 OR sum(changesets) <> 0)
UNION ALL
SELECT owner, owner_id, member_id, NULL, measure, id, key, sum(edits), sum(sign)
FROM keys GROUP BY owner, owner_id, member_id, measure, id, key HAVING sum(edits) <> 0 OR sum(sign) <> 0
"""
