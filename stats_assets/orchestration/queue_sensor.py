"""The sensor of the queue: starts the statistics when backfills or runs by hand have left changesets in it.

The runs of streams apply what they change themselves. As this sensor is on from the start, it also tells Dagster when
the verdict on all statistics has changed, and when a stream is no longer followed.
"""

import uuid

from dagster import (
    DagsterInstance,
    DefaultSensorStatus,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from stats_assets.database.connection import Connection
from stats_assets.database.facts.fact_partitions import missing_tables
from stats_assets.database.failures import named
from stats_assets.database.statistics.applier import queued
from stats_assets.orchestration import live_runs
from stats_assets.orchestration.assets.verification import changed_verdict
from stats_assets.orchestration.current_system import current_stats
from stats_assets.orchestration.jobs import STREAM_JOBS, statistics_job
from stats_assets.orchestration.lag_check import lag_of_others
from stats_assets.orchestration.live_runs import UNFINISHED, dead_statistics
from stats_assets.orchestration.preview import SAID, PreviewImpossible, is_preview, opened, rolled_back
from stats_assets.streams import STREAMS
from stats_assets.system import Stats


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
        preview, stats = is_preview(context), current_stats()
        try:
            with named(), opened(stats, preview) as connection:
                dead = _bury_the_dead(context.instance, connection, stats, preview)
                why = _why_nothing(context.instance, connection, dead)
                events = [] if preview else changed_verdict(context.instance, connection)
                if not preview:  # this sensor is on when the streams' are not
                    events += lag_of_others(context.instance, stats, connection)
        except PreviewImpossible as impossible:
            return SkipReason(f"{SAID} {impossible}")
        if why and not events:
            return SkipReason(f"{SAID} {why}" if preview else why)
        requests = [] if why else [RunRequest(run_key=f"statistics:{uuid.uuid4()}")]
        return SensorResult(run_requests=requests, skip_reason=why, asset_events=events)

    return drain


def _bury_the_dead(
    instance: DagsterInstance, connection: Connection, stats: Stats, preview: bool
) -> set[str]:
    """Free what dead runs held, also runs by hand, and while the streams' sensors are off. Returns the runs' ids.

    Raises PreviewImpossible.
    """
    dead = dead_statistics(instance, connection, stats.settings)
    with rolled_back(connection, really=preview):
        for stream in STREAMS:
            flight = live_runs.look(instance, connection, stats.settings, stream)
            live_runs.free(connection, stream, flight, stats.retries)
            dead += flight.dead
    if not preview:
        for run, reason in dead:
            instance.report_run_failed(run, reason)
    return {run.run_id for run, _ in dead}


def _why_nothing(instance: DagsterInstance, connection: Connection, dead: set[str]) -> str | None:
    """Why no run is started; None: one is."""
    waiting = queued(connection)
    if not waiting:
        return "The queue is empty: the statistics are up to date with the facts."
    missing = missing_tables(connection)
    if missing:
        return f"{waiting} changed changesets are queued, but there is no table {missing[0]}."
    for job in (job.name for job in (statistics_job, *STREAM_JOBS.values())):
        at_work = instance.get_runs(RunsFilter(job_name=job, statuses=UNFINISHED), limit=len(dead) + 1)
        if any(run.run_id not in dead for run in at_work):
            return f"{waiting} changed changesets are queued; a run of {job} will apply them."
    return None
