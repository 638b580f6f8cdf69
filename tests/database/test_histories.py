"""The applier against every interleaving: whatever happened in between, the statistics equal the plain recompute.

Two workers with transactions of their own stand for two runs at once; appliers are interrupted between any two of
their statements, by what others commit, by another applier, or for good. Single cases are test_statistics.py's.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from psycopg.errors import LockNotAvailable
from psycopg.pq import TransactionStatus

from stats_assets.database.connection import Connection, connect
from stats_assets.database.facts.changesets import save_changesets
from stats_assets.database.facts.edits import replace_facts
from stats_assets.database.facts.fact_partitions import SEQUENCES, make_partitions, name_of
from stats_assets.database.facts.ranges import FactsAway, held, note
from stats_assets.database.statistics import applier as statistics
from stats_assets.database.statistics.applier import apply_queue, queued, save_countries
from stats_assets.database.statistics.passes import verify
from stats_assets.database.statistics.steps import STEPS
from stats_assets.osm.changesets import Changeset
from stats_assets.osm.statistics import ChangesetStatistics
from tests.conftest import examples
from tests.database.test_statistics import COUNTRIES, NOON, aggregates, changeset, diff, edits, file
from tests.recompute import recomputed
from tests.roll_ups import recomputed_roll_ups, roll_ups

HISTORIES = 30
TABLES = (
    *("changeset_edits", "changeset_edits_countries", "changeset_metadata", "errors", "users"),
    *("statistics_queue", "statistics_held", "changesets", "changesets_countries", "changesets_hashtags"),
    *("aggregates", "aggregate_days", "aggregate_keys"),
    *("changesets_unions", "uploads", "upload_sums", "people_days"),
)
WORKERS = (0, 1)  # worker w has sequences and users with n % 2 == w, so that neither waits for the other
TIMES = st.integers(0, 72).map(lambda hours: NOON + timedelta(hours=hours))
TAGS = st.lists(st.sampled_from("abc"), unique=True)
NAMES = st.sampled_from(["anna", "ben", "Ænna"])
PLACES = st.integers(0, len(STEPS) - 1)
BATCHES = st.sampled_from([3, statistics.BATCH])
CROWD = 11  # more than a top list holds


def edits_of(worker: int) -> st.SearchStrategy[list[ChangesetStatistics]]:
    """A diff's facts: changesets are both workers', users their own."""
    one = st.builds(
        edits,
        changeset=st.integers(1, 4),
        uid=st.sampled_from([None, 2 + worker, 4 + worker]),
        n=st.integers(1, 3),
        km=st.sampled_from(["0.000000001", "0.1", "12.345678912"]),
        at=TIMES,
        countries=st.lists(st.sampled_from(list(COUNTRIES)), unique=True).map(tuple),
        user=NAMES,
    )
    return st.lists(one, max_size=3, unique_by=lambda edit: edit.changeset)


def changesets_of(worker: int) -> st.SearchStrategy[list[Changeset]]:
    """A changeset file's entries: changesets and users of the worker's own."""
    one = st.builds(
        lambda number, tags, **others: changeset(number, *tags, **others),
        st.sampled_from([2 - worker, 4 - worker]),
        TAGS,
        uid=st.sampled_from([None, 2 + worker, 4 + worker]),
        editor=st.sampled_from([None, "iD", "JOSM"]),
        created=TIMES,
        closed=st.none() | TIMES,
        user=NAMES,
    )
    return st.lists(one, max_size=3)


class Killed(Exception):
    """The applier's process is gone."""


class Interrupted(tuple[str, ...]):
    """The applier's statements, with something else before the one at `at`."""

    place: int
    by: Callable[[], object]

    def __iter__(self) -> Iterator[str]:
        for place, statement in enumerate(super().__iter__()):
            if place == self.place:
                self.by()
            yield statement


