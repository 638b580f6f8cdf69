"""What is a feature, what kind of change it is, and whose (docs/definitions.md, section 2)."""

from datetime import UTC, datetime

import pytest

from tests.osm.documents import (
    HIGHWAY,
    count,
    counted,
    create,
    delete,
    diff,
    gone,
    modify,
    node,
    relation,
    way,
)

LINE = [(1.0, 1.0), (1.1, 1.0)]
SHOP = {"shop": "bakery"}


@pytest.mark.parametrize(
    ("action", "counts"),
    [
        (create(node(1, tags=SHOP)), {"pois_added": 1}),
        (create(node(1, tags=SHOP, version=2)), {"pois_added": 1}),
        (create(node(1, tags=SHOP, version=3)), {"pois_modified": 1}),
        (modify(node(1, tags=SHOP), node(1, tags=SHOP, version=2)), {"pois_modified": 1}),
        (modify(node(1), node(1, tags=SHOP, version=2)), {"pois_modified": 1}),
        (modify(node(1, tags=SHOP), node(1, tags={"landuse": "x"}, version=2)), {"landuse_modified": 1}),
        (delete(node(1, tags=SHOP), gone("node", 1)), {"pois_deleted": 1}),
        (modify(node(1, tags=SHOP), gone("node", 1)), {"pois_deleted": 1}),
        (delete(way(1, LINE, HIGHWAY), gone("way", 1)), {"roads_deleted": 1}),
        (delete(relation(1, [], HIGHWAY), gone("relation", 1)), {"roads_deleted": 1}),
        (create(relation(1, [], {"route": "bus"})), {"other_added": 1}),
        (create(f"<new>{node(1, tags=SHOP)}</new>"), {"pois_added": 1}),
    ],
)
def test_kind_of_change(action: str, counts: dict[str, int]) -> None:
    assert counted(action).counts == counts


@pytest.mark.parametrize(
    ("action", "tally"),
    [
        (create(node(1)), "untagged"),
        (create(way(1, LINE)), "untagged"),
        (modify(node(1, tags=SHOP), node(1, version=2)), "untagged"),
        (delete(node(1), gone("node", 1)), "untagged"),
        (create(gone("node", 1)), "untagged"),
        (delete(node(1, tags=SHOP), gone("node", 1, visible="true")), "left_view"),
        (modify(way(1, LINE, HIGHWAY), way(1, [(1.0, 1.0), (1.2, 1.0)], HIGHWAY)), "minor_way"),
        (modify(way(1, LINE, HIGHWAY), way(1, LINE, HIGHWAY)), "minor_way_unmoved"),
        (modify(relation(1, [], HIGHWAY), relation(1, [], HIGHWAY)), "minor_relation"),
        (modify(node(1, tags=SHOP), node(1, tags=SHOP)), "minor_node"),
        ('<action type="show_initial"><node id="1"/></action>', "unknown_action_type"),
    ],
)
def test_what_is_not_counted_is_tallied(action: str, tally: str) -> None:
    good = create(node(99, tags=SHOP))
    found = count(diff(action, good))
    assert found.tallies == {tally: 1}
    assert (found.features, found.changesets[0].counts, found.errors) == (1, {"pois_added": 1}, ())
    assert found.actions == (1 if tally == "unknown_action_type" else 2)


def test_new_may_come_before_old() -> None:
    old, new = node(1, tags=SHOP), node(1, tags=SHOP, version=2)
    assert counted(f'<action type="modify"><new>{new}</new><old>{old}</old></action>').counts == {
        "pois_modified": 1
    }


def test_a_deletion_without_metadata_is_an_error() -> None:
    nobody = {"version": 0, "changeset": 0, "uid": 0, "user": None, "timestamp": "1970-01-01T00:00:00Z"}
    found = count(diff(delete(way(5, LINE, HIGHWAY, refs=[8, 9]), gone("way", 5, **nobody))))
    assert (found.features, found.changesets, found.tallies) == (0, (), {"nobodys_edit": 1})
    (error,) = found.errors
    assert error[:6] == (2, 5, 0, HIGHWAY, (8, 9), None)
    assert (error.uid, error.user, error.updated, error.visible) == (None, None, None, False)


def test_a_deletion_is_its_deleters() -> None:
    old = node(1, tags=SHOP, changeset=3, uid=4, user="bob")
    found = counted(delete(old, gone("node", 1, changeset=5, uid=6, user="eve")))
    assert (found.changeset, found.uid, found.user) == (5, 6, "eve")


def test_an_element_twice_counts_twice() -> None:
    action = create(way(1, LINE, HIGHWAY))
    once, twice = counted(action), counted(action, action)
    assert twice.counts == {"roads_added": 2}
    assert twice.measurements == {k: 2 * v for k, v in once.measurements.items()}


@pytest.mark.parametrize(("uid", "known"), [(0, None), (None, None), (7, 7)])
def test_no_user(uid: int | None, known: int | None) -> None:
    assert counted(create(node(1, tags=SHOP, uid=uid))).uid == known


def test_the_newest_name_wins_and_no_name_is_no_evidence() -> None:
    def at(second: int, user: str | None, id_: int) -> str:
        return create(node(id_, tags=SHOP, user=user, timestamp=f"2017-03-09T04:17:{second:02}Z"))

    found = counted(at(3, "newer", 1), at(2, "older", 2), at(4, "", 3), at(5, None, 4))
    assert found.user == "newer"
    assert found.named_at == datetime(2017, 3, 9, 4, 17, 3, tzinfo=UTC)
    assert found.edited_at == datetime(2017, 3, 9, 4, 17, 5, tzinfo=UTC)
    assert counted(at(3, "a", 1), at(3, "b", 2)).user == "b"
    assert counted(at(3, "", 1)).named_at is None


def test_only_counted_features_say_when_and_who() -> None:
    found = counted(
        create(node(1, tags=SHOP, timestamp="2017-03-09T04:17:00Z", user="counted")),
        create(node(2, timestamp="2017-03-09T04:17:30Z", user="not counted")),
    )
    assert found.user == "counted"
    assert found.edited_at == datetime(2017, 3, 9, 4, 17, tzinfo=UTC)


def test_big_numbers() -> None:
    found = counted(create(node(2**62, tags=SHOP, changeset=2**40, uid=2**41)))
    assert (found.changeset, found.uid) == (2**40, 2**41)
