"""A run's passage over its due sequences: commit one after the other, past those that fail.

What becomes of a failure is failure_rules.py's; whose fault it is, where that has to be found out by how the next ones
answer, is decided here. Bodies are fetch.py's; leases, heads and pauses are run.py's.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple, assert_never

from stats_assets.database.connection import Connection
from stats_assets.database.facts.additions import require_data_to_be_wrong
from stats_assets.database.facts.ranges import Away, FactsAway
from stats_assets.database.ledger import asked, ledger, pauses
from stats_assets.database.ledger.commit import BROKEN_GEOMETRY, OSM_BASE_TO_COME, Counted, commit
from stats_assets.database.ledger.ledger import LedgerRow
from stats_assets.feeds.body import Body
from stats_assets.feeds.outcomes import BrokenGeometryRemark, FeedError, FeedRefused, SequenceNotYetAvailable
from stats_assets.ingest.failure_rules import Raised, Rule, pause_for, rule_for
from stats_assets.ingest.fetch import Bodies, Poison, Read, StreamWork, judge, poison_told, settled_to
from stats_assets.ingest.mode import Mode
from stats_assets.ingest.run_result import BEFORE_HISTORY, NOT_YET, Report

GROUP = 10  # sequences taken at once; what a killed run was at is done again one by one
AWAY_PAUSE = timedelta(minutes=5)
REMARK_ATTEMPTS = 3  # a geometry that can't be expanded persists: then the rest of the body is taken
MOST_BEFORE_HISTORY = 5  # in a row, in a run by hand; then the rest of its range is left
SAY_SECONDS = 10
log = logging.getLogger(__name__)
A_CLOCK_AHEAD = "the server's clock is wrong, its data can't reach to "


class FeedFailed(Exception):
    """The feed, not one sequence, can't be used now; the message says which URL and what came."""

    def __init__(self, error: FeedError) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after = error.retry_after


def _groups(due: Sequence[LedgerRow]) -> Iterator[list[LedgerRow]]:
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


class _Pending(NamedTuple):
    taken: LedgerRow
    error: FeedError
    body: Body | None


class _Writing:
    """What the commit writes of a body that was read (database/ledger/commit.py::Writing)."""

    def __init__(self, read: Read, bodies: Bodies) -> None:
        self._read, self._bodies = read, bodies
        self._kept = read.body.from_archive

    def keep_replaced(self) -> None:
        """What is counted now is kept aside, once: done again after a deadlock, the archive may have the new one."""
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


