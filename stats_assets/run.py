"""A run: its range, its lease, and what it leaves behind. The work on each sequence is runner.py's.

Knows nothing of Dagster.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from stats_assets.bodies import Bodies, StreamWork, settled_to
from stats_assets.database import ledger, streams
from stats_assets.database.connection import Connection, clock, connect
from stats_assets.database.fact_partitions import make_partitions
from stats_assets.database.fact_ranges import Away, away_in, note, require_tables
from stats_assets.database.late import late as late_sequences
from stats_assets.database.leases import lease
from stats_assets.database.ledger import LedgerRow
from stats_assets.database.streams import Stream
from stats_assets.replication import HeadUnknown
from stats_assets.report import Report
from stats_assets.runner import FeedFailed, Runner

PATIENCE = 5  # at most so many more failures in a row before the feed is blamed (runner.py)


def run_range(
    work: StreamWork,
    url: str,
    run_id: str,
    start: int,
    end: int,
    *,
    by_hand: bool = False,
    late: bool = False,
    accept_shorter: bool = False,
    wait_for_feed: float = 0,
    say: Callable[[str], None] = lambda message: None,
) -> Report:
    """Do what is due of start..end (by hand: all of it, counted again), as far as the feed has it.

    A failing sequence does not end the run; a failing feed does, and pauses the stream. A run by hand pauses nothing:
    it waits itself, up to `wait_for_feed` seconds in all; what the archive has it does without the feed. `late`: what
    is due once more though it is done, read from the feed; it pauses nothing either. Raises LeaseLost and
    DatabaseUnreachable or psycopg.Error when it can't go on; what it had committed stays. Where facts are away nothing
    is fetched or counted, and no attempt either.
    """
    report = Report(start, end)
    with connect(url, application=f"stats-assets run {work.stream}") as connection:
        try:
            report.head = work.source.head()
        except HeadUnknown as error:
            if not by_hand:
                _pause(connection, work.stream, FeedFailed(error), report)
                report.left = len(_due(connection, work.stream, range(start, end + 1), by_hand))
                return report
            say(f"{error}. What the archive has is done without it.")
        last = end if report.head is None else min(end, report.head)
        away: list[Away] = []
        if work.stream == "augmented_diffs":
            require_tables(connection)
            make_partitions(connection, start, last)
            note(connection)
            away = away_in(connection, start, last)
        with (
            lease(url, run_id, work.stream, start, end, by_hand=by_hand or late),
            tempfile.TemporaryDirectory(prefix="stats-assets-") as folder,
        ):
            if late:
                due = _late(connection, work, start, last)
            else:
                due = _due(connection, work.stream, range(start, last + 1), by_hand)
            patience = min(streams.pauses(connection, work.stream), PATIENCE)
            bodies = Bodies(work, url, Path(folder), report, not (accept_shorter or late), say)
            runner = Runner(
                *(work, connection, run_id, bodies, report, by_hand, accept_shorter, say, patience, away)
            )
            try:
                _go(runner, due, wait_for_feed, pauses=not (by_hand or late))
            finally:
                if not connection.broken:
                    ledger.release(connection, run_id, work.stream)
            report.left = len(due) - report.committed - len(report.failed)
    return report


def _due(connection: Connection, stream: Stream, sequences: Sequence[int], by_hand: bool) -> list[LedgerRow]:
    now = clock(connection)
    return [
        row
        for row in ledger.rows(connection, stream, sequences)
        if by_hand or not (row.done or (row.work == "waiting" and row.not_before and row.not_before > now))
    ]


def _late(connection: Connection, work: StreamWork, start: int, last: int) -> list[LedgerRow]:
    settled = settled_to(work.source, work.settle_seconds, clock(connection))
    wanted = [n for n in late_sequences(connection, work.stream, settled) if start <= n <= last]
    return ledger.rows(connection, work.stream, wanted)


def _go(runner: Runner, due: Sequence[LedgerRow], wait_for_feed: float, pauses: bool) -> None:
    """Over all that is due; when the feed fails the stream pauses, but a run by hand waits and goes on."""
    pause = streams.PAUSE_FIRST
    while due:
        try:
            return runner.go(due)
        except FeedFailed as failure:
            if pauses:
                return _pause(runner.connection, runner.work.stream, failure, runner.report)
            wait = max(pause, failure.retry_after or 0)
            wait_for_feed, pause = wait_for_feed - wait, min(2 * pause, streams.PAUSE_MOST)
            what = str(failure).rstrip(".")
            if wait_for_feed < 0:
                runner.report.ended_early = f"{what}. Do it again once the feed answers."
                return None
            runner.say(f"{what}. This run waits {wait:.0f} s, then it goes on.")
            due = runner.give_back(due)
            time.sleep(wait)
    return None


def _pause(connection: Connection, stream: Stream, failure: FeedFailed, report: Report) -> None:
    until = streams.pause(connection, stream, str(failure), failure.retry_after)
    report.ended_early = (
        f"{str(failure).rstrip('.')}. The stream pauses until {until:%H:%M:%S} UTC and goes on by itself;"
        " nothing is lost."
    )
