"""What a run's failures are booked as: whose fault each is, and what the ledger says of the sequence then.

Which failure is treated how is failure_rules.py's table, and what each booking changes in the ledger is
database/ledger/failed_tries.py's. The way over the sequences is sequence_loop.py's, a feed that fails is run.py's.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple, assert_never

from stats_assets.database.facts.additions import require_data_to_be_wrong
from stats_assets.database.ledger import asked, failed_tries, ledger
from stats_assets.database.ledger.ledger import LedgerRow
from stats_assets.feeds.body import Body
from stats_assets.feeds.outcomes import FeedError, FeedRefused, SequenceNotYetAvailable
from stats_assets.ingest.failure_rules import AWAY_PAUSE, Raised, Rule, pause_for, rule_for
from stats_assets.ingest.fetch import Bodies, Poison

log = logging.getLogger(__name__)


class FeedFailed(Exception):
    """The feed, not one sequence, can't be used now; the message says which URL and what came."""

    def __init__(self, error: FeedError) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after = error.retry_after


class _Pending(NamedTuple):
    taken: LedgerRow
    error: FeedError
    body: Body | None


class FailureBooking:
    """One run's failures: what failed is the sequence's own fault, the feed's, or not known before the next answers.

    patience: how many more may fail in a row before the feed is blamed. It grows with the pauses that brought nothing,
    so that neighbours that are broken for good don't look like a broken feed for ever.
    """

    def __init__(self, bodies: Bodies, run_id: str, patience: int = 0) -> None:
        self.bodies, self.run_id, self.patience = bodies, run_id, patience
        self.work, self.connection, self.report = bodies.work, bodies.connection, bodies.report
        self.pending: list[_Pending] = []
        """What failed, and whose fault that is isn't known yet: the next one decides."""
        self.before_history = 0
        """How many minutes in a row are left as they were, as they are before the server's history."""

    def book(self, taken: LedgerRow, error: Raised) -> None:
        """Book what failure_rules.py says of the failure. Raises FeedFailed, SequenceNotYetAvailable."""
        rule, reason = rule_for(error, self.bodies.mode), str(error)
        if rule.shows_feed_works:
            self.feed_works()
        match rule.action:
            case "count attempt":
                if isinstance(error, Poison):
                    require_data_to_be_wrong(self.connection, error.__cause__)
                reason = self._count_attempt(taken, reason, self.bodies.last)
            case "leave as it was":
                self._leave_as_it_was(taken, reason)
            case "wait for facts":
                self._wait_for_facts(taken, reason)
            case "end run" | "blame feed" | "wait" | "wait or hole" | "ask next":
                assert isinstance(error, FeedError)  # noqa: S101 - these are the feed's alone
                self._book_of_feed(taken, rule, error)
            case _:
                assert_never(rule.action)
        if rule.fails:
            self._fail(taken, reason)

    def is_pending(self, taken: LedgerRow) -> bool:
        """Whether the sequence failed, and the next one decides whose fault that is."""
        return any(one.taken is taken for one in self.pending)

    def feed_works(self) -> None:
        """The feed answered well: what failed before was the sequences' own failure."""
        pending, self.pending = self.pending, []
        for one in pending:
            self._fail(one.taken, self._count_attempt(one.taken, str(one.error), one.body))
            self.bodies.discard(one.taken.sequence)

    def probe_after_pending(self) -> None:
        """Decide about failures at the range's end by the sequences after them that the head allows.

        Raises FeedFailed.
        """
        if not self.pending:
            return
        after = self.pending[-1].taken.sequence + 1
        for sequence in range(after, after + self.patience - len(self.pending) + 2):
            with suppress(FeedError):
                if sequence <= (self.report.head or 0):
                    self._probe(sequence)
                    self.feed_works()
                    return
        raise FeedFailed(self.pending[-1].error)

    def drop_pending(self, *, blames: bool) -> int | None:
        """After a failure of the feed: book nothing of what is pending. Its first sequence; None: nothing was.

        blames: what failed may have been the sequences' fault, so one more is put up with. A refusal never was.
        """
        first = self.pending[0].taken.sequence if self.pending else None
        self.pending.clear()
        self.patience += blames
        return first

    def _book_of_feed(self, taken: LedgerRow, rule: Rule, error: FeedError) -> None:
        """Book what the feed may yet make good. Raises FeedFailed, SequenceNotYetAvailable."""
        match rule.action:
            case "end run":
                raise error
            case "blame feed":
                # a remark may be seen only by who reads it all
                asked.heed(self.connection, self.work.stream, error, url=self.bodies.source.url)
                raise FeedFailed(error) from error
            case "wait":
                with self._holding_lease():
                    failed_tries.wait(self.connection, self.work.stream, taken, str(error), pause_for(error))
                if not rule.fails:
                    log.info(error.what)
            case "wait or hole":
                self._wait_or_hole(taken, error)
            case "ask next":
                if len(self.pending) > self.patience:
                    raise FeedFailed(self.pending[0].error) from error
                self.pending.append(_Pending(taken, error, self.bodies.last or error.body))

    def _wait_or_hole(self, taken: LedgerRow, error: FeedError) -> None:
        """The feed lacks it: a hole only if the feed has others; at the head it just isn't there yet."""
        head = self.report.head or 0
        if taken.sequence >= head:
            raise SequenceNotYetAvailable(error.url, f"{error.what}, though it is the feed's head")
        if not self.report.committed:
            try:
                self._probe(head)
            except FeedError:
                raise FeedFailed(error) from None
        with self._holding_lease():
            failed_tries.wait_or_hole(self.connection, self.work.stream, taken, str(error), self.work.retries)

    def _count_attempt(self, taken: LedgerRow, reason: str, body: Body | None) -> str:
        """The sequence's own failure; what is said of it."""
        with self._holding_lease():
            work = failed_tries.count_attempt(
                self.connection, self.work.stream, taken, reason, self.work.retries
            )
        if work == "quarantined" and body is not None:
            self.bodies.keep_aside(body, reason)
        return f"{reason} (attempt {taken.attempts + 1}; {work})"

    def _leave_as_it_was(self, taken: LedgerRow, reason: str) -> None:
        """Another try would end the same: nothing waits for one."""
        with self._holding_lease():
            failed_tries.leave_as_it_was(self.connection, self.run_id, self.work.stream, taken, reason)
        self.before_history += 1
        self.report.lasting += 1

    def _wait_for_facts(self, taken: LedgerRow, reason: str) -> None:
        with self._holding_lease():
            failed_tries.wait_for_facts(self.connection, self.work.stream, taken, reason, AWAY_PAUSE)
        self.report.lasting += 1

    def _fail(self, taken: LedgerRow, reason: str) -> None:
        self.report.failed[taken.sequence] = reason
        log.info(f"{taken.sequence}: {reason}")

    @contextmanager
    def _holding_lease(self) -> Iterator[None]:
        """A failure is booked only while the run holds its lease: else others may have done the sequence meanwhile."""
        with self.connection.transaction():
            ledger.hold(self.connection, self.run_id)
            yield

    def _probe(self, sequence: int) -> None:
        """Fetch only to see whether the feed works: a body that could be counted. Raises FeedError, FeedFailed."""
        try:
            self.bodies.probe(sequence)
        except FeedRefused as error:
            asked.heed(self.connection, self.work.stream, error, url=self.bodies.source.url)
            raise FeedFailed(error) from None
