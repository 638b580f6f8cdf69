"""When assets count as stale, for streams and statistics alike, and how old the newest is that was counted."""

from datetime import timedelta

from dagster import FreshnessPolicy

from stats_assets.database.connection import Connection, clock
from stats_assets.database.ledger.newest import newest_committed
from stats_assets.database.ledger.stream_rows import stream_of
from stats_assets.monitoring.lag import lag_seconds
from stats_assets.streams import Stream
from stats_assets.system import Stats

# Evaluated by the daemon, also when no run is ever started: no progress.
FRESHNESS = FreshnessPolicy.time_window(warn_window=timedelta(minutes=15), fail_window=timedelta(hours=1))


def newest_age(connection: Connection, stats: Stats, stream: Stream) -> float | None:
    """How long ago the stream's newest counted sequence ended, in seconds; None: unknown. Asks no feed."""
    row = stream_of(connection, stream)
    newest = newest_committed(connection, stream, -1 if row is None else row.checkpoint or -1)
    feed = stats.head(stream, connection, asks=False)
    return None if newest is None else lag_seconds(stream, newest, feed, clock(connection))
