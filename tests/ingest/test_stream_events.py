"""No sequence of events leads to a skipped or a doubly counted sequence: the tick's decisions against a model.

The decisions are the real ones; what the database and Dagster keep is modelled as the SQL and the sensor do it.
Blocks are of 5 sequences here, and the other limits as small, so that their edges come up in every history.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from stats_assets.database.ledger import ledger
from stats_assets.database.ledger.ledger import LedgerRow, Work, block_of
from stats_assets.ingest import tick
from stats_assets.ingest.tick import NowhereToStart, Range, Standing, State, Stored, decide, stand
from tests.conftest import examples

BLOCK, BLOCKS_A_TICK, MOST_SKIPPED, MOST_BLOCKS_LOOKED_AT = 5, 4, 7, 3
GROUP, ATTEMPTS, SLOTS = 3, 2, 2
STALE, START_LIMIT, INSTANCE_LEASE, PAUSE = (timedelta(seconds=s) for s in (20, 60, 60, 60))
START = 12  # within a block


@dataclass
class Row:
    result: Literal["none", "committed", "skipped"] = "none"
    work: Work = "idle"
    previous: Work = "idle"
    epoch: int = -1
    attempts: int = 0
    not_before: datetime | None = None
    suspect: bool = False
    run: str = ""


@dataclass
class Lease:
    span: Range
    by_hand: bool
    heartbeat: datetime
    released: bool = False


@dataclass
class Taken:
    row: LedgerRow
    era: int
    fetched: int


@dataclass
class Database:
    """What the database keeps, and below, restored with it, what the test expects of it."""

    origin: int | None = None
    checkpoint: int | None = None
    seek_to: int | None = None
    shown: int | None = None
    instance: str | None = None
    lease_until: datetime | None = None
    rows: defaultdict[int, Row] = field(default_factory=lambda: defaultdict(Row))
    epochs: dict[int, int] = field(default_factory=dict)  # the blocks
    leases: dict[str, Lease] = field(default_factory=dict)
    facts: dict[int, int] = field(default_factory=dict)  # sequence → when the counted body was fetched

    forward: bool = False  # the request that stands is a seek forward that a tick has carried out
    era: int = 0  # how many rewinds there were
    owed: dict[int, int] = field(
        default_factory=dict
    )  # sequence → the rewind since which it must be done again
    sought: set[int] = field(default_factory=set)  # what a person has sought over

    def done(self, sequence: int) -> bool:
        return self.rows[sequence].epoch >= self.epochs.get(block_of(sequence), 0)

    def all_done(self, after: int, last: int) -> bool:
        return last - after <= BLOCK * (BLOCKS_A_TICK + 1) and all(map(self.done, range(after + 1, last + 1)))

    def ledger_rows(self, sequences: Iterable[int]) -> list[LedgerRow]:
        found = []
        for n in sequences:
            row, epoch = self.rows[n], self.epochs.get(block_of(n), 0)
            found.append(
                LedgerRow(
                    *(n, row.result, row.work, self.done(n), epoch, row.attempts, row.suspect),
                    *(row.not_before, None),
                )
            )
        return found

    def take(self, run: str, sequences: list[int], clock: "itertools.count[int]") -> list[Taken]:
        for n in sequences:
            self.epochs.setdefault(block_of(n), 0)
            row = self.rows[n]
            row.previous = row.previous if row.work == "trying" else row.work
            row.work, row.run = "trying", run
        return [Taken(row, self.era, next(clock)) for row in self.ledger_rows(sequences)]

    def book(self, taken: Taken) -> None:
        """As done in the epoch it was taken in. What is owed is paid only by who took it after the rewind."""
        n = taken.row.sequence
        self.rows[n].epoch = max(self.rows[n].epoch, taken.row.block_epoch)
        if taken.era >= self.owed.get(n, 0):
            self.owed.pop(n, None)

    def commit(self, taken: Taken) -> None:
        n = taken.row.sequence
        row = self.rows[n]
        if row.result != "committed" or taken.fetched >= self.facts[n]:
            row.result, self.facts[n] = "committed", taken.fetched
        row.work, row.previous, row.attempts, row.suspect, row.not_before = "idle", "idle", 0, False, None
        self.book(taken)

    def give_up(self, taken: Taken, work: Work) -> None:
        self.rows[taken.row.sequence].work = work
        self.book(taken)

    def wait(self, taken: Taken, now: datetime) -> None:
        """What was given up before stays so."""
        row = self.rows[taken.row.sequence]
        given_up = self.done(taken.row.sequence) and row.result == "none"
        before = row.previous if row.work == "trying" else row.work
        row.work, row.previous = before if given_up else "waiting", "idle"
        row.not_before = now + PAUSE

    def charge(self, taken: Taken, now: datetime) -> None:
        self.wait(taken, now)
        row = self.rows[taken.row.sequence]
        row.attempts = taken.row.attempts + 1
        if row.attempts >= ATTEMPTS:
            self.give_up(taken, "quarantined")

    def release(self, run: str) -> None:
        for row in self.rows.values():
            if row.work == "trying" and row.run == run:
                row.work, row.previous = row.previous, "idle"

    def bury(self, run: str, now: datetime) -> None:
        died = [n for n, row in self.rows.items() if row.work == "trying" and row.run == run]
        for row in self.ledger_rows([n for n in died if self.rows[n].suspect]):
            self.charge(Taken(row, self.era, 0), now)
        self.release(run)
        for n in died:
            self.rows[n].suspect = True

    def rewind(self, checkpoint: int) -> None:
        self.era += 1
        self.owed |= {n: self.era for n in self.rows if n > checkpoint}
        first = block_of(checkpoint + 1)
        self.epochs |= {block: epoch + 1 for block, epoch in self.epochs.items() if block >= first}
        for n, row in self.rows.items():
            if first in self.epochs and first <= n <= checkpoint and row.epoch == self.epochs[first] - 1:
                row.epoch += 1  # kept
            if n > checkpoint and row.work != "idle":
                row.work = "trying" if row.work == "trying" else "idle"
                row.previous, row.not_before, row.attempts = "idle", None, 0
        self.checkpoint = checkpoint

    def skip(self, after: int, last: int) -> None:
        for n in range(after + 1, last + 1):
            row, epoch = self.rows[n], self.epochs.setdefault(block_of(n), 0)
            row.result = "skipped" if row.result == "none" else row.result
            row.work = "idle" if row.work == "waiting" else row.work
            row.epoch = max(row.epoch, epoch)
            self.owed.pop(n, None)


@dataclass
class Record:
    """A run that Dagster takes for unfinished."""

    span: Range
    status: Literal["queued", "starting", "started"]
    since: datetime


@dataclass
class Ended:
    """A tick that has committed to the database; nothing of it is stored in Dagster yet, or run ids are reserved."""

    cursor: int | None
    requests: tuple[Range, ...] = ()
    dead: tuple[str, ...] = ()
    reserved: bool = False
    own: bool = True


@dataclass
class Dagster:
    """An instance. own: its cursor is what its last tick stored, no person's and from no backup."""

    name: str
    cursor: int | None = None
    own: bool = True
    runs: dict[str, Record] = field(default_factory=dict)
    ended: Ended | None = None


