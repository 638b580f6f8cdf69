"""What is packed is what comes out, whatever the numbers are; and what it takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.invented_planet import Planet
from stats_assets.augment.node_groups import BITS, SIZE, NodeGroup, NodeRecord
from stats_assets.augment.packing import pack, unpack
from stats_assets.augment.settled_nodes import recorded, told
from stats_assets.augment.tagging import KEYS, VALUES, put_tags, take_tags
from stats_assets.augment.user_groups import UserGroup, pack_users, unpack_users
from stats_assets.augment.varints import put, put_list, put_text, take, take_list, take_text
from stats_assets.augment.versions import Users, Version
from tests.augment.versions_drawn import TAGS, versions

U32 = st.one_of(st.integers(0, 3), st.integers(0, 2**32 - 1))
RECORDS = st.builds(
    NodeRecord, st.integers(-1_800_000_000, 1_800_000_000), st.integers(-900_000_000, 900_000_000), U32, U32,
    st.one_of(st.integers(0, 3), st.integers(0, 2**62)), U32, st.one_of(st.just(b""), st.binary(max_size=300)),
)  # fmt: skip
GROUPS = st.dictionaries(st.integers(0, SIZE - 1), RECORDS, min_size=1, max_size=SIZE)
IDS = st.lists(st.integers(0, 2**62), max_size=5, unique=True).map(lambda ids: tuple(sorted(ids)))


class Names(dict[int, str | None]):
    """A table of names in memory."""

    def of(self, uid: int) -> str | None:
        return self.get(uid)

    def learned(self, uid: int, user: str | None) -> str | None:
        return self.setdefault(uid, user)


@given(GROUPS, GROUPS)
def test_a_group_has_what_was_put_into_it(first: dict[int, NodeRecord], then: dict[int, NodeRecord]) -> None:
    group, found = NodeGroup(), {**first, **then}
    for records in (first, then):
        for slot, record in records.items():
            group.put(slot, record)
            assert group.get(slot) == record
        group = NodeGroup(group.packed())
    for each in (group, NodeGroup(group.packed())):
        assert {slot: each.get(slot) for slot in range(SIZE) if each.get(slot)} == found


@given(st.dictionaries(st.integers(0, SIZE - 1), st.builds(Users, IDS, IDS), max_size=SIZE))
def test_a_group_s_users_are_those_that_were_put(users: dict[int, Users]) -> None:
    group = UserGroup()
    for slot, each in users.items():
        group.put(slot, each)
    again = UserGroup(group.packed())
    assert {slot: again.get(slot) for slot in range(SIZE)} == {
        slot: users.get(slot, Users()) for slot in range(SIZE)
    }
    for slot in users:
        again.put(slot, Users())
    assert again.packed() == b""


@given(st.lists(versions(), max_size=4))
def test_a_version_is_what_was_packed(drawn: list[Version]) -> None:
    names = Names()
    packed = [pack(version, names) for version in drawn]
    # What is learned later changes no name of before.
    assert [
        unpack(version.kind, version.id, data, names) for version, data in zip(drawn, packed, strict=True)
    ] == drawn
    nodes = [version for version in drawn if version.kind == "node"]
    records = [recorded(node, names) for node in nodes]
    assert [told(node.id, record, names) for node, record in zip(nodes, records, strict=True)] == nodes


@given(TAGS | st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES))).map(tuple))
def test_tags_are_what_was_put(tags: tuple[tuple[str, str], ...]) -> None:
    out = bytearray(b"..")
    put_tags(out, tags)
    assert take_tags(bytes(out), 2) == (tags, len(out))


def test_common_words_are_there_once() -> None:
    assert (len(set(KEYS)), len(set(VALUES))) == (len(KEYS), len(VALUES))


@given(st.integers(0, 2**70), st.lists(st.integers(-(2**62), 2**62)), st.text(st.characters(codec="utf-8")))
def test_numbers_lists_and_texts(number: int, numbers: list[int], text: str) -> None:
    out = bytearray()
    put(out, number)
    put_list(out, numbers, number)
    put_text(out, text)
    first, at = take(bytes(out), 0)
    then, at = take_list(bytes(out), at, number)
    assert (first, then, take_text(bytes(out), at)) == (number, numbers, (text, len(out)))
    with pytest.raises(IndexError):
        take_text(bytes(out[:-1]), at)


@given(IDS)
def test_users_of_a_way(ids: tuple[int, ...]) -> None:
    assert unpack_users(pack_users(reversed(ids))) == ids


def test_a_node_takes_no_more_than_22_bytes() -> None:
    names, groups = Names(), dict[int, NodeGroup]()
    count = 0
    for node in Planet(5000).versions():
        if node.kind == "node":
            groups.setdefault(node.id >> BITS, NodeGroup()).put(node.id & SIZE - 1, recorded(node, names))
            count += 1
    assert sum(len(group.packed()) for group in groups.values()) < 22 * count
