"""Who edited on a day, for a hashtag, a country, a union, the world: by the minutes of uploads, and by changesets' times.

SQL of a batch, after uploads.py's and members.py's; the differences of both clocks are added alike.
"""

PEOPLE_TABLES = """
CREATE TEMPORARY TABLE IF NOT EXISTS people_changes (
    clock text COLLATE "C", owner text COLLATE "C", owner_id bigint, day date, user_id bigint, changesets bigint,
    edits numeric
) ON COMMIT DELETE ROWS
"""
OF_PEOPLE_UPLOADING = """
INSERT INTO people_changes
SELECT 'upload', owner, owner_id, day, user_id, sum(changesets), sum(edits)
FROM (
    SELECT owner, owner_id, day, user_id, count(DISTINCT changeset_id) AS changesets, sum(edits) AS edits
    FROM upload_changes WHERE edits IS NOT NULL AND user_id IS NOT NULL AND owner <> 'user'
    GROUP BY owner, owner_id, day, user_id
    UNION ALL
    SELECT owner, owner_id, day, had_user, -count(DISTINCT changeset_id), -sum(had_edits)
    FROM upload_changes WHERE had_edits IS NOT NULL AND had_user IS NOT NULL AND owner <> 'user'
    GROUP BY owner, owner_id, day, had_user
) AS sides
GROUP BY owner, owner_id, day, user_id HAVING sum(changesets) <> 0 OR sum(edits) <> 0
"""
OF_PEOPLE_COUNTED = """
INSERT INTO people_changes
SELECT 'changeset', owner, owner_id, day, user_id, sum(sign), sum(sign * edits)
FROM members WHERE owner IN ('hashtag', 'country', 'world', 'union') AND user_id IS NOT NULL
GROUP BY owner, owner_id, day, user_id HAVING sum(sign) <> 0 OR sum(sign * edits) <> 0
"""
SAVE_PEOPLE = """
INSERT INTO people_days AS p (clock, owner, owner_id, day, user_id, changesets, edits)
SELECT clock, owner, owner_id, day, user_id, changesets, edits FROM people_changes
ORDER BY user_id, clock, owner, owner_id, day
ON CONFLICT (user_id, clock, owner, owner_id, day) DO UPDATE SET changesets = p.changesets + excluded.changesets,
    edits = p.edits + excluded.edits
"""
FORGET_PEOPLE = """
DELETE FROM people_days WHERE ctid = ANY (ARRAY(
    SELECT p.ctid FROM people_changes AS c CROSS JOIN LATERAL (
        SELECT ctid FROM people_days AS p WHERE p.user_id = c.user_id AND p.clock = c.clock AND p.owner = c.owner
            AND p.owner_id = c.owner_id AND p.day = c.day AND p.changesets = 0 AND p.edits = 0 OFFSET 0
    ) AS p WHERE c.changesets <= 0
))
"""
# A day that came, or went, is another day before for itself and for the one after it.
_SAME = "p.user_id = c.user_id AND p.clock = c.clock AND p.owner = c.owner AND p.owner_id = c.owner_id"
LINK_PEOPLE = f"""
WITH moved AS MATERIALIZED (
    SELECT c.* FROM people_changes AS c LEFT JOIN LATERAL (
        SELECT changesets FROM people_days AS p WHERE {_SAME} AND p.day = c.day OFFSET 0
    ) AS p ON true
    WHERE p.changesets IS NULL OR p.changesets = c.changesets
), linked AS (
    SELECT user_id, clock, owner, owner_id, day FROM moved
    UNION
    SELECT user_id, clock, owner, owner_id, after.day FROM moved AS c CROSS JOIN LATERAL (
        SELECT day FROM people_days AS p WHERE {_SAME} AND p.day > c.day ORDER BY day LIMIT 1
    ) AS after
), links AS MATERIALIZED (
    SELECT p.ctid AS place, earlier.day AS before FROM linked AS c CROSS JOIN LATERAL (
        SELECT ctid, before FROM people_days AS p WHERE {_SAME} AND p.day = c.day OFFSET 0
    ) AS p LEFT JOIN LATERAL (
        SELECT day FROM people_days AS p WHERE {_SAME} AND p.day < c.day ORDER BY day DESC LIMIT 1
    ) AS earlier ON true
    WHERE p.before IS DISTINCT FROM earlier.day
)
UPDATE people_days SET before = links.before FROM links
WHERE ctid = ANY (ARRAY(SELECT place FROM links)) AND ctid = links.place
"""  # noqa: S608 - constants
ADD_PEOPLE = (SAVE_PEOPLE, FORGET_PEOPLE, LINK_PEOPLE)
APPLY_PEOPLE = (OF_PEOPLE_UPLOADING, OF_PEOPLE_COUNTED, *ADD_PEOPLE)
