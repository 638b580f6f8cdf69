"""The job and the schedule of the check of the maker's store, there where OSMCHANGE_URL is set.

What a step does is made_diffs_checks.py's.
"""

from typing import Any

from dagster import AssetSelection, DefaultScheduleStatus, ScheduleDefinition, define_asset_job

from stats_assets.orchestration.jobs import LAST
from stats_assets.orchestration.made_diffs_checks import store_is_whole
from stats_assets.settings import Settings
from stats_assets.streams import MAKER_CHECK_JOB

store_check_job = define_asset_job(
    MAKER_CHECK_JOB,
    selection=AssetSelection.checks(store_is_whole),
    description="A step of the check of the store that augmented diffs are made with: every row is what was written.",
    tags=LAST,
)
store_check_schedule = ScheduleDefinition(
    name="made_augmented_diffs_check",
    job=store_check_job,
    cron_schedule="17 */4 * * *",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Every four hours a step of at most two minutes.",
)


def store_check_jobs(settings: Settings) -> list[Any]:
    """The job, or none where no augmented diffs are made."""
    return [store_check_job] if settings.osmchange_url else []


def store_check_schedules(settings: Settings) -> list[ScheduleDefinition]:
    """Its schedule, likewise."""
    return [store_check_schedule] if settings.osmchange_url else []
