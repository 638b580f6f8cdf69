"""The traps of a simple design: each is shown to catch it, with the wrong number that comes out, and not to catch ours.

The simple designs are written out here, as small as they would be; the interleavings are the worst ones, on purpose.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest

from stats_assets.database.connection import Connection, connect
from stats_assets.database.facts.changesets import save_changesets
from stats_assets.database.facts.edits import replace_facts
from stats_assets.database.facts.fact_partitions import make_partitions
from stats_assets.database.facts.users import DIFFS, NameEvidence, save_users
from stats_assets.database.statistics import applier
from stats_assets.database.statistics.applier import apply_queue, queued, save_countries
from stats_assets.database.statistics.steps import FORGET_ENTRIES, STEPS, TEMPORARY
from stats_assets.osm.statistics import ChangesetStatistics
from tests.database.test_statistics import COUNTRIES, NOON, aggregates, changeset, diff, edits, file
from tests.recompute import recomputed


@pytest.fixture(autouse=True)
def countries(connection: Connection) -> None:
    make_partitions(connection, 0, 100)
    save_countries(connection, COUNTRIES)


@pytest.fixture
def other(url: str) -> Iterator[Connection]:
    with connect(url) as opened:
        yield opened


@pytest.fixture
def watch(url: str) -> Iterator[Connection]:
    with connect(url) as opened:
        yield opened


def edits_of_seven(connection: Connection) -> int:
    return int(aggregates(connection)["users"].get("7", {"edit_count": 0})["edit_count"])


def simple_applier(
    connection: Connection,
    steps: Sequence[str] = STEPS,
    before_forgetting: Callable[[], object] = lambda: None,
) -> None:
    """The applier's statements without its lock and its snapshot."""
    connection.execute(TEMPORARY)
    with connection.transaction():
        picked = connection.execute("SELECT id, changeset_id FROM statistics_queue ORDER BY id").fetchall()
        changesets = sorted({one for _, one in picked})
        batch: dict[str, list[int]] = {"entries": [entry for entry, _ in picked], "changesets": changesets}
        batch |= {"whole": changesets, "held": []}
        for statement in steps:
            if "DELETE FROM statistics_queue" in statement:
                before_forgetting()
            connection.execute(statement.encode(), batch)


@contextmanager
def before_forgetting(monkeypatch: pytest.MonkeyPatch, event: Callable[[], object]) -> Iterator[None]:
    """Our applier, with something that happens just before it forgets what it has done."""

    class Interrupted(tuple[str, ...]):
        def __iter__(self) -> Iterator[str]:
            for step in super().__iter__():
                if step == FORGET_ENTRIES:
                    event()
                yield step

    with monkeypatch.context() as patched:
        patched.setattr(applier, "STEPS", Interrupted(STEPS))
        yield


SIMPLE_AND_OURS = pytest.mark.parametrize("simple", [True, False], ids=["simple", "ours"])

# A queue of a row a changeset, INSERT … ON CONFLICT DO NOTHING: what is queued is not queued again
ONCE = """
CREATE FUNCTION once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RETURN CASE WHEN EXISTS (SELECT FROM statistics_queue WHERE changeset_id = NEW.changeset_id) THEN NULL ELSE NEW END;
END $$;
CREATE TRIGGER once BEFORE INSERT ON statistics_queue FOR EACH ROW EXECUTE FUNCTION once()
"""


@SIMPLE_AND_OURS
def test_an_update_while_its_changeset_is_queued(
    connection: Connection, other: Connection, monkeypatch: pytest.MonkeyPatch, simple: bool
) -> None:
    if simple:
        connection.execute(ONCE)
    replace_facts(connection, 1, diff(edits(10)))
    with before_forgetting(monkeypatch, lambda: replace_facts(other, 2, diff(edits(10, n=5)))):
        apply_queue(connection)
    apply_queue(connection)
    assert (queued(connection), edits_of_seven(connection)) == (0, 1 if simple else 6)


# DELETE … WHERE id <= the newest: ids are drawn in one order and committed in another
UP_TO = "DELETE FROM statistics_queue WHERE id <= (SELECT max(id) FROM unnest(%(entries)s::bigint[]) AS id)"


@SIMPLE_AND_OURS
def test_entries_that_are_committed_in_another_order_than_drawn(
    connection: Connection, other: Connection, monkeypatch: pytest.MonkeyPatch, simple: bool
) -> None:
    other.execute("BEGIN")
    replace_facts(other, 1, diff(edits(10, n=5)))
    replace_facts(connection, 2, diff(edits(11, uid=8)))
    if simple:
        steps = [UP_TO if step == FORGET_ENTRIES else step for step in STEPS]
        simple_applier(connection, steps, lambda: other.execute("COMMIT"))
    else:
        with before_forgetting(monkeypatch, lambda: other.execute("COMMIT")):
            apply_queue(connection)
    apply_queue(connection)
    assert (queued(connection), edits_of_seven(connection)) == (0, 0 if simple else 5)


# What was contributed, read before the changeset is one's own: two appliers both add
@SIMPLE_AND_OURS
def test_two_appliers_with_the_same_changeset(
    connection: Connection,
    other: Connection,
    watch: Connection,
    monkeypatch: pytest.MonkeyPatch,
    simple: bool,
) -> None:
    replace_facts(connection, 1, diff(edits(10)))
    rival = threading.Thread(target=simple_applier if simple else apply_queue, args=(other,))

    def begun() -> None:
        rival.start()
        until_waiting(watch, other)

    if simple:
        simple_applier(connection, before_forgetting=begun)
    else:
        with before_forgetting(monkeypatch, begun):
            apply_queue(connection)
    rival.join()
    assert (queued(connection), edits_of_seven(connection)) == (0, 2 if simple else 1)


