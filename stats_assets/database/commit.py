"""A sequence's commit: facts, queue and ledger row in one transaction, and the rule what a new body is worth.

What is written as facts belongs to facts.py and metadata.py; failures are the ledger's.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import NamedTuple

from stats_assets.database.connection import Connection, retried
from stats_assets.database.ledger import LedgerRow, book_done, hold

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Counted:
    """What was read of a sequence: which body, and with which definitions it was counted.

    osm_base: how far the server's data reached; None: not said. unreadable: how many of the actions could not be read.
    flagged: why the body is doubtful, for a person; tally: the same in numbers, by reason.
    """

    content_hash: str
    actions: int
    fetched_at: datetime
    definitions: str
    flagged: str | None = None
    settled: bool = False
    osm_base: datetime | None = None
    unreadable: int = 0
    tally: Mapping[str, int] = field(default_factory=dict)


class Verdict(Enum):
    """What a commit did with a body."""

    COMMITTED = "committed"  # its facts are in, in place of older ones if there were any
    SAME = "unchanged"  # the counted body again, under the same definitions
    STALE = "stale"  # fetched before the counted one
    SHORTER = (
        "shorter"  # fewer actions than the counted one, of a server that is no further: a worse read, flagged
    )


class Counts(NamedTuple):
    """The ledger row's part that decides about a new body."""

    result: str
    content_hash: str | None
    actions: int | None
    fetched_at: datetime | None
    definitions: str | None
    osm_base: datetime | None = None


def verdict(row: Counts, new: Counted, *, by_hand: bool, accept_shorter: bool) -> Verdict:
    """What to do with a body, given what is counted already: a pure rule (state, section 3.1)."""
    if row.result != "committed" or row.fetched_at is None or row.actions is None:
        return Verdict.COMMITTED
    if new.content_hash == row.content_hash:
        return Verdict.COMMITTED if by_hand or new.definitions != row.definitions else Verdict.SAME
    # By the server's data where both say how far it reached, else by when they were fetched.
    reached, counted = new.osm_base or row.osm_base or EPOCH, row.osm_base or new.osm_base or EPOCH
    if (reached, new.fetched_at) < (counted, row.fetched_at):
        return Verdict.STALE
    # A feature that was made in time may be deleted late: what a later state of the server lacks is gone.
    further = new.osm_base is not None and (row.osm_base is None or new.osm_base > row.osm_base)
    if new.actions < row.actions and not (accept_shorter or further):
        return Verdict.SHORTER
    return Verdict.COMMITTED


def commit(
    connection: Connection,
    run_id: str,
    stream: str,
    taken: LedgerRow,
    new: Counted,
    write: Callable[[Connection], None],
    *,
    by_hand: bool = False,
    accept_shorter: bool = False,
) -> Verdict:
    """Commit a sequence: facts (by `write`), queue and ledger in one transaction. Raises LeaseLost.

    Done again it replaces what it did. A deadlock or serialization failure is retried in place.
    """
    key = (stream, taken.sequence)

    def transaction() -> Verdict:
        with connection.transaction():
            hold(connection, run_id)
            row = connection.execute(
                "SELECT result, content_hash, actions, fetched_at, definitions, osm_base FROM ledger"
                " WHERE stream = %s AND sequence = %s FOR UPDATE",
                key,
            ).fetchone()
            if row is None:
                raise LookupError(f"{stream} {taken.sequence} was never taken")
            decided = verdict(Counts(*row), new, by_hand=by_hand, accept_shorter=accept_shorter)
            if decided is Verdict.COMMITTED:
                write(connection)
                connection.execute(
                    """
                    UPDATE ledger SET result = 'committed', content_hash = %s, actions = %s, definitions = %s,
                        flagged = %s, unreadable = %s, tally = %s, osm_base = %s,
                        fetched_at = greatest(fetched_at, %s)
                    WHERE stream = %s AND sequence = %s
                    """,
                    (
                        *(new.content_hash, new.actions, new.definitions, new.flagged, new.unreadable),
                        *(json.dumps(new.tally) if new.tally else None, new.osm_base, new.fetched_at, *key),
                    ),
                )
            elif decided is Verdict.SAME:
                connection.execute(
                    "UPDATE ledger SET fetched_at = greatest(fetched_at, %s), osm_base = greatest(osm_base, %s)"
                    " WHERE stream = %s AND sequence = %s",
                    (new.fetched_at, new.osm_base, *key),
                )
            elif decided is Verdict.SHORTER:
                connection.execute(
                    "UPDATE ledger SET flagged = %s WHERE stream = %s AND sequence = %s",
                    (f"a later read had only {new.actions} of {row[2]} actions", *key),
                )
            connection.execute(
                """
                UPDATE ledger SET work = 'idle', previous = 'idle', attempts = 0, suspect = false, reason = NULL,
                    not_before = NULL, missing_since = NULL, given_up_at = NULL, done_at = now(),
                    settled_at = CASE WHEN %s THEN coalesce(settled_at, now()) ELSE settled_at END
                WHERE stream = %s AND sequence = %s
                """,
                (new.settled, *key),
            )
            book_done(connection, stream, taken)
            return decided

    return retried(transaction)
