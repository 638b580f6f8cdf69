"""Dagster's partitions before a stream's origin in which nothing was ever done: found, and taken away again.

The database's own are database/facts/empty_partitions.py's.
"""

from collections.abc import Sequence

from dagster import AssetKey, DagsterInstance, RunsFilter
from dagster._core.execution.backfill import BulkActionStatus
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import DynamicPartitionsTable
from dagster._core.storage.tags import PARTITION_NAME_TAG

from stats_assets.database.connection import Connection
from stats_assets.orchestration.live_runs import UNFINISHED
from stats_assets.orchestration.partitions import BLOCKS, key_of
from stats_assets.streams import TABLE, Stream

AT_ONCE = 500
AT_WORK = [BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING]


def spare_keys(
    instance: DagsterInstance, connection: Connection, stream: Stream, first: int, origin: int
) -> tuple[list[str], str | None]:
    """The keys from `first` on whose blocks lie before the origin's and hold nothing; else why none may be removed.

    A block holds nothing when it has no sequence in the ledger, no materialization, and no run that is not finished.
    """
    for status in AT_WORK:
        for backfill in instance.get_backfills(status=status):
            return [], f"Backfill {backfill.backfill_id} is at work, and may want them."
    blocks = connection.execute(
        "SELECT block FROM ledger_blocks WHERE stream = %s AND block < %s", (stream, origin)
    ).fetchall()
    used = {key_of(block) for (block,) in blocks}
    for name in (TABLE[stream].bodies, TABLE[stream].facts):
        used |= instance.get_materialized_partitions(AssetKey(name))
    for run in instance.get_runs(RunsFilter(statuses=UNFINISHED)):
        used.add(run.tags.get(PARTITION_NAME_TAG, ""))
    known = instance.get_dynamic_partitions(BLOCKS[stream].name or "")
    # The keys are of 9 digits: their order is the sequences'.
    wanted = (key for key in known if key.isdecimal() and key_of(first) <= key < key_of(origin))
    return sorted(key for key in wanted if key not in used), None


def remove_keys(instance: DagsterInstance, stream: Stream, keys: Sequence[str]) -> None:
    """Take them away from the UI; a run makes its own again."""
    name, storage = BLOCKS[stream].name or "", instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        for key in keys:
            instance.delete_dynamic_partition(name, key)
        return
    # Dagster deletes one key at a time, each with a connection of its own: half an hour for a decade's.
    table = DynamicPartitionsTable.c
    for begin in range(0, len(keys), AT_ONCE):
        with storage.index_connection() as connection:
            connection.execute(
                DynamicPartitionsTable.delete().where(
                    table.partitions_def_name == name, table.partition.in_(keys[begin : begin + AT_ONCE])
                )
            )
