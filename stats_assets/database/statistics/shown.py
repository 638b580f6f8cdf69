"""What an owner's row shows beside its sums: its times, its days, and its lists with their ends. SQL of two kinds.

Anew, from all keys of the owner (the database's `breakdowns_of`); or on from what it showed (`list_of`), which costs
what has changed, not what the owner has. How that gets into the row is aggregates.py's.
"""
# ruff: noqa: S608 - SQL is made of constants

LISTS = ("editor", "country", "hashtag", "user")
"""What an owner's edits are parted by, in aggregate_keys."""
# What is kept of an owner as it is shown: the columns of breakdowns_of, in their order.
BREAKDOWNS = (
    *("first_edit", "last_edit"),
    *(
        f"{of}_{what}"
        for of in ("editor", "day", "country", "hashtag", "user")
        for what in ("changesets", "edits")
    ),
)
ALL = "1000000"  # countries and states are never as many
MOST = {
    "editor": "10",
    "country": ALL,
    "hashtag": "CASE t.owner WHEN 'user' THEN 50 ELSE 10 END",
    "user": "10",
}
SHOWN_ANEW = """shown AS (
    SELECT t.*, made.* FROM touched AS t CROSS JOIN LATERAL breakdowns_of(t.owner, t.owner_id, t.member_id) AS made
)"""


def _time(which: str) -> str:
    return f"""CASE t.owner
            WHEN 'user' THEN (SELECT {which}(counted_at) FROM changesets WHERE user_id = t.owner_id)
            WHEN 'hashtag' THEN (SELECT {which}(tagged_at) FROM changesets_hashtags WHERE hashtag_id = t.owner_id)
            WHEN 'country' THEN (
                SELECT {which}(counted_there_at) FROM changesets_countries WHERE country_id = t.owner_id
            )
            ELSE (
                SELECT {which}(tagged_at) FROM changesets_hashtags
                WHERE hashtag_id = t.owner_id AND tagged_by = t.member_id
            )
        END"""


def _breakdown(of: str, what: str) -> str:
    name = f"{of}_{what}"
    if of != "day":
        return f"CASE WHEN t.{of}_keys IS NULL THEN g.{name} ELSE {of}s.{what} END AS {name}"
    others = f"coalesce(g.{name}, '{{}}') - t.days::text[]"
    return f"""CASE WHEN t.days IS NULL THEN g.{name}
            ELSE nullif(({others}) || coalesce(d.{what}, '{{}}'), '{{}}') END AS {name}"""


def _list(of: str) -> str:
    return f"""
    LEFT JOIN LATERAL list_of(t.owner, t.owner_id, '{of}', {MOST[of]}, g.{of}_edits, t.{of}_ids, t.{of}_keys) AS {of}s
        ON t.{of}_keys IS NOT NULL"""


_PARTS = ",\n        ".join(_breakdown(*name.split("_")) for name in BREAKDOWNS[2:])
# One after the other, each by an index: joins of what a statement makes itself are planned without knowing how much.
SHOWN_ON = f"""shown AS (
    SELECT t.*, {_time("min")} AS first_edit,
        {_time("max")} AS last_edit,
        {_PARTS}
    FROM touched AS t
    LEFT JOIN aggregates AS g USING (owner, owner_id, member_id){"".join(map(_list, LISTS))}
    LEFT JOIN LATERAL (
        SELECT jsonb_object_agg(day, changesets) AS changesets, jsonb_object_agg(day, edits) AS edits
        FROM aggregate_days AS a WHERE a.owner = t.owner AND a.owner_id = t.owner_id AND a.day = ANY (t.days)
    ) AS d ON t.days IS NOT NULL
)"""
