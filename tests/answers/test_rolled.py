"""Sums that are kept say what the lines say, by days, by quarters, and at the edges."""

from random import Random
from typing import Any

import pytest

from stats_assets.database.answers import rolled
from stats_assets.database.answers.sizes import Way
from tests.answers.asking import Asked
from tests.answers.byhand import Byhand

Hand = tuple[Byhand, Asked]
WINDOWS = (
    "",
    "&from=2025-02-21T00:00Z",
    "&to=2025-02-22T00:00Z",
    "&from=2025-02-21T00:00Z&to=2025-02-23T00:00Z",
    "&from=2025-02-20T13:07Z&to=2025-02-22T16:52Z",
    "&from=2025-02-20T13:15Z&to=2025-02-20T18:45Z",
    "&from=2025-02-20T23:50Z&to=2025-02-21T00:10Z",
    "&from=2025-02-21T05:45&to=2025-02-22T05:45&tz=Asia/Kathmandu",
)
WHOLE_DAYS = WINDOWS[:4]


@pytest.fixture
def days(hand: Hand) -> Hand:
    """Three days of a hundred and fifty uploads, of changesets that last over midnight, some of nobody."""
    made, asked = hand
    dice = Random(1)  # noqa: S311 - no secret
    taken = set()
    for _ in range(150):
        changeset, second = dice.randrange(40), dice.randrange(-3600 * 12, 3600 * 60, 20)
        time = rolled._ZERO.replace(year=2025, month=2, day=21) + second * rolled._QUARTER / 900
        minute = -((rolled._ZERO - time) // (rolled._QUARTER / 15))
        if (minute, changeset) in taken:
            continue
        taken.add((minute, changeset))
        regions = dice.choice(((), ("KEN",), ("KEN", "UGA")))
        user = None if changeset % 9 == 0 else changeset % 5 + 1
        made.upload(
            f"{time:%Y-%m-%dT%H:%M:%S}",
            changeset,
            user,
            regions,
            buildings_added=dice.randrange(1, 9),
            roads_modified=2,
        )
    for changeset in range(40):
        made.told(changeset, *(("a",) if changeset % 2 else ("b", "a")))
    made.counted("04:15", "2025-02-23T14:00:00")
    made.connection.execute("INSERT INTO users (id, name) VALUES (1, 'Sam') ON CONFLICT DO NOTHING")
    made.apply()
    return made, asked


@pytest.mark.parametrize("by_days", [False, True])
def test_rolled_totals_are_the_lines_totals(
    days: Hand, monkeypatch: pytest.MonkeyPatch, by_days: bool
) -> None:
    _, asked = days
    seen: list[Any] = []
    found = rolled.rolled

    def noted(*given: Any) -> Any:
        seen.append(found(*given))
        return seen[-1]

    monkeypatch.setattr("stats_assets.database.answers.totals.rolled", noted)
    for who in ("", "hashtag=a", "hashtag=b", "user=2", "country=KEN", "country=UGA"):
        for window in WHOLE_DAYS if by_days else WINDOWS:
            monkeypatch.setattr(rolled, "FEW", 10**9)
            plain = asked("totals", who + window)["totals"]
            monkeypatch.setattr(rolled, "FEW", 0)
            if by_days:
                monkeypatch.setattr(rolled, "MOST", 0)
            assert asked("totals", who + window)["totals"] == plain, who + window
            monkeypatch.setattr(rolled, "MOST", 10**9)
    assert sum(one is not None for one in seen) > len(seen) // 3


def test_every_way_to_lines_gives_the_same(days: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    _, asked = days
    for query in (
        "hashtag=a&user=2&country=KEN",
        "hashtag=a&hashtag=b&user=1&user=2",
        "also=b&country=UGA&hashtag=a",
    ):
        for window in WINDOWS[3:6]:
            answers = []
            for owner in (None, "hashtag", "user", "country"):

                def forced(_: Any, subject: Any, most: int, owner: str | None = owner) -> Way:
                    ids = next((ids for name, ids in subject.owners if name == owner), None)
                    return Way(None, (), 0) if ids is None else Way(owner, tuple(ids), 0)

                monkeypatch.setattr("stats_assets.database.answers.sizes.shortest", forced)
                answers.append(asked("leaderboard", f"{query}{window}&columns=all")["rows"])
            assert all(one == answers[0] for one in answers), query
