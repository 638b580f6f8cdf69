"""What a body is worth beside the counted one, and what is doubtful of what counts then: pure rules.

They are docs/states.md, section 3.1. What is written by that is commit.py's; when a body is settled, settling.py's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from stats_assets.database.ledger.settling import Settling

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
    address: int | None = None
    """Where it came from (addresses.py); None: not known, as of what was archived."""
    canonical: str | None = None
    """The hash of its actions in one form; None: not worked out."""


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
    address: int | None = None
    settled_by: int | None = None
    canonical: str | None = None

    @property
    def is_settled(self) -> bool:
        """Whether a read has settled it; not, where that was given up."""
        return self.settled and not self.rereads

    def is_same(self, new: Counted) -> bool:
        """Whether a body has the same actions as the counted one."""
        return self.numbering == new.numbering and (
            new.content_hash == self.content_hash
            or (self.canonical is not None and self.canonical == new.canonical)
        )

    def is_of_another(self, new: Counted) -> bool:
        """Whether a body is of another address than the one that the counted one rests on."""
        mine = self.settled_by if self.is_settled and self.settled_by is not None else self.address
        return mine is not None and new.address is not None and mine != new.address


def verdict(row: Counts, new: Counted, *, by_hand: bool) -> Verdict:
    """What to do with a body, given what is counted already: a pure rule (docs/states.md, section 3.1).

    What makes a read worse is a remark, or an older state of the server; how many actions it has says nothing.
    """
    if row.result != "committed" or row.fetched_at is None:
        return Verdict.COMMITTED
    if new.numbering != row.numbering:  # another file under the same number
        return Verdict.COMMITTED if new.numbering > row.numbering else Verdict.STALE
    if row.is_same(new):
        return Verdict.COMMITTED if by_hand or new.definitions != row.definitions else Verdict.SAME
    whole, counted_whole = BROKEN_GEOMETRY not in new.tally, BROKEN_GEOMETRY not in (row.tally or {})
    if counted_whole and not whole:
        return Verdict.STALE
    if row.is_of_another(new):  # two servers are never equally far: only what is final is compared
        replaces = new.settled and (by_hand or whole is not counted_whole or not row.is_settled)
        return Verdict.COMMITTED if replaces else Verdict.STALE
    if whole is not counted_whole:
        return Verdict.COMMITTED
    if row.is_settled and row.settled_by not in (None, row.address) and not new.settled:
        newer = False  # the counted body's time is another server's than that which has settled it
    elif new.osm_base is None or row.osm_base is None:
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
    same = row.is_same(new)
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