@dataclass
class Process:
    """A run's process. silent: it stands still, its heart too, but may go on later."""

    run: str
    span: Range
    home: int | None  # which instance's; none: by hand
    due: list[int] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    begun: bool = False
    silent: bool = False


SEQUENCES, WHO, ANY = (
    st.one_of(st.integers(5, 18), st.integers(5, 40)),
    st.sampled_from([0, 0, 0, 1]),
    st.integers(0, 9),
)


class Events(RuleBasedStateMachine):
    """Every rule is an event; it never matters that one comes to nothing."""

    @initialize(start=st.sampled_from([START, None]), head=st.sampled_from([None, 14, 20, 30]))
    def begin(self, start: int | None, head: int | None) -> None:
        self.start, self.head, self.top = start, head, head or 14
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.names = map(str, itertools.count())
        self.clock = itertools.count(1)
        self.database, self.homes = Database(), [Dagster("A"), Dagster("B")]
        self.processes: list[Process] = []
        self.backups = deepcopy((self.database, self.homes))

    # The feed, and time ---------------------------------------------------------------------------------------

    @rule(by=st.sampled_from([1, 4, 9, -3, None]))
    def head_moves(self, by: int | None) -> None:
        self.head = None if by is None else min(max(self.top + by, 10), 45)
        self.top = self.head or self.top

    @rule(seconds=st.sampled_from([1, 25, 100]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        for process in self.processes:
            if process.begun and not process.silent and process.run in self.database.leases:
                self.database.leases[process.run].heartbeat = self.now

    # Ticks ----------------------------------------------------------------------------------------------------

    @rule(who=WHO, sequences=st.sampled_from([1, 3, 10, 10]), seconds=st.sampled_from([1, 1, 100]))
    def all_goes_well(self, who: int, sequences: int, seconds: int) -> None:
        """A tick to its end, and its runs: most of what happens, so that there is much to go wrong afterwards."""
        self.time_passes(seconds)
        for step in (self.tick, self.tick_goes_on, self.tick_goes_on):
            step(who)
        while any(record.status == "queued" for record in self.homes[who].runs.values()):
            self.a_run_is_launched(who)
        for which in reversed(range(len(self.processes))):
            if not self.processes[which].silent:
                self.a_run_works(which, sequences)

    @rule(who=WHO)
    def tick(self, who: int) -> None:
        """As sensors.tick does it, up to its return. What Dagster makes of it is `tick_goes_on`'s."""
        home, database = self.homes[who], self.database
        if home.ended is not None:
            return  # one at a time; one that died with run ids reserved is resumed
        ours = database.instance in (None, home.name)
        if not ours and database.lease_until is not None and database.lease_until >= self.now:
            home.ended = Ended(home.cursor, own=home.own)
            return
        takeover = database.checkpoint if database.seek_to is None else database.seek_to
        of_database = (database.checkpoint, database.origin)
        stored = (
            Stored(home.cursor, *of_database, database.seek_to, database.shown)
            if ours
            else Stored(None, *of_database, takeover)
        )
        try:
            standing = stand(stored, self.start, self.head, database.all_done)
        except NowhereToStart:
            home.ended = Ended(home.cursor, own=home.own)
            return
        database.instance, database.lease_until = home.name, self.now + INSTANCE_LEASE
        self.judge_standing(stored, standing, home)
        self.carry_out(stored, standing)
        ranges, ours_in_flight, dead = self.sweep(home)
        first = block_of(standing.cursor + 1)
        blocks = [b for b in sorted(database.epochs) if b >= first][:BLOCKS_A_TICK]
        held: dict[int, int] = defaultdict(int)
        for n, row in database.rows.items():
            waits = row.work == "waiting" and row.not_before is not None and row.not_before > self.now
            if n >= first and not database.done(n) and (waits or row.work == "trying"):
                held[block_of(n)] += 1
        decision = decide(
            State(
                cursor=standing.cursor,
                head=self.head,
                now=self.now,
                slots=SLOTS - ours_in_flight,
                in_flight=ranges,
                blocks={b: sum(map(database.done, range(b, b + BLOCK))) for b in blocks},
                held=held,
                rows=lambda wanted: {b: database.ledger_rows(range(b, b + BLOCK)) for b in wanted},
            )
        )
        cursor = decision.cursor if standing.seek_to is None else standing.cursor
        database.shown = cursor
        self.judge_decision(cursor, decision.requests, home, dead)
        home.ended = Ended(cursor, tuple(decision.requests), dead)

    def carry_out(self, stored: Stored, standing: Standing) -> None:
        database = self.database
        if standing.begin is not None:
            database.origin = standing.begin if database.origin is None else database.origin
            database.checkpoint = standing.begin - 1
        if standing.rewind is not None:
            database.rewind(standing.rewind)
        if standing.mirror is not None:
            database.checkpoint = standing.mirror
        if standing.skip is not None and standing.mirror is not None and stored.seek_to is not None:
            database.sought |= {*range(standing.mirror + 1, stored.seek_to + 1)}
            database.skip(standing.mirror, standing.skip)
            database.forward = True
        database.seek_to = standing.seek_to

    def sweep(self, home: Dagster) -> tuple[list[Range], int, tuple[str, ...]]:
        database, dead, ranges, ours = self.database, [], [], 0
        held, records = dict(database.leases), dict(home.runs)
        for run, lease in held.items():
            if self.now - lease.heartbeat <= STALE:
                if not lease.released and not lease.by_hand:
                    ranges.append(lease.span)
                continue
            del database.leases[run]
            database.bury(run, self.now)
            if records.pop(run, None):
                dead.append(run)
        for run, record in records.items():
            if run not in held and record.status != "queued" and self.now - record.since > START_LIMIT:
                dead.append(run)
                continue
            ours += 1
            if run not in held or not held[run].released:
                ranges.append(record.span)
        for run in {row.run for row in database.rows.values() if row.work == "trying"} - {*database.leases}:
            database.bury(run, self.now)
        return ranges, ours, tuple(dead)

    def judge_standing(self, stored: Stored, standing: Standing, home: Dagster) -> None:
        back = stored.cursor if stored.seek_to is None else stored.seek_to
        checkpoint, origin = stored.checkpoint, stored.origin or 0
        set_back = (
            stored.set_back if stored.seek_to is None else back is not None and back < (checkpoint or 0)
        )
        if checkpoint is not None and back is not None and set_back:
            assert standing.rewind == max(back, origin - 1)
        if standing.rewind is not None:
            sought_back = stored.seek_to is not None and not self.database.forward
            assert sought_back or not home.own, "a rewind that nobody asked for"
        beyond = stored.seek_to is not None and self.head is not None and stored.seek_to > self.head
        if standing.skip is not None:
            assert self.head is not None
            assert standing.skip <= self.head, "skipped beyond the head"
        if stored.seek_to is not None and standing.seek_to is None and not beyond:
            there = max(stored.seek_to, origin - 1)
            reached = {standing.rewind, standing.mirror, (standing.begin or 0) - 1}
            assert there in reached, "a request is dropped before the checkpoint is there"

    def judge_decision(
        self, cursor: int, requests: Sequence[Range], home: Dagster, dead: tuple[str, ...]
    ) -> None:
        database = self.database
        seen: set[int] = set()
        assert database.origin is not None
        assert database.checkpoint is not None
        assert cursor >= database.origin - 1
        assert all(map(database.done, range(database.origin, cursor + 1))), (
            "the cursor passes what isn't done"
        )
        # At work: what this instance has not found dead. Another instance's queued runs are not seen from here.
        unfinished = {run: record.span for run, record in home.runs.items() if run not in dead}
        released = {run for run, lease in database.leases.items() if lease.released}
        at_work = {block_of(span.start) for run, span in unfinished.items() if run not in released}
        at_work |= {block_of(p.span.start) for p in self.processes if self.lives(p) and p.home is not None}
        by_hand = {p.run for p in self.processes if self.lives(p) and p.home is None}
        assert len(requests) <= max(0, SLOTS - len(unfinished))
        for wanted in requests:
            block = block_of(wanted.start)
            assert database.origin <= wanted.start <= wanted.end <= (self.head or 0)
            assert block_of(wanted.end) == block
            assert block not in at_work | seen, "two of the stream's runs in one block"
            for end in (wanted.start, wanted.end):
                row = database.rows[end]
                assert not database.done(end)
                assert row.work != "trying" or row.run not in by_hand, "a backfill is at it just now"
            seen.add(block)

    def lives(self, process: Process) -> bool:
        lease = self.database.leases.get(process.run)
        return process.begun and lease is not None and self.now - lease.heartbeat <= STALE

    @rule(who=WHO)
    def tick_goes_on(self, who: int) -> None:
        """Dagster reserves run ids with the cursor in the tick's record, then submits, and stores the cursor last."""
        home = self.homes[who]
        if (ended := home.ended) is None:
            return
        for run in ended.dead:
            home.runs.pop(run, None)
        if ended.requests and not ended.reserved:
            ended.reserved = True
            return
        for wanted in ended.requests:
            home.runs[f"run {next(self.names)}"] = Record(wanted, "queued", self.now)
        home.cursor, home.own, home.ended = ended.cursor, ended.own, None

    @rule(who=WHO)
    def tick_dies(self, who: int) -> None:
        """Or fails after its commit. With run ids reserved Dagster resumes it."""
        self.tick(who)
        ended = self.homes[who].ended
        if ended is not None and not ended.reserved:
            self.homes[who].ended = None

    # Runs -----------------------------------------------------------------------------------------------------

    @rule(who=WHO)
    def a_run_is_launched(self, who: int) -> None:
        for run, record in self.homes[who].runs.items():
            if record.status == "queued":
                record.status, record.since = "starting", self.now
                self.processes.append(Process(run, record.span, who))
                return

    @rule(first=SEQUENCES, count=st.integers(1, 12))
    def a_run_by_hand_is_launched(self, first: int, count: int) -> None:
        self.processes.append(Process(f"by hand {next(self.names)}", Range(first, first + count - 1), None))

    @precondition(lambda self: self.processes)
    @rule(which=ANY, sequences=st.sampled_from([1, 2, 10]))
    def a_run_works(self, which: int, sequences: int) -> None:
        """Begins if it hasn't, and commits some sequences, one after the other."""
        process = self.processes[which % len(self.processes)]
        if not process.begun:
            self.run_begins(process)
        for _ in range(sequences):
            if taken := self.next_taken(process):
                self.database.commit(taken)

    def run_begins(self, process: Process) -> None:
        database, span, by_hand = self.database, process.span, process.home is None
        process.begun = True
        if process.home is not None and process.run in self.homes[process.home].runs:
            self.homes[process.home].runs[process.run] = Record(span, "started", self.now)
        if self.head is None:
            return
        database.leases[process.run] = Lease(span, by_hand, self.now)
        process.due = [
            row.sequence
            for row in database.ledger_rows(range(span.start, min(span.end, self.head) + 1))
            if by_hand
            or not (row.done or (row.work == "waiting" and row.not_before and row.not_before > self.now))
        ]

    def next_taken(self, process: Process) -> Taken | None:
        """The run's next sequence, taken in groups, what a run has died on alone. None: the run has ended."""
        database = self.database
        lost = process.run not in database.leases  # the commit, or the next take, is refused
        if lost or (not process.due and not process.taken):
            database.release(process.run)
            if not lost:
                database.leases[process.run].released = True
            if process.home is not None:
                self.homes[process.home].runs.pop(process.run, None)
            self.processes = [one for one in self.processes if one is not process]
            return None
        if not process.taken:
            alone = database.rows[process.due[0]].suspect
            group = process.due[: 1 if alone else GROUP]
            process.taken = database.take(process.run, group, self.clock)
            process.due = process.due[len(group) :]
        return process.taken.pop(0)

    @precondition(lambda self: self.processes)
    @rule(which=ANY, how=st.sampled_from(["own fault", "own fault", "later", "hole"]))
    def a_sequence_fails(self, which: int, how: str) -> None:
        process = self.processes[which % len(self.processes)]
        if not process.begun:
            self.run_begins(process)
        if taken := self.next_taken(process):
            if how == "own fault":
                self.database.charge(taken, self.now)
            else:
                self.database.wait(taken, self.now)
            if how == "hole":
                self.database.give_up(taken, "hole")

    @precondition(lambda self: self.processes)
    @rule(which=ANY, how=st.sampled_from(["killed", "killed", "stands still", "goes on"]))
    def a_run_dies(self, which: int, how: str) -> None:
        process = self.processes[which % len(self.processes)]
        process.silent = how == "stands still"
        if how == "killed":
            self.processes.remove(process)

    # What a person does ---------------------------------------------------------------------------------------

    @rule(who=WHO, cursor=st.one_of(st.none(), SEQUENCES))
    def cursor_is_set(self, who: int, cursor: int | None) -> None:
        """While a tick runs, too: then the tick's own is stored over it."""
        self.homes[who].cursor, self.homes[who].own = cursor, False

    @rule(sequence=SEQUENCES)
    def seek(self, sequence: int) -> None:
        self.database.seek_to, self.database.forward = sequence, False

    @rule(what=st.sampled_from(["backup", "backup", "database", "A", "B", "A lost"]))
    def backup_or_restore(self, what: str) -> None:
        """Of the database: every run's connection breaks. Of Dagster: runs at work go on, and old ones queue again."""
        if what == "backup":
            self.backups = deepcopy((self.database, self.homes))
        elif what == "database":
            self.database = deepcopy(self.backups[0])
            self.processes = [process for process in self.processes if not process.begun]
            for home in self.homes:  # what the cursors say is of another history now
                home.own = False
                if home.ended:
                    home.ended.own = False
        else:
            who = "AB".index(what[0])
            lost = Dagster(f"{what} {next(self.names)}")
            self.homes[who] = home = lost if "lost" in what else deepcopy(self.backups[1][who])
            home.own = False
            if home.ended:
                home.ended.own = False

    # What must hold -------------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_skipped_or_counted_twice(self) -> None:
        database = self.database
        if database.origin is not None and database.checkpoint is not None:
            assert database.checkpoint >= database.origin - 1
            assert all(map(database.done, range(database.origin, database.checkpoint + 1)))
        for n, row in database.rows.items():
            assert (n in database.facts) == (row.result == "committed")
            assert row.result != "skipped" or n in database.sought, "nobody sought over it"
            if database.done(n):
                assert row.result != "none" or {row.work, row.previous} & {"quarantined", "hole"}
                assert n not in database.owed, "a run begun before the rewind counts as the redo"

    def teardown(self) -> None:
        """The faults stop: within a bounded number of ticks all is done, to the feed's head."""
        if not hasattr(self, "database"):
            return
        self.head = self.top
        self.processes = [process for process in self.processes if not process.silent]
        for round_ in range(60):
            self.time_passes(100)
            for _ in range(3):
                self.tick_goes_on(round_ == 0)
            self.tick(0)
            for _ in range(2):
                self.tick_goes_on(0)
            for who in (0, 1):
                while any(record.status == "queued" for record in self.homes[who].runs.values()):
                    self.a_run_is_launched(who)
            while self.processes:
                self.a_run_works(0, 10)
            self.nothing_is_skipped_or_counted_twice()
        database, cursor = self.database, self.homes[0].cursor
        assert database.origin is not None
        assert cursor is not None
        assert cursor >= self.head
        assert database.seek_to is None
        assert not self.homes[0].runs
        assert all(map(database.done, range(database.origin, cursor + 1)))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "BLOCK", BLOCK)
    for name in ("BLOCK", "MOST_SKIPPED", "MOST_BLOCKS_LOOKED_AT"):
        monkeypatch.setattr(tick, name, globals()[name])


@pytest.mark.usefixtures("small")
def test_a_seek_forward_after_a_takeover_is_no_rewind_for_whoever_was_further() -> None:
    """Found by many histories: A is at 14, B takes over at 11, a seek to 12 is carried out by A, whose tick dies."""
    events = Events()
    events.begin(start=START, head=14)
    events.all_goes_well(seconds=1, sequences=3, who=0)
    events.tick(who=0)
    events.all_goes_well(seconds=100, sequences=1, who=0)
    events.all_goes_well(seconds=1, sequences=1, who=1)
    events.time_passes(seconds=100)
    events.seek(sequence=12)
    events.tick_dies(who=0)
    events.tick(who=0)
    events.nothing_is_skipped_or_counted_twice()
    events.teardown()


@pytest.mark.usefixtures("small")
def test_no_sequence_of_events_skips_a_sequence_or_counts_it_twice() -> None:
    run_state_machine_as_test(
        Events,
        settings=settings(examples(75), stateful_step_count=50),
    )
