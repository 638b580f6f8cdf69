"""Which runs are at work on a stream, and which are dead though Dagster still shows them; what these held is freed.

Dagster's local launcher leaves a run that was killed with its code server STARTED for ever, its pool slot taken.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunRecord, RunsFilter

from stats_assets.database.connection import Connection
from stats_assets.database.ledger import failed_tries
from stats_assets.database.ledger.leases import Lease, end_lease, leases
from stats_assets.database.ledger.ledger import Retries
from stats_assets.database.statistics.applier import applying
from stats_assets.ingest.tick import Range
from stats_assets.orchestration.partitions import LATE_TAG, is_by_hand
from stats_assets.settings import Settings
from stats_assets.streams import END_TAG, START_TAG, STREAM_TAG, Stream
from stats_assets.words import in_words

UNFINISHED = [
    *(DagsterRunStatus.QUEUED, DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING),
    *(DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING),
]


@dataclass
class Flight:
    """What is at work on a stream, and what only seems to be."""

    ranges: list[Range] = field(default_factory=list)
    """What runs are at work on."""
    ours: int = 0
    """How many of these runs the sensor started, and are still at work on sequences."""
    late: bool = False
    """Whether one is at work on what is due once more; nothing waits for it."""
    dead: list[tuple[DagsterRun, str]] = field(default_factory=list)
    """Runs that Dagster shows as unfinished though they are dead, each with the reason."""
    stale: list[str] = field(default_factory=list)
    """Runs whose leases are no more than a row: nobody keeps them fresh."""


def look(instance: DagsterInstance, connection: Connection, settings: Settings, stream: Stream) -> Flight:
    """What the leases and Dagster's records say. Changes nothing; `free` does what follows."""
    held = {lease.run_id: lease for lease in leases(connection, stream)}
    records = {
        record.dagster_run.run_id: record
        for record in instance.get_run_records(RunsFilter(tags={STREAM_TAG: stream}, statuses=UNFINISHED))
        if not is_by_hand(record.dagster_run.tags)
    }
    flight = Flight()
    for run_id, lease in held.items():
        run = records[run_id].dagster_run if run_id in records else instance.get_run_by_id(run_id)
        over = run is not None and run.is_finished and not lease.released
        if lease.silent_seconds <= settings.lease_stale_seconds and not over:
            # The stream waits for no run by hand: what that has in hand is marked in the ledger, the rest is free.
            if not lease.released and not lease.by_hand:
                flight.ranges.append(Range(lease.start_sequence, lease.end_sequence))
            continue
        flight.stale.append(run_id)
        if run is not None and not run.is_finished:
            silent = in_words(lease.silent_seconds)
            flight.dead.append(
                (run, f"No sign of life for {silent}: its sequences are given to another run.")
            )
            records.pop(run_id, None)
    for run_id, record in records.items():
        trouble = stillborn(record, held.get(run_id), settings)
        if trouble is not None:
            flight.dead.append((record.dagster_run, trouble))
            continue
        tags = record.dagster_run.tags
        if LATE_TAG in tags:
            flight.late = True
            continue
        # One that has released its range applies the statistics: the next may begin meanwhile.
        if run_id not in held or not held[run_id].released:
            flight.ours += 1
            flight.ranges.append(Range(int(tags[START_TAG]), int(tags[END_TAG])))
    return flight


def free(connection: Connection, stream: Stream, flight: Flight, retries: Retries) -> None:
    """Give back what dead runs held; what that means for each sequence is said by `failed_tries.bury`."""
    for run_id in flight.stale:
        end_lease(connection, run_id)  # first, as a commit locks its lease first
        failed_tries.bury(connection, run_id, stream, retries)
    failed_tries.bury_orphans(connection, stream, retries)


def dead_statistics(
    instance: DagsterInstance, connection: Connection, settings: Settings
) -> list[tuple[DagsterRun, str]]:
    """The runs of `statistics_job` that died. They have no lease: that one lives is seen by the lock that it holds."""
    found = []
    for record in instance.get_run_records(RunsFilter(job_name="statistics_job", statuses=UNFINISHED)):
        trouble = stillborn(record, None, settings)
        if trouble is not None and not applying(connection):
            found.append((record.dagster_run, trouble))
    return found


def stillborn(record: RunRecord, lease: Lease | None, settings: Settings) -> str | None:
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
