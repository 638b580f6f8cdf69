"""Users and their names: the name with the newest evidence wins, whatever order the evidence comes in."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from stats_assets.database.connection import Connection

DIFFS, CHANGESETS = 0, 1  # on a tie of times the changeset feed's name wins
NEVER = datetime.min.replace(tzinfo=UTC)


class NameEvidence(NamedTuple):
    """Somebody was called `name` at a time; an absent name is no evidence, but the user exists."""

    user_id: int
    name: str | None
    at: datetime | None


def save_users(connection: Connection, rank: int, sequence: int, evidence: Iterable[NameEvidence]) -> None:
    """Make the users known, with their names where this evidence is the newest (docs/definitions.md, section 6)."""
    best: dict[int, NameEvidence] = {}
    for new in sorted(evidence, key=lambda e: (e.name is not None, e.at or NEVER, e.name or "")):
        best[new.user_id] = new
    users = [best[user_id] for user_id in sorted(best)]
    connection.execute(
        """
        INSERT INTO users AS u (id, name, name_at, name_rank, name_sequence)
        SELECT id, name, at, %(rank)s, %(sequence)s
        FROM unnest(%(ids)s::bigint[], %(names)s::text[], %(times)s::timestamptz[]) AS new(id, name, at)
        WHERE NOT EXISTS (  -- else what is known would be locked, which is written too
            SELECT FROM users AS u WHERE u.id = new.id AND (new.name IS NULL OR
                (u.name_at, u.name_rank, u.name_sequence, u.name COLLATE "C")
                >= (new.at, %(rank)s, %(sequence)s, new.name COLLATE "C"))
        )
        ORDER BY id
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, name_at = excluded.name_at,
            name_rank = excluded.name_rank, name_sequence = excluded.name_sequence
        WHERE excluded.name IS NOT NULL AND (u.name IS NULL OR
            (excluded.name_at, excluded.name_rank, excluded.name_sequence, excluded.name COLLATE "C")
            > (u.name_at, u.name_rank, u.name_sequence, u.name COLLATE "C"))
        """,
        {
            "rank": rank,
            "sequence": sequence,
            "ids": [user.user_id for user in users],
            "names": [user.name for user in users],
            "times": [user.at for user in users],
        },
    )
