"""A run: its range, its lease, and what it leaves behind. The work on each sequence is sequence_loop.py's.

Knows nothing of Dagster.
"""

import logging
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import datetime
from itertools import groupby
from pathlib import Path

import psycopg

from stats_assets.database.connection import Connection, DatabaseUnreachable, clock, connect
from stats_assets.database.facts.fact_partitions import make_partitions
from stats_assets.database.facts.ranges import Away, away_in, note, require_tables
from stats_assets.database.failures import DatabaseFailed, is_connections, sentence
from stats_assets.database.ledger import ledger, pauses
from stats_assets.database.ledger.due_again import late as late_sequences
from stats_assets.database.ledger.leases import lease
from stats_assets.database.ledger.ledger import LedgerRow, block_of
from stats_assets.database.ledger.numbering import numbering
from stats_assets.database.statistics.applier import save_countries
from stats_assets.feeds.outcomes import FeedQuiet, FeedRefused, HeadUnknown
from stats_assets.feeds.source import Source
from stats_assets.ingest import blaming
from stats_assets.ingest.failover import in_use
from stats_assets.ingest.failure_booking import FailureBooking, FeedFailed
from stats_assets.ingest.feed_head import Feed, known_of
from stats_assets.ingest.feed_head import of_run as head_for
from stats_assets.ingest.fetch import Bodies, StreamWork
from stats_assets.ingest.mode import LIVE, Mode
from stats_assets.ingest.proving import prove
from stats_assets.ingest.read import settled_to
from stats_assets.ingest.run_result import Report
from stats_assets.ingest.sequence_loop import Runner
from stats_assets.ingest.turn import Turn
from stats_assets.streams import TABLE, Stream
from stats_assets.words import at, in_words

GIVE_BACK_SECONDS = 10.0  # a lost database is often back at once: so long its rows are tried to be given back
log = logging.getLogger(__name__)
PATIENCE = 5  # at most so many more failures in a row before the feed is blamed (failure_booking.py)


def run_range(
    work: StreamWork,
    url: str,
    run_id: str,
    start: int,
    end: int,
    mode: Mode = LIVE,
    *,
    report: Report | None = None,
    after_block: Callable[[int], None] = lambda block: None,
) -> Report:
    """Do what is due of start..end (by hand: all of it, counted again), as far as the feed has it.

    A failing sequence does not end the run; a failing feed does, and pauses the stream. A run by hand pauses nothing:
    it waits itself, as long as its mode says. It needs no feed for what the archive has, unless the mode says
    otherwise. A late run does what is due once more though it is done, and pauses nothing either. Where facts are
    away, nothing is fetched, no sequence is counted, and no attempt.

    report: is filled while the run goes on, so that a caller knows what was done when the run is interrupted.
    after_block: is told of each block, by its first sequence, when the run is over it.

    Raises LeaseLost and DatabaseUnreachable when it can't go on; what it had committed stays. DatabaseFailed: the
    database fails or refuses. That costs no sequence an attempt, and pauses the stream as a failing feed does.
    """
    report = report or Report(start, end)
    try:
        _run(work, url, run_id, report, mode, after_block)
    except (psycopg.Error, DatabaseUnreachable) as error:
        raise _give_back(work, url, run_id, error, report.began, mode) from error
    return report


def _run(
    work: StreamWork,
    url: str,
    run_id: str,
    report: Report,
    mode: Mode,
    after_block: Callable[[int], None],
) -> None:
    start, end = report.start, report.end
    with connect(url, application=f"stats-assets run {work.stream}") as connection:
        report.began = clock(connection)
        source = in_use(connection, work.stream, work.sources)
        report.url = source.url
        try:
            _know(report, head_for(connection, source, work.stream, end))
        except HeadUnknown as error:
            report.settled = known_of(connection, source, work.stream).settled
            if not mode.by_hand:
                _pause(connection, work.stream, FeedFailed(error), report, mode)
                report.left = len(_due(connection, work.stream, range(start, end + 1), mode))
                return
            log.info(f"{error}. What the archive has is done without it.")
        last = end if report.head is None else min(end, report.head)
        away: list[Away] = []
        if TABLE[work.stream].has_fact_partitions:
            require_tables(connection)
            save_countries(connection, work.countries)
            make_partitions(connection, start, last)
            note(connection)
            away = away_in(connection, start, last)
        stale = work.lease_stale_seconds
        with (
            lease(
                connection, url, run_id, work.stream, start, end, stale=stale, by_hand=not mode.pauses_stream
            ),
            closing(Turn(url, work.stream)) as turn,
            tempfile.TemporaryDirectory(prefix="stats-assets-") as folder,
        ):
            if mode.late:
                due = _late(connection, work, source, report, last)
            else:
                due = _due(connection, work.stream, range(start, last + 1), mode)
            report.due = len(due)
            numbered = numbering(connection, work.stream)
            patience = min(pauses.in_a_row(connection, work.stream), PATIENCE)
            bodies = Bodies(work, source, connection, turn, Path(folder), report, mode, numbered)
            runner = Runner(bodies, run_id, FailureBooking(bodies, run_id, patience), away)
            try:
                prove(bodies)
            except FeedFailed as failure:
                _pause(connection, work.stream, failure, report, mode)
                report.left = len(due)
                return
            try:
                for block, rows in groupby(due, lambda row: block_of(row.sequence)):
                    _go(runner, list(rows))
                    after_block(block)
                    if report.ended_early:
                        break
            except BaseException:
                with suppress(psycopg.Error):
                    ledger.release(connection, run_id, work.stream)
                raise
            ledger.release(connection, run_id, work.stream)
            report.left = len(due) - report.committed - len(report.failed)


