"""What becomes of a version when it comes: which minute it belongs to, when it is too late, when it is settled.

Times are epoch seconds. The rules are docs/augment.md's; what is in force at a time is snapshots.py's.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from stats_assets.augment.store import Change, Noted, Place
from stats_assets.augment.versions import Kind, Pending, Version
from stats_assets.feeds.sequences import FIRST_SINCE

MINUTE = 60
LATE, HELD, PASSED = "late", "held", "passed"
"""The lists: put into the oldest open minute as its own is settled; of the future; of a minute that came, but a newer
version is settled already, so that it is nowhere."""
MEANS = {
    LATE: "came after their minute was settled, and are in a later one",
    HELD: "are of the future, and wait for their minute",
    PASSED: "came after a newer version was settled, and are in no document",
}
"""What is said to people of the versions on each."""
SAME, OLDER, VISIBILITY, BEGINNING, UNSEEN = (
    "same_version",
    "older_version",
    "other_visibility",
    "before_beginning",
    "deleted_unseen",
)
"""Tallies, beside the lists' names."""
_FIRST_SINCE = int(FIRST_SINCE.timestamp())


def minute_of(time: int) -> int:
    """The augmented diff that a time belongs to: (SINCE, UNTIL]."""
    return -((_FIRST_SINCE - time) // MINUTE) - 1


def beginning(time: int) -> int:
    """The first minute's edge that is not before a planet's time."""
    return -((_FIRST_SINCE - time) // MINUTE * MINUTE - _FIRST_SINCE)


def take_in(change: Change, versions: Iterable[Version], sequence: int, time: int) -> Counter[str]:
    """Take in a file's versions, in any order, and say how far the store is then; what became of how many.

    sequence, time: the file's number, and its own time in epoch seconds.
    """
    place = change.place()
    reached = max(place.reached, time)
    place = place._replace(reached=reached, sequence=sequence)
    happened: Counter[str] = Counter()
    for version in versions:
        happened["versions"] += 1
        happened.update(_arrive(change, place, version))
    for what, count in happened.items():
        change.tally(what, count)
    change.put_place(place)
    return happened


def settle(change: Change) -> None:
    """Settle the oldest open minute."""
    place = change.place()
    until = place.settled_to + MINUTE
    since = -1 if _nothing_settled(place) else place.settled_to
    for kind, id in list(change.changed(since, until)):
        for pending in change.chain(kind, id):
            if pending.effective > until:
                break
            change.settle(pending.version)
            change.drop(kind, id, pending.version.version)
    change.put_place(place._replace(settled_to=until))


def _arrive(change: Change, place: Place, version: Version) -> list[str]:
    """Put a version where it belongs; what there is to say of it."""
    if not version.visible:  # what a deletion says of its element is what was there
        version = version._replace(tags=(), position=None, refs=(), members=())
    settled, chain = change.settled(version.kind, version.id), change.chain(version.kind, version.id)
    number = version.version
    if settled is not None and number < settled.version:
        return _older(change, place, version)
    known = _numbered(number, settled, chain)
    if known is not None and known.visible == version.visible:
        return [SAME]
    said = [VISIBILITY] if known is not None else []
    if settled is None and not chain and not version.visible:
        said.append(UNSEEN)
    below = [pending for pending in chain if pending.version.version < number]
    above = [pending.version for pending in chain if pending.version.version > number]
    effective = _put_in_order(change, place, below, [version, *above])
    own = max(version.timestamp, *(each.version.timestamp for each in below), 0)
    if own <= place.settled_to:
        said.append(BEGINNING if _nothing_settled(place) else _note(change, LATE, place, version, effective))
    if effective > place.reached:
        said.append(_note(change, HELD, place, version, effective))
    return said


def _nothing_settled(place: Place) -> bool:
    """Until the first minute is settled, what is of before the beginning is pending, too, and has no document."""
    return place.settled_to == place.begins


def _numbered(number: int, settled: Version | None, chain: Sequence[Pending]) -> Version | None:
    for pending in chain:
        if pending.version.version == number:
            return pending.version
    return settled if settled is not None and settled.version == number else None


def _put_in_order(change: Change, place: Place, below: Sequence[Pending], versions: Sequence[Version]) -> int:
    """Keep these versions, each not before the one below it; when the first one is effective."""
    effective = below[-1].effective if below else 0 if _nothing_settled(place) else place.settled_to + 1
    first = effective
    for position, version in enumerate(versions):
        effective = max(version.timestamp, effective)
        first = effective if position == 0 else first
        change.keep(Pending(version, effective))
    return first


def _older(change: Change, place: Place, version: Version) -> list[str]:
    """What is older than the settled version changes nothing. What is of before the beginning is in the planet."""
    if version.timestamp <= place.begins:
        return [OLDER]
    return [OLDER, _note(change, PASSED, place, version, None)]


def _note(change: Change, what: str, place: Place, version: Version, effective: int | None) -> str:
    kind: Kind = version.kind
    belongs = None if effective is None else minute_of(effective)
    change.note(Noted(what, kind, version.id, version.version, version.timestamp, place.sequence, belongs))
    return what
