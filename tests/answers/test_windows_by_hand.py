"""Hand-made facts: ends of windows, both clocks, unions, countries, ranks, pages of rows."""

from typing import Any

import pytest

from stats_assets.questions.problem import Problem
from tests.answers.asking import Asked
from tests.answers.byhand import Byhand

Hand = tuple[Byhand, Asked]


def edits(asked: Asked, query: str) -> Any:
    return asked("totals", query)["totals"]["edits"]


def test_an_upload_at_a_windows_end_is_of_the_minute_before(hand: Hand) -> None:
    made, asked = hand
    made.upload("14:00:00", 1, buildings_added=1)
    made.upload("14:00:01", 2, buildings_added=10)
    made.upload("14:30:00", 3, buildings_added=100)
    made.upload("14:30:01", 4, buildings_added=1000)
    for changeset in (1, 2, 3, 4):
        made.told(changeset, "a")
    made.counted("04:15", "15:00")
    made.apply()
    for who in ("", "hashtag=a&", "user=1&", "hashtag=a&category=buildings&", "user=1&editor=josm&"):
        assert edits(asked, f"{who}from=2025-02-20T14:00Z&to=2025-02-20T14:30Z") == 110, who
    assert edits(asked, "from=2025-02-20T17:00&to=2025-02-20T17:30&tz=Africa/Nairobi") == 110
    assert edits(asked, "from=2025-02-20T13:59Z&to=2025-02-20T14:00Z") == 1
    assert edits(asked, "from=2025-02-20T14:30Z&to=2025-02-20T14:31Z") == 1000
    series = asked("series", "from=2025-02-20T13:45Z&to=2025-02-20T14:45Z&by=15min")["series"]
    assert [step["edits"] for step in series] == [1, 10, 100, 1000]
    assert sum(step["edits"] for step in series) == edits(asked, "")


def test_together_is_less_than_the_sum_of_apart(hand: Hand) -> None:
    made, asked = hand
    for changeset, tags in ((1, ("a", "b")), (2, ("a",)), (3, ("b",)), (4, ("c",)), (5, ())):
        made.upload("14:00:30", changeset, user=changeset, buildings_added=10**changeset)
        made.told(changeset, *tags)
    made.counted("04:15", "15:00")
    made.apply()
    assert edits(asked, "hashtag=a&hashtag=b") == 1110
    apart = asked("totals", "hashtag=a&hashtag=b&combine=apart")["apart"]
    assert [(one["hashtag"], one["totals"]["edits"]) for one in apart] == [("a", 110), ("b", 1010)]
    assert edits(asked, "hashtag=a&also=b") == 10
    assert edits(asked, "hashtag=a&also=nobody-has-it") == 0
    assert edits(asked, "hashtag=nobody-has-it") == 0
    assert edits(asked, "hashtag=a&hashtag=c&user=4") == 10_000


def test_a_changeset_closed_later_moves_by_its_own_clock_alone(hand: Hand) -> None:
    made, asked = hand
    made.upload("14:00:30", 1)
    made.told(1, "a", closed="14:10")
    made.counted("04:15", "18:00")
    made.apply()
    window = "hashtag=a&from=2025-02-20T14:00Z&to=2025-02-20T15:00Z"
    assert (edits(asked, window), edits(asked, window + "&clock=changeset")) == (1, 1)
    made.told(1, "a", closed="17:10")
    made.apply()
    assert (edits(asked, window), edits(asked, window + "&clock=changeset")) == (1, 0)
    assert edits(asked, "hashtag=a&from=2025-02-20T17:00Z&to=2025-02-20T18:00Z&clock=changeset") == 1


def test_countries_are_apart_and_count_what_lies_there(hand: Hand) -> None:
    made, asked = hand
    made.upload("14:00:30", 1, regions=("KEN", "UGA"), roads_added=3)
    made.upload("14:00:30", 2, regions=("KEN",), roads_added=4)
    made.upload("14:00:30", 3, roads_added=50)
    made.counted("04:15", "15:00")
    made.apply()
    with pytest.raises(Problem) as told:
        asked("totals", "country=KEN&country=UGA&combine=together")
    assert (told.value.status, told.value.parameter) == (422, "combine")
    apart = asked.at(told.value.attempt or "")["apart"]
    assert [(one["country"], one["totals"]["edits"]) for one in apart] == [("KEN", 7), ("UGA", 3)]
    assert edits(asked, "country=ken") == 7


