"""Which runs are at work on a stream, and which are dead though Dagster still shows them: their sequences are freed.

Dagster's local launcher leaves a run that was killed with its code server STARTED for ever, its pool slot taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunRecord, RunsFilter

from stats_assets.database.connection import Connection
from stats_assets.database.ledger import ledger
from stats_assets.database.ledger.leases import Lease, end_lease, leases
from stats_assets.database.statistics.applier import applying
from stats_assets.ingest.tick import Range
from stats_assets.orchestration.partitions import LATE_TAG, is_by_hand
from stats_assets.settings import Settings
from stats_assets.streams import END_TAG, START_TAG, STREAM_TAG, Stream
from stats_assets.system import Stats
from stats_assets.words import in_words

UNFINISHED = [
    *(DagsterRunStatus.QUEUED, DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING),
    *(DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING),
]


@dataclass(frozen=True)
class Flight:
    """Runs at work: their ranges, how many of them this sensor started, and those found dead, with the reason.

    late: whether one is at work on what is due once more; nothing waits for it.
    """

    ranges: Sequence[Range]
    ours: int
    dead: Sequence[tuple[DagsterRun, str]]
    late: bool = False


def sweep(instance: DagsterInstance, connection: Connection, stats: Stats, stream: Stream) -> Flight:
    """Free what dead runs held; what is left is in flight."""
    settings = stats.settings
    held = {lease.run_id: lease for lease in leases(connection, stream)}
    records = {
        record.dagster_run.run_id: record
        for record in instance.get_run_records(RunsFilter(tags={STREAM_TAG: stream}, statuses=UNFINISHED))
        if not is_by_hand(record.dagster_run.tags)
    }
    dead: list[tuple[DagsterRun, str]] = []
    ranges: list[Range] = []
    ours, late = 0, False
    for run_id, lease in held.items():
        run = records[run_id].dagster_run if run_id in records else instance.get_run_by_id(run_id)
        over = run is not None and run.is_finished and not lease.released
        if lease.silent_seconds <= settings.lease_stale_seconds and not over:
            # Live comes first: what a backfill has in hand just now is marked in the ledger, the rest is free.
            if not lease.released and not lease.by_hand:
                ranges.append(Range(lease.start_sequence, lease.end_sequence))
            continue
        end_lease(connection, run_id)  # first, as a commit locks its lease first
        ledger.bury(connection, run_id, stream, stats.retries)
        if run is not None and not run.is_finished:
            dead.append(
                (
                    run,
                    f"No sign of life for {in_words(lease.silent_seconds)}: its sequences are given to another run.",
                )
            )
            records.pop(run_id, None)
    for run_id, record in records.items():
        trouble = _stillborn(record, held.get(run_id), settings)
        if trouble is not None:
            dead.append((record.dagster_run, trouble))
            continue
        tags = record.dagster_run.tags
        if LATE_TAG in tags:
            late = True
            continue
        ours += 1
        if run_id not in held or not held[run_id].released:
            ranges.append(Range(int(tags[START_TAG]), int(tags[END_TAG])))
    ledger.bury_orphans(connection, stream, stats.retries)
    return Flight(ranges, ours, dead, late)


def dead_statistics(
    instance: DagsterInstance, connection: Connection, settings: Settings
) -> list[tuple[DagsterRun, str]]:
    """The runs of the statistics alone that died: they have no lease, but a live one holds the lock."""
    found = []
    for record in instance.get_run_records(RunsFilter(job_name="statistics_job", statuses=UNFINISHED)):
        trouble = _stillborn(record, None, settings)
        if trouble is not None and not applying(connection):
            found.append((record.dagster_run, trouble))
    return found


def _stillborn(record: RunRecord, lease: Lease | None, settings: Settings) -> str | None:
    """Why an unfinished run counts as dead though no stale lease says so; None: it lives, or may yet start."""
    if lease is not None or record.dagster_run.status == DagsterRunStatus.QUEUED:
        return None
    began = datetime.fromtimestamp(record.start_time, UTC) if record.start_time else record.update_timestamp
    waited = (datetime.now(UTC) - began.replace(tzinfo=began.tzinfo or UTC)).total_seconds()
    if waited <= settings.start_limit_seconds:
        return None
    return (
        f"{record.dagster_run.status.value} for {in_words(waited)} without a sign of life: it counts as dead, and what"
        " it was to do is given to another run. If runs need longer to start here, raise START_LIMIT_SECONDS."
    )
