"""Sequence arithmetic: docs/definitions.md, section 1."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats_assets.feeds.sequences import covers, path_of, sequence_of

SEQUENCES = st.integers(0, 999_999_999)


@pytest.mark.parametrize(
    ("time", "sequence"),
    [
        ("2012-09-12T06:55:00Z", -1),
        ("2012-09-12T06:55:00.000001Z", 0),
        ("2012-09-12T06:56:00Z", 0),
        ("2012-09-12T06:56:01Z", 1),
        # The recorded minute 2360020 has its edits at SINCE + 1 and at exactly UNTIL.
        ("2017-03-09T04:35:00Z", 2360019),
        ("2017-03-09T04:35:01Z", 2360020),
        ("2017-03-09T04:36:00Z", 2360020),
        ("2017-03-09T06:36:00+02:00", 2360020),
    ],
)
def test_sequence_of(time: str, sequence: int) -> None:
    assert sequence_of(datetime.fromisoformat(time)) == sequence


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(TypeError):
        sequence_of(datetime(2017, 3, 9))  # noqa: DTZ001


def test_covers_in_epoch_seconds() -> None:
    since, until = covers(2360020)
    assert since.timestamp() == 1347432900 + 60 * 2360020
    assert until.timestamp() == 1347432960 + 60 * 2360020
    assert since.tzinfo is UTC


@given(SEQUENCES)
def test_edges_of_the_window(sequence: int) -> None:
    since, until = covers(sequence)
    instant = timedelta(microseconds=1)
    assert sequence_of(since) == sequence - 1
    assert sequence_of(since + instant) == sequence_of(until - instant) == sequence_of(until) == sequence
    assert sequence_of(until + instant) == sequence + 1
    assert covers(sequence + 1).since == until


@given(st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1)), st.integers(-14, 14))  # noqa: DTZ001
def test_every_time_is_in_its_window(time: datetime, hours: int) -> None:
    aware = time.replace(tzinfo=timezone(timedelta(hours=hours)))
    since, until = covers(sequence_of(aware))
    assert since < aware <= until


@pytest.mark.parametrize(
    ("sequence", "path"),
    [
        (0, "000/000/000"),
        (1, "000/000/001"),
        (999, "000/000/999"),
        (1000, "000/001/000"),
        (999_999, "000/999/999"),
        (1_000_000, "001/000/000"),
        (6_543_210, "006/543/210"),
        (999_999_999, "999/999/999"),
    ],
)
def test_path_of(sequence: int, path: str) -> None:
    assert path_of(sequence) == path


@given(SEQUENCES)
def test_a_path_holds_the_whole_number(sequence: int) -> None:
    parts = path_of(sequence).split("/")
    assert [len(part) for part in parts] == [3, 3, 3]
    assert int("".join(parts)) == sequence


@pytest.mark.parametrize("sequence", [-1, 1_000_000_000])
def test_what_has_no_path(sequence: int) -> None:
    with pytest.raises(ValueError, match="no sequence number"):
        path_of(sequence)
