"""By whose uploads lines are found makes no difference to what they say."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from stats_assets.database.answers.sizes import Way
from tests.answers.asking import Asked
from tests.answers.byhand import Byhand

Hand = tuple[Byhand, Asked]
WINDOWS = ("", "&from=2025-02-20T13:07Z&to=2025-02-22T16:52Z")
EVE = datetime(2025, 2, 21, tzinfo=UTC)


@pytest.fixture
def days(hand: Hand) -> Hand:
    """Three days of a hundred and fifty uploads, of changesets that last over midnight, some of nobody."""
    made, asked = hand
    dice = Random(1)  # noqa: S311 - no secret
    taken = set()
    for _ in range(150):
        changeset, second = dice.randrange(40), dice.randrange(-3600 * 12, 3600 * 60, 20)
        time = EVE + timedelta(seconds=second)
        minute = (EVE - time) // timedelta(minutes=1)
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


def test_every_way_to_lines_gives_the_same(days: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    _, asked = days
    for query in (
        "hashtag=a&user=2&country=KEN",
        "hashtag=a&hashtag=b&user=1&user=2",
        "also=b&country=UGA&hashtag=a",
    ):
        for window in WINDOWS:
            answers = []
            for owner in (None, "hashtag", "user", "country"):

                def forced(_: Any, subject: Any, most: int, owner: str | None = owner) -> Way:
                    ids = next((ids for name, ids in subject.owners if name == owner), None)
                    return Way(None, (), 0) if ids is None else Way(owner, tuple(ids), 0)

                monkeypatch.setattr("stats_assets.database.answers.sizes.shortest", forced)
                answers.append(asked("leaderboard", f"{query}{window}&columns=all")["rows"])
            assert all(one == answers[0] for one in answers), query


def test_ranks_out_of_uploads_are_those_of_the_lines(days: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    _, asked = days
    for who in ("", "hashtag=a", "user=2"):
        for metric in ("edits", "changesets"):
            query = f"{who}{WINDOWS[1]}&metric={metric}&columns=all&limit=3"
            found = asked("leaderboard", query)
            with monkeypatch.context() as patched:
                patched.setattr("stats_assets.database.answers.groups.quick", lambda *given: None)
                plain = asked("leaderboard", query)
            assert {**found, "about": None} == {**plain, "about": None}
            assert found["rows"]
