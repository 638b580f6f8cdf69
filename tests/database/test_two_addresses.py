"""A sequence that is read from two addresses: only what is settled replaces another's (docs/states.md, 3.1)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from stats_assets.database.connection import Connection
from stats_assets.database.ledger.worth import Counted, Counts, Verdict, verdict
from tests.database.test_ledger import (
    FETCHED,
    REACHED,
    at_work,
    commit,
    counted,
    state,
    take,
)

A, B = 1, 2
BROKEN = {"broken_geometry": 1}


@pytest.fixture(autouse=True)
def a_run(connection: Connection) -> Any:
    with at_work(connection):
        yield


def row(**others: Any) -> Counts:
    given: dict[str, Any] = {"osm_base": REACHED, "address": A, "canonical": "c"}
    return Counts("committed", "a", 5, FETCHED, "d", **(given | others))


def new(name: str = "b", address: int = B, base: int = 60, **others: Any) -> Counted:
    return counted(name, 5, base, osm_base=REACHED + timedelta(minutes=base), address=address, **others)


@pytest.mark.parametrize(
    ("before", "read", "by_hand", "decided"),
    [
        # of the same address the newer data count
        (row(), new(address=A), False, "committed"),
        (row(), new(address=A, base=-60), False, "stale"),
        # of another only what is settled
        (row(), new(), False, "stale"),
        (row(), new(), True, "stale"),
        (row(), new(settled=True), False, "committed"),
        (row(), new(settled=True, base=-60), False, "committed"),
        (row(settled=True, settled_by=A), new(settled=True), False, "stale"),
        (row(settled=True, settled_by=A), new(settled=True), True, "committed"),
        # what was given up is not settled
        (row(settled=True, rereads=3), new(settled=True), False, "committed"),
        # whose body it is, is who has settled it
        (row(settled=True, settled_by=B), new(address=A), False, "stale"),
        (row(settled=True, settled_by=B), new(settled=True, base=90), False, "committed"),
        # and an earlier state of that one is no newer than what it has settled, whatever the body's own time
        (row(settled=True, settled_by=B), new(base=60), False, "stale"),
        (row(settled=True, settled_by=B), new(base=60), True, "stale"),
        # the same actions are the same body, whatever the bytes
        (row(), new("a"), False, "unchanged"),
        (row(), new(canonical="c"), False, "unchanged"),
        (row(canonical=None), new(canonical="c", settled=True), False, "committed"),
        # a remark makes it worse, and what is whole has to be settled, too
        (row(), new(settled=True, tally=BROKEN), False, "stale"),
        (row(tally=BROKEN), new(), False, "stale"),
        (row(tally=BROKEN, settled=True), new(settled=True), False, "committed"),
        # where one of them is not known, the data's time tells
        (row(address=None), new(), False, "committed"),
        (row(), replace(new(), address=None), False, "committed"),
    ],
)
def test_verdicts(before: Counts, read: Counted, by_hand: bool, decided: str) -> None:
    assert verdict(before, read, by_hand=by_hand) is Verdict(decided)


def read(connection: Connection, body: Counted, **how: Any) -> Verdict:
    return commit(connection, take(connection, 100)[0], body, **how)


def of(connection: Connection) -> tuple[Any, ...]:
    found = state(connection, 100)
    return found["content_hash"], found["address"], found["settled_by"], found["settled_at"] is not None


def test_the_ledger_says_where_a_body_came_from_and_who_settled_it(connection: Connection) -> None:
    read(connection, new("a", A, 10))
    assert of(connection) == ("a", A, None, False)
    assert read(connection, new("b", B, 20), canonical=lambda: "other") is Verdict.STALE
    assert of(connection) == ("a", A, None, False)
    assert read(connection, new("b", B, 90, settled=True), canonical=lambda: "canonical") is Verdict.SAME
    assert of(connection) == ("a", A, B, True)
    assert state(connection, 100)["osm_base"] == REACHED + timedelta(minutes=10)
    read(connection, new("c", A, 30), canonical=lambda: "late")
    assert of(connection) == ("a", A, B, True)


def test_another_that_is_settled_replaces(connection: Connection) -> None:
    kept: list[int] = []
    read(connection, new("a", A, 10))
    read(
        connection,
        new("b", B, 90, settled=True),
        canonical=lambda: "other",
        keep_replaced=lambda: kept.append(1),
    )
    assert (of(connection), kept) == (("b", B, B, True), [1])


def test_what_loses_to_another_settles_nothing(connection: Connection) -> None:
    """Its remark makes it worse: the counted body is not final by that."""
    read(connection, new("a", A, 10))
    read(connection, new("b", B, 90, settled=True, overdue=True, tally=BROKEN), canonical=lambda: "other")
    assert of(connection) == ("a", A, None, False)
    assert state(connection, 100)["rereads"] == 1


def test_an_archived_body_settles_nothing_that_it_did_not_settle_before(connection: Connection) -> None:
    read(connection, new("a", A, 10))
    archived = replace(new("a", A, 10), settled=True, from_archive=True, address=None)
    assert read(connection, archived) is Verdict.SAME
    assert of(connection) == ("a", A, None, False)


def test_a_settled_first_read_costs_no_second_hash(connection: Connection) -> None:
    def worked_out() -> str:
        raise AssertionError

    read(connection, new("a", A, 90, settled=True), canonical=worked_out)
    assert state(connection, 100)["canonical"] is None


STATES, FINAL = 6, 4  # of a server, from which on its body is final
READS = st.lists(
    st.tuples(st.sampled_from((A, B)), st.integers(0, STATES - 1), st.booleans(), st.booleans()), max_size=9
)


@pytest.mark.parametrize("of_files", [False, True], ids=["two servers", "a server and a directory"])
@given(READS, st.sampled_from((A, B)), st.integers(0, 9))
@example(reads=[(1, 4, False, False), (2, 2, False, False)], settles=2, place=1)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_in_any_order_of_reads_two_that_agree_when_settled_end_in_the_same_facts(
    connection: Connection,
    of_files: bool,
    reads: list[tuple[int, int, bool, bool]],
    settles: int,
    place: int,
) -> None:
    """Reads: (address, its state, by hand or not, whether its last state has other bytes); one at least is final."""
    (sequence,) = connection.execute("SELECT coalesce(max(sequence), 99) + 1 FROM ledger").fetchone() or (0,)
    reads = [*reads[:place], (settles, FINAL, False, False), *reads[place:]]
    for address, at, by_hand, other_bytes in reads:
        final = at >= FINAL
        actions = "final" if final else f"{address} {at}"
        files = of_files and address == B
        body = Counted(
            f"{actions} of {address}" if final and other_bytes else actions,
            5,
            FETCHED + timedelta(minutes=at),
            "d",
            osm_base=None if files else REACHED + timedelta(minutes=at + 3 * address),
            settled=final,
            overdue=final,
            address=address,
            of_directory=files,
        )
        commit(
            connection, take(connection, sequence)[0], body, by_hand=by_hand, canonical=lambda a=actions: a
        )
    found = state(connection, sequence)
    assert found["content_hash"].startswith("final")
    assert found["settled_at"] is not None