def _give_back(
    work: StreamWork, url: str, run_id: str, error: Exception, began: datetime | None, mode: Mode
) -> DatabaseUnreachable:
    """After a failure of the database: over a new connection, release what the run was trying, and pause the stream.

    What can't be released now is freed by the tick.
    """
    what = sentence(error) if isinstance(error, psycopg.Error) else str(error)
    limit = time.monotonic() + (GIVE_BACK_SECONDS if is_connections(error) else 0)
    while True:
        try:
            with connect(url, application=f"stats-assets run {work.stream}") as connection:
                with suppress(psycopg.Error):
                    ledger.release(connection, run_id, work.stream)
                if not mode.pauses_stream:
                    return DatabaseFailed(f"{what} No sequence is charged with it.")
                until = pauses.pause(connection, work.stream, what, None, began)
                return DatabaseFailed(
                    f"{what} No sequence is charged with it: the stream pauses until {at(until)}, and goes"
                    " on by itself."
                )
        except (psycopg.Error, DatabaseUnreachable) as second:
            if time.monotonic() >= limit:
                if isinstance(error, DatabaseUnreachable):
                    return error
                why = sentence(second) if isinstance(second, psycopg.Error) else str(second)
                return DatabaseFailed(
                    f"{what} That the stream pauses could not be written down either. {why}"
                )
            time.sleep(0.5)


def _due(connection: Connection, stream: Stream, sequences: Sequence[int], mode: Mode) -> list[LedgerRow]:
    now = clock(connection)
    return [
        row
        for row in ledger.rows(connection, stream, sequences)
        if mode.by_hand
        or not (row.done or (row.work == "waiting" and row.not_before and row.not_before > now))
    ]


def _know(report: Report, feed: Feed) -> None:
    report.head, report.settled = feed.head, feed.settled


def _late(
    connection: Connection, work: StreamWork, source: Source, report: Report, last: int
) -> list[LedgerRow]:
    settled = settled_to(source, work.settle_seconds, report.head, report.settled)
    # Whether they are worth a run was decided when this one was asked for.
    late = late_sequences(connection, work.stream, settled, batch=0)
    wanted = [n for n in late if report.start <= n <= last]
    return ledger.rows(connection, work.stream, wanted)


def _go(runner: Runner, due: Sequence[LedgerRow]) -> None:
    """Over all that is due; when the feed fails the stream pauses, but a run by hand waits and goes on."""
    pause, patience = pauses.PAUSE_FIRST, runner.mode.wait_for_feed
    while due:
        try:
            runner.go(due)
            return blaming.doubt(runner)
        except FeedFailed as failure:
            blaming.blame(runner, failure)
            if runner.mode.pauses_stream:
                return _pause(runner.connection, runner.work.stream, failure, runner.report, runner.mode)
            wait = max(pause, failure.retry_after or 0)
            patience, pause = patience - wait, min(2 * pause, pauses.PAUSE_MOST)
            what = str(failure).rstrip(".")
            if patience < 0:
                runner.report.ended_early = f"{what}. Do it again once the feed answers."
                return None
            log.info(f"{what}. This run waits {in_words(wait)}, then it goes on.")
            due = runner.give_back(due, blames=not isinstance(failure.error, FeedRefused))
            time.sleep(wait)
            _look_again(runner, due[-1].sequence)
    return None


def _look_again(runner: Runner, end: int) -> None:
    """After a wait: another address may be in use now, and the head known."""
    work, bodies = runner.work, runner.bodies
    source = in_use(runner.connection, work.stream, work.sources)
    if runner.report.head is None or source.url != bodies.used.url:
        with suppress(HeadUnknown):
            _know(runner.report, head_for(runner.connection, source, work.stream, end))
            bodies.read_from(source)
            runner.report.url = source.url


def _pause(connection: Connection, stream: Stream, failure: FeedFailed, report: Report, mode: Mode) -> None:
    what = str(failure).rstrip(".")
    was_asked = not isinstance(failure.error, FeedQuiet)
    if not (mode.pauses_stream and was_asked):  # not asked, it has not failed once more
        report.ended_early = f"{what}. The stream goes on by itself then; nothing is lost."
        return
    reason = f"The feed failed: {failure}"
    until = pauses.pause(connection, stream, reason, failure.retry_after, report.began)
    report.ended_early = (
        f"{what}. The stream pauses until {at(until)} and goes on by itself; nothing is lost."
    )
