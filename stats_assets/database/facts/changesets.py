"""The facts of the changeset feed: each changeset's version from the highest sequence.

A version once seen is not taken back, and a closing time once known stays. What the statistics make of it belongs to
database/statistics/applier.py.
"""

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
UPSERT = f"""
WITH new AS (
    SELECT * FROM unnest({", ".join(f"%({name})s::{kind}[]" for name, kind in COLUMNS.items())})
    AS new({", ".join(COLUMNS)})
), tags AS (
    SELECT changeset_id, array_agg(tag ORDER BY place) AS hashtags
    FROM unnest(%(tag_changesets)s::bigint[], %(tags)s::text[]) WITH ORDINALITY AS tag(changeset_id, tag, place)
    GROUP BY changeset_id
), saved AS (
    INSERT INTO changeset_metadata AS m (changeset_id, sequence, user_id, created_at, closed_at, closed_sequence,
        open, editor, comment, hashtags, min_lon, min_lat, max_lon, max_lat, num_changes, comments_count)
    SELECT id, %(sequence)s, user_id, created_at, closed_at, CASE WHEN closed_at IS NOT NULL THEN %(sequence)s END,
        open AND closed_at IS NULL, editor, comment, coalesce(hashtags, ARRAY[]::text[]),
        min_lon, min_lat, max_lon, max_lat, num_changes, comments_count
    FROM new LEFT JOIN tags ON changeset_id = id ORDER BY id
    ON CONFLICT (changeset_id) DO UPDATE SET
        closed_at = CASE WHEN {{closing}} THEN excluded.closed_at ELSE m.closed_at END,
        closed_sequence = CASE WHEN {{closing}} THEN excluded.closed_sequence ELSE m.closed_sequence END,
        open = coalesce(CASE WHEN {{newer}} THEN excluded.open ELSE m.open END, false)
            AND NOT {{known}} AND excluded.closed_at IS NULL,
        {{winning}}
    RETURNING changeset_id
)
INSERT INTO statistics_queue (changeset_id) SELECT changeset_id FROM saved ORDER BY changeset_id
"""  # noqa: S608 - made of the constants above
NEWER = "excluded.sequence >= m.sequence"
# What the sequence itself said of the closing before gives way to what it says now, be it that there is none.
KNOWN = "(m.closed_at IS NOT NULL AND m.closed_sequence <> excluded.sequence)"
CLOSING = f"NOT {KNOWN} OR (excluded.closed_at IS NOT NULL AND excluded.sequence >= m.closed_sequence)"
WINNING = (
    *("user_id", "created_at", "editor", "comment", "hashtags", "min_lon", "min_lat", "max_lon", "max_lat"),
    *("num_changes", "comments_count", "sequence"),
)
SAVE = UPSERT.format(
    known=KNOWN,
    closing=CLOSING,
    newer=NEWER,
    winning=", ".join(
        f"{name} = CASE WHEN {NEWER} THEN excluded.{name} ELSE m.{name} END" for name in WINNING
    ),
)


def save_changesets(connection: Connection, sequence: int, file: ChangesetFile) -> None:
    """Upsert the file's changesets and queue them; runs inside the ledger's commit."""
    # One id twice in a file: the later entry stands, as if it had come in a later file.
    last: dict[int, Changeset] = {}
    for one in file.changesets:
        earlier = last.get(one.id)
        kept = one.closed_at or (earlier.closed_at if earlier else None)
        last[one.id] = one._replace(closed_at=kept)
    changesets = list(last.values())
    tags = [(c.id, tag) for c in changesets for tag in c.hashtags]
    columns = {name: [getattr(one, FIELDS.get(name, name)) for one in changesets] for name in COLUMNS}
    connection.execute(
        SAVE,
        {
            **columns,
            "sequence": sequence,
            "tag_changesets": [changeset for changeset, _ in tags],
            "tags": [tag for _, tag in tags],
        },
    )
    save_users(connection, CHANGESETS, sequence, _names(changesets, file))


def _names(changesets: Sequence[Changeset], file: ChangesetFile) -> list[NameEvidence]:
    return [NameEvidence(c.uid, c.user, file.newest) for c in changesets if c.uid is not None]
