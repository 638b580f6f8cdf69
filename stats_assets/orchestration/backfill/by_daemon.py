"""A backfill done by Dagster's daemon: a backfill of Dagster's own, which is submitted, waited for, and withdrawn when
this process is ended. How far it is, is round.py's.
"""

import logging
import time
import uuid

from dagster import AssetKey, DagsterInstance, DagsterRunStatus, Definitions
from dagster._core.execution.backfill import (
    BULK_ACTION_TERMINAL_STATUSES,
    BulkActionStatus,
    PartitionBackfill,
)

from stats_assets.monitoring.daemon import is_alive
from stats_assets.orchestration.backfill.round import ROUND_TAG, Round
from stats_assets.orchestration.partitions import BACKFILL_TAG
from stats_assets.streams import TABLE

POLL_SECONDS = 1.0
CANCEL_SECONDS = 60.0  # so long the daemon has to cancel a backfill's runs, before that is done here
log = logging.getLogger(__name__)


def done_by_daemon(defs: Definitions, round_: Round) -> bool:
    """Submit the round and wait for its end; False when the daemon is gone before that.

    KeyboardInterrupt leaves nothing queued.
    """
    running = round_.at_daemon()
    if running is not None and running.tags[ROUND_TAG] != round_.tags[ROUND_TAG]:
        running = None  # complete, though Dagster does not know it yet
    if running is not None:
        log.info(f"Backfill {running.backfill_id} of the same range is at work already: waiting for it.")
    backfill_id = running.backfill_id if running is not None else _submit(defs, round_)
    try:
        while True:
            if _unfinished(round_.instance, backfill_id) is None:
                return True
            if round_.is_before_history():
                _withdraw(round_, backfill_id)
                return True
            # Dagster itself sees the end up to a minute later.
            wanted = round_.wanted
            if round_.advance() == wanted.size and len(round_.done_keys()) == len(wanted.keys):
                return True
            if not is_alive(round_.instance):
                log.info("Dagster's daemon is gone: what it has not begun is run here.")
                _withdraw(round_, backfill_id)
                return False
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        log.info("Cancelling what is queued and running; what was committed stays.")
        _withdraw(round_, backfill_id)
        raise


def _submit(defs: Definitions, round_: Round) -> str:
    wanted, done = round_.wanted, round_.done_keys()
    stream = TABLE[wanted.stream]
    backfill = PartitionBackfill.from_asset_partitions(
        backfill_id=uuid.uuid4().hex[:8],
        asset_graph=defs.resolve_asset_graph(),
        partition_names=[key for key in wanted.keys if key not in done],
        asset_selection=[AssetKey(name) for name in (stream.bodies, stream.facts)],
        backfill_timestamp=time.time(),
        tags=round_.tags,
        dynamic_partitions_store=round_.instance,
        all_partitions=False,
        title=f"{wanted.stream} {wanted.start}..{wanted.end}",
        description=None,
        run_config=wanted.config,
    )
    round_.instance.add_backfill(backfill)
    log.info(
        f"Backfill {backfill.backfill_id} is submitted to Dagster's daemon, which begins within half a minute."
    )
    return backfill.backfill_id


def _unfinished(instance: DagsterInstance, backfill_id: str) -> PartitionBackfill | None:
    found = instance.get_backfill(backfill_id)
    return None if found is None or found.status in BULK_ACTION_TERMINAL_STATUSES else found


def _withdraw(round_: Round, backfill_id: str) -> None:
    """Cancel it, and what of it is queued; a daemon that lives cancels what runs."""
    instance = round_.instance
    found = _unfinished(instance, backfill_id)
    if found is None:
        return
    _set(instance, found, BulkActionStatus.CANCELING)
    until = time.monotonic() + (CANCEL_SECONDS if is_alive(instance) else 0)
    while True:
        round_.cancel({BACKFILL_TAG: backfill_id}, [DagsterRunStatus.QUEUED])
        found = _unfinished(instance, backfill_id)
        if found is None:
            return
        if time.monotonic() > until:
            _set(instance, found, BulkActionStatus.CANCELED)
            return
        time.sleep(POLL_SECONDS)


def _set(instance: DagsterInstance, backfill: PartitionBackfill, status: BulkActionStatus) -> None:
    instance.update_backfill(backfill.with_status(status))  # type: ignore[no-untyped-call]
