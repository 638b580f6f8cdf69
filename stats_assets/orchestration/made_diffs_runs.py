"""Which run of the maker of augmented diffs is at work, and which only seems to be. Its pool has room for one."""

from typing import NamedTuple

from dagster import DagsterInstance, DagsterRun, RunsFilter

from stats_assets.database.connection import Connection
from stats_assets.database.ledger.leases import end_lease, leases
from stats_assets.database.made_diffs import LEASE
from stats_assets.orchestration.assets.made_diffs import POOL
from stats_assets.orchestration.live_runs import UNFINISHED, stillborn
from stats_assets.settings import Settings
from stats_assets.streams import MAKER_JOB
from stats_assets.words import in_words


class MakerRuns(NamedTuple):
    """What is at work, and what is not."""

    at_work: bool
    dead: list[tuple[DagsterRun, str]]
    """Runs that Dagster shows as unfinished though they are dead, each with the reason."""


def look(instance: DagsterInstance, connection: Connection, settings: Settings) -> MakerRuns:
    """What the lease and Dagster's records say. The leases of runs that are over or dead are ended.

    What a dead run held is free by itself: the store's lock is its process's.
    """
    at_work, dead, held = False, [], set()
    for lease in leases(connection, LEASE):
        run = instance.get_run_by_id(lease.run_id)
        silent = lease.silent_seconds > settings.lease_stale_seconds
        if silent or lease.released or (run is not None and run.is_finished):
            end_lease(connection, lease.run_id)
            if silent and not lease.released and run is not None and not run.is_finished:
                dead.append(
                    (run, f"No sign of life for {in_words(lease.silent_seconds)}: another run goes on.")
                )
            continue
        held.add(lease.run_id)
        at_work = True
    found = {run.run_id for run, _ in dead}
    for record in instance.get_run_records(RunsFilter(job_name=MAKER_JOB, statuses=UNFINISHED)):
        run = record.dagster_run
        if run.run_id in found or run.run_id in held:
            continue
        trouble = stillborn(record, None, settings)
        if trouble is not None:
            dead.append((run, trouble))
        else:
            at_work = True
    return MakerRuns(at_work, dead)


def keep_pool_of_one(instance: DagsterInstance) -> None:
    """Whatever the default of pools is: the store is open in one process only."""
    storage = instance.event_log_storage
    if not storage.supports_global_concurrency_limits:
        return
    if {pool.name: pool.limit for pool in storage.get_pool_limits()}.get(POOL) != 1:
        storage.set_concurrency_slots(POOL, 1)
