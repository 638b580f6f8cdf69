"""What the tick of the maker of augmented diffs decides: whether the feed is asked, and whether a run is started. Pure.

The tick is orchestration/made_diffs_sensor.py's; what a run does, diff_making.py's.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from stats_assets.database.made_diffs import MadeDiffs
from stats_assets.words import at

MINUTE = timedelta(minutes=1)
NO_PLANET = (
    "There is nothing to begin with: PLANET_FILE is not set, and no store is there yet. Set PLANET_FILE to a planet or"
    " an extract (.osm.pbf), or load one with stats-assets augment --planet FILE --store DIR"
)


@dataclass(frozen=True)
class Decision:
    """Whether a run is started, and why not."""

    run: bool
    why: str = ""


def asks(row: MadeDiffs, feed: str) -> bool:
    """Whether the feed is asked now: not while it wants to be left alone, nor before it can have more."""
    if row.feed != feed or row.asked_at is None:
        return True
    if row.quiet_until is not None and row.now < row.quiet_until:
        return False
    if row.feed_trouble or row.head_time is None:
        return True
    # A head of the future tells nothing; one that is behind the clock may be catching up.
    return not timedelta(0) <= row.now - row.head_time < MINUTE


def decide(row: MadeDiffs, *, at_work: bool, can_begin: bool, several: bool = False) -> Decision:
    """What a tick does.

    at_work: a run is queued, or lives. can_begin: there is a store's folder, or a planet to make one of. several: the
    feed has several addresses, so that one which has less than was read is behind, and no other numbering.
    """
    if at_work:
        return Decision(False, f"A run is at work{f': {row.doing}' if row.doing else ''}.")
    if row.not_before is not None and row.now < row.not_before:
        next_try = at(row.not_before, row.now)
        return Decision(False, f"{_trouble(row.trouble)}. Next try at {next_try}, by itself.")
    if not can_begin:
        return Decision(False, f"{NO_PLANET}.")
    if row.store is None or row.sequence is None:
        return Decision(True)
    return _by_feed(row, row.sequence, several=several)


def _by_feed(row: MadeDiffs, sequence: int, *, several: bool) -> Decision:
    if row.feed_trouble or row.head is None:
        quiet = row.quiet_until is not None and row.quiet_until > row.now
        until = (
            f" It is not asked before {at(row.quiet_until, row.now)}." if quiet and row.quiet_until else ""
        )
        said = _trouble(row.feed_trouble or "How far the feed is, is not known")
        return Decision(False, f"{said}.{until} Nothing is lost meanwhile.")
    if row.head < sequence:
        why = why_waiting if several else why_another
        return Decision(False, f"{why(sequence, row.head)}.")
    rose = row.head_time is not None and row.reached is not None and row.head_time > row.reached
    if row.trouble or row.head > sequence or rose:
        return Decision(True)
    return Decision(False, f"Up to date: {row.head} is the feed's newest file, and all to it is read.")


def why_another(sequence: int, head: int) -> str:
    """What a person is told of a feed that has less than was read of it."""
    return (
        f"The feed's newest file is {head}, and the store has read {sequence}: this is another feed, or its numbers"
        " began again. Nothing is read until it is there. If OSMCHANGE_URL is wrong, mend it; if this feed is to be"
        " followed, move the store away and begin with a new planet (PLANET_FILE)"
    )


def why_waiting(sequence: int, head: int) -> str:
    """The same of one of several addresses."""
    return f"The newest file of the address in use is {head}, and {sequence} is read: nothing is done until it is there"


def next_minute(row: MadeDiffs, first: int | None) -> int | None:
    """The minute whose document a run makes first; None: not known. first: of the newest minute of the feed."""
    return first if row.made is None else row.made + 1


def due_in(row: MadeDiffs) -> float | None:
    """Seconds until the feed can have more; None: it is asked by the interval alone."""
    if row.head_time is None or row.feed_trouble:
        return None
    left = (row.head_time + MINUTE - row.now).total_seconds()
    return left if left > 0 else None


def _trouble(said: str | None) -> str:
    return (said or "A run could not go on").rstrip(".")


def is_silent(row: MadeDiffs, seconds: float) -> datetime | None:
    """Since when the sensor has not ticked, where that is longer than `seconds`; None: it ticks, or never did."""
    if row.ticked_at is None or row.now - row.ticked_at <= timedelta(seconds=seconds):
        return None
    return row.ticked_at
