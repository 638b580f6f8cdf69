"""The ranges of 100,000 sequences that facts were made for, and which of them are away: detached, dropped, emptied, or
missing after a restore. Their sums stay, and nothing is counted there until they are back.

Whether a range's facts are there is found out by missing_facts.py; what becomes of a changeset whose facts are away is
the applier's (database/statistics/applier.py).
"""

from datetime import datetime
from typing import NamedTuple

from stats_assets.database.connection import Connection, DatabaseUnreachable
from stats_assets.database.facts.fact_partitions import (
    SEQUENCES,
    TABLES,
    Partition,
    attached,
    make_partitions,
    missing_tables,
)
from stats_assets.database.facts.missing_facts import FactRange, lacking, why_away

WHAT_TO_DO = "docs/operations.md, Partitions of the facts, says how they come back."


class FactsAway(DatabaseUnreachable):
    """Facts that are needed can't be reached in the database; the message says which, why, and what to do."""


class Away(NamedTuple):
    """A range whose facts are away."""

    first: int
    reason: str
    since: datetime | None
    """When that was noted; None: not yet."""
    accepted: bool
    """They are meant to be away."""

    @property
    def last(self) -> int:
        """The range's last sequence."""
        return self.first + SEQUENCES - 1

    def __str__(self) -> str:
        return f"The facts of {self.first} to {self.last} are away: {self.reason}."


def require_tables(connection: Connection) -> None:
    """Raises FactsAway when one of the facts' tables itself is missing."""
    missing = missing_tables(connection)
    if missing:
        raise FactsAway(
            f"The facts are away: there is no table {' and no table '.join(missing)} in this database's schema"
            " (renamed, moved, dropped or not restored). The statistics stay as they are, and nothing is counted,"
            " applied or compared until it is back under its name."
        )


def range_of(sequence: int) -> int:
    """The first sequence of the sequence's range."""
    return sequence - sequence % SEQUENCES


def away(connection: Connection) -> list[Away]:
    """The ranges whose facts are away now, in order. Changes nothing; a query of the catalog, whatever was counted."""
    ranges = _ranges(connection)
    found = why_away(connection, ranges, attached(connection))
    return [
        Away(one.first, found.get(one.first) or one.reason or one.state, one.since, one.accepted)
        for one in ranges
        if one.first in found or one.state == "incomplete"
    ]


def away_in(connection: Connection, first: int, last: int) -> list[Away]:
    """Those of the ranges that hold some of the sequences first..last."""
    return [one for one in away(connection) if one.first <= last and one.last >= first]


def held(connection: Connection) -> int:
    """How many changesets have changed, and wait for facts of theirs that are away."""
    row = connection.execute("SELECT count(DISTINCT changeset_id) FROM statistics_held").fetchone()
    return int(row[0]) if row else 0


def accept(connection: Connection, first: int) -> bool:
    """Write down that the range's facts are meant to be away. False: they are here, or there is no such range."""
    note(connection)
    return bool(
        connection.execute(
            "UPDATE fact_ranges SET accepted_at = coalesce(accepted_at, now())"
            " WHERE first = %s AND state IN ('away', 'incomplete')",
            (first,),
        ).rowcount
    )


def recount(connection: Connection, first: int) -> bool:
    """Give the range's facts up, so that its sequences may be counted again; the sums stay until each of them is.

    False: they are here, there is no such range, or a table that was detached has the name of the new partition.
    """
    note(connection)
    given_up = connection.execute(
        "UPDATE fact_ranges SET state = 'recounting', reason = NULL"
        " WHERE first = %s AND state IN ('away', 'incomplete')",
        (first,),
    ).rowcount
    make_partitions(connection, first, first)
    note(connection)
    return bool(given_up) and not away_in(connection, first, first)


def note(connection: Connection, *, anew: bool = False) -> None:
    """Write down which ranges' facts went away, and queue what waited for those that are back.

    Cheap when nothing has changed. A range that is attached again is compared with the ledger's numbers once; `anew`:
    also those that were not whole then, and all that waits is looked at again.
    """
    there = attached(connection)
    _note_what_is_there(connection, there)
    ranges = _ranges(connection)
    found = why_away(connection, ranges, there)
    for one in ranges:
        reason = found.get(one.first)
        if reason is not None:
            if (one.state, one.reason) != ("away", reason):
                _set(connection, one.first, "away", reason)
        elif one.state == "away" or (anew and one.state != "here"):
            fewer = lacking(connection, one.first, unknown=one.state == "recounting")
            if not fewer:
                _set(connection, one.first, "here", None)
            elif one.state != "recounting":
                _set(connection, one.first, "incomplete", f"facts of {fewer} of its sequences are missing")
    # What an applier holds meanwhile began before the range was back, and is released by the next one.
    connection.execute(
        """
        WITH released AS (
            DELETE FROM statistics_held WHERE %s OR since <= (SELECT max(back_at) FROM fact_ranges)
            RETURNING changeset_id, sequence
        )
        INSERT INTO statistics_queue (changeset_id, sequence) SELECT DISTINCT * FROM released ORDER BY 1, 2
        """,
        (anew,),
    )


def _note_what_is_there(connection: Connection, there: list[Partition]) -> None:
    """Attached partitions that aren't known, and facts in those that were empty so far: what was there can go away."""
    known = {one.first: one for one in _ranges(connection)}
    for partition in there:
        for first in partition.ranges:
            one = known.get(first)
            column = "edits" if partition.table == TABLES[0] else "countries"
            if partition.empty or (one is not None and getattr(one, column)):
                continue
            # No look into the partitions: a file with pages had rows.
            connection.execute(
                f"INSERT INTO fact_ranges (first, {column}) VALUES (%s, true)"  # noqa: S608 - one of two names
                f" ON CONFLICT (first) DO UPDATE SET {column} = true".encode(),
                (first,),
            )


def _set(connection: Connection, first: int, state: str, reason: str | None) -> None:
    connection.execute(
        """
        UPDATE fact_ranges SET state = %(state)s, reason = %(reason)s,
            since = CASE WHEN %(state)s <> 'here' THEN coalesce(since, now()) END,
            accepted_at = CASE WHEN %(state)s <> 'here' THEN accepted_at END,
            back_at = CASE WHEN %(state)s = 'here' THEN now() ELSE back_at END
        WHERE first = %(first)s
        """,
        {"first": first, "state": state, "reason": reason},
    )


def _ranges(connection: Connection) -> list[FactRange]:
    rows = connection.execute(
        "SELECT first, edits, countries, state, reason, since, accepted_at IS NOT NULL FROM fact_ranges ORDER BY first"
    ).fetchall()
    return [FactRange(*row) for row in rows]
