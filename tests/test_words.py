"""How times are said: with their units, and no time that is over as one to come."""

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import stats_assets
from stats_assets.words import at, in_words

HOUR, DAY = 3600.0, 86400.0
PACKAGE = Path(stats_assets.__file__).parent


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (0.4, "0 s"),
        (90, "90 s"),
        (119.6, "2 min"),
        (130, "2 min 10 s"),
        (599, "9 min 59 s"),
        (45 * 60 + 20, "45 min"),
        (HOUR, "1 h"),
        (3 * HOUR, "3 h"),
        (5 * HOUR + 20 * 60, "5 h 20 min"),
        (5 * HOUR - 1, "5 h"),
        (DAY, "1 day"),
        (2 * DAY + 3 * HOUR, "2 days 3 h"),
        (2 * DAY + 59 * 60, "2 days 1 h"),
        (40 * DAY, "40 days"),
    ],
)
def test_a_duration_says_its_units(seconds: float, said: str) -> None:
    assert in_words(seconds) == said


@given(st.floats(0, 1e9))
def test_every_number_of_a_duration_has_its_unit(seconds: float) -> None:
    assert re.fullmatch(r"\d+ (s|min|h|days?)( \d+ (s|min|h))?", in_words(seconds))


def test_a_time_of_another_day_has_its_date() -> None:
    then = datetime(2026, 5, 6, 23, 8, 9, tzinfo=UTC)
    assert at(then, then + timedelta(minutes=20)) == "23:08:09 UTC"
    assert at(then, then + timedelta(hours=1)) == "2026-05-06 23:08:09 UTC"
    assert at(then) == at(then.astimezone(timezone(timedelta(hours=5)))) == "2026-05-06 23:08:09 UTC"


def test_no_other_place_puts_a_time_into_words() -> None:
    ours = re.compile(r"%H:%M:%S\} UTC|str\(timedelta|TimeRemainingColumn|:\.0f\} (s|min|h)\b")
    kept = {"words.py", "child.py", "access.py"}  # the last two print seconds while one waits for a program
    found = {
        path.name for path in PACKAGE.rglob("*.py") if path.name not in kept and ours.search(path.read_text())
    }
    assert not found
