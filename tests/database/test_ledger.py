"""The ledger's events: what is taken, committed, failed, freed and rewound (docs/states.md, sections 2 and 3.1)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from stats_assets.database.connection import Connection, connect
from stats_assets.database.ledger import failed_tries, ledger, seeking, stream_rows
from stats_assets.database.ledger import leases as leasing
from stats_assets.database.ledger.commit import commit as commit_sequence
from stats_assets.database.ledger.leases import end_lease, lease, leases
from stats_assets.database.ledger.ledger import LeaseLost, LedgerRow, Retries
from stats_assets.database.ledger.worth import Counted, Counts, Verdict, verdict
from stats_assets.settings import Settings
from stats_assets.streams import Stream
from tests.conftest import examples
from tests.drills.waiting import until

STREAM: Stream = "augmented_diffs"
RETRIES = Retries(first=60, most=3600, attempts=3, hole_grace=600)
FETCHED = datetime(2026, 1, 1, tzinfo=UTC)
REACHED = datetime(2025, 12, 31, tzinfo=UTC)


def counted(
    name: str = "a", actions: int = 5, minute: int = 0, definitions: str = "d", **others: Any
) -> Counted:
    return Counted(name, actions, FETCHED + timedelta(minutes=minute), definitions, **others)


class Written(NamedTuple):
    """What a commit writes."""

    facts: Callable[[Connection], None] = lambda connection: None
    keep_replaced: Callable[[], None] = lambda: None
    canonical: Callable[[], str] = lambda: "canonical"


@contextmanager
def at_work(connection: Connection, run_id: str = "run", start: int = 0, end: int = 10_000) -> Iterator[None]:
    connection.execute(
        "INSERT INTO run_leases (run_id, stream, start_sequence, end_sequence) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (run_id, STREAM, start, end),
    )
    yield
    end_lease(connection, run_id)


def take(connection: Connection, *sequences: int, run_id: str = "run") -> list[LedgerRow]:
    return ledger.take(connection, run_id, STREAM, sequences)


def commit(
    connection: Connection, taken: LedgerRow, new: Counted | None = None, run_id: str = "run", **how: Any
) -> Verdict:
    written = Written(**{name: how.pop(name) for name in Written._fields if name in how})
    return commit_sequence(connection, run_id, STREAM, taken, new or counted(), written, **how)


def state(connection: Connection, sequence: int) -> dict[str, Any]:
    with connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        found = cursor.execute(
            "SELECT l.*, l.epoch >= b.epoch AS done, b.done AS block_done FROM ledger AS l JOIN ledger_blocks AS b"
            " ON b.stream = l.stream AND b.block = l.sequence - l.sequence %% 100"
            " WHERE l.stream = %s AND l.sequence = %s",
            (STREAM, sequence),
        ).fetchone()
    assert found is not None
    return found


def due(connection: Connection, sequences: Sequence[int]) -> list[int]:
    now = datetime.now(UTC)
    return [
        row.sequence
        for row in ledger.rows(connection, STREAM, sequences)
        if not row.done and row.work != "trying" and not (row.not_before and row.not_before > now)
    ]


@pytest.fixture(autouse=True)
def working(connection: Connection) -> Iterator[None]:
    with at_work(connection):
        yield


def test_an_unknown_sequence_is_due(connection: Connection) -> None:
    (row,) = ledger.rows(connection, STREAM, [42])
    assert (row.result, row.work, row.done, row.attempts) == ("none", "idle", False, 0)


def test_taking_is_committed_at_once_and_seen_by_others(connection: Connection, url: str) -> None:
    take(connection, 100, 101)
    with connect(url) as other:
        assert [row.work for row in ledger.rows(other, STREAM, [100, 101, 102])] == [
            "trying",
            "trying",
            "idle",
        ]


def test_a_commit_writes_once_and_counts_in_the_block(connection: Connection) -> None:
    (taken,) = take(connection, 100)
    assert commit(connection, taken) is Verdict.COMMITTED
    found = state(connection, 100)
    assert (found["result"], found["work"], found["done"], found["block_done"]) == (
        "committed",
        "idle",
        True,
        1,
    )
    (again,) = take(connection, 100)
    assert commit(connection, again) is Verdict.SAME
    assert state(connection, 100)["block_done"] == 1


def test_a_failing_write_leaves_nothing(connection: Connection) -> None:
    (taken,) = take(connection, 100)

    def write(inside: Connection) -> None:
        inside.execute("INSERT INTO statistics_queue (changeset_id) VALUES (1)")
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        commit(connection, taken, facts=write)
    assert state(connection, 100)["result"] == "none"
    assert connection.execute("SELECT count(*) FROM statistics_queue").fetchone() == (0,)


@pytest.mark.parametrize("error", [psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure])
def test_a_deadlock_is_retried_in_place_and_is_no_attempt(
    connection: Connection, error: type[Exception]
) -> None:
    (taken,) = take(connection, 100)
    tries = []

    def write(inside: Connection) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise error

    assert commit(connection, taken, facts=write) is Verdict.COMMITTED
    assert len(tries) == 3
    assert state(connection, 100)["attempts"] == 0


ROW = Counts("committed", "a", 5, FETCHED, "d")
BASED = ROW._replace(osm_base=REACHED)
BROKEN = {"broken_geometry": 1}
REMARKED = BASED._replace(tally=BROKEN)
VERDICTS: dict[str, tuple[Counts, Counted, dict[str, bool], Verdict]] = {
    "first": (Counts("none", None, None, None, None), counted(), {}, Verdict.COMMITTED),
    "same again": (Counts("committed", "a", 5, FETCHED, "d"), counted(minute=9), {}, Verdict.SAME),
    "same by hand": (
        Counts("committed", "a", 5, FETCHED, "d"),
        counted(),
        {"by_hand": True},
        Verdict.COMMITTED,
    ),
    "same, other definitions": (
        Counts("committed", "a", 5, FETCHED, "d"),
        counted(definitions="e"),
        {},
        Verdict.COMMITTED,
    ),
    "same from an older read, other definitions": (
        Counts("committed", "a", 5, FETCHED, "d"),
        counted(minute=-9, definitions="e"),
        {},
        Verdict.COMMITTED,
    ),
    "fuller": (Counts("committed", "a", 5, FETCHED, "d"), counted("b", 6, 9), {}, Verdict.COMMITTED),
    "as many, other": (ROW, counted("b", 5, 9), {}, Verdict.COMMITTED),
    "older": (ROW, counted("b", 6, -9), {}, Verdict.STALE),
    "older by hand": (ROW, counted("b", 6, -9), {"by_hand": True}, Verdict.STALE),
    "of the same time": (ROW, counted("b", 6), {}, Verdict.STALE),
    "of the same time by hand": (ROW, counted("b", 6), {"by_hand": True}, Verdict.COMMITTED),
    "shorter": (ROW, counted("b", 4, 9), {}, Verdict.COMMITTED),
    "empty": (ROW, counted("b", 0, 9), {}, Verdict.COMMITTED),
    "shorter, of a server that is further": (
        *(BASED, counted("b", 4, 9, osm_base=REACHED + timedelta(minutes=1))),
        *({}, Verdict.COMMITTED),
    ),
    "fuller, of a server that is as far: a cache's": (
        *(BASED, counted("b", 6, 9, osm_base=REACHED), {}, Verdict.STALE),
    ),
    "of a server that is as far, by hand": (
        *(BASED, counted("b", 4, 9, osm_base=REACHED), {"by_hand": True}, Verdict.COMMITTED),
    ),
    "of a server that was as far, fetched before, by hand": (
        *(BASED, counted("b", 4, -9, osm_base=REACHED), {"by_hand": True}, Verdict.STALE),
    ),
    "the counted one never said": (ROW, counted("b", 4, 9, osm_base=REACHED), {}, Verdict.COMMITTED),
    "this one does not say": (BASED, counted("b", 4, 9), {}, Verdict.COMMITTED),
    "fuller and fetched later, of a server that was not as far": (
        *(BASED, counted("b", 6, 9, osm_base=REACHED - timedelta(minutes=1)), {}, Verdict.STALE),
    ),
    "fetched before, of a server that was further": (
        *(BASED, counted("b", 6, -9, osm_base=REACHED + timedelta(minutes=1)), {}, Verdict.COMMITTED),
    ),
    "with a remark, later": (
        *(BASED, counted("b", 6, 9, osm_base=REACHED + timedelta(minutes=9), tally=BROKEN)),
        *({"by_hand": True}, Verdict.STALE),
    ),
    "with a remark, in place of another": (
        *(REMARKED, counted("b", 4, 9, osm_base=REACHED + timedelta(minutes=9), tally=BROKEN)),
        *({}, Verdict.COMMITTED),
    ),
    "whole, in place of one with a remark, though no newer": (
        *(REMARKED, counted("b", 4, -9, osm_base=REACHED), {}, Verdict.COMMITTED),
    ),
    "another numbering's": (BASED, counted("b", 1, -9, numbering=1), {}, Verdict.COMMITTED),
    "an older numbering's": (
        *(BASED._replace(numbering=2), counted("b", 9, 9, numbering=1), {"by_hand": True}, Verdict.STALE),
    ),
    "skipped before": (Counts("skipped", None, None, None, None), counted(), {}, Verdict.COMMITTED),
}


@pytest.mark.parametrize("case", VERDICTS)
def test_verdict(case: str) -> None:
    row, new, how, expected = VERDICTS[case]
    assert verdict(row, new, **({"by_hand": False} | how)) is expected


def test_a_shorter_body_counts_flagged_until_it_is_read_again(connection: Connection) -> None:
    kept: list[int] = []
    commit(connection, take(connection, 100)[0], counted("a", 5), keep_replaced=lambda: kept.append(1))
    shorter = counted("b", 4, minute=60)
    assert (
        commit(connection, take(connection, 100)[0], shorter, keep_replaced=lambda: kept.append(2))
        is Verdict.COMMITTED
    )
    found = state(connection, 100)
    assert (found["content_hash"], found["actions"], found["result"]) == ("b", 4, "committed")
    assert (found["tally"], kept) == ({"replaced_by_shorter": 1}, [2])
    assert "4 actions, 1 fewer" in found["flagged"]
    recount = replace(shorter, from_archive=True)
    commit(connection, take(connection, 100)[0], recount, by_hand=True, keep_replaced=lambda: kept.append(3))
    commit(connection, take(connection, 100)[0], replace(recount, flagged="x"))
    assert state(connection, 100)["tally"] == {"replaced_by_shorter": 1}
    assert "fewer" in state(connection, 100)["flagged"]
    commit(connection, take(connection, 100)[0], counted("b", 4, minute=70))
    found = state(connection, 100)
    assert (found["flagged"], found["tally"], kept) == (None, None, [2])


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_doubt_is_told_anew_by_each_read_of_the_feed(connection: Connection, by_hand: bool) -> None:
    doubtful: dict[str, Any] = {
        "flagged": "1 of 5 could not be read",
        "unreadable": 1,
        "tally": {"unreadable_id": 1},
    }
    commit(connection, take(connection, 100)[0], counted("a", **doubtful))
    assert state(connection, 100)["unreadable"] == 1
    commit(connection, take(connection, 100)[0], counted("a"), by_hand=by_hand)
    found = state(connection, 100)
    assert (found["flagged"], found["tally"], found["unreadable"]) == (None, None, 0)


def settle(connection: Connection, name: str, reached: int, **how: Any) -> Any:
    """Reads 100 from a server whose data reach so many minutes; what the ledger says then of its settling."""
    new = counted(name, minute=reached, osm_base=REACHED + timedelta(minutes=reached), **how)
    commit(connection, take(connection, 100)[0], new)
    found = state(connection, 100)
    pause = found["reread_at"] and (found["reread_at"] - found["done_at"]).total_seconds() / 60
    return found["settled_at"] is not None, found["rereads"], pause, found["tally"]


def test_a_reread_that_brings_nothing_newer_waits_doubling_and_is_given_up_flagged(
    connection: Connection,
) -> None:
    given_up = {"not_settled": 1}
    assert settle(connection, "a", 1) == (False, 0, None, None)
    assert settle(connection, "a", 1) == (False, 0, None, None)  # read twice at the head: not to settle it
    assert settle(connection, "a", 1, overdue=True) == (False, 1, 30, None)
    assert settle(connection, "b", 1, overdue=True) == (False, 2, 60, None)  # another cache's, as old
    assert settle(connection, "a", 0, overdue=True) == (True, 3, None, given_up)
    assert "same old answer" in state(connection, 100)["flagged"]
    assert settle(connection, "a", 1, overdue=True) == (True, 4, None, given_up)
    assert settle(connection, "c", 40, overdue=True) == (False, 0, 30, None)  # newer, yet not there
    assert settle(connection, "c", 70, overdue=True, settled=True) == (True, 0, None, None)
    assert settle(connection, "c", 50, overdue=True) == (True, 0, None, None)


class Body(NamedTuple):
    """What a server has at some time. The same length is the same actions."""

    actions: int
    remark: bool


STATES = 6  # of the server, each further than the one before
BODIES = st.lists(st.builds(Body, st.integers(1, 3), st.booleans()), min_size=STATES, max_size=STATES)
READS = st.lists(
    st.tuples(st.integers(0, STATES - 1), st.integers(0, 9), st.booleans()), min_size=1, max_size=8
)


@given(BODIES, READS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_in_any_order_of_reads_the_newest_whole_body_counts(
    connection: Connection, bodies: list[Body], reads: list[tuple[int, int, bool]]
) -> None:
    """Reads: (the server's state, when it was fetched, by hand or not). Where none is whole, the newest counts."""
    (sequence,) = connection.execute("SELECT coalesce(max(sequence), 99) + 1 FROM ledger").fetchone() or (0,)
    for at, minute, by_hand in reads:
        actions, remark = bodies[at]
        new = counted(f"{actions}{remark}", actions, minute, osm_base=REACHED + timedelta(minutes=at))
        if remark:
            new = replace(new, tally=BROKEN, flagged="a geometry is broken")
        commit(connection, take(connection, sequence)[0], new, by_hand=by_hand)
    seen = [at for at, _, _ in reads]
    last = bodies[max([at for at in seen if not bodies[at].remark] or seen)]
    found = state(connection, sequence)
    assert (found["actions"], found["content_hash"]) == (last.actions, f"{last.actions}{last.remark}")
    assert ("broken_geometry" in (found["tally"] or {})) is last.remark
    assert (found["work"], found["done"]) == ("idle", True)


def test_a_failing_sequence_waits_longer_each_time_and_is_quarantined_in_the_end(
    connection: Connection,
) -> None:
    pauses = []
    for attempt in (1, 2, 3):
        (taken,) = take(connection, 100)
        assert taken.attempts == attempt - 1
        work = failed_tries.count_attempt(connection, STREAM, taken, "bad body", RETRIES)
        found = state(connection, 100)
        pauses.append((found["not_before"] - found["since"]).total_seconds())
        assert work == ("quarantined" if attempt == 3 else "waiting")
        assert found["done"] == (attempt == 3)
    assert 45 <= pauses[0] <= 60
    assert 90 <= pauses[1] <= 120
    assert state(connection, 100)["block_done"] == 1  # done: later ones are not held up


def test_a_quarantined_sequence_heals_with_an_ordinary_commit(connection: Connection) -> None:
    for _ in range(3):
        failed_tries.count_attempt(connection, STREAM, take(connection, 100)[0], "bad body", RETRIES)
    (taken,) = take(connection, 100)
    assert commit(connection, taken) is Verdict.COMMITTED
    found = state(connection, 100)
    assert (found["work"], found["result"], found["attempts"], found["block_done"]) == (
        "idle",
        "committed",
        0,
        1,
    )


def test_a_failing_reread_leaves_the_result(connection: Connection) -> None:
    commit(connection, take(connection, 100)[0])
    failed_tries.count_attempt(connection, STREAM, take(connection, 100)[0], "bad body", RETRIES)
    found = state(connection, 100)
    assert (found["result"], found["done"], found["work"]) == ("committed", True, "waiting")


@pytest.mark.parametrize("before", ["idle", "waiting", "quarantined"])
def test_what_a_run_gives_back_is_as_it_was(connection: Connection, before: str) -> None:
    for _ in range({"idle": 0, "waiting": 1, "quarantined": 3}[before]):
        failed_tries.count_attempt(connection, STREAM, take(connection, 100)[0], "bad body", RETRIES)
    take(connection, 100)
    assert ledger.release(connection, "run", STREAM) == 1
    found = state(connection, 100)
    assert found["work"] == before
    assert found["attempts"] == {"idle": 0, "waiting": 1, "quarantined": 3}[before]


def test_a_hole_is_declared_only_after_its_grace(connection: Connection) -> None:
    (taken,) = take(connection, 100)
    assert failed_tries.wait_or_hole(connection, STREAM, taken, "404", RETRIES) == "waiting"
    assert state(connection, 100)["attempts"] == 0
    connection.execute("UPDATE ledger SET missing_since = now() - interval '500 s'")
    (taken,) = take(connection, 100)
    assert failed_tries.wait_or_hole(connection, STREAM, taken, "404", RETRIES) == "waiting"
    found = state(connection, 100)
    assert 450 < (found["not_before"] - found["since"]).total_seconds() < 600  # as long again
    connection.execute("UPDATE ledger SET missing_since = now() - interval '601 s'")
    (taken,) = take(connection, 100)
    assert failed_tries.wait_or_hole(connection, STREAM, taken, "404", RETRIES) == "hole"
    assert state(connection, 100)["done"]
    commit(connection, take(connection, 100)[0])  # and it fills after all
    found = state(connection, 100)
    assert (found["work"], found["missing_since"], found["block_done"]) == ("idle", None, 1)


def test_a_killed_run_costs_nobody_an_attempt_and_its_group_is_due_alone(connection: Connection) -> None:
    take(connection, 100, 101, 102)
    failed_tries.bury(connection, "run", STREAM, RETRIES)
    rows = ledger.rows(connection, STREAM, [100, 101, 102])
    assert all((row.work, row.attempts, row.suspect) == ("idle", 0, True) for row in rows)
    assert due(connection, [100, 101, 102]) == [100, 101, 102]


def test_a_second_death_on_the_same_sequence_alone_is_an_attempt(connection: Connection) -> None:
    take(connection, 100, 101)
    failed_tries.bury(connection, "run", STREAM, RETRIES)
    take(connection, 100)  # alone
    failed_tries.bury(connection, "run", STREAM, RETRIES)
    first, second = ledger.rows(connection, STREAM, [100, 101])
    assert (first.work, first.attempts) == ("waiting", 1)
    assert (second.work, second.attempts) == ("idle", 0)


def test_a_diff_that_kills_its_process_ends_in_quarantine(connection: Connection) -> None:
    for _ in range(RETRIES.attempts + 1):
        take(connection, 100)
        failed_tries.bury(connection, "run", STREAM, RETRIES)
    (row,) = ledger.rows(connection, STREAM, [100])
    assert (row.work, row.done) == ("quarantined", True)


def test_success_clears_the_suspicion(connection: Connection) -> None:
    take(connection, 100)
    failed_tries.bury(connection, "run", STREAM, RETRIES)
    commit(connection, take(connection, 100)[0])
    assert not ledger.rows(connection, STREAM, [100])[0].suspect


def test_what_was_tried_without_a_lease_is_freed(connection: Connection) -> None:
    take(connection, 100)
    end_lease(connection, "run")
    failed_tries.bury_orphans(connection, STREAM, RETRIES)
    assert due(connection, [100]) == [100]


def test_a_run_taken_for_dead_can_neither_commit_nor_take(connection: Connection) -> None:
    (taken,) = take(connection, 100)
    end_lease(connection, "run")
    with pytest.raises(LeaseLost):
        commit(connection, taken)
    with pytest.raises(LeaseLost):
        take(connection, 101)
    assert state(connection, 100)["result"] == "none"


def test_a_lease_beats_is_released_and_counts_its_silence(url: str, connection: Connection) -> None:
    with lease(connection, url, "other", STREAM, 100, 199, stale=20):
        (mine,) = [one for one in leases(connection, STREAM) if one.run_id == "other"]
        assert (mine.start_sequence, mine.end_sequence, mine.released) == (100, 199, False)
        assert mine.silent_seconds < 60
    (mine,) = [one for one in leases(connection, STREAM) if one.run_id == "other"]
    assert mine.released


def test_a_run_gives_three_signs_of_life_before_it_is_taken_for_dead_whatever_is_set(
    url: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    least = 1.0  # what LEASE_STALE_SECONDS may be
    with pytest.raises(ValueError, match="lease_stale_seconds"):
        Settings(lease_stale_seconds=least - 0.1)
    for stale in (least, 2.0, 5.0, 14.9, 15.0, 20.0, 3600.0):
        assert leasing.between_beats(stale) == min(5, stale / 3)
    monkeypatch.setattr(leasing, "MOST_BETWEEN", 3600.0)
    seen: set[datetime] = set()

    def beaten() -> bool:
        seen.update(
            at for (at,) in connection.execute("SELECT heartbeat FROM run_leases WHERE run_id = 'one'")
        )
        return len(seen) > 3

    with lease(connection, url, "one", STREAM, 100, 199, stale=0.3):
        assert until(beaten, "signs of life")


def test_two_runs_at_one_sequence_both_end_and_it_counts_once(url: str, connection: Connection) -> None:
    with ExitStack() as stack:
        stack.enter_context(at_work(connection, "first"))
        stack.enter_context(at_work(connection, "second"))
        (one,) = take(connection, 100, run_id="first")
        (two,) = take(connection, 100, run_id="second")
        assert commit(connection, one, run_id="first") is Verdict.COMMITTED
        assert commit(connection, two, run_id="second") is Verdict.SAME
    assert state(connection, 100)["block_done"] == 1


def test_a_rewind_makes_all_above_due_again_and_deletes_nothing(connection: Connection) -> None:
    for sequence in (*range(100, 106), *range(200, 203)):
        commit(connection, take(connection, sequence)[0])
    seeking.rewind(connection, STREAM, 102)
    assert due(connection, [*range(100, 106), *range(200, 203)]) == [103, 104, 105, 200, 201, 202]
    assert stream_rows.blocks(connection, STREAM, 100) == {100: 3, 200: 0}
    assert state(connection, 104)["result"] == "committed"
    commit(connection, take(connection, 103)[0])
    assert stream_rows.blocks(connection, STREAM, 100) == {100: 4, 200: 0}


def test_a_run_begun_before_a_rewind_is_not_the_redo(connection: Connection) -> None:
    before, after = take(connection, 101, 103)
    seeking.rewind(connection, STREAM, 102)
    commit(connection, after)
    assert due(connection, [103]) == [103]
    commit(connection, take(connection, 103)[0])
    assert due(connection, [103]) == []
    assert state(connection, 103)["block_done"] == 1
    commit(connection, before)
    assert state(connection, 101)["block_done"] in (
        1,
        2,
    )  # below the rewind: due or done, never counted twice


def test_what_was_given_up_stays_on_its_list_when_it_fails_again(connection: Connection) -> None:
    hole, quarantined = take(connection, 100, 101)
    failed_tries.wait_or_hole(connection, STREAM, hole, "404", Retries(60, 3600, 8, hole_grace=0))
    failed_tries.count_attempt(connection, STREAM, quarantined, "bad", Retries(60, 3600, 1, 0))
    hole, quarantined = take(connection, 100, 101)
    failed_tries.count_attempt(connection, STREAM, hole, "the parser raises", RETRIES)
    failed_tries.wait(connection, STREAM, quarantined, "duplicate_query", timedelta(seconds=200))
    assert stream_rows.troubled(connection, STREAM, "hole") == [(100, "the parser raises")]
    assert stream_rows.troubled(connection, STREAM, "quarantined") == [(101, "duplicate_query")]
    assert due(connection, [100, 101]) == []
    commit(connection, take(connection, 100)[0])
    assert stream_rows.troubled(connection, STREAM, "hole") == []


def test_what_another_run_has_given_up_meanwhile_stays_on_its_list(connection: Connection) -> None:
    with at_work(connection, "slow"), at_work(connection, "quick"):
        [slow] = take(connection, 100, run_id="slow")
        [quick] = take(connection, 100, run_id="quick")
    failed_tries.wait_or_hole(connection, STREAM, quick, "404", Retries(60, 3600, 8, hole_grace=0))
    failed_tries.count_attempt(connection, STREAM, slow, "the parser raises", RETRIES)
    assert stream_rows.troubled(connection, STREAM, "hole") == [(100, "the parser raises")]
    assert due(connection, [100]) == []


def test_a_seek_forward_skips_what_is_not_done_and_takes_nothing_back(connection: Connection) -> None:
    for taken in take(connection, 100, 101, 103):
        commit(connection, taken)
    failed_tries.wait(connection, STREAM, take(connection, 104)[0], "later", timedelta(hours=1))
    seeking.skip(connection, STREAM, 101, 250)
    results = connection.execute("SELECT sequence, result, work FROM ledger ORDER BY sequence").fetchall()
    assert [r for r in results if r[1] == "committed"] == [(n, "committed", "idle") for n in (100, 101, 103)]
    assert {r for r in results if r[1] != "committed"} == {
        (n, "skipped", "idle") for n in range(102, 251) if n != 103
    }
    assert stream_rows.blocks(connection, STREAM, 100) == {100: 100, 200: 51}
    assert stream_rows.all_done(connection, STREAM, 99, 250)
    seeking.skip(connection, STREAM, 101, 250)  # the tick died, and does it again
    assert stream_rows.blocks(connection, STREAM, 100) == {100: 100, 200: 51}


def test_what_was_skipped_is_due_after_a_rewind_and_can_be_committed_at_any_time(
    connection: Connection,
) -> None:
    seeking.skip(connection, STREAM, 99, 250)
    commit(connection, take(connection, 120)[0])
    assert state(connection, 120)["result"] == "committed"
    assert stream_rows.blocks(connection, STREAM, 100) == {100: 100, 200: 51}
    seeking.rewind(connection, STREAM, 199)
    assert stream_rows.blocks(connection, STREAM, 100) == {100: 100, 200: 0}
    assert not stream_rows.all_done(connection, STREAM, 199, 200)


def test_a_rewind_to_a_blocks_edge(connection: Connection) -> None:
    for sequence in (98, 99, 100, 101):
        commit(connection, take(connection, sequence)[0])
    seeking.rewind(connection, STREAM, 99)
    assert due(connection, [98, 99, 100, 101]) == [100, 101]


def test_a_rewind_frees_waiting_and_quarantined_ones(connection: Connection) -> None:
    for _ in range(3):
        failed_tries.count_attempt(connection, STREAM, take(connection, 100)[0], "bad", RETRIES)
    failed_tries.count_attempt(connection, STREAM, take(connection, 101)[0], "bad", RETRIES)
    seeking.rewind(connection, STREAM, 99)
    assert due(connection, [100, 101]) == [100, 101]


class Blocks(RuleBasedStateMachine):
    """Whatever happens, a block's count is the number of its rows that are done."""

    connection: Connection

    def __init__(self) -> None:
        super().__init__()
        self.connection.execute("TRUNCATE ledger, ledger_blocks, run_leases")
        self.context = at_work(self.connection)
        self.context.__enter__()
        self.taken: dict[int, LedgerRow] = {}

    sequences = st.integers(95, 105)

    @rule(sequence=sequences)
    def take(self, sequence: int) -> None:
        (self.taken[sequence],) = take(self.connection, sequence)

    @rule(sequence=sequences, name=st.sampled_from("abc"), actions=st.integers(3, 5))
    def commit(self, sequence: int, name: str, actions: int) -> None:
        if taken := self.taken.pop(sequence, None):
            commit(self.connection, taken, counted(name, actions))

    @rule(sequence=sequences)
    def charge(self, sequence: int) -> None:
        if taken := self.taken.pop(sequence, None):
            failed_tries.count_attempt(self.connection, STREAM, taken, "bad", RETRIES)

    @rule()
    def die(self) -> None:
        failed_tries.bury(self.connection, "run", STREAM, RETRIES)
        self.taken.clear()

    @rule(checkpoint=sequences)
    def rewind(self, checkpoint: int) -> None:
        seeking.rewind(self.connection, STREAM, checkpoint)

    @invariant()
    def blocks_count_what_is_done(self) -> None:
        wrong = self.connection.execute(
            "SELECT b.block, b.done, count(l.sequence) FROM ledger_blocks AS b LEFT JOIN ledger AS l ON"
            " l.stream = b.stream AND l.sequence - l.sequence % 100 = b.block AND l.epoch >= b.epoch"
            " GROUP BY b.stream, b.block, b.done HAVING b.done <> count(l.sequence)"
        ).fetchall()
        assert wrong == []

    @invariant()
    def nothing_is_lost(self) -> None:
        lost = self.connection.execute(
            "SELECT sequence FROM ledger AS l JOIN ledger_blocks AS b ON b.stream = l.stream"
            " AND l.sequence - l.sequence % 100 = b.block"
            " WHERE l.epoch >= b.epoch AND l.result = 'none' AND l.work IN ('idle', 'waiting')"
        ).fetchall()
        assert lost == []


def test_no_history_of_events_loses_a_sequence_or_counts_it_twice(connection: Connection) -> None:
    Blocks.connection = connection
    run_state_machine_as_test(
        Blocks,
        settings=settings(examples(40), stateful_step_count=25),
    )


@given(attempts=st.integers(1, 40))
def test_pauses_stay_within_their_bounds(attempts: int) -> None:
    assert 45 <= RETRIES.pause(attempts).total_seconds() <= 3600


def test_the_heart_beats_on_while_a_commit_takes_long(connection: Connection, url: str) -> None:
    (taken,) = take(connection, 100)

    def write(_: Connection) -> None:
        with connect(url) as other:
            other.execute("SET lock_timeout = '2s'")
            other.execute("UPDATE run_leases SET heartbeat = now() WHERE run_id = 'run'")

    assert commit(connection, taken, facts=write) is Verdict.COMMITTED


def test_more_blocks_done_ahead_than_a_tick_looks_at_are_no_restored_backup(connection: Connection) -> None:
    blocks = stream_rows.BLOCKS_A_TICK + 50
    connection.execute(
        "INSERT INTO ledger_blocks (stream, block, done) SELECT %s, 100 * g, 100 FROM generate_series(0, %s) AS g",
        (STREAM, blocks - 1),
    )
    connection.execute(
        "INSERT INTO ledger (stream, sequence, result, epoch)"
        " SELECT %s, g, 'committed', 0 FROM generate_series(0, %s) AS g",
        (STREAM, 100 * blocks - 1),
    )
    connection.execute("ANALYZE ledger, ledger_blocks")
    assert stream_rows.all_done(connection, STREAM, -1, 100 * stream_rows.BLOCKS_A_TICK + 99)


def test_a_run_that_died_frees_its_lease_before_its_rows_as_a_commit_locks_them(
    connection: Connection,
) -> None:
    take(connection, 100)
    end_lease(connection, "run")
    failed_tries.bury(connection, "run", STREAM, RETRIES)
    assert due(connection, [100]) == [100]


def test_a_failed_reread_of_a_counted_sequence_is_not_listed_as_waiting(connection: Connection) -> None:
    commit(connection, take(connection, 100)[0])
    failed_tries.count_attempt(connection, STREAM, take(connection, 100)[0], "bad body", RETRIES)
    failed_tries.count_attempt(connection, STREAM, take(connection, 101)[0], "bad body", RETRIES)
    assert [sequence for sequence, _ in stream_rows.troubled(connection, STREAM, "waiting")] == [101]
