"""Milestones: which levels users and hashtags have reached, and on which UTC day, by the rules of MILESTONES_FILE.

The applier queues whose uploads have changed; these are looked at again, as a whole, and what differs is written: so a
correction takes one back. All is found out of the roll-ups.
"""
# ruff: noqa: S608 - SQL is made of constants

from collections.abc import Sequence

from stats_assets.database import locks
from stats_assets.database.connection import Connection
from stats_assets.osm.milestones import Rule
from stats_assets.questions.editors import family_sql

BATCH = 500  # owners
# Whose milestones may be others now. Without rules there are none.
DUE = """
INSERT INTO milestones_due (owner, owner_id)
SELECT owner, owner_id FROM (
    SELECT owner, owner_id FROM step_changes WHERE owner IN ('user', 'hashtag')
    UNION
    SELECT owner, owner_id FROM members WHERE owner = 'user'
) AS touched
WHERE EXISTS (SELECT FROM milestone_rules)
ORDER BY 1, 2 ON CONFLICT DO NOTHING
"""
_FAMILY = f"lower({family_sql('c.editor')})"
# What each owner had reached of each rule's metric by the end of each day on which that rose.
EARNED = f"""
WITH days AS MATERIALIZED (
    SELECT owner, owner_id, (begins AT TIME ZONE 'UTC')::date AS day, counts, counts || measurements AS numbers
    FROM upload_sums
    WHERE minutes = 1440 AND (owner = 'user' AND owner_id = ANY (%(users)s) OR owner = 'hashtag' AND owner_id = ANY (%(hashtags)s))
), uploaded AS MATERIALIZED (
    SELECT u.owner_id, (step_of(u.sequence, 1440) AT TIME ZONE 'UTC')::date AS day, u.before, {_FAMILY} AS family
    FROM uploads AS u CROSS JOIN LATERAL (SELECT editor FROM changesets AS c WHERE c.id = u.changeset_id OFFSET 0) AS c
    WHERE u.owner = 'user' AND u.owner_id = ANY (%(users)s) AND c.editor IS NOT NULL
        AND EXISTS (SELECT FROM milestone_rules WHERE metric IN ('editors', 'changesets_with'))
), things AS (
    SELECT name, owner_id, min(day) AS day FROM (
        SELECT r.name, r.least, p.user_id AS owner_id, p.owner_id AS thing, p.day,
            sum(p.edits) OVER (PARTITION BY r.name, p.user_id, p.owner_id ORDER BY p.day) AS edits
        FROM milestone_rules AS r JOIN people_days AS p ON p.clock = 'upload' AND p.user_id = ANY (%(users)s)
            AND p.owner = CASE r.metric WHEN 'countries' THEN 'country' WHEN 'hashtags' THEN 'hashtag' END
        WHERE r.owner = 'user'
    ) AS there WHERE edits >= least GROUP BY name, owner_id, thing
    UNION ALL
    SELECT r.name, d.owner_id, min(day)
    FROM milestone_rules AS r JOIN days AS d ON d.owner = r.owner, jsonb_object_keys(d.counts) AS key
    WHERE r.metric = 'categories' GROUP BY r.name, d.owner_id, regexp_replace(key, '_(added|modified|deleted)$', '')
    UNION ALL
    SELECT r.name, u.owner_id, min(day)
    FROM milestone_rules AS r, uploaded AS u WHERE r.metric = 'editors' GROUP BY r.name, u.owner_id, u.family
    UNION ALL
    SELECT r.name, u.owner_id, u.day
    FROM milestone_rules AS r JOIN uploaded AS u ON u.before IS NULL
        AND u.family = ANY (SELECT lower(key) FROM unnest(r.keys) AS key)
    WHERE r.metric = 'changesets_with'
    UNION ALL
    SELECT r.name, p.owner_id, p.day
    FROM milestone_rules AS r JOIN people_days AS p ON p.clock = 'upload' AND p.owner = 'hashtag' AND p.before IS NULL
        AND p.owner_id = ANY (%(hashtags)s)
    WHERE r.metric = 'people'
    UNION ALL
    SELECT name, owner_id, day FROM (
        SELECT r.name, r.least, d.owner_id, d.day, d.day - lag(d.day) OVER (PARTITION BY r.name, d.owner_id ORDER BY d.day) AS away
        FROM milestone_rules AS r JOIN days AS d ON d.owner = r.owner WHERE r.metric = 'returns'
    ) AS gaps WHERE away >= least
    UNION ALL
    SELECT r.name, d.owner_id, min(d.day)
    FROM milestone_rules AS r JOIN days AS d ON d.owner = r.owner
    WHERE r.metric IN ('days', 'months')
    GROUP BY r.name, d.owner_id, CASE r.metric WHEN 'days' THEN d.day ELSE date_trunc('month', d.day)::date END
), reached AS (
    SELECT name, owner_id, day, row_number() OVER (PARTITION BY name, owner_id ORDER BY day)::numeric AS value FROM things
    UNION ALL
    SELECT r.name, d.owner_id, d.day, sum(amount) OVER (PARTITION BY r.name, d.owner_id ORDER BY d.day)
    FROM milestone_rules AS r JOIN days AS d ON d.owner = r.owner CROSS JOIN LATERAL (
        SELECT coalesce(sum((d.numbers ->> key)::numeric), 0) AS amount FROM unnest(r.keys) AS key
    ) AS a WHERE r.metric = 'sum'
    UNION ALL
    SELECT name, owner_id, day, row_number() OVER (PARTITION BY name, owner_id, island ORDER BY day) FROM (
        SELECT r.name, d.owner_id, d.day,
            d.day - (row_number() OVER (PARTITION BY r.name, d.owner_id ORDER BY d.day))::int AS island
        FROM milestone_rules AS r JOIN days AS d ON d.owner = r.owner WHERE r.metric = 'days_in_a_row'
    ) AS islands
)
SELECT r.owner, x.owner_id, r.name, level, min(x.day) AS earned
FROM reached AS x JOIN milestone_rules AS r USING (name), unnest(r.levels) AS level
WHERE x.value >= level GROUP BY r.owner, x.owner_id, r.name, level
"""
_OLD = """
SELECT * FROM milestones
WHERE owner = 'user' AND owner_id = ANY (%(users)s) OR owner = 'hashtag' AND owner_id = ANY (%(hashtags)s)
"""
_KEY = "owner, owner_id, name, level"
LOOK_AGAIN = f"""
WITH earned AS MATERIALIZED ({EARNED}), gone AS (
    DELETE FROM milestones AS m USING ({_OLD}) AS old
    WHERE (m.owner, m.owner_id, m.name, m.level) = (old.owner, old.owner_id, old.name, old.level)
        AND NOT EXISTS (SELECT FROM earned AS e
            WHERE (e.owner, e.owner_id, e.name, e.level) = (old.owner, old.owner_id, old.name, old.level))
)
INSERT INTO milestones AS m ({_KEY}, earned)
SELECT {_KEY}, earned FROM earned ORDER BY {_KEY}
ON CONFLICT ({_KEY}) DO UPDATE SET earned = excluded.earned WHERE m.earned <> excluded.earned
"""
DIFFERING = f"""
SELECT 'milestone' AS is_a, owner, owner_id, name, level, to_jsonb(e.earned) AS expected, to_jsonb(old.earned) AS found
FROM ({EARNED}) AS e FULL JOIN ({_OLD}) AS old USING (owner, owner_id, name, level)
WHERE e.earned IS DISTINCT FROM old.earned
    AND NOT EXISTS (SELECT FROM milestones_due AS d WHERE (d.owner, d.owner_id) = (coalesce(e.owner, old.owner), coalesce(e.owner_id, old.owner_id)))
ORDER BY 2, 3, 4, 5
"""
ALL_DUE = """
INSERT INTO milestones_due (owner, owner_id)
SELECT owner, owner_id FROM aggregates_ranked WHERE owner IN ('user', 'hashtag') AND member_id = 0
UNION
SELECT owner, owner_id FROM milestones
ORDER BY 1, 2 ON CONFLICT DO NOTHING
"""


