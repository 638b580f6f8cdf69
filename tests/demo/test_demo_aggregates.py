"""The truth's aggregates: they agree with one another, and with the definitions on small cases made by hand."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from stats_assets.demo.truth.tally import Json, Known, Member, Tally, plain
from stats_assets.demo.truth.truth import _breakdown, truth
from stats_assets.demo.world.mappers import RENAMED
from stats_assets.demo.world.world import World

MINUTES = 180


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def told(world: World) -> Json:
    last = world.first + MINUTES - 1
    return truth(world, augmented_diffs=last, changesets=world.newest_changeset_file(last))


def total(rows: Any, key: str) -> Counter[str] | dict[str, Decimal]:
    if key == "counts":
        return sum((Counter(row[key]) for row in rows), Counter())
    sums: dict[str, Decimal] = {}
    for row in rows:
        for name, value in row[key].items():
            sums[name] = sums.get(name, Decimal(0)) + Decimal(value)
    return sums


def test_total_edits_are_the_sum_of_counts(told: Json) -> None:
    for changeset in told["changesets"].values():
        assert changeset["total_edits"] == sum(changeset["counts"].values())
        assert all(
            region["edit_count"] <= changeset["total_edits"] for region in changeset["countries"].values()
        )


@pytest.mark.parametrize("key", ["counts", "measurements"])
def test_users_add_up_to_their_changesets(told: Json, key: str) -> None:
    known = [changeset for changeset in told["changesets"].values() if changeset["uid"] is not None]
    assert total(told["users"].values(), key) == total(known, key)
    assert len(known) < len(told["changesets"])


def test_a_changeset_without_a_counted_feature_is_in_no_aggregate(told: Json) -> None:
    counted = [c for c in told["changesets"].values() if c["counts"] and c["uid"] is not None]
    assert sum(user["changeset_count"] for user in told["users"].values()) == len(counted)
    assert any(not changeset["counts"] for changeset in told["changesets"].values())


@pytest.mark.parametrize("key", ["counts", "measurements"])
def test_countries_add_up_to_the_changesets_shares(told: Json, key: str) -> None:
    for code, country in told["countries"].items():
        shares = [c["countries"][code] for c in told["changesets"].values() if code in c["countries"]]
        assert total([country], key) == total(shares, key)
        assert country["changeset_count"] == len(shares)
        assert country["edit_count"] == sum(share["edit_count"] for share in shares)


def test_texas_is_in_the_united_states_too(told: Json) -> None:
    for changeset in told["changesets"].values():
        if "USA-TX" in changeset["countries"]:
            texas, states = changeset["countries"]["USA-TX"], changeset["countries"]["USA"]
            assert texas["edit_count"] <= states["edit_count"]
    assert told["countries"]["USA-TX"]["edit_count"] < told["countries"]["USA"]["edit_count"]


def test_hashtags_add_up_to_their_users_and_changesets(told: Json) -> None:
    for tag, hashtag in told["hashtags"].items():
        changesets = [c for c in told["changesets"].values() if tag in c["hashtags"] and c["counts"]]
        assert hashtag["changeset_count"] == len(changesets)
        assert hashtag["edit_count"] == sum(changeset["total_edits"] for changeset in changesets)
        users = told["hashtag_users"].get(tag, {})
        anonymous = [changeset for changeset in changesets if changeset["uid"] is None]
        assert sum(user["changeset_count"] for user in users.values()) + len(anonymous) == len(changesets)
        for uid, edits in hashtag["user_edits"].items():
            assert users[uid]["edit_count"] == edits


def test_top_lists_hold_the_most_edited_and_no_more_than_ten(told: Json) -> None:
    lists = [row[key] for row in told["countries"].values() for key in ("user_edits", "hashtag_edits")]
    assert max(len(edits) for edits in lists) == 10
    assert all(list(edits.values()) == sorted(edits.values(), reverse=True) for edits in lists)


def test_ties_are_the_smaller_id_s_and_the_smaller_text_s() -> None:
    def breakdown(keys: list[Any], top: int) -> list[str]:
        members = [Member(Known(key), Tally(edits=5)) for key in range(len(keys))]
        return list(_breakdown("user", members, lambda changeset: [keys[changeset.id]], top)["user_edits"])

    assert breakdown([100, 9, None, 20], 2) == ["9", "20"]
    assert breakdown(["b", "a", "é", "B"], 3) == ["B", "a", "b"]


def test_a_changeset_s_time_is_its_closing_else_its_opening_else_its_newest_edit(world: World) -> None:
    last = world.first + MINUTES - 1
    without = truth(world, augmented_diffs=last, changesets=world.changesets_first - 1)
    assert all(c["created_at"] is None and c["hashtags"] == [] for c in without["changesets"].values())
    assert without["hashtags"] == {}
    assert all(user["editor_edits"] == {} for user in without["users"].values())
    newest = max(entry.at for entry in world.book.entries if entry.sequence <= last and entry.uid)
    assert max(user["last_edit"] for user in without["users"].values()) == f"{newest:%Y-%m-%dT%H:%M:%SZ}"


def test_metadata_alone_makes_no_statistics(world: World) -> None:
    alone = truth(world, augmented_diffs=world.first - 1, changesets=world.changesets_first + 60)
    assert alone["changesets"]
    assert alone["users"] == alone["countries"] == alone["hashtags"] == {}


def test_the_renamed_mapper_has_the_name_of_the_newest_evidence(world: World) -> None:
    names = []
    for number in range(60):
        told = truth(world, augmented_diffs=world.first + number, changesets=world.changesets_first - 1)
        names += [told["users"][str(RENAMED.uid)]["name"]] if str(RENAMED.uid) in told["users"] else []
    change = names.index(RENAMED.later)
    assert set(names[:change]) == {RENAMED.name}
    assert set(names[change:]) == {RENAMED.later}


def test_a_changeset_once_closed_stays_closed(world: World, told: Json) -> None:
    for number in range(world.changesets_first, world.changesets_first + 100):
        for metadata in world.changeset_file(number).file.changesets:
            if metadata.closed_at is not None:
                assert told["changesets"][str(metadata.id)]["open"] is False


def test_days_are_those_of_the_changesets_times(told: Json) -> None:
    for user in told["users"].values():
        days = {user["first_edit"][:10], user["last_edit"][:10]}
        assert days <= set(user["day_edits"])
        assert sum(user["day_edits"].values()) == user["edit_count"]


def test_decimals_are_plain() -> None:
    values = [Decimal("0.000000001"), Decimal("1E+2"), Decimal("10.500000000"), Decimal(100)]
    assert [plain(value) for value in values] == ["0.000000001", "100", "10.5", "100"]


def test_the_first_hashtag_of_a_changeset_is_the_first_in_its_comment(told: Json) -> None:
    when = datetime(2025, 1, 1, tzinfo=UTC)
    known = Known(1, newest_edit=when)
    assert known.time == when
    known.closed_at = when + timedelta(minutes=3)
    assert known.time == known.closed_at
    glued = [c["hashtags"] for c in told["changesets"].values() if c["comment"] == "glued #OneTag#TwoTag"]
    assert ["onetag", "twotag"] in glued


@pytest.mark.parametrize("kind", ["users", "hashtags", "countries"])
def test_days_add_up_to_their_owner(told: Json, kind: str) -> None:
    assert told["days"][kind].keys() == told[kind].keys()
    for owner, days in told["days"][kind].items():
        whole = told[kind][owner]
        for key in ("counts", "measurements"):
            assert total(days.values(), key) == total([whole], key)
        for key in ("changeset_count", "edit_count"):
            assert sum(day[key] for day in days.values()) == whole[key]
    assert kind != "users" or all(
        {day: row["edit_count"] for day, row in days.items()} == told["users"][uid]["day_edits"]
        for uid, days in told["days"]["users"].items()
    )
