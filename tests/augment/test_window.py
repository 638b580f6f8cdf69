"""What becomes of a version when it comes: where it is put, what is said of it, whatever the order."""

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from stats_assets.augment.store import Noted, Place, Store
from stats_assets.augment.versions import Version
from stats_assets.augment.window import beginning, minute_of, settle, take_in
from stats_assets.feeds.sequences import covers
from tests.augment.small_feed import BEGINS, FIRST, begun, gone, node, way

LATER = 3600
"""Of files: nothing in them is of the future."""


def come(store: Store, *versions: Version, at: int = LATER, sequence: int = 1) -> dict[str, int]:
    with store.changing() as change:
        return dict(take_in(change, versions, sequence, BEGINS + at))


def pass_minutes(store: Store, count: int) -> None:
    for _ in range(count):
        with store.changing() as change:
            settle(change)


def effective(store: Store, version: Version) -> dict[int, int]:
    """When each pending version of the element is effective, in seconds after the beginning."""
    with store.reading() as snapshot:
        chain = snapshot.chain(version.kind, version.id)
    return {each.version.version: each.effective - BEGINS for each in chain}


def listed(store: Store, what: str) -> list[Noted]:
    with store.reading() as snapshot:
        return list(snapshot.noted(what))


def test_minutes_are_those_of_augmented_diffs() -> None:
    for sequence in (0, 1, FIRST):
        since, until = (int(time.timestamp()) for time in covers(sequence))
        assert [minute_of(time) for time in (since, since + 1, until)] == [sequence - 1, sequence, sequence]
        assert [beginning(time) for time in (since, since + 1, until)] == [since, until, until]


def test_what_is_known_is_skipped() -> None:
    store = begun(node(1, 3, -500))
    assert come(store, node(1, 3, -500), node(1, 2, -600)) == {
        "versions": 2,
        "same_version": 1,
        "older_version": 1,
    }
    assert come(store, node(1, 4, 10), node(1, 4, 10)) == {"versions": 2, "same_version": 1}
    assert effective(store, node(1, 4, 10)) == {4: 10}


def test_a_version_is_not_effective_before_the_one_below_it() -> None:
    store = begun()
    come(store, node(1, 3, 50), node(1, 2, 100))
    assert effective(store, node(1, 1, 0)) == {2: 100, 3: 100}
    come(store, node(1, 1, 400), sequence=2)
    assert effective(store, node(1, 1, 0)) == {1: 400, 2: 400, 3: 400}


def test_what_is_of_before_the_beginning_has_no_minute() -> None:
    store = begun(node(1, 1, -500))
    assert come(store, node(1, 2, -5), node(1, 3, 5)) == {"versions": 2, "before_beginning": 1}
    pass_minutes(store, 1)
    with store.reading() as snapshot:
        assert (snapshot.settled("node", 1), snapshot.chain("node", 1)) == (node(1, 3, 5), ())


def test_what_comes_too_late_is_put_into_the_oldest_open_minute_and_listed() -> None:
    store = begun(node(1, 1, -500), node(2, 1, -500))
    pass_minutes(store, 10)
    said = come(store, node(1, 2, 30), node(1, 3, 599), node(1, 4, 602), node(2, 2, 601), sequence=5)
    assert said == {"versions": 4, "late": 2}
    assert effective(store, node(1, 1, 0)) == {2: 601, 3: 601, 4: 602}
    assert listed(store, "late") == [
        Noted("late", "node", 1, 2, BEGINS + 30, 5, FIRST + 10),
        Noted("late", "node", 1, 3, BEGINS + 599, 5, FIRST + 10),
    ]


def test_what_is_only_behind_a_version_of_its_minute_is_not_late() -> None:
    """Its time ran backwards: it is effective with its predecessor, and that one is in time."""
    store = begun(node(1, 1, -500))
    pass_minutes(store, 10)
    assert come(store, node(1, 2, 700), node(1, 3, 30)) == {"versions": 2}
    assert effective(store, node(1, 1, 0)) == {2: 700, 3: 700}


