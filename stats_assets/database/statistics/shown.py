"""What an owner's row shows beside its sums: its times, its days, and its lists with their ends. SQL of two kinds.

Anew, from all keys of the owner (the database's `breakdowns_of`); or on from what it showed, which costs what has
changed, not what the owner has. How that gets into the row is aggregates.py's.
"""
# ruff: noqa: S608 - SQL is made of constants

LISTS = ("editor", "country", "hashtag", "user")  # of the keys that an owner's edits are parted by
# What is kept of an owner as it is shown: the columns of breakdowns_of, in their order.
BREAKDOWNS = (
    *("first_edit", "last_edit"),
    *(
        f"{of}_{what}"
        for of in ("editor", "day", "country", "hashtag", "user")
        for what in ("changesets", "edits")
    ),
)
SHOWN_ANEW = """shown AS (
    SELECT t.owner, t.owner_id, t.member_id, made.*
    FROM touched AS t CROSS JOIN LATERAL breakdowns_of(t.owner, t.owner_id, t.member_id) AS made
)"""


def _time(which: str) -> str:
    return f"""CASE t.owner
            WHEN 'user' THEN (SELECT {which}(counted_at) FROM changesets WHERE user_id = t.owner_id)
            WHEN 'hashtag' THEN (SELECT {which}(tagged_at) FROM changesets_hashtags WHERE hashtag_id = t.owner_id)
            WHEN 'country' THEN (SELECT {which}(counted_there_at) FROM changesets_countries WHERE country_id = t.owner_id)
            ELSE (SELECT {which}(tagged_at) FROM changesets_hashtags
                WHERE hashtag_id = t.owner_id AND tagged_by = t.member_id)
        END"""


def _document(of: str, what: str) -> str:
    return f"CASE WHEN l.{of} THEN l.{of}_{what} ELSE g.{of}_{what} END AS {of}_{what}"


def _days(what: str) -> str:
    return f"""CASE WHEN d.days IS NULL THEN g.day_{what} ELSE
            nullif((coalesce(g.day_{what}, '{{}}') || coalesce(d.{what}, '{{}}')) - d.gone, '{{}}') END AS day_{what}"""


_NAME = "CASE measure WHEN 'user' THEN id::text ELSE key END"
_PARTS = ", ".join(
    f"""
        bool_or(measure = '{of}') AS {of},
        jsonb_object_agg({_NAME}, changesets) FILTER (WHERE measure = '{of}' AND edits IS NOT NULL) AS {of}_changesets,
        jsonb_object_agg({_NAME}, edits) FILTER (WHERE measure = '{of}' AND edits IS NOT NULL) AS {of}_edits"""
    for of in LISTS
)
# Whoever was in no list before, and has not changed, ranks behind the last one of a list that is full; so a list's new
# keys are among those that it had and those that have changed, unless its last one would rank lower than before: then
# it is unsure, and read anew. Of days, and of countries, all are shown.
SHOWN_ON = f"""changed AS MATERIALIZED (
    SELECT DISTINCT owner, owner_id, measure, id, key FROM deltas WHERE measure IN {LISTS}
), lists AS MATERIALIZED (
    SELECT c.*, CASE measure WHEN 'editor' THEN g.editor_edits WHEN 'country' THEN g.country_edits
            WHEN 'hashtag' THEN g.hashtag_edits ELSE g.user_edits END AS had,
        CASE WHEN measure = 'country' THEN 1000000 WHEN measure = 'hashtag' AND c.owner = 'user' THEN 50 ELSE 10 END AS most
    FROM (SELECT DISTINCT owner, owner_id, measure FROM changed) AS c
    LEFT JOIN aggregates AS g ON g.owner = c.owner AND g.owner_id = c.owner_id AND g.member_id = 0
), had AS MATERIALIZED (
    SELECT owner, owner_id, measure, CASE measure WHEN 'user' THEN e.key::bigint ELSE 0 END AS id,
        (CASE measure WHEN 'user' THEN '' ELSE e.key END) COLLATE "C" AS key, e.value::bigint AS edits
    FROM lists, jsonb_each(had) AS e
), ends AS (
    SELECT DISTINCT ON (owner, owner_id, measure) *, count(*) OVER (PARTITION BY owner, owner_id, measure) AS number
    FROM had ORDER BY owner, owner_id, measure, edits, id DESC, key DESC
), ranked AS MATERIALIZED (
    SELECT k.*, row_number() OVER (PARTITION BY owner, owner_id, measure ORDER BY k.edits DESC, id, key) AS place
    FROM (SELECT owner, owner_id, measure, id, key FROM had UNION SELECT * FROM changed) AS c
    JOIN aggregate_keys AS k USING (owner, owner_id, measure, id, key)
), unsure AS MATERIALIZED (
    SELECT l.owner, l.owner_id, l.measure, most
    FROM lists AS l JOIN ends AS e USING (owner, owner_id, measure)
    LEFT JOIN ranked AS r
        ON r.owner = l.owner AND r.owner_id = l.owner_id AND r.measure = l.measure AND r.place = most
    WHERE e.number >= most AND (r.place IS NULL OR r.edits < e.edits
        OR (r.edits = e.edits AND (r.id, r.key) > (e.id, e.key)))
), entries AS (
    SELECT r.owner, r.owner_id, r.measure, r.id, r.key, r.changesets, r.edits
    FROM ranked AS r JOIN lists AS l USING (owner, owner_id, measure)
    WHERE place <= l.most AND NOT EXISTS (
        SELECT FROM unsure AS u WHERE (u.owner, u.owner_id, u.measure) = (r.owner, r.owner_id, r.measure)
    )
    UNION ALL
    SELECT k.* FROM unsure AS u CROSS JOIN LATERAL (
        SELECT owner, owner_id, measure, id, key, changesets, edits FROM aggregate_keys AS a
        WHERE a.owner = u.owner AND a.owner_id = u.owner_id AND a.measure = u.measure
        ORDER BY a.edits DESC, id, key LIMIT u.most
    ) AS k
), listed AS (
    SELECT owner, owner_id, {_PARTS}
    FROM lists LEFT JOIN entries USING (owner, owner_id, measure) GROUP BY owner, owner_id
), days AS (
    SELECT owner, owner_id, array_agg(day) AS days,
        jsonb_object_agg(day, a.changesets) FILTER (WHERE a.day IS NOT NULL) AS changesets,
        jsonb_object_agg(day, a.edits) FILTER (WHERE a.day IS NOT NULL) AS edits,
        coalesce(array_agg(day::text) FILTER (WHERE a.day IS NULL), '{{}}') AS gone
    FROM (SELECT DISTINCT owner, owner_id, day FROM deltas WHERE owner = 'user' AND day IS NOT NULL) AS d
    LEFT JOIN aggregate_days AS a USING (owner, owner_id, day) GROUP BY owner, owner_id
), shown AS (
    SELECT t.owner, t.owner_id, t.member_id, {_time("min")} AS first_edit,
        {_time("max")} AS last_edit,
        {_document("editor", "changesets")}, {_document("editor", "edits")},
        {_days("changesets")}, {_days("edits")},
        {", ".join(_document(of, what) for of in LISTS[1:] for what in ("changesets", "edits"))}
    FROM touched AS t
    LEFT JOIN aggregates AS g USING (owner, owner_id, member_id)
    LEFT JOIN listed AS l ON t.member_id = 0 AND l.owner = t.owner AND l.owner_id = t.owner_id
    LEFT JOIN days AS d ON t.member_id = 0 AND d.owner = t.owner AND d.owner_id = t.owner_id
)"""
