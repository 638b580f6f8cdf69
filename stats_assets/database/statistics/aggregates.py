"""The aggregates: how differences get into the tables, whoever has found them (the applier, a rebuild).

What a changeset contributes is said by members.py, what an owner's row shows beside its sums by shown.py; which
changesets changed is applier.py's. Only what differs is written.
"""
# ruff: noqa: S608 - SQL is made of constants

from collections.abc import Sequence

from stats_assets.database.connection import Connection
from stats_assets.database.statistics.members import MEMBERS
from stats_assets.database.statistics.shown import BREAKDOWNS, LISTS, SHOWN_ANEW, SHOWN_ON

# What is to be added: to an owner's row where day is null, to the row of one of its days otherwise; to a key of one of
# its lists. An owner is in deltas, too, where nothing but the time of a changeset is another.
DELTAS = f"""
{MEMBERS};
CREATE TEMPORARY TABLE IF NOT EXISTS deltas (
    owner text COLLATE "C", owner_id bigint, member_id bigint, day date, changesets bigint, edits numeric,
    counts jsonb, measurements jsonb
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS key_deltas (
    owner text COLLATE "C", owner_id bigint, measure text COLLATE "C", id bigint, key text COLLATE "C",
    changesets bigint, edits numeric
) ON COMMIT DELETE ROWS
"""
# What a rebuild has found, one row a number: one of a measure that no table has names an owner whose row is to be made
# anew, one of 0 a key that should not be there.
FOUND = f"""
{DELTAS};
CREATE TEMPORARY TABLE IF NOT EXISTS differences (
    owner text COLLATE "C", owner_id bigint, member_id bigint, day date, measure text COLLATE "C", id bigint,
    key text COLLATE "C", value numeric, changesets bigint
) ON COMMIT DELETE ROWS
"""


def _gathered(day: str, which: str, by: str) -> str:
    def made(what: str, measure: str, none: str) -> str:
        return f"coalesce({what} FILTER (WHERE {which} AND measure = '{measure}'), {none})"

    numbers = "jsonb_object_agg(key, trim_scale(value))"
    return f"""
INSERT INTO deltas SELECT owner, owner_id, member_id, {day},
    {made("sum(changesets)", "total", "0")}, {made("sum(value)", "total", "0")},
    {made(numbers, "counts", "'{}'")}, {made(numbers, "measurements", "'{}'")}
FROM differences {by}
"""


GATHER = (
    _gathered("NULL", "day IS NULL", "GROUP BY owner, owner_id, member_id"),
    _gathered("day", "true", "WHERE day IS NOT NULL GROUP BY owner, owner_id, member_id, day"),
    f"""
INSERT INTO key_deltas SELECT owner, owner_id, measure, id, key, changesets, value
FROM differences WHERE measure IN {LISTS}
""",
)


def merged(column: str) -> str:
    """A flat object of numbers with the other's added key by key; what falls to zero is left out.

    The old one may be compressed: it is unpacked once (an empty object makes no other of it), not once for each key.
    """
    return f"""CASE WHEN excluded.{column} = '{{}}' THEN g.{column} ELSE (
        SELECT CASE WHEN gone IS NULL THEN g.{column} || now ELSE (g.{column} || now) - gone END
        FROM (
            SELECT jsonb_object_agg(key, total) AS now, array_agg(key) FILTER (WHERE total = 0) AS gone
            FROM (
                SELECT key, trim_scale(coalesce((had->key)::numeric, 0) + value::numeric) AS total
                FROM (SELECT g.{column} || '{{}}' AS had OFFSET 0) AS old, jsonb_each(excluded.{column})
            ) AS totals
        ) AS made
    ) END"""


ADDED = f"""changesets = g.changesets + excluded.changesets, edits = g.edits + excluded.edits,
    counts = {merged("counts")},
    measurements = {merged("measurements")}, updated_at = excluded.updated_at"""
UPSERT_DAYS = f"""
INSERT INTO aggregate_days AS g (owner, owner_id, day, changesets, edits, counts, measurements, updated_at)
SELECT owner, owner_id, day, changesets, edits, counts, measurements, now()
FROM deltas WHERE day IS NOT NULL
ORDER BY owner, owner_id, day
ON CONFLICT (owner, owner_id, day) DO UPDATE SET {ADDED}
"""
UPSERT_KEYS = """
INSERT INTO aggregate_keys AS g (owner, owner_id, measure, id, key, changesets, edits)
SELECT owner, owner_id, measure, id, key, changesets, edits
FROM key_deltas
ORDER BY owner, owner_id, measure, id, key
ON CONFLICT (owner, owner_id, measure, id, key) DO UPDATE SET changesets = g.changesets + excluded.changesets,
    edits = g.edits + excluded.edits
"""
_KEPT = ", ".join(BREAKDOWNS)
_KEYS = ",\n        ".join(
    f"array_agg({what}) FILTER (WHERE measure = '{of}') AS {of}_{what}s"
    for of in LISTS
    for what in ("id", "key")
)