@dataclass
class Runner:
    """One run's passage over its due sequences."""

    work: StreamWork
    connection: Connection
    run_id: str
    bodies: Bodies
    report: Report
    mode: Mode
    patience: int = 0
    """How many more may fail in a row before the feed is blamed. It grows with the pauses that brought nothing, so
    that neighbours that are broken for good don't look like a broken feed for ever.
    """
    away: Sequence[Away] = ()
    """Where nothing is counted, as facts are away."""
    pending: list["_Pending"] = field(default_factory=list)
    """What failed, and whose fault that is isn't known yet: the next one decides."""
    at: int = 0
    before_history: int = 0  # of minutes in a row

    def go(self, due: Sequence[LedgerRow]) -> None:
        said = time.monotonic()
        for group in _groups(due):
            numbers = [row.sequence for row in group]
            for taken in ledger.take(self.connection, self.run_id, self.work.stream, numbers):
                self.at = taken.sequence
                try:
                    self.one(taken)
                except SequenceNotYetAvailable as error:
                    if self.pending:
                        raise FeedFailed(self.pending[0].error) from error
                    log.info(str(error))
                    self.report.ended_early = NOT_YET
                    return
                if self.before_history >= MOST_BEFORE_HISTORY:
                    self.report.ended_early = BEFORE_HISTORY.format(self.before_history)
                    log.info(self.report.ended_early)
                    return
                if time.monotonic() - said > SAY_SECONDS:
                    said = time.monotonic()
                    log.info(f"{self.report.committed} of {len(due)} sequences done, now at {taken.sequence}")
        self.probe_after_pending()

    def give_back(self, due: Sequence[LedgerRow], *, blames: bool = True) -> Sequence[LedgerRow]:
        """After a failure of the feed: release what is not done, to `go` on with it later.

        blames: what failed may have been the sequences' fault, so one more is put up with. A refusal never was.
        """
        failed = self.pending[0].taken.sequence if self.pending else self.at
        self.pending.clear()
        self.patience += blames
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
                self.acquit_feed()
            self.save(taken, read, flagged)
        except (FeedError, FactsAway, Poison) as error:
            self.book(taken, error)
        finally:
            if not any(one.taken is taken for one in self.pending):
                self.bodies.discard(taken.sequence)

    def book(self, taken: LedgerRow, error: Raised) -> None:
        """Book what failure_rules.py says of the failure. Raises FeedFailed, SequenceNotYetAvailable."""
        rule, reason = rule_for(error, self.mode), str(error)
        if rule.acquits_feed:
            self.acquit_feed()
        match rule.action:
            case "charge":
                if isinstance(error, Poison):
                    require_data_to_be_wrong(self.connection, error.__cause__)
                reason = self.charge(taken, reason, self.bodies.last)
            case "decline":
                self.decline(taken, reason)
            case "refuse":
                self.refuse(taken, reason)
            case "end" | "feed" | "wait" | "miss" | "ask next":
                assert isinstance(error, FeedError)  # noqa: S101 - these are the feed's alone
                self.book_of_feed(taken, rule, error)
            case _:
                assert_never(rule.action)
        if rule.fails:
            self.fail(taken, reason)

    def book_of_feed(self, taken: LedgerRow, rule: Rule, error: FeedError) -> None:
        """Book what the feed may yet make good. Raises FeedFailed, SequenceNotYetAvailable."""
        match rule.action:
            case "end":
                raise error
            case "feed":
                # a remark may be seen only by who reads it all
                asked.heed(self.connection, self.work.stream, error)
                raise FeedFailed(error) from error
            case "wait":
                with self.booking():
                    ledger.wait(self.connection, self.work.stream, taken, str(error), pause_for(error))
                if not rule.fails:
                    log.info(error.what)
            case "miss":
                self.miss(taken, error)
            case "ask next":
                if len(self.pending) > self.patience:
                    raise FeedFailed(self.pending[0].error) from error
                self.pending.append(_Pending(taken, error, self.bodies.last or error.body))

    def judge(self, taken: LedgerRow, read: Read) -> str | None:
        """Raises FeedError unless the body is whole; a remark on one geometry is put up with in the end, flagged."""
        known = read.body.from_archive  # it was put up with before
        until = None if known else self.work.source.until(taken.sequence)
        try:
            judge(read, until)
        except BrokenGeometryRemark as error:
            if not known and taken.attempts + 1 < REMARK_ATTEMPTS:
                raise
            return str(error)
        return None

    def save(self, taken: LedgerRow, read: Read, flagged: str | None) -> None:
        began = time.monotonic()
        body, reading = read.body, read.reading
        until, reached = self.work.source.until(taken.sequence), read.osm_base
        settle, numbering = self.work.settle_seconds, self.bodies.numbering
        tallied = ({BROKEN_GEOMETRY: 1} if flagged else {}) | (
            {OSM_BASE_TO_COME: 1} if read.is_to_come else {}
        )
        said = f"{A_CLOCK_AHEAD}{reading.envelope.osm_base:%FT%TZ}" if read.is_to_come else None
        settled_by_now = settled_to(self.work.source, settle, self.report.head)
        counted = Counted(
            content_hash=reading.content_hash,
            actions=reading.actions,
            fetched_at=body.fetched_at,
            definitions=self.work.reader.definitions,
            flagged="; ".join(filter(None, (flagged, reading.doubt, said))) or None,
            osm_base=reached,
            unreadable=reading.unreadable,
            tally=dict(reading.flags) | tallied,
            # Where nobody says how far the server was, nobody knows better: a directory's bodies do not change.
            settled=not read.is_to_come
            and (until is None or reached is None or (reached - until).total_seconds() >= settle),
            overdue=not body.from_archive and taken.sequence <= (settled_by_now or -1),
            from_archive=body.from_archive,
            numbering=numbering.of(taken.sequence),
        )
        self.before_history = 0
        verdict = commit(
            *(self.connection, self.run_id, self.work.stream, taken, counted, _Writing(read, self.bodies)),
            by_hand=self.mode.by_hand,
        )
        if not self.mode.by_hand and not self.report.committed:
            pauses.unpause(self.connection, self.work.stream)
        self.report.add(taken.sequence, verdict, reading)
        self.report.commit_seconds += time.monotonic() - began

    def miss(self, taken: LedgerRow, error: FeedError) -> None:
        """The feed lacks it: a hole only if the feed has others; at the head it just isn't there yet."""
        head = self.report.head or 0
        if taken.sequence >= head:
            raise SequenceNotYetAvailable(error.url, f"{error.what}, though it is the feed's head")
        if not self.report.committed:
            try:
                self.probe(head)
            except FeedError:
                raise FeedFailed(error) from None
        with self.booking():
            ledger.missing(self.connection, self.work.stream, taken, str(error), self.work.retries)

    @contextmanager
    def booking(self) -> Iterator[None]:
        """A failure is booked only while the run holds its lease: else others may have done the sequence meanwhile."""
        with self.connection.transaction():
            ledger.hold(self.connection, self.run_id)
            yield

    def charge(self, taken: LedgerRow, reason: str, body: Body | None) -> str:
        """An attempt; what is said of it."""
        with self.booking():
            work = ledger.charge(self.connection, self.work.stream, taken, reason, self.work.retries)
        if work == "quarantined" and body is not None:
            self.bodies.keep_aside(body, reason)
        return f"{reason} (attempt {taken.attempts + 1}; {work})"

    def decline(self, taken: LedgerRow, reason: str) -> None:
        """Another try would end the same: nothing waits for one."""
        with self.booking():
            ledger.decline(self.connection, self.run_id, self.work.stream, taken, reason)
        self.before_history += 1
        self.report.refused += 1

    def refuse(self, taken: LedgerRow, reason: str) -> None:
        with self.booking():
            ledger.refuse(self.connection, self.work.stream, taken, reason, AWAY_PAUSE)
        self.report.refused += 1

    def fail(self, taken: LedgerRow, reason: str) -> None:
        self.report.failed[taken.sequence] = reason
        log.info(f"{taken.sequence}: {reason}")

    def acquit_feed(self) -> None:
        """The feed answered well: what failed before was the sequences' own failure."""
        pending, self.pending = self.pending, []
        for one in pending:
            self.fail(one.taken, self.charge(one.taken, str(one.error), one.body))
            self.bodies.discard(one.taken.sequence)

    def probe_after_pending(self) -> None:
        """Decide about failures at the range's end by the sequences after them that the head allows."""
        if not self.pending:
            return
        after = self.pending[-1].taken.sequence + 1
        for sequence in range(after, after + self.patience - len(self.pending) + 2):
            with suppress(FeedError):
                if sequence <= (self.report.head or 0):
                    self.probe(sequence)
                    self.acquit_feed()
                    return
        raise FeedFailed(self.pending[-1].error)

    def probe(self, sequence: int) -> None:
        """Fetch only to see whether the feed works: a body that could be counted. Raises FeedError, FeedFailed."""
        try:
            self.bodies.probe(sequence)
        except FeedRefused as error:
            asked.heed(self.connection, self.work.stream, error)
            raise FeedFailed(error) from None
