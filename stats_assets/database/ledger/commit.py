"""A sequence's commit: facts, queue and ledger row in one transaction, and the rule what a new body is worth.

Facts are written by database/facts/; when a body is settled is settling.py's, what failures leave is failed_tries.py's.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NamedTuple, Protocol

from stats_assets.database.connection import Connection, retried
from stats_assets.database.ledger.ledger import LedgerRow, book_done, hold
from stats_assets.database.ledger.settling import Settling, settling

BROKEN_GEOMETRY, SHORTER, NOT_SETTLED = "broken_geometry", "replaced_by_shorter", "not_settled"  # of tallies
OSM_BASE_TO_COME = "osm_base_to_come"
OF_BODIES = (BROKEN_GEOMETRY, SHORTER, NOT_SETTLED, OSM_BASE_TO_COME)  # what says nothing of single actions


@dataclass(frozen=True)
class Counted:
    """What was read of a sequence: which body, and with which definitions it was counted."""

    content_hash: str
    actions: int
    fetched_at: datetime
    definitions: str
    flagged: str | None = None
    """Why the body is doubtful, for a person."""
    settled: bool = False
    """See `settling`."""
    osm_base: datetime | None = None
    """How far the server's data reached; None: the body does not say."""
    unreadable: int = 0
    """How many of the actions could not be read."""
    tally: Mapping[str, int] = field(default_factory=dict)
    """Why the body is doubtful, in numbers, by reason."""
    overdue: bool = False
    """See `settling`."""
    from_archive: bool = False
    numbering: int = 0
    """How often the feed's numbers had begun again by then."""
    of_directory: bool = False
    """Of two bodies of one state of the feed the later read counts, whoever asked: the file was written anew."""


class Writing(Protocol):
    """What a commit writes beside the ledger; whoever has read the body says how (ingest/sequence_loop.py)."""

    def keep_replaced(self) -> None:
        """Before another body than the counted one is written."""

    def facts(self, connection: Connection) -> None:
        """The sequence's facts, in place of those of before, inside the transaction; may be called again."""


class Verdict(Enum):
    """What a commit did with a body."""

    COMMITTED = "committed"  # its facts are in, in place of older ones if there were any
    SAME = "unchanged"  # the counted body again, under the same definitions
    STALE = "stale"  # not newer than the counted one, or not whole as that is


class Counts(NamedTuple):
    """The ledger row's part that decides about a new body, and what is known of the counted one's doubts."""

    result: str
    content_hash: str | None
    actions: int | None
    fetched_at: datetime | None
    definitions: str | None
    osm_base: datetime | None = None
    tally: Mapping[str, int] | None = None
    numbering: int = 0
    flagged: str | None = None
    settled: bool = False
    rereads: int = 0


def verdict(row: Counts, new: Counted, *, by_hand: bool) -> Verdict:
    """What to do with a body, given what is counted already: a pure rule (docs/states.md, section 3.1).

    What makes a read worse is a remark, or an older state of the server; how many actions it has says nothing.
    """
    if row.result != "committed" or row.fetched_at is None:
        return Verdict.COMMITTED
    if new.numbering != row.numbering:  # another file under the same number
        return Verdict.COMMITTED if new.numbering > row.numbering else Verdict.STALE
    if new.content_hash == row.content_hash:
        return Verdict.COMMITTED if by_hand or new.definitions != row.definitions else Verdict.SAME
    whole, counted_whole = BROKEN_GEOMETRY not in new.tally, BROKEN_GEOMETRY not in (row.tally or {})
    if whole is not counted_whole:
        return Verdict.COMMITTED if whole else Verdict.STALE
    if new.osm_base is None or row.osm_base is None:
        newer = new.fetched_at > row.fetched_at or (by_hand and new.fetched_at == row.fetched_at)
    else:
        # Two answers of one state of the server: a person who asks again takes the later one.
        again = (
            (by_hand or new.of_directory)
            and new.osm_base == row.osm_base
            and new.fetched_at >= row.fetched_at
        )
        newer = new.osm_base > row.osm_base or again
    return Verdict.COMMITTED if newer else Verdict.STALE


class Doubt(NamedTuple):
    """Why the counted body is flagged."""

    flagged: str | None
    """For a person."""
    tally: dict[str, int]
    """In numbers, by reason."""
    anew: bool = True
    """Whether these are the new body's doubts, not those of the one that was counted before."""


