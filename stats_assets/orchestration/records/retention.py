"""What is not kept for ever of Dagster's records: old runs, their events and logs. Facts and ledger always are.

A partition is green by its latest materialization, which belongs to a run. Before that run is deleted, the same
materialization is reported again without a run. What no API of Dagster's prunes is listed in docs/operations.md.
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from dagster import (
    AssetMaterialization,
    AssetRecordsFilter,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    MetadataValue,
    RunsFilter,
)
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from sqlalchemy import func, select

FINISHED = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]
AT_ONCE = 200
log = logging.getLogger(__name__)


def prune_runs(instance: DagsterInstance, before: datetime, *, seconds: float = 1800) -> int:
    """Delete finished runs that ended before then, with their events and logs. Returns how many.

    seconds: after so long it stops; the next time goes on.
    """
    until = time.monotonic() + seconds
    deleted = 0
    while time.monotonic() < until:
        records = instance.get_run_records(
            RunsFilter(statuses=FINISHED, updated_before=before), limit=AT_ONCE, ascending=True
        )
        for record in records:
            _fold(instance, record.dagster_run)
            _delete(instance, record.dagster_run.run_id)
        _delete_evaluations(instance, [record.dagster_run.run_id for record in records])
        deleted += len(records)
        if len(records) < AT_ONCE:
            break
        log.info(f"{deleted} runs deleted")
    return deleted


def _fold(instance: DagsterInstance, run: DagsterRun) -> None:
    events = instance.get_records_for_run(run.run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION).records
    for event in events:
        materialization = event.asset_materialization
        if materialization is None:
            continue
        partitions = [materialization.partition] if materialization.partition else None
        latest = instance.fetch_materializations(
            AssetRecordsFilter(materialization.asset_key, asset_partitions=partitions), limit=1
        ).records
        if latest and latest[0].run_id == run.run_id:
            at = MetadataValue.timestamp(event.timestamp)
            instance.report_runless_asset_event(
                AssetMaterialization(
                    asset_key=materialization.asset_key,
                    partition=materialization.partition,
                    description=materialization.description,
                    metadata={**materialization.metadata, "materialized_at": at},
                )
            )


def _delete(instance: DagsterInstance, run_id: str) -> None:
    instance.delete_run(run_id)
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    shard: Callable[[str], str] | None = getattr(instance.event_log_storage, "path_for_shard", None)
    if shard is not None:  # of an older version: a file for each run
        for suffix in ("", "-wal", "-shm"):
            Path(f"{shard(run_id)}{suffix}").unlink(missing_ok=True)


def _delete_evaluations(instance: DagsterInstance, runs: Sequence[str]) -> None:
    """Delete what no API of Dagster's prunes: the runs' evaluations of checks, but not the last one of each check."""
    storage, table = instance.event_log_storage, AssetCheckExecutionsTable.c
    if not isinstance(storage, SqlEventLogStorage):
        return
    last = select(func.max(table.id)).group_by(table.asset_key, table.check_name)
    with storage.index_connection() as connection:
        connection.execute(
            AssetCheckExecutionsTable.delete().where(table.run_id.in_(runs), table.id.not_in(last))
        )
