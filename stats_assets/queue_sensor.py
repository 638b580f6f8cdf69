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

from stats_assets.database.failures import named
from stats_assets.database.statistics import queued
from stats_assets.database.streams import STREAMS
from stats_assets.flight import UNFINISHED, bury_statistics, sweep
from stats_assets.jobs import STREAM_JOBS, statistics_job
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
        parts = current_stats()
        with named(), parts.connect() as connection:
            waiting = queued(connection)
            bury_statistics(context.instance, connection, parts.settings)
            # Runs by hand that died must be freed while the streams' sensors are off, too.
            dead = [
                run for stream in STREAMS for run in sweep(context.instance, connection, parts, stream).dead
            ]
        for run, reason in dead:
            context.instance.report_run_failed(run, reason)
        if not waiting:
            return SkipReason("The queue is empty: the statistics are up to date with the facts.")
        jobs = [job.name for job in (statistics_job, *STREAM_JOBS.values())]
        for job in jobs:
            if context.instance.get_run_records(RunsFilter(job_name=job, statuses=UNFINISHED), limit=1):
                return SkipReason(f"{waiting} changed changesets are queued; a run of {job} will apply them.")
        return SensorResult(run_requests=[RunRequest(run_key=f"statistics:{uuid.uuid4()}")])

    return drain
