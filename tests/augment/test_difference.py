"""The rules of a minute's actions, one by one, as docs/augment.md has them."""

from stats_assets.augment.difference import Action, actions
from stats_assets.augment.versions import Member, Version
from stats_assets.augment.window import take_in
from tests.augment.small_feed import BEGINS, FIRST, begun, gone, node, relation, way

OLD = -500
NODES = tuple(node(id, 1, OLD, id, id) for id in (1, 2, 3))
WAY = way(10, 1, OLD, 1, 2)
OF_WAY = relation(20, 1, OLD, Member("way", 10, "outer"))
OF_NODE = relation(21, 1, OLD, Member("node", 1, "stop"))
OF_RELATION = relation(22, 1, OLD, Member("relation", 20, ""))
PLANET = (*NODES, WAY, OF_WAY, OF_NODE, OF_RELATION)
MOVE = node(1, 2, 30, 7, 7)


def found(planet: tuple[Version, ...], *versions: Version, minute: int = 1) -> list[Action]:
    """The actions of a minute, after these versions have come."""
    store = begun(*planet)
    with store.changing() as change:
        take_in(change, versions, 1, BEGINS + 3600)
    with store.reading() as snapshot:
        return list(actions(snapshot, FIRST + minute - 1))


def acts(planet: tuple[Version, ...], *versions: Version, minute: int = 1) -> list[tuple[str, str, int]]:
    """Of each: what, of which kind, which id."""
    return [
        (action.change, action.new.version.kind, action.new.version.id)
        for action in found(planet, *versions, minute=minute)
    ]


def test_a_moved_node_moves_ways_and_their_relations_but_not_relations_of_relations() -> None:
    assert acts(PLANET, MOVE) == [
        ("modify", "node", 1),
        ("modify", "way", 10),
        ("modify", "relation", 20),
        ("modify", "relation", 21),
    ]


def test_what_is_no_move_changes_the_node_alone() -> None:
    only = [("modify", "node", 1)]
    assert acts(PLANET, node(1, 2, 30, 1, 1, tags=(("highway", "crossing"),))) == only
    assert acts(PLANET, MOVE, node(1, 3, 40, 1, 1)) == only


def test_a_node_that_goes_stays_in_its_ways_where_it_was_and_is_bare_in_its_relations() -> None:
    away = gone(node(1, 1, 0), 30)
    assert acts(PLANET, away) == [("delete", "node", 1), ("modify", "relation", 21)]
    assert acts(PLANET, away, node(1, 3, 40, 5, 5))[1:] == acts(PLANET, MOVE)[1:]


def test_tags_and_versions_of_a_member_are_not_the_relation_s() -> None:
    assert acts(PLANET, way(10, 2, 30, 1, 2, tags=(("a", "b"),))) == [("modify", "way", 10)]


def test_a_member_way_that_goes_or_comes_back_shows_the_relation() -> None:
    away = gone(WAY, 30)
    assert acts(PLANET, away) == [("delete", "way", 10), ("modify", "relation", 20)]
    back = way(10, 3, 90, 1, 2)
    assert acts(PLANET, away, back, minute=2) == [("create", "way", 10), ("modify", "relation", 20)]
    assert acts(PLANET, away, way(10, 3, 40, 1, 2)) == [("modify", "way", 10)]
    assert acts(PLANET, gone(WAY, 30), gone(OF_WAY, 30)) == [
        ("delete", "way", 10),
        ("delete", "relation", 20),
    ]


def test_a_member_node_that_is_deleted_is_bare_and_shows_the_relation() -> None:
    planet = (*NODES, OF_NODE)
    deleted, shown = found(planet, gone(node(1, 1, 0), 30))
    assert (deleted.change, shown.change, shown.new.version.id) == ("delete", "modify", 21)
    assert shown.old is not None
    places = [[line for _, line in side.members()] for side in (shown.old, shown.new)]
    assert places == [[((1, 1),)], [None]]


def test_created_and_deleted_or_deleted_all_along_is_nothing() -> None:
    new = node(9, 1, 10)
    assert acts(PLANET, new, gone(new, 20)) == []
    assert acts(PLANET, gone(node(9, 3, 10), 20)) == []
    assert acts(PLANET, gone(node(9, 3, 10), 20), gone(node(9, 4, 10), 30)) == []


def test_several_versions_are_one_action() -> None:
    action = found(PLANET, MOVE, node(1, 3, 40, 8, 8))[0]
    assert action.old is not None
    assert (action.old.version.version, action.new.version.version) == (1, 3)
    assert acts(PLANET, node(9, 1, 10), node(9, 2, 20))[0] == ("create", "node", 9)


def test_what_is_first_seen_at_a_later_version_is_created() -> None:
    action = found(PLANET, node(9, 5, 10))[0]
    assert (action.change, action.old, action.new.version.version) == ("create", None, 5)


def test_a_deleted_node_keeps_its_place_in_the_way() -> None:
    planet = (*NODES, WAY)
    after = found(planet, gone(node(1, 1, 0), 30), way(10, 2, 40, 1, 2, tags=(("a", "b"),)))[-1]
    assert after.new.line() == ((1, 1), (2, 2))
    assert acts(planet, gone(node(1, 1, 0), 30), node(1, 3, 40, 1, 1)) == [("modify", "node", 1)]


def test_one_node_that_was_never_seen_takes_all_positions() -> None:
    planet = (*NODES, way(10, 1, OLD, 1, 99), OF_WAY)
    assert acts(planet, MOVE) == [("modify", "node", 1)]
    seen = node(99, 1, 30, 9, 9)
    assert acts(planet, seen) == [("create", "node", 99), ("modify", "way", 10), ("modify", "relation", 20)]
    way_of = found(planet, seen)[1]
    assert way_of.old is not None
    assert (way_of.old.line(), way_of.new.line()) == (None, ((1, 1), (9, 9)))


def test_each_minute_sees_the_elements_of_its_own_time() -> None:
    later = node(1, 3, 70, 8, 8)
    old, new = found(PLANET, MOVE, later, minute=2)[1][1:]
    assert old is not None
    assert (old.line(), new.line()) == (((7, 7), (2, 2)), ((8, 8), (2, 2)))


def test_a_pending_way_is_found_by_its_nodes() -> None:
    assert acts(NODES, way(11, 1, 30, 3), node(3, 2, 90, 4, 4), minute=2) == [
        ("modify", "node", 3),
        ("modify", "way", 11),
    ]


def test_an_edit_at_until_is_inside_and_one_at_since_is_not() -> None:
    edits = (node(7, 1, 60), node(8, 1, 61))
    assert acts((), *edits) == [("create", "node", 7)]
    assert acts((), *edits, minute=2) == [("create", "node", 8)]
