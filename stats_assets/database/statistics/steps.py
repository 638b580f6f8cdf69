"""The statements of one batch of the applier, in their order: changesets and links, and what is another by them.

Only what differs is written, whatever was queued. When a batch is done, and of what, is applier.py's; how differences
get into the aggregates, aggregates.py's.
"""
# ruff: noqa: S608 - SQL is made of constants

from collections.abc import Sequence

from stats_assets.database.statistics.aggregates import APPLY, DELTAS
from stats_assets.database.statistics.members import AFTER, BEFORE, DIFFERENCES, UNCHANGED
from stats_assets.database.statistics.milestones import DUE
from stats_assets.database.statistics.people import APPLY_PEOPLE, PEOPLE_TABLES
from stats_assets.database.statistics.upload_sums import APPLY_SUMS, SUM_TABLES
from stats_assets.database.statistics.uploads import APPLY_UPLOADS, UPLOAD_TABLES

TEMPORARY = ";".join((DELTAS, UPLOAD_TABLES, PEOPLE_TABLES, SUM_TABLES))


def _upsert(table: str, keys: Sequence[str], columns: Sequence[str], *, stamped: bool = False) -> str:
    """Write the rows of `fresh` that are not there just so; stamped: with the time."""
    named, stamp = ", ".join((*keys, *columns)), ", updated_at" if stamped else ""
    new, old = (", ".join(f"{of}.{name}" for name in columns) for of in ("f", "old"))
    kept = (*columns, "updated_at") if stamped else columns
    return f"""
INSERT INTO {table} ({named}{stamp})
SELECT {named}{", now()" if stamped else ""} FROM fresh AS f
WHERE NOT EXISTS (
    SELECT FROM {table} AS old
    WHERE {" AND ".join(f"old.{key} = f.{key}" for key in keys)} AND ({old}) IS NOT DISTINCT FROM ({new}) OFFSET 0
)
ORDER BY {", ".join(keys)}
ON CONFLICT ({", ".join(keys)}) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in kept)}
"""


def _summed(column: str) -> str:
    """The sum of flat objects of numbers, as the database's jsonb_sum_of makes it, which would be begun anew each time.

    Of one, which most changesets have, there is nothing to add.
    """
    return f"""CASE WHEN count(*) = 1 AND NOT jsonb_path_exists((array_agg({column}))[1], '$.* ? (@ == 0)')
            THEN (array_agg({column}))[1] ELSE (
                SELECT coalesce(jsonb_object_agg(key, total) FILTER (WHERE total <> 0), '{{}}')
                FROM (
                    SELECT key, trim_scale(sum(value::numeric)) AS total
                    FROM unnest(array_agg({column})) AS object, jsonb_each(object) GROUP BY key
                ) AS sums
            ) END"""


def _forget(table: str, key: str, which: str) -> str:
    """Delete the links of the changesets that are not in `fresh`."""
    return f"""DELETE FROM {table} AS l
    WHERE changeset_id = ANY (%({which})s)
        AND NOT EXISTS (SELECT FROM fresh AS f WHERE f.changeset_id = l.changeset_id AND f.{key} = l.{key})"""


