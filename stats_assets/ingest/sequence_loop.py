"""A run's way over its due sequences: commit one after the other, and go on past those that fail.

Whose fault a failure is, and what is booked for it, is failure_booking.py's. Bodies are fetch.py's; leases, heads and
pauses are run.py's.
"""

import logging
import time
from collections.abc import Iterator, Sequence

from stats_assets.database.connection import Connection
from stats_assets.database.facts.ranges import Away, FactsAway
from stats_assets.database.ledger import addresses, ledger, pauses
from stats_assets.database.ledger.commit import commit
from stats_assets.database.ledger.ledger import LedgerRow
from stats_assets.database.ledger.worth import BROKEN_GEOMETRY, OSM_BASE_TO_COME, Counted
from stats_assets.feeds.outcomes import (
    BeforeHistory,
    BrokenGeometryRemark,
    FeedError,
    SequenceNotYetAvailable,
)
from stats_assets.ingest.failure_booking import FailureBooking, FeedFailed
from stats_assets.ingest.fetch import Bodies, Poison, poison_told
from stats_assets.ingest.read import Read, is_settled, judge, settled_to
from stats_assets.ingest.run_result import BEFORE_HISTORY, NOT_YET

GROUP = 10  # sequences taken at once; what a killed run was at is done again one by one
REMARK_ATTEMPTS = 3  # a geometry that can't be expanded persists: then the rest of the body is taken
MOST_BEFORE_HISTORY = 5  # in a row, in a run by hand; then the rest of its range is left
SAY_SECONDS = 10
log = logging.getLogger(__name__)
A_CLOCK_AHEAD = "the server's clock is wrong, its data can't reach to "


def _groups(due: Sequence[LedgerRow]) -> Iterator[list[LedgerRow]]:
    """What is taken together: a sequence that a run died with (`suspect`) alone, others in tens."""
    group: list[LedgerRow] = []
    for row in due:
        if group and (row.suspect or len(group) == GROUP):
            yield group
            group = []
        group.append(row)
        if row.suspect:
            yield group
            group = []
    if group:
        yield group


class _Writing:
    """What the commit writes of a body that was read (database/ledger/commit.py::Writing)."""

    def __init__(self, read: Read, bodies: Bodies) -> None:
        self._read, self._bodies = read, bodies
        self._kept = read.body.from_archive

    def canonical(self) -> str:
        """The hash of the body's actions in one form."""
        return self._bodies.work.reader.canonical(self._read.body.path)

    def keep_replaced(self) -> None:
        """Keep the body that is counted now aside, once: when this is called again, the archive may have the new one.

        It is called again when the transaction is, after a deadlock.
        """
        if not self._kept:
            self._bodies.keep_replaced(self._read.body.sequence)
        self._kept = True

    def facts(self, connection: Connection) -> None:
        """The facts, in place of those of before, and the body into the archive. Raises Poison."""
        body = self._read.body
        with poison_told():
            self._read.reading.write(connection, self._bodies.numbering.order(body.sequence))
        if not body.from_archive:
            self._bodies.work.archive.put(body)


