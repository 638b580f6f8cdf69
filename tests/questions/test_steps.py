"""Where the steps of a series begin."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats_assets.questions import steps
from stats_assets.questions.windows import in_zone
from tests.conftest import examples

NAIROBI, BERLIN = ZoneInfo("Africa/Nairobi"), ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def shown(since: str, until: str, by: str, zone: ZoneInfo) -> list[str]:
    return [in_zone(time, zone) for time in steps.edges(at(since), at(until), by, zone)]


def test_steps_stand_on_the_zones_clock() -> None:
    assert shown("2025-02-20T11:10Z", "2025-02-20T13:30Z", "hour", NAIROBI) == [
        *(
            "2025-02-20T14:10+03:00",
            "2025-02-20T15:00+03:00",
            "2025-02-20T16:00+03:00",
            "2025-02-20T16:30+03:00",
        )
    ]
    kathmandu = shown("2025-02-20T11:00Z", "2025-02-20T13:00Z", "hour", ZoneInfo("Asia/Kathmandu"))
    assert kathmandu[1:-1] == ["2025-02-20T17:00+05:45", "2025-02-20T18:00+05:45"]


def test_days_weeks_and_months_are_the_zones() -> None:
    assert shown("2025-03-28T23:00Z", "2025-03-31T22:00Z", "day", BERLIN) == [
        *(
            "2025-03-29T00:00+01:00",
            "2025-03-30T00:00+01:00",
            "2025-03-31T00:00+02:00",
            "2025-04-01T00:00+02:00",
        )
    ]
    assert shown("2025-02-20T00:00Z", "2025-03-04T00:00Z", "week", ZoneInfo("UTC"))[1:3] == [
        "2025-02-24T00:00+00:00",
        "2025-03-03T00:00+00:00",
    ]
    assert len(shown("2024-01-01T00:00Z", "2025-01-01T00:00Z", "month", ZoneInfo("UTC"))) == 13


@examples(100)
@given(
    st.integers(0, 9_000_000),
    st.integers(1, 60 * 24 * 20),
    st.sampled_from(sorted(steps.LENGTHS)),
    st.sampled_from(
        ["UTC", "Asia/Kathmandu", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Cairo"]
    ),
)
def test_steps_cover_the_window_without_gap(past: int, minutes: int, by: str, zone: str) -> None:
    begin = at("2012-09-12T06:55Z") + timedelta(minutes=past)
    end = begin + timedelta(minutes=minutes)
    edges = steps.edges(begin, end, by, ZoneInfo(zone))
    assert (edges[0], edges[-1]) == (begin, end)
    assert edges == sorted(set(edges))
    lengths = [b - a for a, b in pairwise(edges[1:-1])]
    assert all(length <= steps.LENGTHS[by] + timedelta(days=1) for length in lengths)


def test_too_many_steps_name_a_coarser_one() -> None:
    with pytest.raises(steps.TooManySteps) as told:
        steps.edges(at("2020-01-01T00:00Z"), at("2025-01-01T00:00Z"), "15min", BERLIN)
    assert told.value.better == "day"
    assert steps.usual(at("2025-02-20T11:00Z"), at("2025-02-20T14:30Z")) == "15min"
