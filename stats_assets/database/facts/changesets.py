"""The facts of the changeset feed: each changeset's version from the highest sequence.

A version once seen is not taken back, and a closing time once known stays. What the statistics make of it belongs to
database/statistics/applier.py.
"""
# ruff: noqa: S608 - SQL is made of constants

from collections.abc import Sequence

from stats_assets.database.connection import Connection
from stats_assets.database.facts.users import CHANGESETS, NameEvidence, save_users
from stats_assets.osm.changesets import Changeset, ChangesetFile

COLUMNS = {
    "id": "bigint",
    "user_id": "bigint",
    "created_at": "timestamptz",
    "closed_at": "timestamptz",
    "open": "boolean",
    "editor": "text",
    "comment": "text",
    "min_lon": "float8",
    "min_lat": "float8",
    "max_lon": "float8",
    "max_lat": "float8",
    "num_changes": "bigint",
    "comments_count": "bigint",
}
FIELDS = {"user_id": "uid"}  # what a changeset calls these columns
NEWER = "{new}.sequence >= m.sequence"
# What the sequence itself said of the closing before gives way to what it says now, be it that there is none.
KNOWN = "(m.closed_at IS NOT NULL AND m.closed_sequence <> {new}.sequence)"
CLOSING = f"NOT {KNOWN} OR ({{new}}.closed_at IS NOT NULL AND {{new}}.sequence >= m.closed_sequence)"
WINNING = (
    *("user_id", "created_at", "editor", "comment", "hashtags", "min_lon", "min_lat", "max_lon", "max_lat"),
    *("num_changes", "comments_count"),
)
# What becomes of a row `m` when {new} is told.
BECOMES = {
    "closed_at": f"CASE WHEN {CLOSING} THEN {{new}}.closed_at ELSE m.closed_at END",
    "open": f"coalesce(CASE WHEN {NEWER} THEN {{new}}.open ELSE m.open END, false)"
    f" AND NOT {KNOWN} AND {{new}}.closed_at IS NULL",
    **{name: f"CASE WHEN {NEWER} THEN {{new}}.{name} ELSE m.{name} END" for name in WINNING},
    "closed_sequence": f"CASE WHEN {CLOSING} THEN {{new}}.closed_sequence ELSE m.closed_sequence END",
    "sequence": "greatest({new}.sequence, m.sequence)",
}
BECOME = ", ".join(becomes.format(new="n") for becomes in BECOMES.values())
IS = ", ".join(f"m.{name}" for name in BECOMES)
# What is known already is not even locked, which would be written too. A newer mention of it is: by its sequence.
SAVE = f"""
WITH tags AS (
    SELECT changeset_id, array_agg(tag ORDER BY place) AS hashtags
    FROM unnest(%(tag_changesets)s::bigint[], %(tags)s::text[]) WITH ORDINALITY AS tag(changeset_id, tag, place)
    GROUP BY changeset_id
), told AS (
    SELECT id AS changeset_id, %(sequence)s::bigint AS sequence, user_id, created_at, closed_at,
        CASE WHEN closed_at IS NOT NULL THEN %(sequence)s::bigint END AS closed_sequence,
        open AND closed_at IS NULL AS open, editor, comment, coalesce(hashtags, ARRAY[]::text[]) AS hashtags,
        min_lon, min_lat, max_lon, max_lat, num_changes, comments_count
    FROM unnest({", ".join(f"%({name})s::{kind}[]" for name, kind in COLUMNS.items())}) AS new({", ".join(COLUMNS)})
    LEFT JOIN tags ON changeset_id = id
), saved AS (
    INSERT INTO changeset_metadata AS m (changeset_id, {", ".join(BECOMES)})
    SELECT changeset_id, {", ".join(BECOMES)} FROM told AS n
    WHERE NOT EXISTS (
        SELECT FROM changeset_metadata AS m
        WHERE m.changeset_id = n.changeset_id AND ({BECOME}) IS NOT DISTINCT FROM ({IS})
    )
    ORDER BY changeset_id
    ON CONFLICT (changeset_id) DO UPDATE SET
        {", ".join(f"{name} = {becomes.format(new='excluded')}" for name, becomes in BECOMES.items())}
    RETURNING changeset_id
)
INSERT INTO statistics_queue (changeset_id) SELECT changeset_id FROM saved ORDER BY changeset_id
"""


def save_changesets(connection: Connection, sequence: int, file: ChangesetFile) -> None:
    """Upsert the file's changesets, and queue those that are not known just so; runs inside the ledger's commit."""
    # One id twice in a file: the later entry stands, as if it had come in a later file.
    last: dict[int, Changeset] = {}
    for one in file.changesets:
        earlier = last.get(one.id)
        kept = one.closed_at or (earlier.closed_at if earlier else None)
        last[one.id] = one._replace(closed_at=kept)
    changesets = list(last.values())
    tags = [(c.id, tag) for c in changesets for tag in c.hashtags]
    columns = {name: [getattr(one, FIELDS.get(name, name)) for one in changesets] for name in COLUMNS}
    given = columns | {
        "sequence": sequence,
        "tag_changesets": [changeset for changeset, _ in tags],
        "tags": [tag for _, tag in tags],
    }
    connection.execute(SAVE, given)
    save_users(connection, CHANGESETS, sequence, _names(changesets, file))


def _names(changesets: Sequence[Changeset], file: ChangesetFile) -> list[NameEvidence]:
    return [NameEvidence(c.uid, c.user, file.newest) for c in changesets if c.uid is not None]