def test_ranks_with_ties_and_pages_of_two_are_all_at_once(hand: Hand) -> None:
    made, asked = hand
    for user, number in ((7, 30), (3, 20), (5, 20), (9, 10), (2, 10), (4, 5)):
        made.upload("14:00:30", user, user=user, buildings_added=number)
    made.upload("14:00:30", 99, user=None, buildings_added=14)
    made.counted("04:15", "15:00")
    made.apply()
    whole = asked("leaderboard", "limit=1000")
    assert [(row["rank"], row["tied"], row["user_id"]) for row in whole["rows"]] == [
        (1, False, 7),
        (2, True, 3),
        (2, True, 5),
        (4, True, 2),
        (4, True, 9),
        (6, False, 4),
    ]
    assert whole["total_rows"] == 6
    assert whole["next"] is None
    assert whole["not_ranked"] == {"unattributed_edits": 14, "hidden_users": 0}
    for kind in ("leaderboard", "changesets"):
        rows, page = [], asked(kind, "limit=2")
        while True:
            rows += page["rows"]
            if page["next"] is None:
                break
            page = asked.at(page["next"])
        assert rows == asked(kind, "limit=1000")["rows"]


def test_newcomers_are_new_to_the_hashtag(hand: Hand) -> None:
    made, asked = hand
    for changeset, user, time, tags in (
        (1, 1, "13:00:30", ("a",)),
        (2, 1, "14:00:30", ("a",)),
        (3, 2, "13:00:30", ("b",)),
        (4, 2, "14:10:30", ("a",)),
        (5, 3, "14:20:30", ("a",)),
    ):
        made.upload(time, changeset, user=user)
        made.told(changeset, *tags)
    made.counted("04:15", "15:00")
    made.apply()
    window = "&from=2025-02-20T14:00Z&to=2025-02-20T15:00Z"
    rows = asked("newcomers", f"hashtag=a{window}")["rows"]
    assert [(row["user_id"], row["first"]) for row in rows] == [
        (3, "2025-02-20T14:20:30Z"),
        (2, "2025-02-20T14:10:30Z"),
    ]
    page = asked("newcomers", f"hashtag=a{window}&limit=1")
    assert [*page["rows"], *asked.at(page["next"])["rows"]] == rows
    with pytest.raises(Problem):
        asked("newcomers", "last=1h")


def test_live_tells_who_in_the_room_forgot_the_hashtag(hand: Hand) -> None:
    made, asked = hand
    for changeset, user, tags, number in ((1, 1, ("a",), 5), (2, 2, (), 40), (3, 3, (), 7)):
        made.upload("14:00:30", changeset, user=user, buildings_added=number)
        made.told(changeset, *tags)
    made.counted("04:15", "15:00")
    made.apply()
    room = [("hashtag", "a"), ("user", "mapper-1"), ("user", "2"), ("user", "not-here-yet"), ("last", "2h")]
    state: Any = asked.serving.live(room)
    assert state["without_hashtag"] == {"users": 1, "edits": 40}
    assert state["totals"]["edits"] == 5
    assert [(row["name"], row["edits"], row["new_here"]) for row in state["rows"]] == [("mapper-1", 5, True)]


def test_two_users_of_one_name_the_one_who_edited_last(hand: Hand) -> None:
    made, asked = hand
    made.upload("14:00:30", 1, user=1, buildings_added=1)
    made.upload("14:10:30", 2, user=2, buildings_added=10)
    made.connection.execute("UPDATE users SET name = 'Sam'")
    made.counted("04:15", "15:00")
    made.apply()
    assert edits(asked, "user=Sam") == 10
    assert edits(asked, "user=1") == 1
    with pytest.raises(Problem) as told:
        asked("totals", "user=nobody")
    assert told.value.status == 404


def test_what_would_be_slow_is_refused_with_a_question_that_is_not(
    hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, asked = hand
    for number in range(30):
        made.upload(f"04:{number + 20}:30" if number < 25 else f"14:{number}:30", number, user=number)
        made.told(number, f"tag{number % 3}", closed="14:31")
    made.counted("04:15", "15:00")
    made.apply()
    for most in ("MOST", "MOST_UNITED"):
        monkeypatch.setattr(f"stats_assets.database.answers.sizes.{most}", 10)
    for query in ("hashtag=tag*", "hashtag=tag0&hashtag=tag1", "category=buildings"):
        with pytest.raises(Problem) as told:
            asked("totals", query)
        assert (told.value.status, told.value.name) == (422, "too-slow")
        assert asked.at(told.value.attempt or "")["totals"]["edits"] > 0
    assert edits(asked, "hashtag=tag*&user=3") == 1
    assert edits(asked, "") == 30
