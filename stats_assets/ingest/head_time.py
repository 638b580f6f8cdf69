"""What a head's number says of its time, and whether the feed's own time, or the clock, contradicts that. Pure.

Which answer is believed, after that, is feed_head.py's.
"""

from datetime import datetime, timedelta

from stats_assets.feeds.sequences import covers, sequence_of
from stats_assets.feeds.source import State
from stats_assets.streams import TABLE, Stream

AHEAD = timedelta(minutes=10)  # of clocks that differ
DAY = timedelta(days=1)
CUT = 5  # a number that lacks a digit is ten times too small


def time_of(stream: Stream, state: State) -> datetime | None:
    """The feed's own time at that head: of minutes never later than the minute's end."""
    if not TABLE[stream].numbers_are_minutes:
        return state.last_run
    end = covers(state.sequence).until
    return end if state.last_run is None else min(end, state.last_run)


def contradiction(stream: Stream, state: State, now: datetime | None) -> str | None:
    """Why that can't be the head, by what its number says of its time; None: it can.

    A changeset file's number says nothing of its time. now: None: the clock is not asked, as a replay's is another.
    """
    if not TABLE[stream].numbers_are_minutes:
        return None
    end = covers(state.sequence).until
    for time_there, whose in ((state.last_run, "its last_run"), (now, "the clock")):
        if time_there is None:
            continue
        if end - time_there > AHEAD:
            return f"its minute ends at {end:%Y-%m-%d %H:%M} UTC, {whose} is {time_there:%Y-%m-%d %H:%M}"
        # A feed of long ago says when that was, or has a number that is not far from ours; a cut number is.
        if time_there - end > DAY and state.sequence * CUT < sequence_of(time_there):
            return (
                f"its minute ended at {end:%Y-%m-%d %H:%M} UTC, {whose} is {time_there:%Y-%m-%d %H:%M};"
                " a number that was cut?"
            )
    return None
