"""Whether a counted body is settled after a read, or when it is read again: a pure rule (docs/states.md, section 6.1).

A body is settled when the server's data, by its own time, was far enough past the minute. What is due now is
due_again.py's.
"""

from datetime import timedelta
from typing import NamedTuple

FIRST_PAUSE = timedelta(minutes=30)  # doubling: a cache of two hours before the server is outlasted
VAIN = 3  # reads that brought nothing newer; then it is left at that, flagged


class Settling(NamedTuple):
    """What the ledger says of that."""

    settled: bool
    rereads: int
    """How many reads to settle were in vain."""
    pause: timedelta | None = None
    """Until the next read."""

    @property
    def given_up(self) -> bool:
        """It counts as settled only because the server (or a cache before it) had nothing newer, again and again."""
        return self.rereads >= VAIN


def settling(before: Settling, *, settled: bool, overdue: bool, further: bool) -> Settling:
    """After a read of a body.

    settled: the body itself is; overdue: it was asked for when the feed's head said that it would be; further: its
    server's data reached further than the counted body's.
    """
    if settled:
        return Settling(True, 0)
    if not overdue or (before.settled and not before.rereads):
        return before
    if further:
        return Settling(False, 0, FIRST_PAUSE)
    rereads = before.rereads + 1
    if rereads >= VAIN:
        return Settling(True, rereads)
    return Settling(False, rereads, FIRST_PAUSE * 2 ** (rereads - 1))
