"""Whether a state can be of the feed that was read: a table of cases."""

from datetime import UTC, datetime, timedelta

import pytest

from stats_assets.feeds.osmchange import State
from stats_assets.ingest.osmchange_numbers import contradiction

REACHED = datetime(2026, 11, 28, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("number", "time", "can_be"),
    [
        (500, REACHED, True),
        (500, REACHED + 3600 * SECOND, True),  # nothing was edited since, and its time rose
        (500, REACHED - 3600 * SECOND, True),  # it rose before, at the address that was read
        (501, REACHED, True),
        (501, REACHED + SECOND, True),
        (501, REACHED - SECOND, False),
        (90_000, REACHED - 3600 * SECOND, False),
        (499, REACHED, True),
        (499, REACHED - SECOND, True),  # it is behind
        (499, REACHED + SECOND, False),
        (0, REACHED + 3600 * SECOND, False),  # it began again
    ],
)
def test_what_numbers_and_times_can_be_of_one_feed(number: int, time: datetime, can_be: bool) -> None:
    why = contradiction(State(number, time), 500, REACHED)
    assert (why is None) is can_be
    assert can_be or f"file {number} is of {time:%FT%TZ}, and the store has read 500" in str(why)


def test_where_nothing_was_read_all_can_be() -> None:
    assert contradiction(State(1, REACHED), None, REACHED) is None
    assert contradiction(State(1, REACHED), 500, None) is None
