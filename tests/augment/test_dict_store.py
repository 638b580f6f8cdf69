"""The store in dictionaries is a store: mypy says so here, and what it forgets is seen."""

import pytest

from stats_assets.augment.store import Place, Store
from stats_assets.augment.versions import Member, Pending, Users, Version
from tests.augment.dict_store import DictStore

WAY = Version("way", 1, 1, 100, 1, 1, "a", refs=(5, 4, 5))
RELATION = Version(
    "relation", 7, 1, 100, 1, 1, "a", members=(Member("way", 1, ""), Member("relation", 7, ""))
)


def test_nothing_is_kept_of_a_change_that_raises() -> None:
    store: Store = DictStore()
    with store.changing() as change:
        change.put_place(Place(0, 0, 0))
        change.settle(WAY)
    with pytest.raises(ZeroDivisionError), store.changing() as change:
        change.settle(WAY._replace(version=2, refs=(6,)))
        change.keep(Pending(RELATION, 100))
        change.tally("late")
        assert change.users("node", 6) == Users((1,))
        raise ZeroDivisionError
    with store.reading() as snapshot:
        assert snapshot.settled("way", 1) == WAY
        assert (snapshot.users("node", 6), snapshot.users("node", 5)) == (Users(), Users((1,)))
        assert (snapshot.chain("relation", 7), snapshot.tallies()) == ((), {})


def test_a_deleted_node_keeps_its_last_position_and_a_deleted_way_names_nobody() -> None:
    store: Store = DictStore()
    with store.changing() as change:
        change.settle(Version("node", 5, 1, 100, 1, 1, "a", position=(1, 2)))
        change.settle(Version("node", 5, 2, 100, 1, 1, "a", visible=False))
        change.settle(WAY)
        change.settle(WAY._replace(version=2, visible=False))
    with store.reading() as snapshot:
        node, way = snapshot.settled("node", 5), snapshot.settled("way", 1)
        assert node is not None and node.position == (1, 2) and not node.visible
        assert way is not None and way.refs == ()
        assert snapshot.users("node", 5) == Users()


def test_pending_versions_are_found_by_element_time_and_name() -> None:
    store: Store = DictStore()
    with store.changing() as change:
        change.keep(Pending(RELATION, 100))
        change.keep(Pending(WAY, 161))
        change.keep(Pending(WAY, 160))
        change.keep(Pending(WAY._replace(version=2, refs=(9,)), 170))
    with store.reading() as snapshot:
        assert list(snapshot.changed(99, 160)) == [("way", 1), ("relation", 7)]
        assert list(snapshot.changed(100, 159)) == []
        assert [each.effective for each in snapshot.chain("way", 1)] == [160, 170]
        assert snapshot.pending_users("node", 4) == Users((1,))
        assert snapshot.pending_users("way", 1) == Users((), (7,))
        assert snapshot.pending_users("relation", 7) == Users()
    with store.changing() as change:
        change.drop("way", 1, 1)
        assert change.pending_users("node", 4) == Users()
        assert change.pending_users("node", 9) == Users((1,))
