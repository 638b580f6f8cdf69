"""The aggregates: how differences get into the tables, whoever has found them (the applier, a rebuild).

What a changeset contributes is said by members.py, what an owner's row shows beside its sums by shown.py; which
changesets changed is applier.py's. Only what differs is written.
"""

from stats_assets.database.connection import Connection
from stats_assets.database.statistics.shown import BREAKDOWNS, SHOWN_ANEW, SHOWN_ON

# In a row with a day of null the value is of all days. Differences that are written twice are added twice. A measure
# that no table has (of times, say) only names an owner that is to be looked at.
DELTAS = """
CREATE TEMPORARY TABLE IF NOT EXISTS deltas (
    owner text COLLATE "C", owner_id bigint, member_id bigint, day date, measure text COLLATE "C", id bigint,
    key text COLLATE "C", value numeric, changesets bigint
) ON COMMIT DELETE ROWS
"""
SUMS = "('total', 'counts', 'measurements')"


def _merged(column: str) -> str:
    """A flat object of numbers with the other's added key by key; what falls to zero is left out."""
    return f"""CASE WHEN excluded.{column} = '{{}}' THEN g.{column} ELSE (
        SELECT (g.{column} || coalesce(jsonb_object_agg(key, total) FILTER (WHERE total <> 0), '{{}}'))
            - coalesce(array_agg(key) FILTER (WHERE total = 0), '{{}}')
        FROM (
            SELECT key, trim_scale(coalesce((g.{column}->key)::numeric, 0) + value::numeric) AS total
            FROM jsonb_each(excluded.{column})
        ) AS totals
    ) END"""


def _sums(last_key: str, which: str) -> str:
    """The differences, a row an owner, or an owner and day.

    A difference of 0 is a rebuild's: of a key that should not be there.
    """
    return f"""
    SELECT owner, owner_id, {last_key}, coalesce(sum(changesets), 0) AS changesets,
        coalesce(sum(value) FILTER (WHERE measure = 'total'), 0) AS edits,
        coalesce(jsonb_object_agg(key, value) FILTER (WHERE measure = 'counts'), '{{}}') AS counts,
        coalesce(jsonb_object_agg(key, value) FILTER (WHERE measure = 'measurements'), '{{}}') AS measurements
    FROM (
        SELECT owner, owner_id, {last_key}, measure, key, trim_scale(sum(value)) AS value, sum(changesets) AS changesets
        FROM deltas WHERE {which} AND measure IN {SUMS}
        GROUP BY owner, owner_id, {last_key}, measure, key
    ) AS keys
    GROUP BY owner, owner_id, {last_key}"""  # noqa: S608 - made of the constants below


ADDED = f"""changesets = g.changesets + excluded.changesets, edits = g.edits + excluded.edits,
    counts = {_merged("counts")},
    measurements = {_merged("measurements")}, updated_at = excluded.updated_at"""
UPSERT_DAYS = f"""
INSERT INTO aggregate_days AS g (owner, owner_id, day, changesets, edits, counts, measurements, updated_at)
SELECT sums.*, now() FROM ({_sums("day", "day IS NOT NULL")}) AS sums
ORDER BY owner, owner_id, day
ON CONFLICT (owner, owner_id, day) DO UPDATE SET {ADDED}
"""  # noqa: S608 - made of constants
UPSERT_KEYS = """
INSERT INTO aggregate_keys AS g (owner, owner_id, measure, id, key, changesets, edits)
SELECT owner, owner_id, measure, id, key, sum(changesets), sum(value)
FROM deltas WHERE measure IN ('editor', 'country', 'hashtag', 'user')
GROUP BY owner, owner_id, measure, id, key
HAVING sum(value) <> 0 OR sum(changesets) <> 0
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


def _upsert_owners(shown: str) -> str:
    """Add the differences to the owners' rows, with what each shows now.

    A row is left alone where all that has changed is the time of a changeset, and it shows the same.
    """
    return f"""
WITH touched AS MATERIALIZED (
    SELECT owner, owner_id, member_id, bool_or(measure <> 'time') AS counted
    FROM deltas GROUP BY owner, owner_id, member_id
), sums AS ({_sums("member_id", "day IS NULL")}
), {shown}
INSERT INTO aggregates AS g (owner, owner_id, member_id, changesets, edits, counts, measurements, updated_at, {_KEPT})
SELECT t.owner, t.owner_id, t.member_id, coalesce(s.changesets, 0), coalesce(s.edits, 0), coalesce(s.counts, '{{}}'),
    coalesce(s.measurements, '{{}}'), now(), {", ".join(f"w.{name}" for name in BREAKDOWNS)}
FROM touched AS t
JOIN shown AS w USING (owner, owner_id, member_id)
LEFT JOIN sums AS s USING (owner, owner_id, member_id)
WHERE t.counted OR NOT EXISTS (
    SELECT FROM aggregates AS old
    WHERE (old.owner, old.owner_id, old.member_id) = (t.owner, t.owner_id, t.member_id)
        AND (old.first_edit, old.last_edit) IS NOT DISTINCT FROM (w.first_edit, w.last_edit)
)
ORDER BY t.owner, t.owner_id, t.member_id
ON CONFLICT (owner, owner_id, member_id) DO UPDATE SET {ADDED},
    {", ".join(f"{name} = excluded.{name}" for name in BREAKDOWNS)}
"""  # noqa: S608 - made of constants


def _forget(table: str, last_key: str, which: str) -> str:
    return f"""
DELETE FROM {table} AS g
USING (SELECT DISTINCT owner, owner_id, {last_key} FROM deltas WHERE {which}) AS d
WHERE (g.owner, g.owner_id, g.{last_key}) = (d.owner, d.owner_id, d.{last_key})
    AND g.changesets = 0 AND g.edits = 0 AND g.counts = '{{}}' AND g.measurements = '{{}}'
"""  # noqa: S608 - made of constants


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
