"""Which address is used now, and which are asked for that: a table of cases, and what holds in any order of events."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats_assets.database.ledger.addresses import Address
from stats_assets.ingest.address_choice import (
    AGAIN,
    AGAIN_MOST,
    BEHIND,
    NOT_ASKED,
    STEADY,
    STEADY_MOST,
    choose,
    to_ask,
)

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def one(url: str, behind: float = 1, **others: Any) -> Address:
    """An address that answered just now, so many minutes behind the clock."""
    given: dict[str, Any] = {"reached": ago(behind), "answered_at": NOW, "well_since": ago(60)}
    return Address(url, NOW, 1000, **(given | others))


DOWN: dict[str, Any] = {"failures": 2, "failure": "no connection", "failed_at": NOW}
QUIET: dict[str, Any] = {"quiet_until": NOW + MINUTE, "quiet_reason": "status 429"}
BAD: dict[str, Any] = {"bad_at": ago(1), "bad": "status 504"}
OTHER: dict[str, Any] = {"other_numbering": "its numbers are others"}
NEVER = Address("b", NOW)


@pytest.mark.parametrize(
    ("addresses", "in_use", "chosen", "says"),
    [
        # the first that is well
        ([one("a"), one("b")], "a", "a", {}),
        ([one("a"), one("b")], None, "a", {}),
        ([one("a"), one("b")], "c", "a", {}),  # the setting has changed
        ([one("a"), NEVER], "a", "a", {"b": NOT_ASKED}),
        # down, refusing, of no use, another's
        ([one("a", **DOWN), one("b")], "a", "b", {"a": "no connection"}),
        ([one("a", **QUIET), one("b")], "a", "b", {"a": "wants quiet"}),
        ([one("a", **BAD), one("b")], "a", "b", {"a": "status 504"}),
        ([one("a", **OTHER), one("b")], "a", "b", {"a": "others"}),
        ([one("a", **DOWN), one("b", **DOWN), one("c")], "a", "c", {"a": "no", "b": "no"}),
        # one failure says little, unless it never answered
        ([one("a", failures=1), one("b")], "a", "a", {}),
        ([Address("a", NOW, failures=1, failure="no"), one("b")], None, "b", {"a": "no"}),
        # behind another, not behind the clock
        ([one("a", 11), one("b", 1)], "a", "b", {"a": "10 min behind another"}),
        ([one("a", 10.9), one("b", 1)], "a", "a", {}),
        ([one("a", 600), one("b", 595)], "a", "a", {}),
        # one that is down is no measure
        ([one("a", 30), one("b", 1, **DOWN)], "a", "a", {"b": "no connection"}),
        ([one("a", 1, **DOWN), one("b", 30)], "a", "b", {"a": "no connection"}),
        # what was said long ago says nothing of now
        ([one("a", 30), one("b", 1, answered_at=ago(6))], "a", "a", {"b": NOT_ASKED}),
        # none is well: it stays as it is
        ([one("a", **DOWN), one("b", **QUIET)], "b", "b", {"a": "no", "b": "quiet"}),
        ([one("a", **DOWN), NEVER], "a", "a", {"a": "no", "b": NOT_ASKED}),
        # back, when it was well for long enough
        ([one("a", left_at=ago(9), leaves=1, well_since=ago(4)), one("b")], "b", "b", {"a": "for 60 s more"}),
        ([one("a", left_at=ago(9), leaves=1, well_since=ago(5)), one("b")], "b", "a", {}),
        ([one("a", left_at=ago(9), leaves=2, well_since=ago(5)), one("b")], "b", "b", {"a": "for 5 min"}),
        ([one("a", left_at=ago(9), leaves=2, well_since=ago(10)), one("b")], "b", "a", {}),
        ([one("a", left_at=ago(9), leaves=99, well_since=ago(60)), one("b")], "b", "a", {}),
        # at once, where the one in use is in trouble, or it never was left
        ([one("a", left_at=ago(9), leaves=9, well_since=NOW), one("b", **DOWN)], "b", "a", {"b": "no"}),
        ([one("a", well_since=None), one("b")], "b", "a", {}),
        # bodies that could not be used are tried again after as long
        ([one("a", bad_at=ago(5), bad="status 504"), one("b")], "a", "a", {}),
        ([one("a", bad_at=ago(5), bad="status 504", leaves=2), one("b")], "a", "b", {"a": "504"}),
    ],
)
def test_choice(addresses: list[Address], in_use: str | None, chosen: str, says: dict[str, str]) -> None:
    choice = choose(addresses, in_use)
    assert choice.url == chosen
    assert choice.why_not.keys() == says.keys()
    for url, said in says.items():
        assert said in choice.why_not[url]
    assert choice.in_trouble is (chosen in says)


@pytest.mark.parametrize(
    ("addresses", "in_use", "late", "asked"),
    [
        ([one("a"), one("b")], "a", False, []),
        ([one("a"), NEVER], "a", True, ["b"]),
        ([one("a", **DOWN), NEVER], "a", False, ["b"]),
        ([one("a", **QUIET), NEVER], "a", False, ["b"]),
        ([one("a", **BAD), NEVER], "a", False, ["b"]),
        ([one("a", failures=1), NEVER], "a", False, []),
        ([one("a", answered_at=ago(1)), one("b"), Address("c", NOW)], "b", False, ["a"]),
        ([one("a", answered_at=ago(0.9)), one("b")], "b", False, []),
        ([one("a", **QUIET, answered_at=ago(5)), one("b")], "b", False, []),
        ([one("a", **OTHER, answered_at=ago(5)), one("b")], "b", False, []),
        # what fails is asked ever more rarely, and again when the clock was set back
        ([one("a", failures=2, failed_at=ago(1), answered_at=ago(9)), one("b")], "b", False, []),
        ([one("a", failures=2, failed_at=ago(2), answered_at=ago(9)), one("b")], "b", False, ["a"]),
        ([one("a", failures=50, failed_at=ago(4.9)), one("b")], "b", False, []),
        ([one("a", failures=50, failed_at=ago(5), answered_at=None), one("b")], "b", False, ["a"]),
        ([one("a", answered_at=NOW + MINUTE), one("b")], "b", False, ["a"]),
        ([Address("a", NOW), NEVER], "c", False, ["a", "b"]),
    ],
)
def test_who_is_asked(addresses: list[Address], in_use: str, late: bool, asked: list[str]) -> None:
    assert to_ask(addresses, in_use, late=late) == asked


ANY = st.lists(
    st.builds(
        lambda behind, others: (behind, others),
        st.integers(0, 30),
        st.sampled_from([{}, DOWN, QUIET, BAD, OTHER, {"well_since": NOW, "left_at": NOW, "leaves": 3}]),
    ),
    min_size=1,
    max_size=4,
)


@given(ANY, st.sampled_from(["a", "b", "c", "d", None]))
def test_one_that_is_well_is_used_while_there_is_one_and_a_choice_stands(
    drawn: list[tuple[int, dict[str, Any]]], in_use: str | None
) -> None:
    addresses = [one(url, behind, **others) for url, (behind, others) in zip("abcd", drawn, strict=False)]
    choice = choose(addresses, in_use)
    assert choice.in_trouble is not bool(choice.well)
    assert (choice.url in choice.well) is bool(choice.well)
    again = choose(addresses, choice.url)
    assert again.url == choice.url  # no flapping on the same knowledge
    index = [one.url for one in addresses].index(choice.url)
    assert all(one.url in choice.why_not for one in addresses[:index])  # why not a better one


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_an_address_that_comes_and_goes_is_used_ever_more_rarely(well: list[bool]) -> None:
    """A minute each: whether the preferred one is well in it."""
    used, since, left_at, leaves, switches = "a", None, None, 0, 0
    for minute, is_well in enumerate(well):
        now = NOW + minute * MINUTE
        since = (since or now) if is_well else None
        a = Address(
            *("a", now, 1000, now, now),
            **({} if is_well else {"failures": 2, "failure": "down"}),  # type: ignore[arg-type]
            well_since=since,
            left_at=left_at,
            leaves=leaves,
        )
        choice = choose([a, Address("b", now, 1000, now, now, well_since=NOW)], used)
        assert choice.url == "b" or is_well
        if choice.url != used:
            switches += 1
            if choice.url == "b":
                left_at, leaves = now, leaves + 1
        used = choice.url
    assert switches <= 2 + 2 * len(well) // (STEADY // MINUTE)


def test_the_bounds() -> None:
    assert (BEHIND, STEADY, STEADY_MOST) == (10 * MINUTE, 5 * MINUTE, 60 * MINUTE)
    assert AGAIN < MINUTE < AGAIN_MOST == 5 * MINUTE