def test_what_is_passed_by_a_settled_version_is_listed() -> None:
    store = begun(node(1, 1, -500))
    come(store, node(1, 3, 30))
    pass_minutes(store, 1)
    assert come(store, node(1, 2, 20), sequence=9) == {"versions": 1, "older_version": 1, "passed": 1}
    assert listed(store, "passed") == [Noted("passed", "node", 1, 2, BEGINS + 20, 9, None)]


def test_what_is_of_the_future_is_held_with_all_that_follows_it() -> None:
    store = begun(node(1, 1, -500))
    said = come(store, node(1, 2, 7200), node(1, 3, 50), at=60)
    assert said == {"versions": 2, "held": 2}
    assert effective(store, node(1, 1, 0)) == {2: 7200, 3: 7200}
    assert [noted.belongs for noted in listed(store, "held")] == [FIRST + 119] * 2


def test_the_same_version_with_other_visibility_is_applied() -> None:
    shown, hidden = node(1, 2, 30), gone(node(1, 1, 0), 40)
    store = begun(node(1, 1, -500))
    assert come(store, shown, hidden) == {"versions": 2, "other_visibility": 1}
    assert effective(store, shown) == {2: 40}
    pass_minutes(store, 1)
    assert come(store, shown, node(1, 3, 50)) == {"versions": 2, "other_visibility": 1, "late": 2}
    assert effective(store, shown) == {2: 61, 3: 61}
    pass_minutes(store, 1)
    with store.reading() as snapshot:
        assert snapshot.settled("node", 1) == node(1, 3, 50)


def test_a_deletion_of_what_was_never_seen_is_tallied() -> None:
    store = begun()
    assert come(store, gone(way(1, 1, 0), 10)) == {"versions": 1, "deleted_unseen": 1}
    pass_minutes(store, 1)
    with store.reading() as snapshot:
        settled = snapshot.settled("way", 1)
        assert settled is not None and not settled.visible
        assert snapshot.tallies() == {"versions": 1, "deleted_unseen": 1}


def test_a_deletion_says_nothing_of_where_its_node_is() -> None:
    store = begun(node(1, 1, -500, 5, 6))
    come(store, gone(node(1, 1, 0, 70, 80), 10))
    pass_minutes(store, 1)
    with store.reading() as snapshot:
        settled = snapshot.settled("node", 1)
        assert settled is not None and settled.position == (5, 6)


def test_the_feed_s_place_never_goes_back() -> None:
    store = begun()
    come(store, at=120, sequence=1)
    come(store, at=60, sequence=2)
    with store.reading() as snapshot:
        assert snapshot.place() == Place(BEGINS, BEGINS, BEGINS + 120, 2)


@st.composite
def histories(draw: st.DrawFn) -> list[Version]:
    """Versions of a few nodes, their times running backwards now and then, some of before the beginning."""
    found = []
    for id in (1, 2):
        for version in draw(st.sets(st.integers(1, 6))):
            made = node(id, version, draw(st.integers(-100, 400)), version)
            found.append(draw(st.sampled_from([made, made, gone(made, 0)._replace(version=version)])))
    return found


@given(histories(), st.randoms(use_true_random=False), st.integers(1, 4))
def test_in_any_order_of_arrival_a_version_belongs_to_the_same_minute(
    versions: list[Version], rolls: random.Random, files: int
) -> None:
    ordered, shuffled = begun(), begun()
    come(ordered, *versions)
    rolls.shuffle(versions)
    cuts = sorted(rolls.choices(range(len(versions) + 1), k=files - 1))
    for sequence, (start, end) in enumerate(pairwise([0, *cuts, len(versions)]), 1):
        come(shuffled, *versions[start:end], sequence=sequence)
    assert _all(ordered) == _all(shuffled)
    pass_minutes(ordered, 7)
    pass_minutes(shuffled, 7)
    assert _all(ordered) == _all(shuffled)


def _all(store: Store) -> object:
    with store.reading() as snapshot:
        return [(snapshot.settled("node", id), snapshot.chain("node", id)) for id in (1, 2)]
