"""The sensor that follows OsmChange, and has augmented diffs made of it. Its cursor: the newest file that was read.

What a tick decides is ingest/diff_making_tick.py's. It asks for the feed's head, and reads no file.
"""

import uuid

from dagster import (
    AddDynamicPartitionsRequest,
    AssetCheckEvaluation,
    DefaultSensorStatus,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    sensor,
)

from stats_assets.database.failures import named
from stats_assets.database.made_diffs import save_doing
from stats_assets.feeds.sequences import sequence_of
from stats_assets.ingest.diff_making_tick import Decision, decide, due_in, next_minute
from stats_assets.ingest.osmchange_head import Attended, attend
from stats_assets.orchestration import wakes
from stats_assets.orchestration.assets.made_diffs import maker_job
from stats_assets.orchestration.current_system import current_stats
from stats_assets.orchestration.made_diffs_checks import changed_outcomes
from stats_assets.orchestration.made_diffs_runs import keep_pool_of_one, look
from stats_assets.orchestration.partitions import BLOCKS, KIND_TAG, LIVE, key_of
from stats_assets.orchestration.preview import SAID, PreviewImpossible, is_preview, opened, rolled_back
from stats_assets.orchestration.run_requests import PRIORITY
from stats_assets.settings import Settings
from stats_assets.streams import MAKER_JOB, MAKER_SENSOR
from stats_assets.system import Stats


def maker_sensors(settings: Settings) -> list[SensorDefinition]:
    """The sensor, or none where no augmented diffs are made."""
    if not settings.osmchange_url:
        return []

    @sensor(
        name=MAKER_SENSOR,
        job=maker_job,
        minimum_interval_seconds=settings.poll_seconds,
        default_status=DefaultSensorStatus.RUNNING,  # OSMCHANGE_URL is the switch
        description=(
            "Follows OsmChange, and has augmented diffs made of it, by one run at a time. Cursor N: all files to N are"
            " read. It only shows that: the store says where to go on."
        ),
    )
    def follow(context: SensorEvaluationContext) -> SensorResult:
        try:
            with named():
                return tick(context, current_stats())
        except PreviewImpossible as impossible:
            return SensorResult(skip_reason=f"{SAID} {impossible}", cursor=context.cursor)

    return [follow]


def tick(context: SensorEvaluationContext, stats: Stats) -> SensorResult:
    """One tick: ask the feed how far it is, bury dead runs, and request a run where one is due.

    A preview decides and answers the same, and leaves everything as it is.
    """
    preview, work = is_preview(context), stats.making_work()
    if work is None:
        return SensorResult(skip_reason="OSMCHANGE_URL is not set: no augmented diffs are made here.")
    events: list[AssetCheckEvaluation] = []
    with opened(stats, preview) as connection, rolled_back(connection, really=preview):
        attended = attend(connection, work.feeds, keep=not preview)
        row, several = attended.row, len(work.feeds) > 1
        runs = look(context.instance, connection, stats.settings)
        decision = decide(row, at_work=runs.at_work, can_begin=work.can_begin, several=several)
        if attended.changed:
            context.log.warning(attended.changed)
        if not preview:
            for run, reason in runs.dead:
                context.instance.report_run_failed(run, reason)
            if not runs.at_work and row.doing:  # of a run that died
                save_doing(connection, None)
            events = changed_outcomes(context.instance, stats, connection, row)
            if (seconds := due_in(row)) is not None and seconds < stats.settings.poll_seconds:
                wakes.wake(context.instance, MAKER_SENSOR, wakes.FEED, seconds)
    if decision.run and not preview:
        keep_pool_of_one(context.instance)
    return _answer(context, attended, decision, events, preview=preview)


def _answer(
    context: SensorEvaluationContext,
    attended: Attended,
    decision: Decision,
    events: list[AssetCheckEvaluation],
    *,
    preview: bool,
) -> SensorResult:
    row = attended.row
    cursor = context.cursor if row.sequence is None else str(row.sequence)
    minute = next_minute(row, sequence_of(row.head_time) if row.head_time else None)
    if not decision.run or minute is None:
        why = decision.why or f"How far {attended.feed.url} is, is not known: {row.feed_trouble}"
        return SensorResult(
            skip_reason=f"{SAID} {why}" if preview else why, cursor=cursor, asset_events=events
        )
    key = key_of(max(0, minute))
    blocks = BLOCKS["augmented_diffs"]
    new: list[AddDynamicPartitionsRequest] = []
    if not context.instance.has_dynamic_partition(blocks.name or "", key):
        new = [blocks.build_add_request([key])]
    request = RunRequest(
        # A key once used is skipped for ever, silently: it must never come back.
        run_key=f"{MAKER_JOB}:{uuid.uuid4()}",
        partition_key=key,
        tags={KIND_TAG: LIVE, "dagster/priority": PRIORITY},
    )
    return SensorResult(
        run_requests=[request], dynamic_partitions_requests=new, cursor=cursor, asset_events=events
    )
