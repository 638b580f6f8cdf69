"""The runs that a stream's tick asks Dagster for: a request each, and the partitions that it needs.

What is to be done is decided by ingest/tick.py; the tick is stream_sensor.py's.
"""

import uuid
from collections.abc import Sequence

from dagster import AddDynamicPartitionsRequest, DagsterInstance, RunRequest

from stats_assets.database.ledger.ledger import BLOCK
from stats_assets.ingest.tick import Decision, Range
from stats_assets.orchestration.partitions import BLOCKS, KIND_TAG, LATE, LATE_TAG, LIVE, key_of
from stats_assets.streams import END_TAG, START_TAG, STREAM_TAG, Stream

PRIORITY, LATE_PRIORITY = "10", "-10"  # above every backfill's, and below


def requests_of(stream: Stream, decision: Decision) -> list[RunRequest]:
    """What was decided, as Dagster is asked for it."""
    requests = [_request(stream, wanted) for wanted in decision.requests]
    if decision.late is not None:
        requests.append(_request(stream, decision.late, late=True))
    return requests


def new_partitions(
    instance: DagsterInstance, stream: Stream, requests: Sequence[RunRequest]
) -> list[AddDynamicPartitionsRequest]:
    """The partitions of all blocks that the runs go over, as far as they are not there."""
    blocks = BLOCKS[stream]
    keys = {
        key_of(block)
        for request in requests
        for block in range(int(request.partition_key or 0), int(request.tags[END_TAG]) + 1, BLOCK)
    }
    new = sorted(key for key in keys if not instance.has_dynamic_partition(blocks.name or "", key))
    return [blocks.build_add_request(new)] if new else []


def _request(stream: Stream, wanted: Range, *, late: bool = False) -> RunRequest:
    return RunRequest(
        # A key once used is skipped for ever, silently: it must never come back.
        run_key=f"{stream}:{wanted.start}-{wanted.end}:{uuid.uuid4()}",
        partition_key=key_of(wanted.start),
        run_config={"ops": {stream: {"config": {"start": wanted.start, "end": wanted.end, "late": late}}}},
        tags={
            STREAM_TAG: stream,
            KIND_TAG: LATE if late else LIVE,
            START_TAG: str(wanted.start),
            END_TAG: str(wanted.end),
            "dagster/priority": LATE_PRIORITY if late else PRIORITY,
            **({LATE_TAG: "true"} if late else {}),
        },
    )
