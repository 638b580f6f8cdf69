"""A run: its range, its lease, and what it leaves behind. The work on each sequence is runner.py's.

Knows nothing of Dagster.
"""

import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from stats_assets.database import ledger, streams
from stats_assets.database.connection import Connection, connect
from stats_assets.database.fact_partitions import make_partitions
from stats_assets.database.leases import lease
from stats_assets.database.ledger import LedgerRow
from stats_assets.database.streams import Stream
from stats_assets.replication import HeadUnknown
from stats_assets.report import Report
from stats_assets.runner import FeedFailed, Runner, StreamWork

PATIENCE = 5  # at most so many more failures in a row before the feed is blamed (runner.py)


def run_range(
    work: StreamWork,
    url: str,
    run_id: str,
    start: int,
    end: int,
    *,
    by_hand: bool = False,
    accept_shorter: bool = False,
    say: Callable[[str], None] = lambda message: None,
) -> Report:
    """Do what is due of start..end (by hand: all of it, counted again), as far as the feed has it.

    A failing sequence does not end the run; a failing feed does, and pauses the stream. Raises LeaseLost and
    DatabaseUnreachable or psycopg.Error when it can't go on; what it had committed stays.
    """
    report = Report(start, end)
    with connect(url, application=f"stats-assets run {work.stream}") as connection:
        try:
            report.head = work.source.head()
        except HeadUnknown as error:
            _pause(connection, work.stream, FeedFailed(error), report)
            report.left = len(_due(connection, work.stream, range(start, end + 1), by_hand))
            return report
        last = min(end, report.head)
        if work.stream == "augmented_diffs":
            make_partitions(connection, start, last)
        with (
            lease(url, run_id, work.stream, start, end),
            tempfile.TemporaryDirectory(prefix="stats-assets-") as folder,
        ):
            due = _due(connection, work.stream, range(start, last + 1), by_hand)
            patience = min(streams.pauses(connection, work.stream), PATIENCE)
            runner = Runner(
                *(work, connection, url, run_id, Path(folder), report, by_hand, accept_shorter, say, patience)
            )
            try:
                runner.go(due)
            except FeedFailed as failure:
                _pause(connection, work.stream, failure, report)
            finally:
                if not connection.broken:
                    ledger.release(connection, run_id, work.stream)
            report.left = len(due) - report.committed - len(report.failed)
    return report


def _due(connection: Connection, stream: Stream, sequences: Sequence[int], by_hand: bool) -> list[LedgerRow]:
    now = datetime.now(UTC)
    return [
        row
        for row in ledger.rows(connection, stream, sequences)
        if by_hand or not (row.done or (row.work == "waiting" and row.not_before and row.not_before > now))
    ]


def _pause(connection: Connection, stream: Stream, failure: FeedFailed, report: Report) -> None:
    until = streams.pause(connection, stream, str(failure), failure.retry_after)
    report.ended_early = f"{str(failure).rstrip('.')}. The stream pauses until {until:%H:%M:%S} UTC"
