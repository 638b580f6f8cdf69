"""What a stream's tick says where it starts no run: why, until when, and what a person can do.

What it decides is ingest/tick.py's; what of it is wrong, monitoring/lag.py's.
"""

from stats_assets.database.ledger.stream_rows import StreamRow
from stats_assets.ingest.feed_head import Feed
from stats_assets.monitoring import lag
from stats_assets.orchestration.live_runs import Flight
from stats_assets.settings import Settings
from stats_assets.streams import TABLE, Stream
from stats_assets.words import at, in_words


def nowhere_to_start(stream: Stream, feed: Feed, settings: Settings) -> str:
    """Of a stream that never began, and whose feed does not say how far it is."""
    return (
        f"Nowhere to start: no {TABLE[stream].start_setting.upper()} is set, and the feed's head is not known."
        f" {_trouble(feed, settings)}"
    )


def why_nothing(
    row: StreamRow, cursor: int, waiting: int, flight: Flight, feed: Feed, settings: Settings
) -> str:
    """Of a stream that goes on by itself, or waits for a person."""
    waits = f" {waiting} waiting for another try, by itself; stats-assets status says why." if waiting else ""
    head = feed.head
    if head is None:
        return f"{_trouble(feed, settings)}.{waits}"
    if row.held:
        until, reason = row.held
        return f"{reason.rstrip('.')}. Next try at {at(until, row.now)}, by itself.{waits}"
    if flight.ranges:
        ranges = list(dict.fromkeys(flight.ranges))
        at_work = ", ".join(f"{one.start}..{one.end}" for one in ranges[:5])
        return f"Runs are at work on {at_work}; cursor {cursor}, head {head}.{waits}"
    late = lag.why_late(lag.feed_age_seconds(feed, row.now), at_head=False)
    late = f" {late[0].upper()}{late[1:]}." if late else ""
    if cursor < head:
        return (
            f"Done to {cursor}, the feed has {head}; the rest waits for a free run (MAX_PARALLEL_RUNS) or its own next"
            f" try.{waits}{late}"
        )
    if lag.is_another(cursor, cursor, feed):
        said = lag.why_another(row.stream, cursor, head)
        return f"{said[0].upper()}{said[1:]}. Asked: {feed.trouble}."
    if cursor > head:
        back = "" if feed.several else " If it never was, go back: stats-assets seek."
        return (
            f"The cursor {cursor} is ahead of the feed's head: {feed.trouble} has {head}. Nothing is requested"
            f" until the feed is there.{back}"
        )
    return f"Up to date: the feed has {head}, and all to it is done.{late}"


def _trouble(feed: Feed, settings: Settings) -> str:
    return f"{feed.trouble}. Asked again in {in_words(settings.poll_seconds)}; nothing is lost meanwhile"