# A row is left alone where all that has changed is the time of a changeset, and it shows the same.
OTHERS = """counted OR NOT EXISTS (
    SELECT FROM aggregates AS old WHERE (old.owner, old.owner_id, old.member_id) = (s.owner, s.owner_id, s.member_id)
        AND (old.first_edit, old.last_edit) IS NOT DISTINCT FROM (s.first_edit, s.last_edit)
)"""


def _upsert_owners(shown: str, which: str) -> str:
    """Add the differences to the owners' rows, with what each shows now."""
    return f"""
WITH keys AS MATERIALIZED (
    SELECT owner, owner_id, 0 AS member_id, {_KEYS}
    FROM key_deltas GROUP BY owner, owner_id
), days AS MATERIALIZED (  -- of a day a row shows its changesets and edits
    SELECT owner, owner_id, 0 AS member_id, array_agg(day::text) FILTER (WHERE owner = 'user') AS day_keys
    FROM deltas WHERE day IS NOT NULL AND (changesets <> 0 OR edits <> 0) GROUP BY owner, owner_id
), touched AS MATERIALIZED (
    SELECT *, changesets <> 0 OR edits <> 0 OR counts <> '{{}}' OR measurements <> '{{}}' OR keys.owner_id IS NOT NULL
        OR days.owner_id IS NOT NULL AS counted
    FROM (SELECT * FROM deltas WHERE day IS NULL) AS d
    LEFT JOIN keys USING (owner, owner_id, member_id) LEFT JOIN days USING (owner, owner_id, member_id)
), {shown}
INSERT INTO aggregates AS g (owner, owner_id, member_id, changesets, edits, counts, measurements, updated_at, {_KEPT})
SELECT owner, owner_id, member_id, changesets, edits, counts, measurements, now(), {_KEPT}
FROM shown AS s WHERE {which}
ORDER BY owner, owner_id, member_id
ON CONFLICT (owner, owner_id, member_id) DO UPDATE SET {ADDED},
    {", ".join(f"{name} = excluded.{name}" for name in BREAKDOWNS)}
"""


def _forget(table: str, keys: Sequence[str], deltas: str, empty: str) -> str:
    """Delete the rows that are empty now, each looked up by its key."""
    return f"""
DELETE FROM {table} WHERE ctid = ANY (ARRAY(
    SELECT g.ctid FROM (SELECT {", ".join(keys)} FROM {deltas}) AS d CROSS JOIN LATERAL (
        SELECT ctid FROM {table} AS g
        WHERE {" AND ".join(f"g.{key} = d.{key}" for key in keys)} AND {empty} OFFSET 0
    ) AS g
))
"""


def _apply(shown: str, which: str, fewer: str) -> tuple[str, ...]:
    """In the order of the tables, and inside each by key, as every lock is taken. An owner's row comes last: it is made
    of the others. which: the owners whose rows are written; fewer: the differences that can have left nothing.
    """
    nothing = "g.changesets = 0 AND g.edits = 0"
    empty = f"{nothing} AND g.counts = '{{}}' AND g.measurements = '{{}}'"
    keys = ("owner", "owner_id", "measure", "id", "key")
    return (
        UPSERT_DAYS,
        _forget(
            *("aggregate_days", ("owner", "owner_id", "day")),
            *(f"deltas WHERE day IS NOT NULL AND {fewer}", empty),
        ),
        UPSERT_KEYS,
        _forget("aggregate_keys", keys, f"key_deltas WHERE {fewer}", nothing),
        _upsert_owners(shown, which),
        _forget(
            *("aggregates", ("owner", "owner_id", "member_id")),
            *(f"deltas WHERE day IS NULL AND {fewer}", empty),
        ),
    )


# The applier's: a row is empty once its last changeset has gone. A rebuild's: whatever is there may be wrong.
APPLY = _apply(SHOWN_ON, OTHERS, "changesets < 0")
APPLY_ANEW = _apply(SHOWN_ANEW, "true", "true")


def apply_deltas(connection: Connection) -> None:
    """Add what the temporary table `differences` holds to the aggregates, and make anew what each of its owners shows.

    Inside the caller's transaction, which is REPEATABLE READ: of two that write to an owner one is refused, and what is
    shown is of all that is written.
    """
    for statement in (*GATHER, *APPLY_ANEW):
        connection.execute(statement)
