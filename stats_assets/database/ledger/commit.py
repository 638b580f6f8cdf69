"""A sequence's commit: facts, queue and ledger row in one transaction.

What the new body is worth is worth.py's; when it is settled, settling.py's; what failures leave, failed_tries.py's.
Facts are written by database/facts/.
"""

import json
from dataclasses import replace
from typing import Protocol

from stats_assets.database.connection import Connection, retried
from stats_assets.database.ledger.ledger import LedgerRow, book_done, hold
from stats_assets.database.ledger.settling import Settling, settling
from stats_assets.database.ledger.worth import Counted, Counts, Verdict, doubt, verdict


class Writing(Protocol):
    """What a commit writes beside the ledger; whoever has read the body says how (ingest/sequence_loop.py)."""

    def canonical(self) -> str:
        """The hash of the body's actions in one form, by which bodies of two addresses are compared."""

    def keep_replaced(self) -> None:
        """Before another body than the counted one is written."""

    def facts(self, connection: Connection) -> None:
        """The sequence's facts, in place of those of before, inside the transaction; may be called again."""


_DONE = """
UPDATE ledger SET {} work = 'idle', previous = 'idle', attempts = 0, suspect = false, reason = NULL,
    not_before = NULL, missing_since = NULL, given_up_at = NULL, done_at = now(), flagged = %(flagged)s,
    tally = %(tally)s, unreadable = CASE WHEN %(anew)s THEN %(unreadable)s ELSE unreadable END, rereads = %(rereads)s,
    reread_at = now() + %(pause)s, settled_at = CASE WHEN %(settled)s THEN coalesce(settled_at, now()) END,
    settled_by = CASE WHEN %(settled)s THEN %(settled_by)s::int END,
    canonical = CASE WHEN NOT %(settled)s THEN {canonical} END
WHERE stream = %(stream)s AND sequence = %(sequence)s
"""
# What another address says of the same actions tells nothing of how far the counted body's was.
_READ = (
    "osm_base = CASE WHEN %(of_another)s THEN osm_base ELSE %(base)s END,"
    " fetched_at = CASE WHEN %(of_another)s THEN fetched_at ELSE greatest(fetched_at, %(fetched_at)s) END,"
)
_COUNTED = (
    "result = 'committed', content_hash = %(content_hash)s, actions = %(actions)s, definitions = %(definitions)s,"
    " numbering = %(numbering)s, osm_base = %(base)s, address = coalesce(%(address)s::int, address),"
    " fetched_at = CASE WHEN %(of_another)s THEN %(fetched_at)s ELSE greatest(fetched_at, %(fetched_at)s) END,"
)
DONE = {
    Verdict.COMMITTED: _DONE.format(_COUNTED, canonical="%(canonical)s::text"),
    Verdict.SAME: _DONE.format(_READ, canonical="coalesce(canonical, %(canonical)s::text)"),
    Verdict.STALE: _DONE.format("", canonical="canonical"),
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
            body = _with_canonical(row, new, writing)
            decided = verdict(row, body, by_hand=by_hand)
            other = new.numbering != row.numbering
            of_another = row.result == "committed" and row.is_of_another(body)
            before = (
                Settling(False, 0)
                if other or row.result != "committed"
                else Settling(row.settled, row.rereads)
            )
            nearer = new.osm_base is not None and row.osm_base is not None and new.osm_base > row.osm_base
            further = other or row.osm_base is None or (nearer and not of_another)
            same = row.result == "committed" and row.is_same(body)
            # An archived body settles nothing that it did not settle when it was fetched; nor does one that loses to
            # another address's.
            keeps = (same and new.from_archive) or (decided is Verdict.STALE and of_another)
            settles = before.settled and not before.rereads if keeps else new.settled
            after = settling(before, settled=settles, overdue=new.overdue, further=further)
            flagged, tally, anew = doubt(row, body, decided, after)
            # The same body again does not take back how far the server is known to have been.
            reached = row.osm_base if same and not of_another else None
            base = max(filter(None, (new.osm_base, reached)), default=None)
            if decided is Verdict.COMMITTED:
                if row.result == "committed" and not same:
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
                    "settled_by": row.settled_by if keeps or not new.settled else new.address,
                    "address": new.address,
                    "canonical": body.canonical,
                    "of_another": of_another,
                },
            )
            book_done(connection, stream, taken)
            return decided

    return retried(transaction)


def _with_canonical(row: Counts, new: Counted, writing: Writing) -> Counted:
    """The body with the hash of its actions, where it may be compared by that, now or when it is read again."""
    if new.address is None or new.content_hash == row.content_hash:
        return new
    compared = row.canonical is not None and row.is_of_another(new)
    return replace(new, canonical=writing.canonical()) if compared or not new.settled else new


def _counts(connection: Connection, stream: str, sequence: int) -> Counts:
    row = connection.execute(
        "SELECT result, content_hash, actions, fetched_at, definitions, osm_base, tally, numbering, flagged,"
        " settled_at IS NOT NULL, rereads, address, settled_by, canonical"
        " FROM ledger WHERE stream = %s AND sequence = %s FOR UPDATE",
        (stream, sequence),
    ).fetchone()
    if row is None:
        raise LookupError(f"{stream} {sequence} was never taken")
    return Counts(*row)
