"""OpenStreetMap's list of deleted users, daily: a job and its schedule, there where PEOPLE is set.

The same without Dagster: `stats-assets people refresh`.
"""

import socket
import zlib
from datetime import datetime

from dagster import (
    DefaultScheduleStatus,
    Failure,
    JobDefinition,
    OpExecutionContext,
    ScheduleDefinition,
    job,
    op,
)

from stats_assets.feeds.outcomes import FeedError
from stats_assets.ingest.deleted_users import refresh
from stats_assets.orchestration.current_system import current_stats
from stats_assets.settings import Settings


@op
def read_deleted_users(context: OpExecutionContext) -> None:
    """Hide who is on the list."""
    stats = current_stats()
    try:
        with stats.connect() as connection:
            done = refresh(connection, stats.http, stats.settings.deleted_users_url)
    except FeedError as error:
        raise Failure(
            f"The list of deleted users was not read, and all stays as it was. {error}", allow_retries=False
        ) from error
    if isinstance(done, datetime):
        context.log.info(f"The list was read at {done:%H:%M} UTC, and is made daily: not read again.")
    else:
        context.log.info(
            f"{done.listed:,} users are on the list; of {done.known:,} something is here, and they are hidden"
            f" ({done.added:,} new, {done.removed:,} no longer)."
        )


@job(
    description="Reads OpenStreetMap's list of deleted users (DELETED_USERS_URL), and hides whom of them something is"
    " known of. Totals keep their edits."
)
def deleted_users_job() -> None:
    """Who has left is not shown."""
    read_deleted_users()


def deleted_users_jobs(settings: Settings) -> list[JobDefinition]:
    """The job, or none where nobody is shown people."""
    return [deleted_users_job] if settings.people else []


def deleted_users_schedules(settings: Settings) -> list[ScheduleDefinition]:
    """Its schedule, likewise. Not all machines ask at one time."""
    if not settings.people:
        return []
    minute = zlib.crc32(socket.gethostname().encode()) % 1440
    return [
        ScheduleDefinition(
            name="deleted_users",
            job=deleted_users_job,
            cron_schedule=f"{minute % 60} {minute // 60} * * *",
            default_status=DefaultScheduleStatus.RUNNING,
            description="Once a day whoever has left OpenStreetMap is hidden.",
        )
    ]