class Histories(RuleBasedStateMachine):
    """Facts counted and recounted, metadata in any order, applied now and then."""

    appliers: tuple[Connection, Connection]
    workers: tuple[Connection, Connection]

    def __init__(self) -> None:
        super().__init__()
        self.connection = self.appliers[0]
        self.connection.execute(";".join(f"DELETE FROM {table}" for table in TABLES).encode())  # noqa: S608
        self.files = count(10)
        self.away: set[str] = set()

    def _worker(self, worker: int, stays_open: bool) -> Connection:
        connection = self.workers[worker]
        if stays_open and connection.info.transaction_status == TransactionStatus.IDLE:
            connection.execute("BEGIN")
        return connection

    def _end(self, worker: int, how: str) -> None:
        if self.workers[worker].info.transaction_status != TransactionStatus.IDLE:
            self.workers[worker].execute(how.encode())

    @rule(data=st.data(), worker=st.sampled_from(WORKERS), stays_open=st.booleans())
    def counted(self, data: st.DataObject, worker: int, stays_open: bool) -> None:
        sequence = data.draw(st.sampled_from([4, 1024])) + worker  # two days, three quarters of an hour
        connection = self._worker(worker, stays_open)
        found = diff(*data.draw(edits_of(worker)))
        with suppress(FactsAway), connection.transaction():
            replace_facts(connection, sequence, found)

    @rule(
        data=st.data(),
        worker=st.sampled_from(WORKERS),
        stays_open=st.booleans(),
        newest=TIMES,
        late=st.booleans(),
    )
    def heard(self, data: st.DataObject, worker: int, stays_open: bool, newest: datetime, late: bool) -> None:
        sequence = data.draw(st.integers(0, 9)) if late else next(self.files)
        connection = self._worker(worker, stays_open)
        with connection.transaction():
            save_changesets(connection, sequence, file(*data.draw(changesets_of(worker)), newest=newest))

    @rule(tags=TAGS, created=TIMES)
    def the_newest_leaves(self, tags: list[str], created: datetime) -> None:
        """The hashtag is taken from just the changeset that says when it was last used."""
        row = self.connection.execute(
            "SELECT changeset_id FROM changesets_hashtags WHERE changeset_id <= 4 AND tagged_at IS NOT NULL"
            " ORDER BY tagged_at DESC, changeset_id LIMIT 1"
        ).fetchone()
        if row is not None:
            worker = row[0] % 2
            with self.workers[worker].transaction():
                left = changeset(row[0], *tags, uid=2 + worker, created=created)
                save_changesets(self.workers[worker], next(self.files), file(left))

    @rule(many=st.lists(st.integers(1, 2), min_size=CROWD, max_size=CROWD), alone=st.booleans())
    def a_crowd(self, many: list[int], alone: bool) -> None:
        """More keys than a top list holds, and ties at its end: users of a hashtag, or editors and hashtags of one."""
        uids = [100 if alone else 100 + i for i in range(CROWD)]
        found = [edits(100 + i, uid=uid, n=many[i]) for i, uid in enumerate(uids)]
        tagged = [
            changeset(100 + i, "a", *(f"t{i}-{n}" for n in range(5)), uid=uid, editor=f"e{i}")
            for i, uid in enumerate(uids)
        ]
        with suppress(FactsAway), self.connection.transaction():
            replace_facts(self.connection, 6, diff(*found))
            save_changesets(self.connection, next(self.files), file(*tagged))

    @rule(worker=st.sampled_from(WORKERS), how=st.sampled_from(["COMMIT", "ROLLBACK"]))
    def ended(self, worker: int, how: str) -> None:
        self._end(worker, how)

    @rule(applier=st.sampled_from((0, 1)), batch=BATCHES)
    def applied(self, applier: int, batch: int) -> None:
        with using(BATCH=batch):
            apply_queue(self.appliers[applier])
        assert queued(self.connection) == 0
        if not self.away:
            assert held(self.connection) == 0
            assert aggregates(self.connection) == recomputed(self.connection)
            assert roll_ups(self.connection) == recomputed_roll_ups(self.connection)

    @rule(place=PLACES, batch=BATCHES, worker=st.sampled_from(WORKERS))
    def applied_while_a_worker_commits(self, place: int, batch: int, worker: int) -> None:
        self._interrupted(place, batch, lambda: self._end(worker, "COMMIT"))

    @rule(place=PLACES, batch=BATCHES)
    def applied_by_two_at_once(self, place: int, batch: int) -> None:
        def rival() -> None:
            assert apply_queue(self.appliers[1]).entries == 0

        self._interrupted(place, batch, rival)

    @rule(place=PLACES, batch=BATCHES)
    def killed(self, place: int, batch: int) -> None:
        def dies() -> None:
            raise Killed

        with suppress(Killed):
            self._interrupted(place, batch, dies)

    @rule(table=st.sampled_from(TABLES[:2]))
    def detached(self, table: str) -> None:
        note(self.connection)
        if table not in self.away:
            with suppress(LockNotAvailable), self.connection.transaction():  # a worker is at it
                self.connection.execute("SET LOCAL lock_timeout = '10ms'")
                self.connection.execute(f"ALTER TABLE {table} DETACH PARTITION {name_of(table, 0)}".encode())
                self.away.add(table)

    @rule()
    def attached(self) -> None:
        for table in sorted(self.away):
            bounds = f"FOR VALUES FROM (0) TO ({SEQUENCES})"
            self.connection.execute(
                f"ALTER TABLE {table} ATTACH PARTITION {name_of(table, 0)} {bounds}".encode()
            )
        self.away.clear()

    @rule()
    def verified(self) -> None:
        """Whatever is queued, written or lost meanwhile."""
        assert verify(self.connection, "test").differences == []

    def _interrupted(self, place: int, batch: int, by: Callable[[], object]) -> None:
        steps = Interrupted(STEPS)
        steps.place, steps.by = place, by
        with using(STEPS=steps, BATCH=batch, WAIT_SECONDS=0.0):
            apply_queue(self.connection)

    def teardown(self) -> None:
        for worker in WORKERS:
            self._end(worker, "COMMIT")
        self.attached()
        self.applied(1, statistics.BATCH)


@contextmanager
def using(**values: object) -> Iterator[None]:
    """The applier's module with other values."""
    before = {name: getattr(statistics, name) for name in values}
    vars(statistics).update(values)
    try:
        yield
    finally:
        vars(statistics).update(before)


def test_any_history_ends_in_what_the_facts_say(connection: Connection, url: str) -> None:
    make_partitions(connection, 0, 100)
    save_countries(connection, COUNTRIES)
    connection.execute("INSERT INTO unions (name, patterns) VALUES ('ab', '{a,b}'), ('t*', '{t*}')")
    with connect(url) as rival, connect(url) as first, connect(url) as second:
        for each in (connection, rival, first, second):
            each.execute(
                "SET synchronous_commit = off; SET plan_cache_mode = force_generic_plan"
            )  # speed alone
        Histories.appliers, Histories.workers = (connection, rival), (first, second)
        run_state_machine_as_test(
            Histories,
            settings=settings(examples(HISTORIES), stateful_step_count=7),
        )
