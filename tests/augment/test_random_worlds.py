"""The maker beside the brute force, on random histories: each settled minute says the same, however it came."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stats_assets.augment.difference import actions
from stats_assets.augment.document import write
from stats_assets.augment.store import Place, Store
from stats_assets.augment.versions import Kind, Member, Version
from stats_assets.augment.window import MINUTE, minute_of, settle, take_in
from tests.augment.brute_force import Written, time_of
from tests.augment.comparing import Action, read_diff
from tests.augment.dict_store import DictStore
from tests.augment.random_worlds import (
    BEGINS,
    PLANET,
    SETTLE,
    Edit,
    History,
    drawn,
    edits,
    expected,
    history,
    iso,
)
from tests.conftest import examples


def version_of(written: Written) -> Version:
    side = written.side
    return Version(
        cast("Kind", written.kind),
        written.id,
        side.version,
        epoch(side.timestamp),
        side.changeset,
        side.uid,
        side.user or None,
        side.visible,
        side.tags,
        None if side.position is None else side.position[::-1],
        tuple(node for node, _ in side.nodes),
        tuple(Member(cast("Kind", member.kind), member.ref, member.role) for member in side.members),
    )


def epoch(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp())


def begun(store: Store, planet: Sequence[Written]) -> None:
    with store.changing() as change:
        for written in planet:
            change.settle(version_of(written))
        begins = epoch(time_of(BEGINS))
        change.put_place(Place(begins, begins, epoch(iso(PLANET))))


def made(store: Store, given: History) -> dict[int, list[Action]]:
    """Each minute as it is when it leaves the window."""
    found = {}
    begun(store, given.planet)
    with TemporaryDirectory() as folder:
        document = Path(folder) / "document"
        for number, file in enumerate(given.files):
            with store.changing() as change:
                take_in(change, map(version_of, file.versions), number, epoch(iso(file.time)))
                place = change.place()
                while place.settled_to + MINUTE + SETTLE <= place.reached:
                    minute = minute_of(place.settled_to) + 1
                    write(document, actions(change, minute), osm_base=place.reached)
                    found[minute] = read_diff(document.read_bytes())
                    settle(change)
                    place = change.place()
    return found


def agree(store: Store, given: History) -> None:
    right = expected(given)
    for minute, said in made(store, given).items():
        assert said == right[minute], f"minute {minute - BEGINS}"
    assert right


MEMBER_GONE = [Edit(-30, "node", 0), Edit(-30, "relation", 0, names=(0,)), Edit(10, "node", 0, "delete")]


@examples(20)
@given(st.lists(edits(late=SETTLE - 60), min_size=10, max_size=60), st.booleans())
@example(MEMBER_GONE, False)
def test_what_comes_within_the_window(found: list[Edit], turned: bool) -> None:
    agree(DictStore(), history(found, turned=turned))


@examples(20)
@given(st.lists(edits(late=SETTLE + 600), min_size=10, max_size=60), st.booleans())
def test_what_comes_later_than_the_window(found: list[Edit], turned: bool) -> None:
    agree(DictStore(), history(found, turned=turned))


@examples(12)
@given(st.lists(edits(late=SETTLE - 120), min_size=10, max_size=40), st.booleans())
def test_the_order_of_what_comes_within_the_window_does_not_matter(found: list[Edit], turned: bool) -> None:
    """Nothing is hidden or shown again, of which the last counts that came."""
    plain = [edit._replace(what="put" if edit.what == "flip" else edit.what, slip=0) for edit in found]
    in_time = [edit._replace(delay=0) for edit in plain]
    late = [edit if edit.at > 0 else edit._replace(delay=0) for edit in plain]
    by_time, shuffled = made(DictStore(), history(in_time)), made(DictStore(), history(late, turned=turned))
    for minute in by_time.keys() & shuffled.keys():
        assert shuffled[minute] == by_time[minute], f"minute {minute - BEGINS}"
    assert by_time
    assert shuffled


@pytest.mark.drill
@pytest.mark.parametrize("seed", range(40))
def test_large_histories(seed: int) -> None:
    chance = Random(seed)  # noqa: S311 (no secret)
    agree(DictStore(), history(drawn(chance, 400, late=SETTLE + 600, minutes=30), turned=seed % 2 == 1))
