"""The aggregates: how differences get into the tables, whoever has found them (the applier, a rebuild).

What a changeset contributes is said by members.py, what an owner's row shows beside its sums by shown.py; which
changesets changed is applier.py's. Only what differs is written.
"""
# ruff: noqa: S608 - SQL is made of constants

from stats_assets.database.connection import Connection
from stats_assets.database.statistics.members import MEMBERS
from stats_assets.database.statistics.shown import BREAKDOWNS, LISTS, SHOWN_ANEW, SHOWN_ON

# In a row with a day of null the value is of all days. Each difference is one row. A measure that no table has (of
# times, say) only names an owner that is to be looked at. One of 0 is a rebuild's: of a key that should not be there.
DELTAS = f"""
{MEMBERS};
CREATE TEMPORARY TABLE IF NOT EXISTS deltas (
    owner text COLLATE "C", owner_id bigint, member_id bigint, day date, measure text COLLATE "C", id bigint,
    key text COLLATE "C", value numeric, changesets bigint
) ON COMMIT DELETE ROWS
"""


def _sums(which: str) -> str:
    """What is to be added to a row, in the order of its columns."""
    sums = {
        "changesets": ("sum(changesets)", "total", "0"),
        "edits": ("sum(value)", "total", "0"),
        "counts": ("jsonb_object_agg(key, trim_scale(value))", "counts", "'{}'"),
        "measurements": ("jsonb_object_agg(key, trim_scale(value))", "measurements", "'{}'"),
    }
    return ",\n        ".join(
        f"coalesce({made} FILTER (WHERE measure = '{measure}'{which}), {none}) AS more_{name}"
        for name, (made, measure, none) in sums.items()
    )


def _merged(column: str) -> str:
    """A flat object of numbers with the other's added key by key; what falls to zero is left out."""
    return f"""CASE WHEN excluded.{column} = '{{}}' THEN g.{column} ELSE (
        SELECT CASE WHEN bool_or(total = 0)
            THEN (g.{column} || coalesce(jsonb_object_agg(key, total) FILTER (WHERE total <> 0), '{{}}'))
                - array_agg(key) FILTER (WHERE total = 0)
            ELSE g.{column} || jsonb_object_agg(key, total) END
        FROM (
            SELECT key, trim_scale(coalesce((g.{column}->key)::numeric, 0) + value::numeric) AS total
            FROM jsonb_each(excluded.{column})
        ) AS totals
    ) END"""


ADDED = f"""changesets = g.changesets + excluded.changesets, edits = g.edits + excluded.edits,
    counts = {_merged("counts")},
    measurements = {_merged("measurements")}, updated_at = excluded.updated_at"""
UPSERT_DAYS = f"""
INSERT INTO aggregate_days AS g (owner, owner_id, day, changesets, edits, counts, measurements, updated_at)
SELECT owner, owner_id, day, {_sums("")}, now()
FROM deltas WHERE day IS NOT NULL GROUP BY owner, owner_id, day
ORDER BY owner, owner_id, day
ON CONFLICT (owner, owner_id, day) DO UPDATE SET {ADDED}
"""
UPSERT_KEYS = f"""
INSERT INTO aggregate_keys AS g (owner, owner_id, measure, id, key, changesets, edits)
SELECT owner, owner_id, measure, id, key, changesets, value
FROM deltas WHERE measure IN {LISTS}
ORDER BY owner, owner_id, measure, id, key
ON CONFLICT (owner, owner_id, measure, id, key) DO UPDATE SET changesets = g.changesets + excluded.changesets,
    edits = g.edits + excluded.edits
"""
FORGET_KEYS = """
DELETE FROM aggregate_keys AS g
USING (SELECT DISTINCT owner, owner_id, measure, id, key FROM deltas) AS d
WHERE (g.owner, g.owner_id, g.measure, g.id, g.key) = (d.owner, d.owner_id, d.measure, d.id, d.key)
    AND g.changesets = 0 AND g.edits = 0
"""
_KEPT = ", ".join(BREAKDOWNS)
_KEYS = ",\n        ".join(
    f"array_agg({what}) FILTER (WHERE measure = '{of}') AS {of}_{what}s"
    for of in LISTS
    for what in ("id", "key")
)


def _upsert_owners(shown: str) -> str:
    """Add the differences to the owners' rows, with what each shows now.

    A row is left alone where all that has changed is the time of a changeset, and it shows the same.
    """
    return f"""
WITH touched AS MATERIALIZED (
    SELECT owner, owner_id, member_id, bool_or(measure <> 'time') AS counted,
        {_sums(" AND day IS NULL")},
        array_agg(DISTINCT day) FILTER (WHERE owner = 'user' AND day IS NOT NULL) AS days,
        {_KEYS}
    FROM deltas GROUP BY owner, owner_id, member_id
), {shown}
INSERT INTO aggregates AS g (owner, owner_id, member_id, changesets, edits, counts, measurements, updated_at, {_KEPT})
SELECT owner, owner_id, member_id, more_changesets, more_edits, more_counts, more_measurements, now(), {_KEPT}
FROM shown AS s
WHERE counted OR NOT EXISTS (
    SELECT FROM aggregates AS old WHERE (old.owner, old.owner_id, old.member_id) = (s.owner, s.owner_id, s.member_id)
        AND (old.first_edit, old.last_edit) IS NOT DISTINCT FROM (s.first_edit, s.last_edit)
)
ORDER BY owner, owner_id, member_id
ON CONFLICT (owner, owner_id, member_id) DO UPDATE SET {ADDED},
    {", ".join(f"{name} = excluded.{name}" for name in BREAKDOWNS)}
"""


def _forget(table: str, last_key: str, which: str) -> str:
    return f"""
DELETE FROM {table} AS g
USING (SELECT DISTINCT owner, owner_id, {last_key} FROM deltas WHERE {which}) AS d
WHERE (g.owner, g.owner_id, g.{last_key}) = (d.owner, d.owner_id, d.{last_key})
    AND g.changesets = 0 AND g.edits = 0 AND g.counts = '{{}}' AND g.measurements = '{{}}'
"""


# In the order of the tables, and inside each by key, as every lock is taken. An owner's row comes last: it is made of
# the others.
DAYS_AND_KEYS = (UPSERT_DAYS, _forget("aggregate_days", "day", "day IS NOT NULL"), UPSERT_KEYS, FORGET_KEYS)
FORGET_OWNERS = _forget("aggregates", "member_id", "true")
APPLY: tuple[str, ...] = (*DAYS_AND_KEYS, _upsert_owners(SHOWN_ON), FORGET_OWNERS)
APPLY_ANEW: tuple[str, ...] = (*DAYS_AND_KEYS, _upsert_owners(SHOWN_ANEW), FORGET_OWNERS)


def apply_deltas(connection: Connection) -> None:
    """Add what the temporary table `deltas` holds to the aggregates, and make anew what each of its owners shows.

    Inside the caller's transaction, which is REPEATABLE READ: of two that write to an owner one is refused, and what is
    shown is of all that is written.
    """
    for statement in APPLY_ANEW:
        connection.execute(statement)
