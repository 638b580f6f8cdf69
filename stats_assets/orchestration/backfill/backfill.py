"""A backfill from its beginning to its end: by Dagster's daemon where one is alive (by_daemon.py), else here.

Here, that is: block after block in this process, on the same instance. What a run does with its block is
ingest/run.py's; the command is cli/backfill.py's.
"""

import logging
from collections.abc import Callable

from dagster import DagsterInstance, Definitions, ExecuteInProcessResult

from stats_assets.database.ledger.leases import leases
from stats_assets.monitoring.daemon import is_alive
from stats_assets.orchestration.backfill.by_daemon import done_by_daemon
from stats_assets.orchestration.backfill.round import ROUND_TAG, Outcome, Round, Wanted
from stats_assets.orchestration.backfill.run_queue import room
from stats_assets.orchestration.live_runs import UNFINISHED
from stats_assets.orchestration.partitions import BACKFILL_TAG, BLOCKS
from stats_assets.streams import TABLE
from stats_assets.system import Stats

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}  # what happens is said by the bar
log = logging.getLogger(__name__)


def do_backfill(
    defs: Definitions,
    instance: DagsterInstance,
    stats: Stats,
    wanted: Wanted,
    advance: Callable[[int], None],
    tasks: int | None = None,
) -> Outcome:
    """Do it, to the end. A range whose last backfill was not completed is taken up where that one stopped.

    tasks: so many blocks at a time, where the daemon does them and its queue can be asked; else NoRoom is raised.
    advance(n) hears how many of its sequences are done by now. What a person should know is logged. KeyboardInterrupt
    leaves nothing queued behind.
    """
    instance.add_dynamic_partitions(BLOCKS[wanted.stream].name or "", wanted.keys)
    round_ = Round(instance, stats, wanted, advance)
    with room(instance, wanted.stream, tasks):
        if not (is_alive(instance) and done_by_daemon(defs, round_)):
            _do_here(defs, round_)
    return round_.outcome()


def _do_here(defs: Definitions, round_: Round) -> None:
    wanted = round_.wanted
    job = defs.resolve_job_def(TABLE[wanted.stream].job)
    own = round_.tags | {BACKFILL_TAG: round_.tags[ROUND_TAG]}
    round_.cancel(own, UNFINISHED, but=_at_work(round_))  # of an earlier process that was killed
    done = round_.done_keys()
    for key in wanted.keys:
        if key in done:
            continue
        try:
            result = job.execute_in_process(
                instance=round_.instance,
                partition_key=key,
                run_config=wanted.config | QUIET,
                tags=own,
                raise_on_error=False,
            )
        except KeyboardInterrupt:
            round_.cancel(own, UNFINISHED)
            raise
        round_.advance()
        if not result.success:
            log.info(f"Block {key}: {_why(result)}")
        if round_.is_before_history():
            return


def _at_work(round_: Round) -> set[str]:
    """Runs whose hearts beat: of the same command in another terminal."""
    limit = round_.stats.settings.lease_stale_seconds
    with round_.stats.connect() as connection:
        return {one.run_id for one in leases(connection, round_.wanted.stream) if one.silent_seconds <= limit}


def _why(result: ExecuteInProcessResult) -> str:
    for event in result.get_step_failure_events():
        error = event.step_failure_data.user_failure_data
        if error is not None and error.description:
            return error.description
    return "the run failed; its page in the UI says why"