def doubt(row: Counts, new: Counted, decided: Verdict, after: Settling) -> Doubt:
    """The doubts of what is counted after the commit: pure.

    A read from the feed tells them anew, so that what was healed there is no doubt any more.
    """
    same = new.content_hash == row.content_hash and new.numbering == row.numbering
    tally, flagged, anew = dict(new.tally), new.flagged, True
    worse = BROKEN_GEOMETRY in tally and BROKEN_GEOMETRY not in (row.tally or {})
    if decided is Verdict.STALE or (decided is Verdict.SAME and (new.from_archive or worse)):
        tally, flagged, anew = dict(row.tally or {}), _without(row.flagged, _GIVEN_UP), False
    elif row.result == "committed" and row.numbering == new.numbering:
        lost = (row.actions or 0) - new.actions
        if not same and lost > 0:
            tally[SHORTER] = lost
        elif same and new.from_archive and SHORTER in (row.tally or {}):
            tally[SHORTER] = (row.tally or {})[SHORTER]
        if SHORTER in tally:
            fewer = f"{new.actions} actions, {tally[SHORTER]} fewer than the one before"
            flagged = _and(
                flagged, f"a later body, which counts now, has {fewer} (an archive keeps that in replaced/)"
            )
    tally.pop(NOT_SETTLED, None)
    if after.given_up:
        tally[NOT_SETTLED] = 1
        flagged = _and(flagged, _GIVEN_UP)
    return Doubt(flagged, tally, anew)


_GIVEN_UP = "not settled: the server (or a cache before it) gave the same old answer again and again"


def _and(flagged: str | None, text: str) -> str:
    return "; ".join(filter(None, (flagged, text)))


def _without(flagged: str | None, text: str) -> str | None:
    return "; ".join(part for part in (flagged or "").split("; ") if part and part != text) or None


_DONE = """
UPDATE ledger SET {} work = 'idle', previous = 'idle', attempts = 0, suspect = false, reason = NULL,
    not_before = NULL, missing_since = NULL, given_up_at = NULL, done_at = now(), flagged = %(flagged)s,
    tally = %(tally)s, unreadable = CASE WHEN %(anew)s THEN %(unreadable)s ELSE unreadable END, rereads = %(rereads)s,
    reread_at = now() + %(pause)s, settled_at = CASE WHEN %(settled)s THEN coalesce(settled_at, now()) END
WHERE stream = %(stream)s AND sequence = %(sequence)s
"""
_READ = "osm_base = %(base)s, fetched_at = greatest(fetched_at, %(fetched_at)s),"
_COUNTED = (
    "result = 'committed', content_hash = %(content_hash)s, actions = %(actions)s, definitions = %(definitions)s,"
    " numbering = %(numbering)s,"
)
DONE = {
    Verdict.COMMITTED: _DONE.format(_COUNTED + _READ),
    Verdict.SAME: _DONE.format(_READ),
    Verdict.STALE: _DONE.format(""),
}


def commit(
    connection: Connection,
    run_id: str,
    stream: str,
    taken: LedgerRow,
    new: Counted,
    writing: Writing,
    *,
    by_hand: bool = False,
) -> Verdict:
    """Commit a sequence: facts (by `writing`), queue and ledger in one transaction. Raises LeaseLost.

    Done again it replaces what it did. A deadlock or serialization failure is retried in place.
    """

    def transaction() -> Verdict:
        with connection.transaction():
            hold(connection, run_id)
            row = _counts(connection, stream, taken.sequence)
            decided = verdict(row, new, by_hand=by_hand)
            other = new.numbering != row.numbering
            before = (
                Settling(False, 0)
                if other or row.result != "committed"
                else Settling(row.settled, row.rereads)
            )
            further = (
                other or row.osm_base is None or (new.osm_base is not None and new.osm_base > row.osm_base)
            )
            after = settling(before, settled=new.settled, overdue=new.overdue, further=further)
            flagged, tally, anew = doubt(row, new, decided, after)
            # The same body again does not take back how far the server is known to have been.
            reached = row.osm_base if new.content_hash == row.content_hash and not other else None
            base = max(filter(None, (new.osm_base, reached)), default=None)
            if decided is Verdict.COMMITTED:
                if row.result == "committed" and new.content_hash != row.content_hash:
                    writing.keep_replaced()
                writing.facts(connection)
            # One version of the row: two would be written to its indexes twice.
            connection.execute(
                DONE[decided],
                {
                    "stream": stream,
                    "sequence": taken.sequence,
                    "content_hash": new.content_hash,
                    "actions": new.actions,
                    "definitions": new.definitions,
                    "numbering": new.numbering,
                    "fetched_at": new.fetched_at,
                    "base": base,
                    "flagged": flagged and flagged[:4000],
                    "tally": json.dumps(tally) if tally else None,
                    "anew": anew,
                    "unreadable": new.unreadable,
                    "rereads": after.rereads,
                    "pause": after.pause,
                    "settled": after.settled,
                },
            )
            book_done(connection, stream, taken)
            return decided

    return retried(transaction)


def _counts(connection: Connection, stream: str, sequence: int) -> Counts:
    row = connection.execute(
        "SELECT result, content_hash, actions, fetched_at, definitions, osm_base, tally, numbering, flagged,"
        " settled_at IS NOT NULL, rereads FROM ledger WHERE stream = %s AND sequence = %s FOR UPDATE",
        (stream, sequence),
    ).fetchone()
    if row is None:
        raise LookupError(f"{stream} {sequence} was never taken")
    return Counts(*row)
