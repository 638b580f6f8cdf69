"""Whose edit moved a way (docs/definitions.md, section 2: minor)."""

import itertools

import pytest

from tests.osm.documents import HIGHWAY, NOON, count, counted, create, delete, diff, gone, modify, node, way

EARLY, LATE = "2017-03-09T04:17:01Z", "2017-03-09T04:17:59Z"


def moved(refs: list[int], old_refs: list[int] | None = None) -> str:
    line = [(1.0 + n / 10, 1.0) for n in range(len(refs))]
    before = [(1.0 + n / 10, 2.0) for n in range(len(old_refs or refs))]
    long_ago = {"version": 3, "changeset": 1, "uid": 2, "user": "long ago"}
    return modify(
        way(1, before, HIGHWAY, old_refs or refs, **long_ago), way(1, line, HIGHWAY, refs, **long_ago)
    )


def shifted(id_: int, **meta: object) -> str:
    return modify(node(id_, (0.0, 0.0)), node(id_, (0.5, 0.0), None, **({"version": 2} | meta)))


@pytest.mark.parametrize(
    ("nodes", "changeset"),
    [
        ([shifted(11, changeset=50)], 50),
        ([create(node(11, changeset=50))], 50),
        ([delete(node(11), gone("node", 11, changeset=50))], 50),
        ([shifted(11, changeset=50, timestamp=LATE), shifted(12, changeset=60, timestamp=EARLY)], 50),
        ([shifted(11, changeset=50, timestamp=EARLY), shifted(12, changeset=60, timestamp=LATE)], 60),
        ([shifted(11, changeset=60, timestamp=NOON), shifted(12, changeset=50, timestamp=NOON)], 60),
        # other nodes, and nodes that this diff does not change, have no say
        ([shifted(11, changeset=50), shifted(99, changeset=60, timestamp=LATE)], 50),
        ([shifted(11, changeset=50), shifted(12, changeset=60, timestamp=LATE, version=1)], 50),
        (
            [shifted(11, changeset=50), delete(node(12), gone("node", 12, changeset=60, visible="true"))],
            50,
        ),
        ([shifted(11, changeset=50), delete(node(12), gone("node", 12, changeset=0, timestamp=EARLY))], 50),
        ([shifted(11, changeset=50), delete(node(12), gone("node", 12, timestamp=None))], 50),
        # twice in the diff: the newest
        ([shifted(11, changeset=50, timestamp=LATE), shifted(11, changeset=60, timestamp=EARLY)], 50),
    ],
)
def test_a_moved_way_is_its_newest_nodes(nodes: list[str], changeset: int) -> None:
    for order in itertools.permutations([*nodes, moved([10, 11, 12])]):
        found = counted(*order)
        assert found.changeset == changeset
        assert found.counts == {"roads_modified": 1}


@pytest.mark.parametrize(
    "newest",
    [
        delete(node(12), gone("node", 12, changeset=0, timestamp=LATE)),
        delete(node(12), gone("node", 12, changeset=None, timestamp=LATE)),
        shifted(12, changeset=0, timestamp=LATE),
        shifted(12, changeset=None, timestamp=LATE),
    ],
)
def test_a_way_whose_newest_mover_is_nobody_s_is_nobody_s(newest: str) -> None:
    """It is not the next one's, however many others moved it before."""
    others = [shifted(11, changeset=50), shifted(10, changeset=60, timestamp=EARLY)]
    for order in itertools.permutations([*others, newest, moved([10, 11, 12])]):
        found = count(diff(*order))
        assert (found.changesets, found.tallies["nobodys_edit"]) == ((), 1)
        assert [error.changeset for error in found.errors] == [None]


def test_on_a_tie_nobody_s_is_the_least() -> None:
    nodes = [shifted(11, changeset=50, timestamp=LATE), shifted(12, changeset=0, timestamp=LATE)]
    assert counted(*nodes, moved([10, 11, 12])).changeset == 50


def test_the_old_members_count_too() -> None:
    assert counted(shifted(12, changeset=50), moved([10, 11], [10, 12])).changeset == 50


def test_a_way_moved_by_nobody_here_is_not_counted() -> None:
    found = count(diff(shifted(99), moved([10, 11])))
    assert (found.changesets, found.tallies) == ((), {"minor_way": 1, "untagged": 1})


def test_a_new_version_is_no_minor_change() -> None:
    line = [(1.0, 1.0), (1.1, 1.0)]
    action = modify(way(1, line, HIGHWAY, [10, 11]), way(1, line, HIGHWAY, [10, 11], version=2, changeset=70))
    assert counted(shifted(10, changeset=50, timestamp=LATE), action).changeset == 70


def test_references_that_are_no_ids_have_no_say() -> None:
    action = moved([10, 11]).replace('ref="10"', 'ref="x"')
    assert counted(shifted(11, changeset=50), action).changeset == 50


def test_the_user_comes_with_the_credit() -> None:
    found = counted(shifted(10, changeset=50, uid=8, user="mover", timestamp=LATE), moved([10, 11]))
    assert (found.uid, found.user, found.edited_at.isoformat()) == (8, "mover", "2017-03-09T04:17:59+00:00")


def test_somebody_elses_name_is_none_of_the_users() -> None:
    shop = {"shop": "books"}
    for uid, user in ((8, ""), (8, None)):
        found = counted(
            create(node(1, tags=shop, uid=7, user="anna")),
            create(node(2, tags=shop, uid=uid, user=user, timestamp=LATE)),
        )
        assert (found.uid, found.user, found.named_at) == (8, None, None)
    found = counted(
        create(node(1, tags=shop, uid=7, user="anna")),
        create(node(2, tags=shop, uid="", user="ghost", timestamp=LATE)),
    )
    assert (found.uid, found.user) == (7, "anna")