# Facts are looked up sequence by sequence (LATERAL, and OFFSET keeps the planner from undoing it): a join of another
# kind would read the facts of all times, since only a known sequence says which partition is needed.
LOST = """
SELECT w.id, w.sequence
FROM (
    SELECT id, unnest(augmented_diffs)::bigint AS sequence FROM changesets WHERE id = ANY (%(changesets)s)
    UNION
    SELECT changeset_id, sequence FROM statistics_queue WHERE id = ANY (%(entries)s) AND sequence IS NOT NULL
) AS w
LEFT JOIN LATERAL (
    SELECT true AS found FROM changeset_edits AS f WHERE f.sequence = w.sequence AND f.changeset_id = w.id OFFSET 0
) AS f ON true
WHERE found IS NULL
UNION
SELECT w.id, w.sequence
FROM (
    SELECT changeset_id AS id, unnest(augmented_diffs)::bigint AS sequence FROM changesets_countries
    WHERE changeset_id = ANY (%(changesets)s)
    UNION
    SELECT changeset_id, sequence FROM statistics_queue WHERE id = ANY (%(entries)s) AND sequence IS NOT NULL
) AS w
LEFT JOIN LATERAL (
    SELECT true AS found FROM changeset_edits_countries AS f
    WHERE f.sequence = w.sequence AND f.changeset_id = w.id LIMIT 1
) AS f ON true
WHERE found IS NULL
"""
COLUMNS = (
    *(
        "measurements",
        "counts",
        "total_edits",
        "editor",
        "user_id",
        "created_at",
        "closed_at",
        "augmented_diffs",
    ),
    *(
        "comment",
        "min_lon",
        "min_lat",
        "max_lon",
        "max_lat",
        "comments_count",
        "num_changes",
        "open",
        "edited_at",
    ),
)
APPLY_CHANGESETS = f"""
WITH wanted AS (
    SELECT id AS changeset_id, unnest(augmented_diffs)::bigint AS sequence FROM changesets WHERE id = ANY (%(whole)s)
    UNION
    SELECT changeset_id, sequence FROM statistics_queue
    WHERE id = ANY (%(entries)s) AND changeset_id = ANY (%(whole)s) AND sequence IS NOT NULL
), edits AS (
    SELECT f.changeset_id, array_agg(f.sequence ORDER BY f.sequence) AS sequences, max(edited_at) AS edited_at,
        sum(total_edits) AS total_edits, {_summed("counts")} AS counts,
        {_summed("measurements")} AS measurements,
        (array_agg(user_id ORDER BY edited_at DESC, user_id DESC) FILTER (WHERE user_id IS NOT NULL))[1] AS user_id
    FROM wanted AS w CROSS JOIN LATERAL (
        SELECT * FROM changeset_edits AS f WHERE f.sequence = w.sequence AND f.changeset_id = w.changeset_id OFFSET 0
    ) AS f
    GROUP BY f.changeset_id
), fresh AS (
    SELECT id, coalesce(e.measurements, '{{}}') AS measurements, coalesce(e.counts, '{{}}') AS counts,
        coalesce(e.total_edits, 0) AS total_edits, m.editor, coalesce(e.user_id, m.user_id) AS user_id, m.created_at,
        m.closed_at, coalesce(e.sequences, '{{}}')::int[] AS augmented_diffs, m.comment, m.min_lon, m.min_lat,
        m.max_lon, m.max_lat, m.comments_count, m.num_changes, m.open, e.edited_at
    FROM unnest(%(whole)s::bigint[]) AS id
    LEFT JOIN edits AS e ON e.changeset_id = id
    LEFT JOIN LATERAL (SELECT * FROM changeset_metadata AS m WHERE m.changeset_id = id OFFSET 0) AS m ON true
)
{_upsert("changesets", ["id"], COLUMNS, stamped=True)}
"""
# What the changeset feed says of a changeset needs no facts.
KEEP_CHANGESETS = """
UPDATE changesets AS c SET editor = m.editor, user_id = coalesce(c.user_id, m.user_id), created_at = m.created_at,
    closed_at = m.closed_at, updated_at = now(), comment = m.comment, min_lon = m.min_lon, min_lat = m.min_lat,
    max_lon = m.max_lon, max_lat = m.max_lat, comments_count = m.comments_count, num_changes = m.num_changes,
    open = m.open
FROM unnest(%(held)s::bigint[]) AS kept LEFT JOIN changeset_metadata AS m ON m.changeset_id = kept
WHERE c.id = kept AND (c.editor, c.user_id, c.created_at, c.closed_at, c.comment, c.min_lon, c.min_lat, c.max_lon,
        c.max_lat, c.comments_count, c.num_changes, c.open)
    IS DISTINCT FROM (m.editor, coalesce(c.user_id, m.user_id), m.created_at, m.closed_at, m.comment, m.min_lon,
        m.min_lat, m.max_lon, m.max_lat, m.comments_count, m.num_changes, m.open)
"""
KEEP_COUNTRIES = """
UPDATE changesets_countries AS l SET counted_there_at = c.counted_at
FROM changesets AS c
WHERE l.changeset_id = ANY (%(held)s) AND c.id = l.changeset_id AND l.counted_there_at IS DISTINCT FROM c.counted_at
"""
HOLD = """
INSERT INTO statistics_held (changeset_id, sequence)
SELECT DISTINCT changeset_id, sequence FROM statistics_queue AS q
WHERE id = ANY (%(entries)s) AND changeset_id = ANY (%(held)s) AND NOT EXISTS (
    SELECT FROM statistics_held AS h
    WHERE h.changeset_id = q.changeset_id AND h.sequence IS NOT DISTINCT FROM q.sequence
)
ORDER BY 1, 2
"""
APPLY_COUNTRIES = f"""
WITH fresh AS MATERIALIZED (
    SELECT sums.id AS changeset_id, countries.id AS country_id, edit_count, augmented_diffs, counts_there,
        measurements_there, counted_at AS counted_there_at
    FROM (
        SELECT c.id, c.counted_at, f.region, sum(f.edit_count) AS edit_count,
            array_agg(f.sequence ORDER BY f.sequence)::int[] AS augmented_diffs,
            {_summed("counts")} AS counts_there,
            {_summed("measurements")} AS measurements_there
        FROM (SELECT id, counted_at, unnest(augmented_diffs)::bigint AS sequence FROM changesets
            WHERE id = ANY (%(whole)s)) AS c
        CROSS JOIN LATERAL (
            SELECT * FROM changeset_edits_countries AS f
            WHERE f.sequence = c.sequence AND f.changeset_id = c.id OFFSET 0
        ) AS f
        GROUP BY c.id, c.counted_at, f.region
    ) AS sums
    JOIN countries ON countries.code = sums.region
), gone AS (
    {_forget("changesets_countries", "country_id", "whole")}
)
{
    _upsert(
        "changesets_countries",
        ["changeset_id", "country_id"],
        ["edit_count", "augmented_diffs", "counts_there", "measurements_there", "counted_there_at"],
    )
}
"""
NEW_HASHTAGS = """
INSERT INTO hashtags (hashtag)
SELECT DISTINCT tag FROM changeset_metadata, unnest(hashtags) AS tag
WHERE changeset_id = ANY (%(changesets)s) AND NOT EXISTS (SELECT FROM hashtags AS h WHERE h.hashtag = tag)
ORDER BY tag
"""
APPLY_HASHTAGS = f"""
WITH fresh AS MATERIALIZED (
    SELECT m.changeset_id, h.id AS hashtag_id, c.user_id AS tagged_by, c.counted_at AS tagged_at
    FROM changeset_metadata AS m
    CROSS JOIN LATERAL (SELECT user_id, counted_at FROM changesets AS c WHERE c.id = m.changeset_id OFFSET 0) AS c,
        unnest(m.hashtags) AS tag JOIN hashtags AS h ON h.hashtag = tag
    WHERE m.changeset_id = ANY (%(changesets)s)
), gone AS (
    {_forget("changesets_hashtags", "hashtag_id", "changesets")}
)
{_upsert("changesets_hashtags", ["changeset_id", "hashtag_id"], ["tagged_by", "tagged_at"])}
"""
NEW_OF_UNIONS = """
INSERT INTO unions_hashtags (union_id, hashtag_id)
SELECT u.id, h.id
FROM unions AS u CROSS JOIN (
    SELECT DISTINCT tag FROM changeset_metadata, unnest(hashtags) AS tag WHERE changeset_id = ANY (%(changesets)s)
) AS told JOIN hashtags AS h ON h.hashtag = tag AND fits(tag, u.patterns)
WHERE NOT EXISTS (SELECT FROM unions_hashtags AS l WHERE l.union_id = u.id AND l.hashtag_id = h.id)
ORDER BY h.id, u.id
"""
APPLY_UNIONS = f"""
WITH fresh AS MATERIALIZED (
    SELECT DISTINCT l.changeset_id, u.union_id, l.tagged_by AS united_by, l.tagged_at AS united_at
    FROM changesets_hashtags AS l JOIN unions_hashtags AS u USING (hashtag_id)
    WHERE l.changeset_id = ANY (%(changesets)s)
), gone AS (
    {_forget("changesets_unions", "union_id", "changesets")}
)
{_upsert("changesets_unions", ["changeset_id", "union_id"], ["united_by", "united_at"])}
"""
FORGET_CHANGESETS = """
DELETE FROM changesets AS c
WHERE id = ANY (%(changesets)s) AND augmented_diffs = '{}'
    AND NOT EXISTS (SELECT FROM changeset_metadata AS m WHERE m.changeset_id = c.id)
"""
FORGET_ENTRIES = "DELETE FROM statistics_queue WHERE id = ANY (%(entries)s)"
REFRESHED = "UPDATE refreshments SET updated_at = now()"
OF_HELD = (KEEP_CHANGESETS, KEEP_COUNTRIES, HOLD)  # of changesets that rest on facts that are away
STEPS: tuple[str, ...] = (
    *(
        BEFORE,
        APPLY_CHANGESETS,
        KEEP_CHANGESETS,
        KEEP_COUNTRIES,
        HOLD,
        APPLY_COUNTRIES,
        NEW_HASHTAGS,
        APPLY_HASHTAGS,
    ),
    *(NEW_OF_UNIONS, APPLY_UNIONS),
    *(
        FORGET_CHANGESETS,
        AFTER,
        UNCHANGED,
        *DIFFERENCES,
        *APPLY,
        *APPLY_UPLOADS,
        *APPLY_PEOPLE,
        *APPLY_SUMS,
        DUE,
    ),
    *(FORGET_ENTRIES, REFRESHED),
)
