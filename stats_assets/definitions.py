"""What Dagster loads: assets, checks, jobs, schedules, sensors; nothing else."""

from pathlib import Path

from dagster import Definitions, in_process_executor, mem_io_manager

from stats_assets.orchestration.alert_sensor import alert_sensors
from stats_assets.orchestration.assets.about import linked
from stats_assets.orchestration.assets.augmented_diffs import augmented_diffs, augmented_diffs_feed
from stats_assets.orchestration.assets.changesets import changesets, changesets_feed
from stats_assets.orchestration.assets.made_diffs import made_of, maker_assets, maker_jobs
from stats_assets.orchestration.assets.statistics import statistics
from stats_assets.orchestration.assets.tables import tables
from stats_assets.orchestration.assets.verification import all_is_exact, statistics_verification
from stats_assets.orchestration.deleted_users import deleted_users_jobs, deleted_users_schedules
from stats_assets.orchestration.jobs import (
    STREAM_JOBS,
    observation_job,
    observation_schedule,
    retention_job,
    retention_schedule,
    statistics_job,
    verification_job,
    verification_schedule,
)
from stats_assets.orchestration.made_diffs_check_job import store_check_jobs, store_check_schedules
from stats_assets.orchestration.made_diffs_checks import maker_checks
from stats_assets.orchestration.made_diffs_sensor import maker_sensors
from stats_assets.orchestration.queue_sensor import queue_sensor
from stats_assets.orchestration.stream_checks import all_checks
from stats_assets.orchestration.stream_sensor import stream_sensor
from stats_assets.root import find_project_root
from stats_assets.settings import Settings, enter, load_settings
from stats_assets.streams import STREAMS

# `dagster` may be called from anywhere, and must not begin another database there
root = find_project_root()
if root is not None and not root.samefile(Path.cwd()):
    enter(root)


def definitions_of(settings: Settings) -> Definitions:
    """All of it, as these settings have it."""
    return Definitions(
        assets=linked(
            [
                *maker_assets(settings),
                *(augmented_diffs_feed, made_of(augmented_diffs, settings), changesets_feed, changesets),
                statistics,
                *tables,
                statistics_verification,
            ],
            settings.public_url,
        ),
        asset_checks=[*all_checks, *maker_checks(settings), all_is_exact],
        jobs=[
            *STREAM_JOBS.values(),
            *maker_jobs(settings),
            *store_check_jobs(settings),
            statistics_job,
            observation_job,
            verification_job,
            retention_job,
            *deleted_users_jobs(settings),
        ],
        schedules=[
            *(observation_schedule, verification_schedule, retention_schedule),
            *store_check_schedules(settings),
            *deleted_users_schedules(settings),
        ],
        sensors=[
            *(stream_sensor(stream, settings.poll_seconds) for stream in STREAMS),
            *maker_sensors(settings),
            queue_sensor(settings.poll_seconds),
            *alert_sensors(settings),
        ],
        # The only setting that also reaches the UI's own runs; a process a step costs seconds.
        executor=in_process_executor,
        # Nothing is handed from op to op; and the default's configuration, which whoever opens the UI may type, takes a
        # folder from which it reads pickles, and the value of any environment variable for it.
        resources={"io_manager": mem_io_manager},
    )


settings = load_settings()
poll_seconds = settings.poll_seconds
defs = definitions_of(settings)
