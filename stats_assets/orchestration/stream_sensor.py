"""The sensor of a stream: its tick reads, decides (ingest/tick.py), writes down and requests runs.

A tick never downloads a body, and its cost does not grow with history.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from dagster import (
    AssetCheckEvaluation,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    sensor,
)

from stats_assets.database.connection import Connection, retried
from stats_assets.database.facts.fact_partitions import make_partitions
from stats_assets.database.failures import named
from stats_assets.database.ledger import asked, seeking, stream_rows
from stats_assets.database.ledger.due_again import late
from stats_assets.database.ledger.ledger import block_of
from stats_assets.database.ledger.waiting import waiting
from stats_assets.ingest import failover
from stats_assets.ingest.feed_head import Feed, of_tick
from stats_assets.ingest.read import settled_to
from stats_assets.ingest.tick import (
    MOST_BLOCKS_A_RUN,
    Decision,
    NowhereToStart,
    Standing,
    State,
    Stored,
    decide,
    stand,
)
from stats_assets.monitoring.switches import instance_id
from stats_assets.orchestration import live_runs, wakes
from stats_assets.orchestration.current_system import current_stats
from stats_assets.orchestration.jobs import STREAM_JOBS
from stats_assets.orchestration.live_runs import Flight
from stats_assets.orchestration.preview import SAID, PreviewImpossible, is_preview, opened, rolled_back
from stats_assets.orchestration.run_requests import new_partitions, requests_of
from stats_assets.orchestration.skip_reasons import nowhere_to_start, why_nothing
from stats_assets.orchestration.stream_checks import changed_outcomes
from stats_assets.osm.categories import CategoriesError
from stats_assets.osm.regions import RegionsError
from stats_assets.settings import Settings
from stats_assets.streams import TABLE, Stream
from stats_assets.system import Stats

AHEAD = 10_000  # sequences, a week of minutes: so far ahead partitions of the facts are made


def stream_sensor(stream: Stream, poll_seconds: int) -> SensorDefinition:
    """The sensor that follows a stream. Its cursor: every sequence from the stream's origin to it is done."""

    @sensor(
        name=TABLE[stream].sensor,
        job=STREAM_JOBS[stream],
        minimum_interval_seconds=poll_seconds,
        description=(
            "Follows the feed. Cursor N: every sequence from the origin to N is done (committed, or listed as"
            " quarantined, hole or skipped). To do a range again: switch off, set the cursor back, switch on."
        ),
    )
    def follow(context: SensorEvaluationContext) -> SensorResult:
        try:
            with named():
                return tick(context, current_stats(), stream)
        except PreviewImpossible as impossible:
            return SensorResult(skip_reason=_said(True, str(impossible)), cursor=context.cursor)

    return follow


class _Turn(NamedTuple):
    """What a tick has found, decided and written down."""

    row: stream_rows.StreamRow
    standing: Standing
    flight: Flight
    decision: Decision
    waiting: int


def tick(context: SensorEvaluationContext, stats: Stats, stream: Stream) -> SensorResult:
    """One tick: reconcile the cursor, free what dead runs held, advance, and request runs for what is due.

    A preview decides and answers the same, and leaves everything as it is.
    """
    preview = is_preview(context)
    broken = _broken_definitions(stats, stream)
    said: list[str] = []
    # What is logged is stored, too: a preview says it in its answer.
    warn: Callable[[str], None] = said.append if preview else context.log.warning
    events: Sequence[AssetCheckEvaluation] = ()
    with opened(stats, preview) as connection:
        feed = _ask(context, connection, stats, stream, warn, keep=not preview)
        try:
            turn = retried(lambda: _turn(context, connection, stats, stream, feed, warn, usable=not broken))
        except stream_rows.StreamBusy as busy:
            return SensorResult(skip_reason=_said(preview, str(busy)), cursor=context.cursor)
        except NowhereToStart:
            why = nowhere_to_start(stream, feed, stats.settings)
            return SensorResult(skip_reason=_said(preview, why), cursor=context.cursor)
        cursor = turn.decision.cursor
        if not preview:
            events = changed_outcomes(context.instance, stats, connection, stream, cursor, feed)
            if TABLE[stream].has_fact_partitions:
                make_partitions(connection, cursor + 1, cursor + AHEAD)
            for run, reason in turn.flight.dead:
                context.instance.report_run_failed(run, reason)
            if feed.due_in is not None and feed.due_in < stats.settings.poll_seconds:
                wakes.wake(context.instance, TABLE[stream].sensor, wakes.FEED, feed.due_in)
    if turn.standing.warning:
        warn(turn.standing.warning)
    requests = requests_of(stream, turn.decision)
    why = broken or why_nothing(turn.row, cursor, turn.waiting, turn.flight, feed, stats.settings)
    return SensorResult(
        run_requests=requests,
        dynamic_partitions_requests=new_partitions(context.instance, stream, requests),
        cursor=str(cursor),
        asset_events=events,
        # Dagster shows either: runs, or a reason why there are none.
        skip_reason=None if requests else _said(preview, *said, why),
    )


