"""What is counted, but doubtful: the sequences whose counted body is flagged, and what of them could not be read.

Why a body is flagged is decided where it is read and committed; what failed altogether is stream_rows.py's `troubled`.
"""

from typing import NamedTuple

from stats_assets.database.connection import Connection
from stats_assets.database.ledger.worth import OF_BODIES

FLAGGED = (
    "stream = %(stream)s AND flagged IS NOT NULL"
    " AND (NOT %(unread)s OR coalesce(tally, '{}') - %(others)s::text[] <> '{}')"
)


class Doubts(NamedTuple):
    """A stream's flagged sequences."""

    flagged: int
    unreadable: int
    """Actions, or changesets, in all of them."""
    newest: list[tuple[int, str]]
    """Sequence, and why it is flagged."""


def doubts(connection: Connection, stream: str, most: int, *, unread: bool = False) -> Doubts:
    """The stream's flagged sequences, the newest `most` by name. Costs a row each of them.

    unread: only those of which something could not be read as it stands, not those with another flag.
    """
    given = {"stream": stream, "unread": unread, "others": list(OF_BODIES), "most": most}
    row = connection.execute(
        f"SELECT count(*), coalesce(sum(unreadable), 0)::bigint FROM ledger WHERE {FLAGGED}".encode(),  # noqa: S608
        given,
    ).fetchone()
    newest = connection.execute(
        f"SELECT sequence, flagged FROM ledger WHERE {FLAGGED} ORDER BY sequence DESC LIMIT %(most)s".encode(),  # noqa: S608
        given,
    ).fetchall()
    flagged, unreadable = row or (0, 0)
    return Doubts(flagged, unreadable, newest)


def to_heal(stream: str) -> str:
    """What a person can do about flagged sequences."""
    return f"To read them again: stats-assets retry --stream {stream}"
