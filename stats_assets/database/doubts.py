"""What is counted, but doubtful: the sequences whose counted body is flagged, and what of them could not be read.

Why a body is flagged is decided where it is read and committed; what failed altogether is streams.py's `troubled`.
"""

from typing import NamedTuple

from stats_assets.database.connection import Connection


class Doubts(NamedTuple):
    """A stream's flagged sequences. unreadable: actions (changesets) in all of them; newest: (sequence, why)."""

    flagged: int
    unreadable: int
    newest: list[tuple[int, str]]


def doubts(connection: Connection, stream: str, most: int, *, unread: bool = False) -> Doubts:
    """The stream's flagged sequences, the newest `most` by name. Costs a row each of them.

    unread: only those of which something could not be read as it stands, not those with another flag.
    """
    which = "stream = %s AND flagged IS NOT NULL" + (" AND tally IS NOT NULL" if unread else "")
    row = connection.execute(
        f"SELECT count(*), coalesce(sum(unreadable), 0)::bigint FROM ledger WHERE {which}".encode(),  # noqa: S608
        (stream,),
    ).fetchone()
    newest = connection.execute(
        f"SELECT sequence, flagged FROM ledger WHERE {which} ORDER BY sequence DESC LIMIT %s".encode(),  # noqa: S608
        (stream, most),
    ).fetchall()
    flagged, unreadable = row or (0, 0)
    return Doubts(flagged, unreadable, newest)
