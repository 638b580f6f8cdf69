"""Sequence numbers of augmented diffs as time, and any sequence number as a path.

Pure arithmetic. What exists is said by the feeds, never by these functions; changeset sequences have no time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

FIRST_SINCE = datetime(2012, 9, 12, 6, 55, tzinfo=UTC)
SEQUENCE_MAX = 999_999_999
TO_COME = timedelta(days=366)
"""No clock is so far ahead: a feed's time beyond it is wrong. A demo's, or a quick replay's, is only a little ahead."""
_MINUTE = timedelta(minutes=1)


class Window(NamedTuple):
    """The times t with `since < t <= until`."""

    since: datetime
    until: datetime


def sequence_of(time: datetime) -> int:
    """The augmented diff that holds the edits at an (aware) time: docs/definitions.md, section 1.

    Negative before September 2012. Raises TypeError for a time without a zone.
    """
    # The window is open below: an edit at exactly UNTIL is still inside, so this is ceil - 1 and not floor.
    return -((FIRST_SINCE - time) // _MINUTE) - 1


def covers(sequence: int) -> Window:
    """The minute of an augmented diff, in UTC (docs/definitions.md, section 1). OverflowError beyond year 9999."""
    since = FIRST_SINCE + sequence * _MINUTE
    return Window(since, since + _MINUTE)


def path_of(sequence: int) -> str:
    """`AAA/BBB/CCC`: the number's nine digits in threes. Raises ValueError for what is not 0..999999999."""
    digits = f"{checked(sequence):09d}"
    return f"{digits[:3]}/{digits[3:6]}/{digits[6:]}"


def checked(sequence: int) -> int:
    """The number itself, when it is a plain integer in 0..999999999; else ValueError.

    Overpass answers 200 with another minute's data for an id that is no plain integer (docs/feeds.md, section 6.11).
    """
    if type(sequence) is not int or not 0 <= sequence <= SEQUENCE_MAX:
        raise ValueError(f"{sequence!r} is no sequence number: integers from 0 to {SEQUENCE_MAX} are")
    return sequence
