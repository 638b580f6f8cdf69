"""Where each stream stands: asked of the database, and of the feeds. What is asked for, and what is fine, is
stream_status.py's; how a person is shown it, cli/status.py's.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

from stats_assets.database.alert_book import hook_states
from stats_assets.database.collation import collation_warning
from stats_assets.database.connection import Connection, clock
from stats_assets.database.facts.ranges import away, held
from stats_assets.database.ledger import asked
from stats_assets.database.ledger.doubts import doubts
from stats_assets.database.ledger.leases import leases
from stats_assets.database.ledger.ledger import Work
from stats_assets.database.ledger.newest import newest_committed
from stats_assets.database.ledger.spans import counted_under_older, islands, skipped
from stats_assets.database.ledger.stream_rows import StreamRow, begun_at, stream_of, troubled
from stats_assets.database.ledger.waiting import waiting
from stats_assets.database.made_diffs import made_diffs
from stats_assets.database.open_transactions import oldest_transaction
from stats_assets.database.statistics.applier import queued
from stats_assets.database.statistics.own_files import unusable
from stats_assets.database.statistics.verdicts import verdict
from stats_assets.ingest import failover
from stats_assets.monitoring import lag
from stats_assets.monitoring.made_diffs import MakerStatus, maker_status
from stats_assets.monitoring.stream_status import Status, StreamStatus
from stats_assets.monitoring.switches import UNKNOWN, Switches
from stats_assets.streams import OSMCHANGE, STREAMS, Stream
from stats_assets.system import Stats

RATE_MINUTES = 10
DOUBTS = 5  # flagged sequences that are named
RATE_SEQUENCES = 5_000  # how far below the checkpoint the rate is measured
LATELY = timedelta(minutes=2)  # a commit since then says that runs come
BEGINNING = timedelta(minutes=10)  # so long a stream that is new is not called stalled


def of(stats: Stats, switches: Switches | Callable[[], Switches] = UNKNOWN) -> Status:
    """Ask database and feeds; a feed that can't be asked is said in `trouble`.

    switches: as they are; or how to ask for them, which is done only where a stream has not ticked just now.
    Raises DatabaseUnreachable, SchemaNotReady, CategoriesError, RegionsError.
    """
    settings = stats.settings
    switches = cache(switches) if callable(switches) else switches
    with stats.look() as connection:
        warning = collation_warning(connection)
        return Status(
            {stream: _stream(stats, connection, stream, switches) for stream in STREAMS},
            queued(connection),
            verdict(connection),
            away(connection),
            held(connection),
            (*((warning,) if warning else ()), *unusable(settings.unions_file, settings.milestones_file)),
            tuple(hook_states(connection)),
            oldest_transaction(connection),
            _maker(stats, connection),
        )


def _maker(stats: Stats, connection: Connection) -> MakerStatus | None:
    work = stats.making_work()
    if work is None:
        return None
    seconds = stats.settings.poll_seconds
    places = failover.look(connection, OSMCHANGE, work.feeds)
    found = maker_status(made_diffs(connection), places, can_begin=work.can_begin, poll_seconds=seconds)
    servers = {name: one._asdict() for name, one in asked.of_servers(connection, OSMCHANGE).items()}
    return replace(found, servers=servers)


def _stream(
    stats: Stats, connection: Connection, stream: Stream, switches: Switches | Callable[[], Switches]
) -> StreamStatus:
    row = stream_of(connection, stream)
    poll_seconds = stats.settings.poll_seconds
    known = _known(row, switches, poll_seconds)
    cursor = row.cursor if row else None
    feed = stats.head(stream, connection)
    now = clock(connection)
    newest = None if cursor is None else newest_committed(connection, stream, cursor)
    rate, committed_at = _rate(connection, stream, cursor)
    alive = [
        lease
        for lease in leases(connection, stream)
        if not lease.released and lease.silent_seconds <= stats.settings.lease_stale_seconds
    ]
    in_flight = sorted({(one.start_sequence, one.end_sequence) for one in alive if not one.by_hand})
    by_hand = sorted({(one.start_sequence, one.end_sequence) for one in alive if one.by_hand})
    comes = bool(in_flight) or (committed_at is not None and now - committed_at < LATELY)
    begun = begun_at(connection, stream)
    doubtful = doubts(connection, stream, DOUBTS)
    waits = dict(waiting(connection, stream, stats.settings.lease_stale_seconds))
    works: tuple[Work, ...] = ("quarantined", "hole")
    quarantined, holes = (dict(troubled(connection, stream, work)) for work in works)
    return StreamStatus(
        origin=row.origin if row else None,
        cursor=cursor,
        head=feed.head,
        trouble=feed.trouble if feed.head is None else None,
        newest=newest,
        ahead=cursor is not None and lag.is_ahead(cursor, newest, feed),
        another=cursor is not None and lag.is_another(cursor, newest, feed),
        lag_seconds=None
        if cursor is None
        else lag.lag_seconds(stream, cursor if newest is None else newest, feed, now),
        feed_age_seconds=lag.feed_age_seconds(feed, now),
        rate=rate,
        eta_seconds=_eta(feed.head, cursor, rate if comes else 0.0),
        in_flight=in_flight,
        by_hand=by_hand,
        waiting=list(waits),
        quarantined=list(quarantined),
        holes=list(holes),
        reasons=waits | quarantined | holes,
        flagged=doubtful.flagged,
        unreadable=doubtful.unreadable,
        doubts=dict(doubtful.newest),
        skipped=skipped(connection, stream),
        islands=islands(connection, stream),
        older_definitions=counted_under_older(connection, stream, stats.definitions(stream)),
        seek_to=row.seek_to if row else None,
        ticked_at=row.ticked_at if row else None,
        committed_at=committed_at,
        paused=row.held[1] if row and row.held else None,
        paused_until=row.held[0] if row and row.held else None,
        beginning=begun is not None and now - begun < BEGINNING,
        requests=dict(
            zip(("hour", "day"), (one._asdict() for one in asked.lately(connection, stream)), strict=True)
        ),
        sensor_on=known.is_on(stream, row.instance_id if row else None) if known else True,
        not_followed=lag.why_not_followed(stream, known, row, poll_seconds) if known else None,
        addresses=failover.look(connection, stream, stats.sources(stream)),
        servers={name: one._asdict() for name, one in asked.of_servers(connection, stream).items()},
    )


def _known(
    row: StreamRow | None, switches: Switches | Callable[[], Switches], poll_seconds: float
) -> Switches | None:
    """None: they need not be asked for, as the stream is followed: it ticked just now."""
    if not callable(switches):
        return switches
    return None if lag.ticked_just_now(row, poll_seconds) else switches()


def _eta(head: int | None, cursor: int | None, rate: float) -> float | None:
    """Seconds until the cursor is at the head; None: unknown, or no runs come."""
    if head is None or cursor is None or (head > cursor and not rate):
        return None
    return round((head - cursor) / rate * 60) if head > cursor else 0


def _rate(connection: Connection, stream: Stream, cursor: int | None) -> tuple[float, datetime | None]:
    """Sequences a minute, and when the last one was committed."""
    if cursor is None:
        return 0.0, None
    row = connection.execute(
        "SELECT count(*) FILTER (WHERE recent), extract(epoch FROM now() - min(done_at) FILTER (WHERE recent))::float8,"
        " max(done_at) FROM (SELECT done_at, done_at > now() - make_interval(mins => %s) AS recent"
        " FROM ledger WHERE stream = %s AND sequence > %s) AS near",
        (RATE_MINUTES, stream, cursor - RATE_SEQUENCES),
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate always answers
    if not row[0]:
        return 0.0, row[2]
    # After a start there are not ten minutes to divide by.
    return round(row[0] / max(row[1] / 60, 1), 2), row[2]