def keep_rules(connection: Connection, rules: Sequence[Rule]) -> bool:
    """Have just these; True: they were others, and all are to be looked at again."""
    wanted = sorted((r.name, r.owner, r.metric, list(r.keys), r.least, list(r.levels)) for r in rules)
    found = connection.execute(
        "SELECT name, owner, metric, keys, least, levels FROM milestone_rules ORDER BY name"
    ).fetchall()
    if found == wanted:
        return False
    with connection.transaction(), connection.cursor() as cursor:
        locks.wait_in_transaction(connection, locks.APPLIER)  # it queues those whose uploads change
        cursor.execute("DELETE FROM milestone_rules")
        cursor.executemany("INSERT INTO milestone_rules VALUES (%s, %s, %s, %s, %s, %s)", wanted)
        cursor.execute(ALL_DUE)
    return True


def look_again(connection: Connection) -> int:
    """Look at all that is due, some owners a transaction; how many that were. Killed in between, nothing is lost."""
    looked = 0
    while True:
        with connection.transaction():
            locks.wait_in_transaction(
                connection, locks.APPLIER
            )  # what it changes meanwhile would not be due again
            due = connection.execute(
                "DELETE FROM milestones_due WHERE (owner, owner_id) IN"
                " (SELECT owner, owner_id FROM milestones_due ORDER BY owner, owner_id LIMIT %s) RETURNING owner, owner_id",
                (BATCH,),
            ).fetchall()
            if not due:
                return looked
            given = {f"{kind}s": [n for owner, n in due if owner == kind] for kind in ("user", "hashtag")}
            connection.execute(LOOK_AGAIN, given, prepare=False)
        looked += len(due)
