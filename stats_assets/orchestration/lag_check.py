"""The check `lag` of a stream: whether it is followed, and neither it nor its feed is behind.

What lag is, in seconds and in words, is monitoring/lag.py's; the streams' other checks are stream_checks.py's.
"""

from collections.abc import Sequence

from dagster import AssetCheckEvaluation, AssetCheckResult, AssetCheckSeverity, AssetKey, DagsterInstance

from stats_assets.database.connection import Connection, clock
from stats_assets.database.ledger.newest import newest_committed
from stats_assets.database.ledger.stream_rows import StreamRow, stream_of
from stats_assets.database.ledger.waiting import waiting
from stats_assets.ingest import failover
from stats_assets.ingest.feed_head import Feed
from stats_assets.monitoring import lag
from stats_assets.monitoring.lag import BEHIND
from stats_assets.monitoring.switches import switches_of
from stats_assets.orchestration.check_outcomes import SHOWN, changed, evaluation_of
from stats_assets.orchestration.markdown import escaped
from stats_assets.streams import STREAMS, TABLE, Stream
from stats_assets.system import Stats
from stats_assets.words import in_words


def lag_outcome(
    stats: Stats, connection: Connection, stream: Stream, cursor: int, feed: Feed, not_followed: str | None
) -> AssetCheckResult:
    """Passes where the stream is followed, and neither it nor its feed is behind.

    not_followed: why it is not, in words; None: it is.
    """
    newest, now, head = newest_committed(connection, stream, cursor), clock(connection), feed.head
    done = cursor if newest is None else newest
    behind, age = lag.lag_seconds(stream, done, feed, now), lag.feed_age_seconds(feed, now)
    ahead, another = lag.is_ahead(cursor, newest, feed), lag.is_another(cursor, newest, feed)
    said = "the feed's head is unknown" if behind is None else f"{in_words(behind)} behind"
    if another and head is not None:
        said = lag.why_another(stream, cursor, head)
    elif ahead:
        said = (
            f"the cursor {cursor} is ahead of the feed's head {head}: nothing is done until the feed is there"
        )
    elif head is None:
        said = f"{said}; {feed.trouble.rstrip('.')}"
    elif late := lag.why_late(age, at_head=max(done, cursor) >= head):
        said = f"{said}. {late}"
    places = failover.look(connection, stream, stats.sources(stream))
    if where := failover.in_words(places):
        said = f"{said}. It is {where}"
    if not_followed:
        said = (
            f"{not_followed[0].upper()}{not_followed[1:]}. It is {said}"
            if behind is not None
            else not_followed
        )
    waits = waiting(connection, stream, stats.settings.lease_stale_seconds)
    if waits:
        named = "; ".join(f"{n}: {reason}" for n, reason in waits[:SHOWN])
        said = f"{said}. {len(waits)} wait for their next try: {named}"
    return AssetCheckResult(
        asset_key=TABLE[stream].feed,
        check_name="lag",
        passed=not not_followed
        and behind is not None
        and max(behind, age or 0.0) < BEHIND
        and not ahead
        and not another,
        severity=AssetCheckSeverity.WARN,
        description=escaped(said),
        metadata={
            "cursor": cursor,
            "head": head if head is not None else "unknown",
            "newest": newest if newest is not None else "none",
            "waiting": len(waits),
            "read_from": next(place.url for place in places if place.in_use),
            **({} if behind is None else {"lag_seconds": behind}),
            **({} if age is None else {"feed_age_seconds": age}),
        },
    )


def why_not_followed(
    instance: DagsterInstance, stats: Stats, row: StreamRow | None, stream: Stream
) -> str | None:
    """Why the stream is not followed, in words (its sensor is off, or dead); None: it is."""
    return lag.why_not_followed(stream, switches_of(instance), row, stats.settings.poll_seconds)


def lag_of_others(
    instance: DagsterInstance, stats: Stats, connection: Connection
) -> Sequence[AssetCheckEvaluation]:
    """The check `lag` of streams that began and are not followed, where its outcome changes: their own ticks can't.

    A sensor that is on ticks again by itself after a start of the daemon that evaluates this.
    """
    switches = switches_of(instance)
    events = []
    for stream in STREAMS:
        row = stream_of(connection, stream)
        if row is None or row.cursor is None:
            continue
        why = lag.why_not_followed(stream, switches, row, stats.settings.poll_seconds)
        if why is None or switches.is_on(stream, row.instance_id):
            continue
        feed = stats.head(stream, connection, asks=False)
        result = lag_outcome(stats, connection, stream, row.cursor, feed, why)
        if changed(instance, AssetKey(TABLE[stream].feed), result):
            events.append(evaluation_of(result))
    return events
