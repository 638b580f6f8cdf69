"""What the maker's tick decides: a table of cases."""

from datetime import UTC, datetime, timedelta

import pytest

from stats_assets.database.made_diffs import MadeDiffs
from stats_assets.ingest.diff_making_tick import Decision, asks, decide, due_in, next_minute

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
AGO, SOON = NOW - timedelta(seconds=70), NOW + timedelta(seconds=30)
ROW = MadeDiffs(
    *("feed", 500, AGO, AGO, None, None, "store", "feed", AGO, AGO, AGO, 500, 7464545),
    *({}, [], [], AGO, None, None, 0, None, AGO, NOW),
)
NEVER = MadeDiffs(*[None] * 13, {}, [], [], *[None] * 3, 0, None, None, NOW)  # type: ignore[arg-type,call-arg]


@pytest.mark.parametrize(
    ("row", "how", "says"),
    [
        (ROW._replace(head=499), {"several": True}, "address in use is 499, and 500 is read"),
        (ROW, {}, "Up to date: 500 is the feed's newest file"),
        (ROW._replace(head=501), {}, None),
        (ROW._replace(head=501), {"at_work": True}, "A run is at work."),
        (ROW._replace(head=501, doing="3 of 9 files are read"), {"at_work": True}, "at work: 3 of 9 files"),
        # a quiet feed: its time rises, its number does not
        (ROW._replace(head_time=NOW), {}, None),
        (ROW._replace(head_time=AGO - timedelta(hours=1)), {}, "Up to date"),
        # what the last run left undone is tried again, though nothing new came
        (ROW._replace(trouble="the disk is full.", not_before=AGO), {}, None),
        (
            ROW._replace(trouble="the disk is full.", not_before=SOON, head=501),
            {},
            "the disk is full. Next try at",
        ),
        (ROW._replace(head=499), {}, "another feed, or its numbers began again"),
        (ROW._replace(head=0), {}, "another feed, or its numbers began again"),
        (ROW._replace(feed_trouble="it is down", head=501), {}, "it is down. Nothing is lost meanwhile."),
        (
            ROW._replace(feed_trouble="asked too often.", quiet_until=SOON),
            {},
            "asked too often. It is not asked before",
        ),
        (ROW._replace(head=None, head_time=None), {}, "How far the feed is, is not known"),
        # the beginning
        (NEVER, {"can_begin": False}, "PLANET_FILE is not set"),
        (NEVER, {}, None),
        (NEVER._replace(feed_trouble="it is down"), {}, None),  # the planet takes hours to load
        (NEVER._replace(store="store", head=5), {}, None),  # loaded, and nothing read yet
        (NEVER._replace(trouble="no such file", not_before=SOON), {}, "no such file. Next try at"),
        (ROW, {"can_begin": False}, "PLANET_FILE is not set"),  # the store was moved away
    ],
)
def test_what_a_tick_does(row: MadeDiffs, how: dict[str, bool], says: str | None) -> None:
    decided = decide(row, **({"at_work": False, "can_begin": True} | how))
    if says is None:
        assert decided == Decision(True)
    else:
        assert not decided.run
        assert says in decided.why


@pytest.mark.parametrize(
    ("row", "asked"),
    [
        (NEVER, True),
        (ROW, True),
        (ROW._replace(feed="another"), True),
        (ROW._replace(head_time=NOW - timedelta(seconds=59)), False),  # the next minute is not over
        (ROW._replace(head_time=NOW + timedelta(seconds=5)), True),  # a clock that is ahead tells nothing
        (ROW._replace(feed_trouble="it is down", quiet_until=SOON), False),
        (ROW._replace(feed_trouble="it is down", quiet_until=AGO), True),
        (ROW._replace(feed_trouble="it is down", head_time=NOW), True),
        (ROW._replace(feed="another", quiet_until=SOON), True),  # who wanted quiet was the other one
    ],
)
def test_when_the_feed_is_asked(row: MadeDiffs, asked: bool) -> None:
    assert asks(row, "feed") is asked


def test_the_next_minute_and_the_next_question() -> None:
    assert next_minute(ROW, 5) == 7464546
    assert next_minute(NEVER, 5) == 5
    assert next_minute(NEVER, None) is None
    assert due_in(ROW) is None
    assert due_in(ROW._replace(head_time=NOW - timedelta(seconds=50))) == 10
    assert due_in(NEVER) is None
