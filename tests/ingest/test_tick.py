"""The tick's pure decision, case by case: where the cursor stands, and what is requested."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats_assets.database.ledger.ledger import BLOCK, LedgerRow, Work, block_of
from stats_assets.ingest.tick import (
    MOST_SKIPPED,
    Decision,
    NowhereToStart,
    Range,
    Standing,
    State,
    Stored,
    decide,
    stand,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def row(
    sequence: int, done: bool = False, work: Work = "idle", not_before: datetime | None = None
) -> LedgerRow:
    return LedgerRow(sequence, "none", work, done, 0, 0, False, not_before, None)


class Ledger:
    """A ledger in memory, as a tick sees it."""

    def __init__(
        self,
        done: Sequence[int] = (),
        waiting: Mapping[int, datetime] | None = None,
        trying: Sequence[int] = (),
    ):
        self.done, self.waiting, self.trying = set(done), dict(waiting or {}), set(trying)

    def row(self, sequence: int) -> LedgerRow:
        if sequence in self.trying:
            return row(sequence, sequence in self.done, "trying")
        if sequence in self.waiting:
            return row(sequence, sequence in self.done, "waiting", self.waiting[sequence])
        return row(sequence, sequence in self.done)

    def state(
        self,
        cursor: int,
        head: int | None,
        slots: int = 2,
        in_flight: Sequence[Range] = (),
        now: datetime = NOW,
    ) -> State:
        blocks: dict[int, int] = {}
        for sequence in self.done:
            blocks[block_of(sequence)] = blocks.get(block_of(sequence), 0) + 1
        held: dict[int, int] = {}
        for sequence in {s for s, until in self.waiting.items() if until > now} | self.trying:
            if sequence not in self.done:
                held[block_of(sequence)] = held.get(block_of(sequence), 0) + 1
        rows = lambda wanted: {b: [self.row(b + i) for i in range(BLOCK)] for b in wanted}  # noqa: E731
        return State(cursor, head, now, slots, in_flight, blocks, held, rows)


LATER, EARLIER = NOW + timedelta(minutes=1), NOW - timedelta(minutes=1)

CASES: dict[str, tuple[State, Decision]] = {
    "nothing done yet": (Ledger().state(999, 1004), Decision(999, (Range(1000, 1004),))),
    "up to date": (Ledger(range(1000, 1005)).state(999, 1004), Decision(1004)),
    "one new minute": (Ledger(range(1000, 1005)).state(1004, 1005), Decision(1004, (Range(1005, 1005),))),
    "head unknown: the cursor still advances": (Ledger(range(1000, 1005)).state(999, None), Decision(1004)),
    "head went backwards": (Ledger(range(1000, 1005)).state(1004, 1002), Decision(1004)),
    "at a block's edge: two runs": (
        Ledger(range(1000, 1098)).state(1097, 1101),
        Decision(1097, (Range(1098, 1099), Range(1100, 1101))),
    ),
    "behind: blocks in parallel, up to the slots": (
        Ledger().state(999, 1999, slots=3),
        Decision(999, (Range(1000, 1099), Range(1100, 1199), Range(1200, 1299))),
    ),
    "no slot": (Ledger().state(999, 1999, slots=0), Decision(999)),
    "a block at work is left alone": (
        Ledger().state(999, 1299, in_flight=[Range(1000, 1099)]),
        Decision(999, (Range(1100, 1199), Range(1200, 1299))),
    ),
    "a queued run for part of a block holds the block": (
        Ledger().state(999, 1050, in_flight=[Range(1010, 1010)]),
        Decision(999),
    ),
    "over full blocks at once": (Ledger(range(1000, 1350)).state(999, 1349), Decision(1349)),
    "contiguous only: a gap stops the cursor, not the work": (
        Ledger([*range(1000, 1010), *range(1011, 1100)]).state(999, 1120),
        Decision(1009, (Range(1010, 1010), Range(1100, 1120))),
    ),
    "a waiting sequence stops the cursor, later ones go on": (
        Ledger([*range(1000, 1010)], waiting={1010: LATER}).state(999, 1012),
        Decision(1009, (Range(1011, 1012),)),
    ),
    "a wait that is over is due": (
        Ledger([*range(1000, 1010)], waiting={1010: EARLIER}).state(999, 1010),
        Decision(1009, (Range(1010, 1010),)),
    ),
    "what is being tried is not due": (
        Ledger([*range(1000, 1010)], trying=[1010]).state(999, 1010),
        Decision(1009),
    ),
    "30 blocks that only wait don't hide the next": (
        Ledger(
            [n for n in range(1000, 4000) if n % BLOCK],
            waiting=dict.fromkeys(range(1000, 4000, BLOCK), LATER),
        ).state(999, 4010),
        Decision(999, (Range(4000, 4010),)),
    ),
    "the head went back below one that waits: what is due below it is requested": (
        Ledger([*range(1000, 1010)], waiting={1011: LATER}).state(1009, 1010),
        Decision(1009, (Range(1010, 1010),)),
    ),
    "a failing re-read of a done sequence stops nothing": (
        Ledger(range(1000, 1011), waiting={1005: LATER}).state(999, 1010),
        Decision(1010),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_decide(case: str) -> None:
    state, expected = CASES[case]
    assert decide(state) == expected


def seen(
    ledger: Ledger, head: int, slots: int, blocks_a_run: int, in_flight: Sequence[Range] = ()
) -> list[Range]:
    state = replace(ledger.state(999, head, slots=slots, in_flight=in_flight), blocks_a_run=blocks_a_run)
    return list(decide(state).requests)


def test_far_behind_a_run_has_several_blocks_and_each_slot_its_share() -> None:
    new = Ledger([])
    assert seen(new, 1599, slots=2, blocks_a_run=5) == [Range(1000, 1299), Range(1300, 1599)]
    assert seen(new, 1199, slots=2, blocks_a_run=5) == [Range(1000, 1099), Range(1100, 1199)]
    assert seen(new, 9999, slots=2, blocks_a_run=5) == [Range(1000, 1499), Range(1500, 1999)]
    assert seen(new, 9999, slots=1, blocks_a_run=1) == [Range(1000, 1099)]
    assert seen(new, 1212, slots=1, blocks_a_run=5) == [Range(1000, 1212)]
    assert seen(new, 1599, slots=0, blocks_a_run=5) == []


def test_what_is_left_is_shared_by_those_that_are_still_at_work() -> None:
    """Else the slot that is free first has all of it, and one run goes on alone."""
    state = replace(Ledger([]).state(999, 1999, slots=1), blocks_a_run=10, parallel=2)
    assert list(decide(state).requests) == [Range(1000, 1499)]
    assert list(decide(replace(state, slots=2)).requests) == [Range(1000, 1499), Range(1500, 1999)]


def test_a_run_over_several_blocks_has_none_that_another_has_or_in_which_nothing_is_due() -> None:
    new = Ledger([])
    assert seen(new, 1599, 1, 5, [Range(1100, 1299)]) == [Range(1000, 1099)]
    assert seen(new, 1599, 2, 5, [Range(1100, 1299)]) == [Range(1000, 1099), Range(1300, 1499)]
    waits = Ledger([], waiting=dict.fromkeys(range(1100, 1200), LATER))
    assert seen(waits, 1299, 1, 5) == [Range(1000, 1099)]
    done = Ledger([*range(1000, 1050), *range(1120, 1200)])
    assert seen(done, 1299, 1, 5) == [Range(1050, 1299)]  # what is done in between, the run passes over


@given(
    done=st.sets(st.integers(1000, 2020)),
    head=st.integers(990, 2020),
    slots=st.integers(0, 4),
    most=st.integers(1, 6),
    busy=st.sets(st.sampled_from(range(1000, 2000, BLOCK))),
)
def test_whatever_is_due_no_two_runs_have_one_block(
    done: set[int], head: int, slots: int, most: int, busy: set[int]
) -> None:
    in_flight = [Range(block, block + 10) for block in busy]
    requests = seen(Ledger(sorted(done)), head, slots, most, in_flight)
    blocks = [block for one in requests for block in range(block_of(one.start), one.end + 1, BLOCK)]
    assert len(blocks) == len(set(blocks))
    assert not busy & set(blocks)
    assert len(requests) <= slots
    assert all(one.end <= head and one.start not in done and one.end not in done for one in requests)
    assert all(len(range(block_of(one.start), one.end + 1, BLOCK)) <= most for one in requests)


@given(
    done=st.sets(st.integers(1000, 1420)),
    waiting=st.sets(st.integers(1000, 1420)),
    head=st.integers(990, 1420),
    slots=st.integers(0, 4),
)
def test_the_cursor_never_passes_what_is_not_done_and_what_is_due_is_requested(
    done: set[int], waiting: set[int], head: int, slots: int
) -> None:
    ledger = Ledger(sorted(done), waiting=dict.fromkeys(waiting, LATER))
    decision = decide(ledger.state(999, head, slots=slots))
    assert done.issuperset(range(1000, decision.cursor + 1))
    assert decision.cursor + 1 not in done
    assert len(decision.requests) <= slots
    asked = {n for wanted in decision.requests for n in range(wanted.start, wanted.end + 1)}
    assert all(block_of(wanted.start) == block_of(wanted.end) for wanted in decision.requests)
    assert all(n <= head for n in asked)
    due = {n for n in range(1000, head + 1) if n not in done and n not in waiting}
    if slots >= 4:
        assert {block_of(n) for n in due} <= {block_of(n) for n in asked} or len(decision.requests) == slots
    assert {wanted.start for wanted in decision.requests} <= due


def done_to(last: int):  # type: ignore[no-untyped-def]
    return lambda after, upto: upto <= last


STANDINGS: dict[str, tuple[tuple[int | None, int | None, int | None, int | None, int], Standing]] = {
    # (cursor, checkpoint, START, head, all done to) → standing
    "new: from START": ((None, None, 500, 900, 0), Standing(499, begin=500)),
    "new: START beyond the head waits there": ((None, None, 1500, 900, 0), Standing(1499, begin=1500)),
    "new: from the head": ((None, None, None, 900, 0), Standing(899, begin=900)),
    "new: START needs no head": ((None, None, 500, None, 0), Standing(499, begin=500)),
    "new, with a cursor from another database": ((700, None, 500, 900, 0), Standing(499, begin=500)),
    "sequence 0": ((None, None, 0, 900, 0), Standing(-1, begin=0)),
    "no cursor: the checkpoint": ((None, 700, 500, 900, 700), Standing(700, mirror=700)),
    "cursor = checkpoint": ((700, 700, None, 900, 700), Standing(700, mirror=700)),
    "advanced: the stored cursor is mirrored": ((710, 700, None, 900, 710), Standing(710, mirror=710)),
}


@pytest.mark.parametrize("case", STANDINGS)
def test_stand(case: str) -> None:
    (cursor, checkpoint, start, head, done), expected = STANDINGS[case]
    assert stand(Stored(cursor, checkpoint), start, head, done_to(done)) == expected


def test_a_cursor_set_back_rewinds() -> None:
    standing = stand(Stored(650, 700, origin=500), None, 900, done_to(700))
    assert (standing.cursor, standing.rewind, standing.mirror) == (650, 650, None)
    assert "650" in (standing.warning or "")


def test_a_cursor_below_what_was_shown_was_set_back_unless_its_tick_died() -> None:
    assert stand(Stored(690, 650, 500, shown=700), None, 900, done_to(700)).rewind == 690
    assert stand(Stored(650, 650, 500, shown=700), None, 900, done_to(700)) == Standing(650, mirror=650)
    assert stand(Stored(700, 650, 500, shown=700), None, 900, done_to(700)) == Standing(700, mirror=700)


def test_a_seek_to_the_checkpoint_stands_until_the_cursor_is_there() -> None:
    for cursor in (None, 100):
        standing = stand(Stored(cursor, 700, 500, seek_to=700), None, 900, done_to(700))
        assert standing == Standing(700, mirror=700, seek_to=700)


def test_a_cursor_ahead_of_what_is_done_falls_back_to_the_checkpoint_and_says_so() -> None:
    standing = stand(Stored(800, 700), None, 900, done_to(750))
    assert (standing.cursor, standing.rewind, standing.mirror, standing.begin) == (700, None, 700, None)
    assert "stats-assets seek" in (standing.warning or "")


def test_no_start_and_no_head() -> None:
    with pytest.raises(NowhereToStart):
        stand(Stored(), None, None, done_to(0))


def test_a_cursor_set_back_below_the_origin_goes_back_to_the_origin() -> None:
    standing = stand(Stored(10, 700, origin=500), None, 900, done_to(700))
    assert (standing.cursor, standing.rewind) == (499, 499)
    assert "backfill" in (standing.warning or "")


SEEKS: dict[str, tuple[Stored, Standing]] = {
    "forward": (
        Stored(700, 700, 500, seek_to=800),
        Standing(800, skip=800, mirror=700, seek_to=800),
    ),
    "forward, the cursor is there: fulfilled": (Stored(750, 700, 500, 750), Standing(750, mirror=750)),
    "far forward: in steps": (
        Stored(700, 700, 500, seek_to=700 + 2 * MOST_SKIPPED),
        Standing(700 + MOST_SKIPPED, skip=700 + MOST_SKIPPED, mirror=700, seek_to=700 + 2 * MOST_SKIPPED),
    ),
    "from where it is done to, though the checkpoint is behind": (
        Stored(750, 700, 500, seek_to=900),
        Standing(900, skip=900, mirror=750, seek_to=900),
    ),
    "back": (Stored(700, 700, 500, seek_to=600), Standing(600, rewind=600)),
    "back, to where a lagging checkpoint is": (Stored(750, 700, 500, 720), Standing(720, rewind=720)),
    "back below the origin": (Stored(700, 700, 500, seek_to=10), Standing(499, rewind=499)),
    "to where it is": (Stored(700, 700, 500, seek_to=700), Standing(700, mirror=700)),
    "on a new database: the origin": (Stored(seek_to=600), Standing(600, begin=601)),
    "it wins over the cursor's own move": (
        Stored(600, 700, 500, seek_to=800),
        Standing(800, skip=800, mirror=700, seek_to=800),
    ),
}


@pytest.mark.parametrize("case", SEEKS)
def test_seek(case: str) -> None:
    stored, expected = SEEKS[case]
    assert replace(stand(stored, 500, 10**9, done_to(750)), warning=None) == expected


BEYOND: dict[str, tuple[Stored, int | None, Standing]] = {
    # (stored, head) → standing
    "dropped: the checkpoint stands": (
        Stored(700, 700, 500, seek_to=7000),
        900,
        Standing(700, mirror=700),
    ),
    "to the head itself": (
        Stored(700, 700, 500, seek_to=900),
        900,
        Standing(900, skip=900, mirror=700, seek_to=900),
    ),
    "dropped, and the old cursor must not look like a rewind": (
        Stored(650, 700, 500, seek_to=7000),
        900,
        Standing(700, mirror=700, seek_to=700),
    ),
    "unknown: forward waits": (
        Stored(700, 700, 500, seek_to=800),
        None,
        Standing(700, mirror=700, seek_to=800),
    ),
    "unknown: back does not": (Stored(700, 700, 500, seek_to=600), None, Standing(600, rewind=600)),
    "from beyond it back": (Stored(7000, 7000, 500, seek_to=890), 900, Standing(890, rewind=890)),
    "from beyond it farther on": (
        Stored(7000, 7000, 500, seek_to=8000),
        900,
        Standing(7000, mirror=7000),
    ),
    "on a new database": (Stored(seek_to=7000), 900, Standing(499, begin=500)),
}


@pytest.mark.parametrize("case", BEYOND)
def test_nothing_is_skipped_beyond_the_head(case: str) -> None:
    stored, head, expected = BEYOND[case]
    standing = stand(stored, 500, head, done_to(stored.checkpoint or 0))
    assert replace(standing, warning=None) == expected
    dropped = stored.seek_to is not None and stored.seek_to > max(head or 10**9, stored.checkpoint or 0)
    assert ("beyond the feed's head, 900" in (standing.warning or "")) == dropped


def test_a_seek_on_a_new_database_waits_for_the_head() -> None:
    with pytest.raises(NowhereToStart):
        stand(Stored(seek_to=600), 500, None, done_to(0))


def test_a_cursor_set_beyond_the_head_is_put_back_and_no_seek_is_advised() -> None:
    standing = stand(Stored(7000, 700, origin=500), None, 900, done_to(700))
    assert (standing.cursor, standing.mirror, standing.rewind) == (700, 700, None)
    assert "beyond the head of the feed, 900" in (standing.warning or "")
    assert "stats-assets seek" not in (standing.warning or "")
