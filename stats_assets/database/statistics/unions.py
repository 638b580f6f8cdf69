"""Unions: the virtual hashtags of UNIONS_FILE as the database has them. A changed one's changesets are queued.

So it is made anew by difference like all else, in the applier's batches, and no other is touched.
"""

from stats_assets.database import locks
from stats_assets.database.connection import Connection
from stats_assets.osm.unions import Unions

QUEUE = """
INSERT INTO statistics_queue (changeset_id)
SELECT changeset_id FROM changesets_unions WHERE union_id = %(union)s
UNION
SELECT l.changeset_id FROM changesets_hashtags AS l JOIN unions_hashtags AS u USING (hashtag_id)
WHERE u.union_id = %(union)s
ORDER BY 1
"""


def keep_unions(connection: Connection, unions: Unions) -> list[str]:
    """Have just these; the names of those that were new, changed, or are gone. Cheap when none is."""
    before = {
        name: (number, tuple(patterns))
        for number, name, patterns in connection.execute("SELECT id, name, patterns FROM unions").fetchall()
    }
    changed = sorted(
        name
        for name in {*before, *unions}
        if name not in unions or name not in before or before[name][1] != unions[name]
    )
    if not changed:
        return []
    with connection.transaction():
        locks.wait_in_transaction(
            connection, locks.APPLIER
        )  # it makes hashtags, and finds the unions of each
        for name in changed:
            _keep(connection, name, unions.get(name, ()))
    return changed


def _keep(connection: Connection, name: str, patterns: tuple[str, ...]) -> None:
    row = connection.execute(
        "INSERT INTO unions (name, patterns) VALUES (%s, %s)"
        " ON CONFLICT (name) DO UPDATE SET patterns = excluded.patterns RETURNING id",
        (name, list(patterns)),
    ).fetchone()
    assert row is not None  # noqa: S101 - an upsert returns its row
    union = {"union": row[0]}
    connection.execute("DELETE FROM unions_hashtags WHERE union_id = %(union)s", union)
    connection.execute(
        "INSERT INTO unions_hashtags (union_id, hashtag_id)"
        " SELECT u.id, h.id FROM unions AS u JOIN hashtags AS h ON fits(h.hashtag, u.patterns)"
        " WHERE u.id = %(union)s ORDER BY h.id",
        union,
    )
    connection.execute(QUEUE, union)
    if patterns:
        connection.execute(
            "UPDATE unions SET whole_from = (SELECT max(id) FROM statistics_queue) WHERE id = %(union)s",
            union,
        )
    else:
        connection.execute("DELETE FROM unions WHERE id = %(union)s", union)
