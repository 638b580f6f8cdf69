"""How far behind a stream is, and its feed: by the clock, never by the distance to the feed's head. Pure.

What is asked for it is status.py's and orchestration/lag_check.py's; how far the feed is, ingest/feed_head.py's.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from stats_assets.database.ledger.heads import A_LITTLE
from stats_assets.database.ledger.stream_rows import StreamRow
from stats_assets.feeds.sequences import covers
from stats_assets.ingest.feed_head import Feed
from stats_assets.streams import TABLE, Stream
from stats_assets.words import in_words

if TYPE_CHECKING:
    from stats_assets.monitoring.switches import Switches

BEHIND, STALLED = 600.0, 3600.0  # seconds: 10 minutes are what OSMesa's monitor mailed about
MINUTE = 60.0
SILENT = 180.0  # seconds without a tick: the sensor is off, or the daemon dead
LITTLE_BEHIND = 10  # sequences, by which a server may be behind the one that was read before


def lag_seconds(stream: Stream, newest: int, feed: Feed, now: datetime) -> float | None:
    """How long ago the newest counted sequence ended; None: unknown.

    Changesets: the feed's own time is that of its head, and each file below it is taken for a minute. Where a feed's
    time is ahead of the clock it tells nothing: then what it had when its head was first seen ended at that time.
    """
    ended = [covers(newest).until] if TABLE[stream].numbers_are_minutes else []
    if feed.last is not None:
        below = timedelta(seconds=(feed.last - newest) * MINUTE)
        known = [feed.moved_at] if ended else [feed.time, feed.moved_at]
        ended += [then - below for then in known if then is not None]
        if not ended:
            return max(0.0, below.total_seconds())
    return _age(min(ended), now) if ended else None


def feed_age_seconds(feed: Feed, now: datetime) -> float | None:
    """How old the feed's own time is, or for how long its head has stood, if that is longer; None: unknown."""
    known = [_age(then, now) for then in (feed.time, feed.moved_at) if then is not None]
    return max(known) if known else None


def is_ahead(cursor: int, newest: int | None, feed: Feed) -> bool:
    """Whether the cursor lies beyond the feed's head, though the feed never was there: a seek, or another feed.

    A server that is a little behind the one that was read before is no such case, nor one of several that are known to
    be of one feed.
    """
    head = feed.head
    if head is None or cursor <= head:
        return False
    return newest is None or newest <= head or (cursor - head > LITTLE_BEHIND and not feed.several)


def is_another(cursor: int, newest: int | None, feed: Feed) -> bool:
    """Whether the feed's head is far below the cursor, though a feed was there: another server or numbering."""
    if feed.head is None or cursor <= feed.head or feed.several:
        return False
    return max(-1 if n is None else n for n in (newest, feed.highest)) - feed.head > A_LITTLE


def why_another(stream: Stream, cursor: int, head: int) -> str:
    """What a person is told then, and what they can do."""
    return (
        f"the feed's head {head} is far below the cursor {cursor}, where a feed was before: this is another server, or"
        " its numbering began again. Nothing is done until it is there. If the address is wrong, mend the setting; if"
        f" this feed is to be followed: stats-assets seek --stream {stream} --sequence {max(0, head - 1)} --from-feed"
    )


def why_not_followed(
    stream: Stream, switches: Switches, row: StreamRow | None, poll_seconds: float
) -> str | None:
    """What a person is told, with what to do, of a stream whose sensor is off or dead; None: it is followed.

    Where Dagster's records can't be read from here, only its ticks tell; of one that never ticked, the daemon does.
    One that is off, and was ticked after that, is ticked by somebody's own means: then these tell, too.
    """
    is_on = switches.is_on(stream, row.instance_id if row else None)
    silent = _silent_seconds(row, poll_seconds)
    off_at = switches.set_at.get(stream)
    if is_on is False and silent is None and row and row.ticked_at and off_at and row.ticked_at > off_at:
        return None
    switch_on = f"To switch it on: Automation in Dagster's UI, {TABLE[stream].sensor}"
    if is_on is False:
        return f"its sensor is switched off in Dagster, so nothing new is fetched. {switch_on}"
    if silent is None:
        if is_on and switches.daemon_lives is False and (row is None or row.ticked_at is None):
            return (
                "its sensor is switched on, but Dagster's daemon does not run, so it does not tick. Start it"
                " (stats-assets dev), or see what it logs"
            )
        return None
    if is_on:
        return (
            f"its sensor is switched on, but has not ticked for {in_words(silent)}: Dagster's daemon does not run, or"
            " can't reach the code or the database. Start it (stats-assets dev), or see what it logs"
        )
    return (
        f"its sensor has not ticked for {in_words(silent)}: it is switched off, or Dagster's daemon does not run"
        f" (Dagster's own records can't be read from here). {switch_on}"
    )


def ticked_just_now(row: StreamRow | None, poll_seconds: float) -> bool:
    """Whether the stream's sensor ticked so lately that it must be on."""
    if row is None or row.ticked_at is None:
        return False
    return (row.now - row.ticked_at).total_seconds() <= poll_seconds


def _silent_seconds(row: StreamRow | None, poll_seconds: float) -> float | None:
    """For how long the sensor has not ticked, where that is longer than it should; None: it ticks, or never did."""
    if row is None or row.ticked_at is None:
        return None
    silent = (row.now - row.ticked_at).total_seconds()
    return silent if silent > max(SILENT, 4 * poll_seconds) else None


def why_late(feed_age: float | None, *, at_head: bool) -> str | None:
    """What is said of a feed that is late itself; None: it is not."""
    if feed_age is None or feed_age < BEHIND:
        return None
    done = "All that it has is done: " if at_head else ""
    return f"{done}the feed itself is late, its newest is of {in_words(feed_age)} ago"


def _age(then: datetime, now: datetime) -> float:
    return max(0.0, round((now - then).total_seconds(), 1))
