"""When a tick asks for the head: when the next one can be there, then at each tick; never while it wants quiet."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stats_assets.database.ledger.heads import Head
from stats_assets.feeds.sequences import covers
from stats_assets.ingest.polling import asks, due_in, learned

URL = "http://feed"
N = 7_474_000
END = covers(N).until


def at(seconds: float) -> datetime:
    return END + timedelta(seconds=seconds)


def known(now: float, **others: object) -> Head:
    """The head N, first seen 20 s after its minute's end, and answered 5 s ago; now: seconds after that end."""
    given: dict[str, object] = {
        "source": URL,
        "head": N,
        "highest": N,
        "feed_time": END,
        "asked_at": at(now - 5),
        "moved_at": at(20),
        "delay_seconds": 20.0,
    }
    return Head("augmented_diffs", at(now), **(given | others))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "asked"),
    [(21, False), (40, False), (59, False), (79, False), (80, True), (95, True), (300, True)],
)
def test_it_asks_when_the_next_minute_can_be_there(now: float, asked: bool) -> None:
    assert asks(known(now), URL, N) is asked


def test_before_it_knows_how_late_heads_are_it_asks_from_the_minutes_end_on() -> None:
    assert [asks(known(now, delay_seconds=None), URL, N) for now in (30, 59, 61)] == [False, False, True]


@pytest.mark.parametrize(
    ("others", "asked"),
    [
        ({"head": None}, True),
        ({"source": "http://another"}, True),
        ({"asked_at": None}, True),
        ({"asked_at": at(500)}, True),  # a clock that was set back
        ({"failed_at": at(38), "failure": "down"}, True),
        ({"quiet_until": at(60), "head": None}, False),
        ({"quiet_until": at(39), "head": None}, True),  # it is over
        ({"feed_time": at(500)}, True),  # a feed that runs ahead of the clock
    ],
)
def test_what_is_not_known_is_asked_at_once_but_not_while_it_wants_quiet(
    others: dict[str, object], asked: bool
) -> None:
    assert asks(known(40, **others), URL, N) is asked


def test_a_feed_that_stands_still_is_asked_once_a_minute() -> None:
    still = known(3000)
    assert not asks(still, URL, N)
    assert asks(replace(still, asked_at=still.now - timedelta(seconds=56)), URL, N)
    down = replace(still, failed_at=still.now - timedelta(seconds=5), asked_at=still.now - timedelta(hours=1))
    assert not asks(down, URL, N)


def test_who_is_far_behind_need_not_know_the_head() -> None:
    assert not asks(known(90), URL, N - 500)
    assert asks(known(90), URL, N - 50)


def answered(head: Head, clock: float) -> tuple[Head, float | None]:
    """Asked of a server that is 20 to 24 s late, by its clock; and how long a head that is new was there by then."""
    minutes = next(m for m in range(int(clock) // 60 + 1, -3, -1) if 60 * m + 20 + m % 5 <= clock)
    there, ended = N + minutes, covers(N + minutes).until
    moved = head.highest is None or there > head.highest
    known = replace(
        head,
        source=URL,
        head=there,
        highest=max(there, head.highest or 0),
        feed_time=ended,
        asked_at=head.now,
        moved_at=head.now if moved else head.moved_at,
        delay_seconds=learned(head, there, ended) if head.source else None,
    )
    return known, clock - (60 * minutes + 20 + minutes % 5) if moved else None


@pytest.mark.parametrize("wrong", [-7200, -300, -30, 0, 30, 7200, 30_000_000])
def test_a_day_of_ticks_is_few_requests(wrong: int) -> None:
    """A server that is 20 to 24 s late, and a tick each 15 s: little more than a head a minute, each soon after it.

    wrong: so many seconds our clock is ahead of the server's, or the server is later all the time.
    """
    head = Head("augmented_diffs", at(wrong))
    heads, late = 0, 0.0
    for tick in range(0, 86_400, 15):
        head = replace(head, now=at(tick + wrong))
        if not asks(head, URL, head.head):
            continue
        heads += 1
        head, waited = answered(head, tick)
        if waited is not None and tick > 3600:
            late = max(late, waited)
    assert 1440 - 5 <= heads <= 2200  # with a body and a second read each: under 5,000
    assert late <= 30  # seconds after it could be seen: two ticks


@pytest.mark.parametrize(
    ("head", "seconds"),
    [
        (known(21), 59.0),  # 20 s after the next minute's end
        (known(79), 1.0),
        (known(80, asked_at=at(80)), 2.0),  # it was asked, and not there: soon again, not at once
        (known(85, asked_at=at(80)), 0.0),
        (known(40, delay_seconds=None), 25.0),  # not learned yet: 45 s after the last was seen
        (known(70, delay_seconds=None), 0.0),
        (known(70, delay_seconds=None, asked_at=at(69)), 1.0),
        (known(115, delay_seconds=None), None),  # a feed that keeps no time
        (known(40, feed_time=None), None),
        (known(40, failed_at=at(39)), None),
        (known(40, quiet_until=at(100)), None),
        (known(3000), None),  # it stands still
    ],
)
def test_when_the_next_head_is_due(head: Head, seconds: float | None) -> None:
    assert due_in(head) == seconds


def test_a_head_that_stands_still_is_asked_for_more_and_more_seldom() -> None:
    """Ten minutes of one that never comes, by a daemon that heeds the moments: not three hundred requests."""
    clock, asked_at, requests = 80.0, 75.0, 0
    while clock < 620:
        due = due_in(known(clock, asked_at=at(asked_at)))
        if due is None:
            break
        if due > 0.001:
            clock += due
            continue
        asked_at, requests = clock, requests + 1
    assert requests < 30


def test_ticks_at_these_moments_find_each_minute_soon_after_it_can_be_seen_by_few_requests() -> None:
    """As a daemon does that heeds them: the server as above, a tick each 15 s and whenever a head is due."""
    head = Head("augmented_diffs", at(0))
    heads, lates = 0, []
    clock, regular = 0.0, 0.0
    while clock < 43_200:
        head = replace(head, now=at(clock))
        if asks(head, URL, head.head):
            heads += 1
            head, waited = answered(head, clock)
            if waited is not None and clock > 180:
                lates.append(waited)
        due = due_in(head)
        regular = clock + 15
        clock = regular if due is None else min(regular, clock + max(due, 0.5))
    assert heads <= 720 * 1.6  # half a day; with a body and a second read each: under 5,000 a day
    assert max(lates[:5]) <= 7, "it is learned at once"
    assert sorted(lates)[int(0.95 * len(lates))] <= 6  # 4 of them the server's own


def test_a_feed_that_keeps_no_time_is_asked_at_each_tick() -> None:
    head = known(15, delay_seconds=None, moved_at=at(10))
    assert learned(head, N + 1, at(10)) is None  # a minute in five seconds
    ago = Head("augmented_diffs", datetime(2026, 1, 1, tzinfo=UTC), URL, N)
    assert learned(ago, N + 1, datetime(2025, 1, 1, tzinfo=UTC)) is None