def until_waiting(watch: Connection, other: Connection) -> None:
    """Until the other connection waits for a lock, or has asked for an applier's in vain."""
    query = "SELECT wait_event_type, query FROM pg_stat_activity WHERE pid = %s"
    for _ in range(1000):
        row = watch.execute(query, (other.info.backend_pid,)).fetchone()
        if row and (row[0] == "Lock" or row[1].startswith("SELECT pg_try_advisory_lock")):
            return
        time.sleep(0.01)
    raise AssertionError("it does not wait")


# A changeset's sums written by those who write its facts: each knows its own alone
def test_sums_written_by_two_runs_of_one_changeset(connection: Connection, other: Connection) -> None:
    connection.execute("CREATE TABLE simple (changeset_id bigint PRIMARY KEY, edits bigint)")

    def counts_and_sums(run: Connection, sequence: int, found: ChangesetStatistics) -> int:
        run.execute("BEGIN")
        replace_facts(run, sequence, diff(found))
        row = run.execute("SELECT sum(total_edits) FROM changeset_edits WHERE changeset_id = 10").fetchone()
        return int(row[0]) if row else 0

    sums = [counts_and_sums(connection, 1, edits(10, n=1)), counts_and_sums(other, 2, edits(10, uid=8, n=5))]
    for run, total in zip((connection, other), sums, strict=True):
        run.execute(
            "INSERT INTO simple VALUES (10, %s) ON CONFLICT (changeset_id) DO UPDATE SET edits = excluded.edits",
            (total,),
        )
        run.execute("COMMIT")
    apply_queue(connection)
    assert connection.execute("SELECT edits FROM simple").fetchall() == [(5,)]
    assert connection.execute("SELECT total_edits FROM changesets").fetchall() == [(6,)]


# A greatest() that is kept by difference: the greatest leaves, and nobody knows the next
def test_the_newest_changeset_leaves_a_hashtag(connection: Connection) -> None:
    connection.execute("CREATE TABLE simple (tag text PRIMARY KEY, last_edit timestamptz)")
    late = NOON + timedelta(hours=1)
    replace_facts(connection, 1, diff(edits(10), edits(11)))
    files = (
        file(changeset(10, "hot"), changeset(11, "hot", created=late)),
        file(changeset(11, created=late)),
    )
    for sequence, one in enumerate(files):
        save_changesets(connection, sequence, one)
        for heard in one.changesets:
            connection.cursor().executemany(
                "INSERT INTO simple AS s VALUES (%s, %s)"
                " ON CONFLICT (tag) DO UPDATE SET last_edit = greatest(s.last_edit, excluded.last_edit)",
                [(tag, heard.created_at) for tag in heard.hashtags],
            )
        apply_queue(connection)
    assert connection.execute("SELECT last_edit FROM simple").fetchall() == [(late,)]
    assert aggregates(connection)["hashtags"]["hot"]["last_edit"] == NOON


# RANK() over ties: as many keys as there are ties at the end
def test_a_mapathon_where_everybody_has_edited_once(connection: Connection) -> None:
    users = range(1000, 1300)
    replace_facts(connection, 1, diff(*(edits(uid, uid=uid) for uid in users)))
    save_changesets(connection, 1, file(*(changeset(uid, "hot", uid=uid) for uid in users)))
    apply_queue(connection)
    ranked = connection.execute(
        """
        SELECT count(*) FROM (
            SELECT rank() OVER (ORDER BY edits DESC) AS place FROM aggregate_keys
            WHERE owner = 'hashtag' AND measure = 'user'
        ) AS ranks WHERE place <= 10
        """
    ).fetchone()
    assert ranked == (300,)
    found = aggregates(connection)
    assert list(map(int, found["hashtags"]["hot"]["user_edits"])) == list(range(1000, 1010))
    assert found == recomputed(connection)


# Rows locked in the order in which they come: two runs wait for each other
@SIMPLE_AND_OURS
def test_two_runs_with_the_same_users_in_another_order(
    connection: Connection, other: Connection, watch: Connection, url: str, simple: bool
) -> None:
    save_users(connection, DIFFS, 1, [NameEvidence(uid, "before", NOON) for uid in (1, 2, 3)])
    ended: list[str] = []

    def run(own: Connection, order: tuple[int, ...]) -> None:
        later = NOON + timedelta(days=1)
        try:
            with own.transaction():
                if simple:
                    for uid in order:
                        own.execute("UPDATE users SET name = 'after' WHERE id = %s", (uid,))
                else:
                    save_users(own, DIFFS, 2, [NameEvidence(uid, "after", later) for uid in order])
            ended.append("fine")
        except psycopg.errors.DeadlockDetected:
            ended.append("deadlock")

    other.execute("BEGIN")
    other.execute("SELECT FROM users WHERE id = 2 FOR UPDATE")
    with connect(url) as second:
        threads = []
        for own, order in ((connection, (3, 2, 1)), (second, (1, 3))):
            own.execute("SET deadlock_timeout = '50ms'")
            threads.append(threading.Thread(target=run, args=(own, order)))
            threads[-1].start()
            until_waiting(watch, own)
        other.execute("COMMIT")
        for thread in threads:
            thread.join()
    assert sorted(ended) == (["deadlock", "fine"] if simple else ["fine", "fine"])