class Runner:
    """One run's way over its due sequences. away: where nothing is counted, as facts are away."""

    def __init__(
        self, bodies: Bodies, run_id: str, booking: FailureBooking, away: Sequence[Away] = ()
    ) -> None:
        self.bodies, self.run_id, self.booking, self.away = bodies, run_id, booking, away
        self.work, self.connection = bodies.work, bodies.connection
        self.report, self.mode = bodies.report, bodies.mode
        self._addresses: dict[str, int] = {}
        self.at = 0
        """The sequence that is being done, or was done last."""

    def _address(self, url: str) -> int:
        if url not in self._addresses:
            self._addresses[url] = addresses.known(self.connection, self.work.stream, url)
        return self._addresses[url]

    def go(self, due: Sequence[LedgerRow]) -> None:
        """Do all of it, or end early for a reason that the report says. Raises FeedFailed."""
        said = time.monotonic()
        for group in _groups(due):
            numbers = [row.sequence for row in group]
            for taken in ledger.take(self.connection, self.run_id, self.work.stream, numbers):
                self.at = taken.sequence
                try:
                    self.one(taken)
                except SequenceNotYetAvailable as error:
                    if self.booking.pending:
                        raise FeedFailed(self.booking.pending[0].error) from error
                    log.info(str(error))
                    self.report.ended_early = NOT_YET
                    return
                if self.booking.before_history >= MOST_BEFORE_HISTORY:
                    if self.bodies.history_ends(taken.sequence):
                        self.booking.before_history = 0
                        continue
                    self.report.ended_early = BEFORE_HISTORY.format(self.booking.before_history)
                    log.info(self.report.ended_early)
                    return
                if time.monotonic() - said > SAY_SECONDS:
                    said = time.monotonic()
                    log.info(f"{self.report.committed} of {len(due)} sequences done, now at {taken.sequence}")
        self.booking.probe_after_pending()

    def give_back(self, due: Sequence[LedgerRow], *, blames: bool = True) -> Sequence[LedgerRow]:
        """After a failure of the feed: release what is not done; what is left of `due`, for `go` to do later.

        blames: as of `FailureBooking.drop_pending`.
        """
        pending = self.booking.drop_pending(blames=blames)
        failed = self.at if pending is None else pending
        ledger.release(self.connection, self.run_id, self.work.stream)
        return [row for row in due if row.sequence >= failed]

    def one(self, taken: LedgerRow) -> None:
        """Do one sequence, booking its failure if it is its own. Raises FeedFailed, SequenceNotYetAvailable.

        All else that is raised is nobody's attempt: the database's, the archive's, the machine's, or Dagster's.
        """
        self.bodies.last = None
        try:
            for gone in self.away:
                if gone.first <= taken.sequence <= gone.last:
                    raise FactsAway(str(gone))
            read = self.bodies.read(taken.sequence)
            flagged = self.judge(taken, read)
            if not read.body.from_archive:  # that one says nothing about the feed
                self.booking.feed_works()
            self.save(taken, read, flagged)
        except (FeedError, FactsAway, Poison) as error:
            if (
                isinstance(error, BeforeHistory)
                and self.mode.by_hand
                and self.bodies.passes_on(taken.sequence)
            ):
                return self.one(taken)
            self.booking.book(taken, error)
        finally:
            if not self.booking.is_pending(taken):
                self.bodies.discard(taken.sequence)

    def judge(self, taken: LedgerRow, read: Read) -> str | None:
        """Raises FeedError unless the body is whole; a remark on one geometry is put up with in the end, flagged."""
        known = read.body.from_archive  # it was put up with before
        until = None if known else self.bodies.source.until(taken.sequence)
        try:
            judge(read, until)
        except BrokenGeometryRemark as error:
            if not known and taken.attempts + 1 < REMARK_ATTEMPTS:
                raise
            return str(error)
        return None

    def save(self, taken: LedgerRow, read: Read, flagged: str | None) -> None:
        """Commit what was read; flagged: why the body is doubtful, if it was put up with."""
        began = time.monotonic()
        body, reading = read.body, read.reading
        source, settle, numbering = self.bodies.source, self.work.settle_seconds, self.bodies.numbering
        tallied = ({BROKEN_GEOMETRY: 1} if flagged else {}) | (
            {OSM_BASE_TO_COME: 1} if read.is_to_come else {}
        )
        said = f"{A_CLOCK_AHEAD}{reading.envelope.osm_base:%FT%TZ}" if read.is_to_come else None
        settled_by_now = settled_to(source, settle, self.report.head, self.report.settled)
        counted = Counted(
            content_hash=reading.content_hash,
            actions=reading.actions,
            fetched_at=body.fetched_at,
            definitions=self.work.reader.definitions,
            flagged="; ".join(filter(None, (flagged, reading.doubt, said))) or None,
            osm_base=read.osm_base,
            unreadable=reading.unreadable,
            tally=dict(reading.flags) | tallied,
            settled=is_settled(read, source, settle, self.report.settled),
            overdue=not body.from_archive and taken.sequence <= (settled_by_now or -1),
            from_archive=body.from_archive,
            numbering=numbering.of(taken.sequence),
            of_directory=source.until(taken.sequence) is None and not body.from_archive,
            address=None if body.from_archive else self._address(source.url),
        )
        self.booking.before_history = 0
        verdict = commit(
            *(self.connection, self.run_id, self.work.stream, taken, counted, _Writing(read, self.bodies)),
            by_hand=self.mode.by_hand,
        )
        if not self.mode.by_hand and not self.report.committed:
            pauses.unpause(self.connection, self.work.stream)
        if not (self.report.committed or body.from_archive):
            addresses.good(self.connection, self.work.stream, source.url)
        self.report.add(taken.sequence, verdict, reading)
        self.report.commit_seconds += time.monotonic() - began