def _turn(
    context: SensorEvaluationContext,
    connection: Connection,
    stats: Stats,
    stream: Stream,
    feed: Feed,
    warn: Callable[[str], None],
    *,
    usable: bool,
) -> _Turn:
    """The tick's transaction; a preview's is rolled back. Raises StreamBusy, NowhereToStart."""
    mine, head = instance_id(context.instance), feed.head
    with (
        rolled_back(connection, really=is_preview(context)),
        stream_rows.driving(connection, stream, mine) as row,
    ):
        row = seeking.begin_again(connection, row, head, warn)
        standing = _stand(_stored(context, row, mine, warn), connection, stats.settings, row, head)
        _write_down(connection, row, standing)
        flight = live_runs.look(context.instance, connection, stats.settings, stream)
        live_runs.free(connection, stream, flight, stats.retries)
        decision = _decide(connection, stats, row, standing, flight, feed, usable=usable)
        # A seek that stands shows its own cursor, so that the next tick knows it again.
        cursor = decision.cursor if standing.seek_to is None else standing.cursor
        stream_rows.save_shown(connection, stream, cursor)
        waits = len(waiting(connection, stream, stats.settings.lease_stale_seconds))
        return _Turn(row, standing, flight, replace(decision, cursor=cursor), waits)


def _said(preview: bool, *reasons: str) -> str:
    return " ".join([SAID, *reasons] if preview else reasons)


def _ask(
    context: SensorEvaluationContext,
    connection: Connection,
    stats: Stats,
    stream: Stream,
    warn: Callable[[str], None],
    *,
    keep: bool,
) -> Feed:
    """The feed's head: outside of the tick's transaction, whatever becomes of that."""
    row = stream_rows.stream_of(connection, stream)
    done = [n for n in (_number(context.cursor), row.checkpoint if row else None) if n is not None]
    begun = row is not None and row.checkpoint is not None
    sources = stats.sources(stream)
    source = failover.in_use(connection, stream, sources)
    cursor = max(done) if begun else None
    decides = not begun and stats.settings.start(stream) is None
    feed = of_tick(connection, source, stream, cursor, decides=decides, keep=keep)
    if not keep or (row is not None and row.is_driven_by_another(instance_id(context.instance))):
        return feed
    chosen, said = failover.attend(connection, sources, stream, source, feed)
    if said:
        warn(said)
    if chosen.url == source.url:
        return replace(feed, several=len(sources) > 1)
    feed = of_tick(connection, chosen, stream, cursor, decides=decides)
    return replace(feed, several=True)


def _number(cursor: str | None) -> int | None:
    return int(cursor) if cursor is not None and cursor.isdecimal() else None


def _broken_definitions(stats: Stats, stream: Stream) -> str | None:
    try:
        stats.reader(stream)
    except (CategoriesError, RegionsError) as error:
        return f"{error} Nothing is counted until that is mended."
    return None


def _stored(
    context: SensorEvaluationContext, row: stream_rows.StreamRow, mine: str, warn: Callable[[str], None]
) -> Stored:
    cursor = _number(context.cursor)
    if context.cursor and cursor is None and context.cursor != "-1":
        warn(f"The cursor {context.cursor!r} is no sequence; the checkpoint {row.checkpoint} is used.")
    if row.instance_id not in (None, mine):
        # Taken over from another instance: the cursor here is of another time. The checkpoint wins, by a seek to it,
        # which stands until the cursor is seen there.
        seek_to = row.checkpoint if row.seek_to is None else row.seek_to
        return Stored(None, row.checkpoint, row.origin, seek_to)
    return Stored(cursor, row.checkpoint, row.origin, row.seek_to, row.shown)


def _stand(
    stored: Stored, connection: Connection, settings: Settings, row: stream_rows.StreamRow, head: int | None
) -> Standing:
    return stand(
        stored,
        settings.start(row.stream),
        head,
        lambda after, last: stream_rows.all_done(connection, row.stream, after, last),
    )


def _write_down(connection: Connection, row: stream_rows.StreamRow, standing: Standing) -> None:
    stream = row.stream
    if standing.begin is not None:
        stream_rows.begin(connection, stream, standing.begin)
    if standing.rewind is not None:
        seeking.rewind(connection, stream, standing.rewind)
    if standing.mirror is not None:
        stream_rows.save_checkpoint(connection, stream, standing.mirror)
    if standing.skip is not None and standing.mirror is not None:
        seeking.skip(connection, stream, standing.mirror, standing.skip)
    if row.seek_to != standing.seek_to:
        seeking.save_seek(connection, stream, standing.seek_to)


def _decide(
    connection: Connection,
    stats: Stats,
    row: stream_rows.StreamRow,
    standing: Standing,
    flight: Flight,
    feed: Feed,
    *,
    usable: bool,
) -> Decision:
    stream, settings, head = row.stream, stats.settings, feed.head
    source = stats.source(stream, connection)
    settled = settled_to(source, settings.settle_seconds, head, feed.settled)
    first = block_of(standing.cursor + 1)
    # A late run that fails pauses no stream, so the next one must not come with the next tick.
    none_late = flight.late or head is None or asked.fails(connection, stream, source.url)
    return decide(
        State(
            cursor=standing.cursor,
            head=head,
            now=row.now,
            slots=settings.max_parallel_runs - flight.ours if usable and not row.held else 0,
            in_flight=flight.ranges,
            blocks=stream_rows.blocks(connection, stream, first),
            held=stream_rows.held(connection, stream, first),
            rows=lambda wanted: stream_rows.block_rows(connection, stream, wanted),
            late=() if none_late else late(connection, stream, settled),
            # An Overpass gives one body after the other: there a longer run would only be one that lasts for hours.
            blocks_a_run=1 if source.serial else MOST_BLOCKS_A_RUN,
            parallel=settings.max_parallel_runs,
        )
    )
