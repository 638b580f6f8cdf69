"""The aggregates: how differences get into the tables, whoever has found them (the applier, a rebuild).

What a changeset contributes is said in the migrations' `contributions_of`; which changesets changed is applier.py's.
"""

from collections.abc import Sequence
from typing import Any

from stats_assets.database.connection import Connection

# In a row with a day of null the value is of all days. Differences that are written twice are added twice.
DELTAS = """
CREATE TEMPORARY TABLE IF NOT EXISTS deltas (
    owner text, owner_id bigint, member_id bigint, day date, measure text, id bigint, key text COLLATE "C",
    value numeric, changesets bigint
) ON COMMIT DELETE ROWS
"""
SUBTRACT = """
INSERT INTO deltas SELECT owner, owner_id, member_id, day, measure, id, key, -value, -changesets
FROM contributions_of(%(changesets)s)
"""
ADD = "INSERT INTO deltas SELECT * FROM contributions_of(%(changesets)s)"


def _merged(column: str) -> str:
    """Both rows' flat objects of numbers added key by key; what falls to zero is left out."""
    return f"""CASE WHEN excluded.{column} = '{{}}' THEN g.{column} ELSE (
        SELECT coalesce(jsonb_object_agg(key, total), '{{}}')
        FROM (
            SELECT key, trim_scale(sum(value::numeric)) AS total
            FROM (SELECT * FROM jsonb_each_text(g.{column}) UNION ALL SELECT * FROM jsonb_each_text(excluded.{column}))
                AS parts(key, value)
            GROUP BY key
        ) AS sums
        WHERE total <> 0
    ) END"""  # noqa: S608 - made of the constants below


def _upsert(table: str, last_key: str, which: str, kept: Sequence[str] = ()) -> str:
    """Add the differences to a table with a row an owner, or an owner and day; kept: what is made anew of the row.

    A difference of 0 that stands alone is a rebuild's: of a key that should not be there.
    """
    also = "".join(f", {name}" for name in kept)
    made = f"CROSS JOIN LATERAL breakdowns_of(owner, owner_id, {last_key})" if kept else ""
    select = f"SELECT DISTINCT owner, owner_id, {last_key}, 'total', '', 0::numeric, 0 FROM deltas"  # noqa: S608 - constants
    every = f"UNION ALL {select}" if kept else ""
    return f"""
INSERT INTO {table} AS g (owner, owner_id, {last_key}, changesets, edits, counts, measurements, updated_at{also})
SELECT sums.*, now(){also}
FROM (
    SELECT owner, owner_id, {last_key}, coalesce(sum(changesets), 0),
        coalesce(sum(value) FILTER (WHERE measure = 'total'), 0),
        coalesce(jsonb_object_agg(key, value) FILTER (WHERE measure = 'counts'), '{{}}'),
        coalesce(jsonb_object_agg(key, value) FILTER (WHERE measure = 'measurements'), '{{}}')
    FROM (
        SELECT owner, owner_id, {last_key}, measure, key, trim_scale(sum(value)) AS value, sum(changesets) AS changesets
        FROM (
            SELECT owner, owner_id, {last_key}, measure, key, value, changesets
            FROM deltas WHERE {which} AND measure IN ('total', 'counts', 'measurements')
            {every}
        ) AS parts
        GROUP BY owner, owner_id, {last_key}, measure, key
        HAVING sum(value) <> 0 OR count(*) = 1 OR measure = 'total'
    ) AS keys
    GROUP BY owner, owner_id, {last_key}
) AS sums
{made}
ORDER BY owner, owner_id, {last_key}
ON CONFLICT (owner, owner_id, {last_key}) DO UPDATE SET changesets = g.changesets + excluded.changesets,
    edits = g.edits + excluded.edits, counts = {_merged("counts")},
    measurements = {_merged("measurements")}, updated_at = excluded.updated_at
    {"".join(f", {name} = excluded.{name}" for name in kept)}
"""  # noqa: S608 - made of the constants below


def _forget(table: str, last_key: str, which: str) -> str:
    return f"""
DELETE FROM {table} AS g
USING (SELECT DISTINCT owner, owner_id, {last_key} FROM deltas WHERE {which}) AS d
WHERE (g.owner, g.owner_id, g.{last_key}) = (d.owner, d.owner_id, d.{last_key})
    AND g.changesets = 0 AND g.edits = 0 AND g.counts = '{{}}' AND g.measurements = '{{}}'
"""  # noqa: S608 - made of the constants below


# What is kept of an owner as it is shown: the columns of breakdowns_of, in their order.
BREAKDOWNS = (
    *("first_edit", "last_edit"),
    *(
        f"{of}_{what}"
        for of in ("editor", "day", "country", "hashtag", "user")
        for what in ("changesets", "edits")
    ),
)
DAYS = ("aggregate_days", "day", "day IS NOT NULL")
ALL_DAYS = ("aggregates", "member_id", "day IS NULL")
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
# In the order of the tables, and inside each by key, as every lock is taken. An owner's row comes last: it is made of
# the others.
APPLY: tuple[str, ...] = (
    *(_upsert(*DAYS), _forget(*DAYS)),
    *(UPSERT_KEYS, FORGET_KEYS),
    *(_upsert(*ALL_DAYS, BREAKDOWNS), _forget("aggregates", "member_id", "true")),
)


def apply_deltas(connection: Connection, parameters: dict[str, Any] | None = None) -> None:
    """Add what the temporary table `deltas` holds to the aggregates, and make anew what each of its owners shows.

    Inside the caller's transaction, which is REPEATABLE READ: of two that write to an owner one is refused, and what is
    shown is of all that is written.
    """
    for statement in APPLY:
        connection.execute(statement, parameters)
