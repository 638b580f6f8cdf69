"""The jobs that sensors and schedules start: a stream's assets with the statistics last, the statistics alone, the
verification of them all, a look at the tables, and retention.
"""

import sqlite3
from datetime import UTC, datetime, timedelta

from dagster import (
    AssetSelection,
    DefaultScheduleStatus,
    OpExecutionContext,
    ScheduleDefinition,
    define_asset_job,
    job,
    op,
)

from stats_assets.database.facts.edits import forget_errors
from stats_assets.database.statistics.owners import OWNERS
from stats_assets.orchestration.assets.tables import look_at_tables
from stats_assets.orchestration.assets.verification import all_is_exact
from stats_assets.orchestration.current_system import current_stats
from stats_assets.orchestration.partitions import BY_HAND, KIND_TAG, LIVE
from stats_assets.orchestration.records.events import EventLog
from stats_assets.orchestration.records.retention import prune_runs
from stats_assets.orchestration.records.storage import ComputeLogs
from stats_assets.streams import STREAM_TAG, STREAMS, TABLE

LAST = {"dagster/priority": "-20"}  # below every backfill's
REPLACED_KEEP_DAYS = 30
COMPACTING_HOUR = 3  # of UTC
SAYS = "and in the config start and end for a part of it. It is counted again, whatever was done before."
STATISTICS = AssetSelection.assets(*(owner.view for owner in OWNERS.values()))

STREAM_JOBS = {
    name: define_asset_job(
        stream.job,
        selection=AssetSelection.assets(stream.bodies, stream.facts) | STATISTICS,
        tags={STREAM_TAG: name, KIND_TAG: BY_HAND},
        description=f"{stream.does} The sensor starts it; by hand: choose a partition, {SAYS}",
    )
    for name, stream in TABLE.items()
}
statistics_job = define_asset_job(
    "statistics_job",
    selection=STATISTICS,
    description="The statistics of what a backfill or a run by hand has left in the queue.",
)
verification_job = define_asset_job(
    "verification_job",
    selection=AssetSelection.checks(all_is_exact),
    description="A step of the verification of everything: every row and key against the facts.",
    tags=LAST,
)
verification_schedule = ScheduleDefinition(
    name="verification",
    job=verification_job,
    cron_schedule="41 * * * *",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Each hour a step of some minutes: a big database is verified in about a week, a small one each hour.",
)


@job(
    tags=LAST | {KIND_TAG: LIVE},  # a few queries: no task of its own for that
    description="Notes how many rows the tables have, how far the streams are and what was counted lately: for the"
    " assets' pages. Changes nothing.",
)
def observation_job() -> None:
    """What the assets' pages say of tables."""
    look_at_tables()


observation_schedule = ScheduleDefinition(
    name="observation",
    job=observation_job,
    cron_schedule="*/10 * * * *",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Every ten minutes a few queries for the assets' pages: row counts, checkpoints, a picture of the day.",
)


@op
def prune(context: OpExecutionContext) -> None:
    """Delete old runs, old rows of `errors`, and archived bodies if they are not to be kept for ever."""
    stats, now = current_stats(), datetime.now(UTC)
    days = stats.settings.runs_keep_days
    runs = prune_runs(context.instance, now - timedelta(days=days))
    context.log.info(f"{runs} runs that ended more than {days} days ago deleted.")
    with stats.connect() as connection:
        context.log.info(f"{forget_errors(connection)} of the oldest rows of errors deleted.")
    if isinstance(context.instance.compute_log_manager, ComputeLogs):
        context.instance.compute_log_manager.prune(now - timedelta(days=days))
    if isinstance(context.instance.event_log_storage, EventLog) and now.hour == COMPACTING_HOUR:
        try:
            context.instance.event_log_storage.compact()
        except sqlite3.OperationalError as error:
            context.log.warning(f"Dagster's events are not compacted: {error}. It is tried again tomorrow.")
    for stream in STREAMS:
        replaced = stats.archive(stream).prune_replaced(now - timedelta(days=REPLACED_KEEP_DAYS))
        context.log.info(f"{replaced} replaced bodies of {stream} deleted.")
    if stats.settings.archive_keep_days is not None:
        before = now - timedelta(days=stats.settings.archive_keep_days)
        for stream in STREAMS:
            context.log.info(f"{stats.archive(stream).prune(before)} archived files of {stream} deleted.")


@job(
    tags=LAST,
    description="Deletes Dagster's records of old runs (RUNS_KEEP_DAYS), archived bodies (ARCHIVE_KEEP_DAYS), and the"
    " oldest of more than 100,000 rows of errors.",
)
def retention_job() -> None:
    """What is not kept for ever."""
    prune()


retention_schedule = ScheduleDefinition(
    name="retention",
    job=retention_job,
    cron_schedule="17 * * * *",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Each hour what has grown too old meanwhile, for half an hour at most.",
)
