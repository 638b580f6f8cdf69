"""The comparison with the truth overlooks nothing: each change of what was found is said."""

from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest

from stats_assets.demo.truth.tally import Json
from stats_assets.demo.truth.truth import truth
from stats_assets.demo.world.world import World
from tests.telling import telling
from tests.truth import differences

Path = tuple[Any, ...]
LAST = 120


@pytest.fixture(scope="module")
def told(world: World) -> Json:
    return truth(world, augmented_diffs=world.first + LAST, changesets=world.changesets_first + LAST)


def as_found(told: Json) -> Json:
    """The truth in the shape of `statistics_of`."""
    found = deepcopy(told)
    found["hashtag_users"] = {
        (t, uid): row for t, users in found["hashtag_users"].items() for uid, row in users.items()
    }
    for changeset in found["changesets"].values():
        changeset["user_id"] = changeset["uid"]
    return found


def leaves(found: Any, path: Path = ()) -> list[Path]:
    """Where each number stands."""
    if isinstance(found, dict):
        return [leaf for key in found for leaf in leaves(found[key], (*path, key))]
    return [path] if isinstance(found, int | Decimal) and not isinstance(found, bool) else []


def test_the_truth_equals_itself(told: Json) -> None:
    assert differences(told, as_found(told)) == []


@pytest.mark.parametrize(
    "kind",
    telling(
        ("users", "hashtags", "countries", "hashtag_users", "days", "changesets"), "hashtag_users", "days"
    ),
)
def test_each_number_that_is_wrong_is_said(told: Json, kind: str) -> None:
    found = as_found(told)
    numbers = [path for path in leaves(found[kind]) if path[-1] != "uid"]  # it is compared with user_id
    assert len(numbers) > 100
    for *way, last in numbers[:: len(numbers) // 50]:
        at = found[kind]
        for key in way:
            at = at[key]
        at[last] += 1
        assert len(differences(told, found)) == 1, (way, last)
        at[last] -= 1


@pytest.mark.parametrize("kind", ["users", "hashtags", "countries", "hashtag_users", "changesets"])
def test_a_row_too_few_or_too_many_is_said(told: Json, kind: str) -> None:
    found = as_found(told)
    key, row = found[kind].popitem()
    assert differences(told, found) == [f"{kind} {key}: only in the truth"]
    found[kind] = {key: row, **found[kind], ("a", "b") if kind == "hashtag_users" else "new": row}
    assert len(differences(told, found)) == 1


def test_a_day_too_few_is_said(told: Json) -> None:
    found = as_found(told)
    for kind in ("users", "hashtags", "countries"):
        next(iter(found["days"][kind].values())).popitem()
    assert [said.split(" (")[0] for said in differences(told, found)] == [
        *("days of users", "days of hashtags", "days of countries")
    ]
