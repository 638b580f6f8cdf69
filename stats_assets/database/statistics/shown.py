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
MOST = {
    "editor": "10",
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
            WHEN 'union' THEN (SELECT {which}(united_at) FROM changesets_unions WHERE union_id = t.owner_id)
            WHEN 'world' THEN NULL
            WHEN 'country' THEN (
                SELECT {which}(counted_there_at) FROM changesets_countries WHERE country_id = t.owner_id
            )
            ELSE (
                SELECT {which}(tagged_at) FROM changesets_hashtags
                WHERE hashtag_id = t.owner_id AND tagged_by = t.member_id
            )
        END"""


# What a row shows of a key that may have changed: each looked up by itself, as a join of another kind would read all.
_DAYS = """
            SELECT a.day::text AS name, a.changesets, a.edits FROM unnest(t.day_keys) AS k CROSS JOIN LATERAL (
                SELECT * FROM aggregate_days AS a
                WHERE a.owner = t.owner AND a.owner_id = t.owner_id AND a.day = k::date OFFSET 0
            ) AS a WHERE t.day_keys IS NOT NULL"""


def _changed(of: str) -> str:
    if of == "day":
        return _DAYS
    return f"""
            SELECT {"k.id::text" if of == "user" else "k.key"} AS name, a.changesets, a.edits
            FROM unnest(t.{of}_ids, t.{of}_keys) AS k (id, key) CROSS JOIN LATERAL (
                SELECT * FROM aggregate_keys AS a WHERE a.owner = t.owner AND a.owner_id = t.owner_id
                    AND a.measure = '{of}' AND a.id = k.id AND a.key = k.key OFFSET 0
            ) AS a WHERE {_all_shown(of)}"""


def _all_shown(of: str) -> str:
    """Whether all keys of the list are shown, as there is room for them: none is left out, and none moves up."""
    return f"{of}_room.enough" if of in MOST else f"t.{of}_keys IS NOT NULL"


def _breakdown(of: str, what: str) -> str:
    name = f"{of}_{what}"
    names = f"t.{of}_ids::text[]" if of == "user" else f"t.{of}_keys"
    others = f"coalesce(g.{name}, '{{}}') - {names}"
    cut = f" ELSE {of}s.{what}" if of in MOST else ""
    return f"""CASE WHEN t.{of}_keys IS NULL THEN g.{name} WHEN {_all_shown(of)}
            THEN nullif(({others}) || coalesce({of}_changed.{what}, '{{}}'), '{{}}'){cut} END AS {name}"""


def _list(of: str) -> str:
    """What changed of a list with room for it; else the list as it goes on."""
    room = cut = ""
    if of in MOST:
        room = f"""
    LEFT JOIN LATERAL (
        SELECT count(*) + cardinality(t.{of}_keys) <= {MOST[of]} AS enough FROM jsonb_object_keys(g.{of}_edits) OFFSET 0
    ) AS {of}_room ON t.{of}_keys IS NOT NULL"""
        keys = f"CASE WHEN {of}_room.enough THEN NULL ELSE t.{of}_keys END"  # of null it makes no list
        made = f"list_of(t.owner, t.owner_id, '{of}', {MOST[of]}, g.{of}_edits, t.{of}_ids, {keys})"
        cut = f"""
    LEFT JOIN LATERAL {made} AS {of}s ON true"""
    return f"""{room}
    LEFT JOIN LATERAL (
        SELECT jsonb_object_agg(name, changesets) AS changesets, jsonb_object_agg(name, edits) AS edits
        FROM ({_changed(of)}
        ) AS now
    ) AS {of}_changed ON true{cut}"""


_PARTS = ",\n        ".join(_breakdown(*name.split("_")) for name in BREAKDOWNS[2:])
# One after the other, each by an index: joins of what a statement makes itself are planned without knowing how much.
SHOWN_ON = f"""shown AS (
    SELECT t.*, {_time("min")} AS first_edit,
        {_time("max")} AS last_edit,
        {_PARTS}
    FROM touched AS t
    LEFT JOIN LATERAL (
        SELECT * FROM aggregates AS g
        WHERE g.owner = t.owner AND g.owner_id = t.owner_id AND g.member_id = t.member_id OFFSET 0
    ) AS g ON true{"".join(map(_list, (*LISTS, "day")))}
)"""
