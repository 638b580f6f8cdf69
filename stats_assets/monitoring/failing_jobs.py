"""Which jobs' runs fail, by Dagster's records. What a person is told of them is problems.py's."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from dagster import DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus, RunRecord, RunsFilter

from stats_assets.monitoring.alerts import one_line
from stats_assets.streams import MAKER_CHECK_JOB, MAKER_JOB, STREAM_TAG, TABLE

MOST = 500  # runs that are looked at
BY_ITSELF = (
    *(stream.job for stream in TABLE.values()),
    MAKER_JOB,
    MAKER_CHECK_JOB,
    *("statistics_job", "observation_job", "verification_job", "retention_job"),
)
"""Jobs that run again by themselves: a failure of theirs stands until one succeeds."""
SHOWN = 300  # characters of why one failed


class FailingJob(NamedTuple):
    """A job whose runs fail."""

    job: str
    failed: int
    """How many of its runs failed lately."""
    stands: bool
    """Its newest run that ended is a failure, and another will come."""
    stream: str | None
    """Whose sensor started all of them; None: somebody else started some of them."""
    run_id: str
    """Of the newest failure."""
    why: str
    """Of the newest failure."""


def failing_jobs(instance: DagsterInstance, since: datetime) -> list[FailingJob]:
    """The jobs with failures since then, or whose newest run that ended is one."""
    lately = instance.get_run_records(
        RunsFilter(statuses=[DagsterRunStatus.FAILURE], updated_after=since), limit=MOST
    )
    by_job: dict[str, list[RunRecord]] = {}
    for record in lately:
        by_job.setdefault(record.dagster_run.job_name, []).append(record)
    found = []
    for job in sorted({*by_job, *BY_ITSELF}):
        failed = by_job.get(job, [])
        newest = _newest(instance, job) if job in BY_ITSELF else None
        stands = newest is not None and newest.status == DagsterRunStatus.FAILURE
        if newest is not None and stands and not failed:
            found.append(_failing(instance, job, [newest], 0, stands))
        elif failed:
            found.append(_failing(instance, job, [one.dagster_run for one in failed], len(failed), stands))
    return found


def _newest(instance: DagsterInstance, job: str) -> DagsterRun | None:
    ended = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE]
    runs = instance.get_runs(RunsFilter(job_name=job, statuses=ended), limit=1)
    return runs[0] if runs else None


def _failing(
    instance: DagsterInstance, job: str, runs: Sequence[DagsterRun], failed: int, stands: bool
) -> FailingJob:
    streams = {run.tags.get(STREAM_TAG) for run in runs}
    stream = streams.pop() if len(streams) == 1 else None
    return FailingJob(job, failed, stands, stream, runs[0].run_id, _why(instance, runs[0].run_id))


def _why(instance: DagsterInstance, run_id: str) -> str:
    """What the run's step failed with, or what ended the run."""
    kinds = {DagsterEventType.STEP_FAILURE, DagsterEventType.RUN_FAILURE}
    for record in instance.get_records_for_run(run_id, of_type=kinds, limit=5).records:
        event = record.event_log_entry.dagster_event
        if event is None:
            continue
        if event.event_type is DagsterEventType.STEP_FAILURE:
            data = event.step_failure_data
            said = data.user_failure_data.description if data.user_failure_data else None
            error = data.error.cause or data.error if data.error else None
            return one_line(said or (error.message if error else "") or event.message or "", SHOWN)
        return one_line(event.message or record.event_log_entry.user_message, SHOWN)
    return "it says nothing"
