"""The sensor of the queue: starts the statistics when backfills or runs by hand have left changesets in it.

What streams' runs change they apply themselves.
"""

import uuid

from dagster import (
    DefaultSensorStatus,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from stats_assets.database.statistics import queued
from stats_assets.database.streams import STREAMS
from stats_assets.flight import UNFINISHED, dead_statistics, sweep
from stats_assets.jobs import STREAM_JOBS, statistics_job
from stats_assets.parts import Stats
from stats_assets.preview import SAID, PreviewImpossible, is_preview, rolled_back
from stats_assets.resources import current_stats


def queue_sensor(poll_seconds: int) -> SensorDefinition:
    """Starts the statistics when a backfill, or a run by hand, has left changesets in the queue."""

    @sensor(
        name="statistics_queue",
        job=statistics_job,
        minimum_interval_seconds=poll_seconds,
        default_status=DefaultSensorStatus.RUNNING,
        description="Brings the statistics up to date with what backfills and runs by hand have changed.",
    )
    def drain(context: SensorEvaluationContext) -> SensorResult | SkipReason:
        return _drain(context, current_stats())

    return drain


def _drain(context: SensorEvaluationContext, parts: Stats) -> SensorResult | SkipReason:
    preview, instance = is_preview(context), context.instance
    with parts.connect() as connection:
        waiting = queued(connection)
        dead = dead_statistics(instance, connection, parts.settings)
        try:
            with rolled_back(connection, really=preview):
                # Runs by hand that died must be freed while the streams' sensors are off, too.
                for stream in STREAMS:
                    dead += sweep(instance, connection, parts, stream).dead
        except PreviewImpossible as impossible:
            return SkipReason(f"{SAID} {impossible}")
    if not preview:
        for run, reason in dead:
            instance.report_run_failed(run, reason)
    gone = {run.run_id for run, _ in dead}
    said = f"{SAID} " if preview else ""
    if not waiting:
        return SkipReason(f"{said}The queue is empty: the statistics are up to date with the facts.")
    for job in (job.name for job in (statistics_job, *STREAM_JOBS.values())):
        at_work = instance.get_runs(RunsFilter(job_name=job, statuses=UNFINISHED), limit=len(gone) + 1)
        if any(run.run_id not in gone for run in at_work):
            return SkipReason(
                f"{said}{waiting} changed changesets are queued; a run of {job} will apply them."
            )
    return SensorResult(run_requests=[RunRequest(run_key=f"statistics:{uuid.uuid4()}")])
