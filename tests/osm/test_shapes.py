"""The shapes in which tools write an action, and which of them tell its sides (docs/definitions.md, section 2)."""

import itertools

import pytest

from stats_assets.osm.statistics import DiffStatistics
from tests.conftest import real_file
from tests.osm.documents import HIGHWAY, count, create, diff, gone, modify, node, relation, squares, way

SHOP = {"shop": "x"}
LINE = [(1.0, 1.0), (1.1, 1.0)]
NEW, NEXT = node(1, tags=SHOP), node(1, tags=SHOP, version=2)
GONE = gone("node", 1)


def action(kind: str, *children: str) -> str:
    return f'<action type="{kind}">{"".join(children)}</action>'


def old(*elements: str) -> str:
    return f"<old>{''.join(elements)}</old>"


def new(*elements: str) -> str:
    return f"<new>{''.join(elements)}</new>"


def totals(found: DiffStatistics) -> dict[str, int]:
    (changeset,) = found.changesets
    return changeset.counts


@pytest.mark.parametrize(
    ("kind", "children", "change"),
    [
        ("create", [NEW], "added"),
        ("create", [new(NEW)], "added"),
        ("create", ["<old/>", new(NEW)], "added"),
        ("create", ["<old> \n </old>", new(NEW)], "added"),
        ("create", ["<old><!-- none --></old>", new(NEW)], "added"),
        ("create", ["<old/>", NEW], "added"),
        ("create", ["<old/>", "<new/>", NEW], "added"),
        ("create", ["<old/>", "<old/>", new(NEW)], "added"),
        ("create", ["<old><foo/></old>", new(NEW)], "added"),
        ("create", [old(node(1, version=0, visible="false")), new(NEW)], "added"),
        ("modify", [old(NEW), new(NEXT)], "modified"),
        ("delete", [old(NEW), new(GONE)], "deleted"),
        ("modify", [old(NEW), new(GONE)], "deleted"),
        # an absent side is none: nothing comes from it
        ("modify", [old(node(1, visible="false")), new(NEXT)], "modified"),
    ],
)
def test_shapes_that_are_read(kind: str, children: list[str], change: str) -> None:
    """In each order, and with children that nobody knows anywhere."""
    for order in itertools.permutations(children):
        for extra in ("", "<foo/>", '<note><tag k="shop" v="y"/></note>', "<area id='7'/>"):
            found = count(diff(action(kind, extra, *order), action(kind, *order, extra)))
            assert (totals(found), found.flags) == ({f"pois_{change}": 2}, {})
            assert (found.actions, found.features, found.unreadable) == (2, 2, 0)


@pytest.mark.parametrize(
    ("kind", "children"),
    [
        ("create", []),
        ("create", ["<new/>"]),
        ("create", ["<old/>", "<new/>"]),
        ("create", [old(NEW)]),
        ("create", [old(NEW), new(NEXT)]),
        ("create", [old(NEW), NEXT]),
        ("create", [NEW, NEW]),
        ("create", [NEW, new(NEW)]),
        ("create", [new(NEW), new(NEW)]),
        ("create", [new(NEW, NEW)]),
        ("create", ["<area id='1' version='1'/>"]),
        ("create", [f"<elements>{NEW}</elements>"]),
        ("create", [f"<New>{NEW}</New>"]),
        ("create", [NEW.replace("node", "Node")]),
        ("modify", []),
        ("modify", [NEXT]),
        ("modify", [NEW, NEXT]),
        ("modify", [new(NEXT)]),
        ("modify", ["<old/>", new(NEXT)]),
        ("modify", [old(NEW), "<new/>"]),
        ("modify", [old(NEW)]),
        ("modify", [old(NEW), NEXT]),
        ("modify", [old(NEW), new(NEXT), new(NEXT)]),
        ("modify", [old(NEW), old(NEW), new(NEXT)]),
        ("modify", [old(NEW, NEW), new(NEXT)]),
        ("delete", [GONE]),
        ("delete", [old(NEW)]),
        ("delete", [old(NEW), "<new/>"]),
        ("delete", ["<old/>", new(GONE)]),
    ],
)
def test_sides_that_are_not_told_can_not_be_read(kind: str, children: list[str]) -> None:
    """The rest counts."""
    for order in itertools.permutations(children):
        found = count(diff(create(node(9, tags=SHOP)), action(kind, *order), create(node(9, tags=SHOP))))
        assert found.flags == {"unreadable_sides": 1}
        assert (found.actions, found.unreadable, found.tallies) == (3, 1, {})
        assert totals(found) == {"pois_added": 2}
        assert found.examples[0].startswith(kind)


UNKNOWN = {"version": "?", "timestamp": "?", "uid": "?", "user": "?", "changeset": "?"}
NOTHING = dict.fromkeys(UNKNOWN)


@pytest.mark.parametrize("unknown", [UNKNOWN, NOTHING, {"version": "?"}, {"version": None}, {"uid": "x"}])
@pytest.mark.parametrize("kind", ["node", "way", "relation"])
def test_of_an_old_side_nothing_but_what_it_was_is_needed(kind: str, unknown: dict[str, object]) -> None:
    """An unknown version is another version than the new one's: the edit is no minor one."""

    def make(id_: int, tags: dict[str, str], **meta: object) -> str:
        if kind == "node":
            return node(id_, (1.0, 1.0), tags, **meta)
        return way(id_, LINE, tags, None, **meta) if kind == "way" else relation(id_, [], tags, **meta)

    before = make(1, tags=HIGHWAY, **unknown)
    found = count(
        diff(
            modify(before, make(1, tags=HIGHWAY, version=2)),
            action("delete", old(before), new(gone(kind, 1))),
        )
    )
    assert (found.flags, found.tallies) == ({}, {})
    key = "other" if kind == "node" else "roads"
    assert totals(found) == {f"{key}_modified": 1, f"{key}_deleted": 1}


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (node(1, tags=SHOP, id="01"), None),
        (node(1, tags=SHOP, id=None), None),
        (node(2, tags=SHOP), "unreadable_pair"),
        (node(1, tags=SHOP, id="x"), "unreadable_id"),
        (way(1, LINE, SHOP), "unreadable_pair"),
    ],
)
def test_both_sides_are_one_element(before: str, reason: str | None) -> None:
    found = count(diff(modify(before, NEXT)))
    assert found.flags == ({reason: 1} if reason else {})


def test_an_absent_old_side_measures_nothing_and_makes_no_minor_change() -> None:
    before = way(1, [(1.0, 1.0), (5.0, 1.0)], HIGHWAY, visible="false", version=2)
    after = way(1, LINE, HIGHWAY, version=2)
    undeleted, made = (count(diff(a)).changesets[0] for a in (modify(before, after), create(after)))
    assert undeleted.counts == {"roads_modified": 1}
    assert undeleted.measurements["road_km_modified"] == made.measurements["road_km_added"]
    assert count(diff(action("delete", old(before), new(gone("way", 1))))).tallies == {"untagged": 1}


MOVED = [(1.0, 1.0), (1.2, 1.0)]


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        (LINE, LINE, True),
        (LINE, MOVED, False),
        (LINE, LINE[::-1], False),
        (LINE, [*LINE, LINE[-1]], False),
        ([(1.0, 1.0), None], [(1.0, 1.0), None], True),
        ([(1.0, 1.0), None], LINE, False),
        ([(1.0, 1.0), None, (1.1, 1.0)], [None, (1.0, 1.0), (1.1, 1.0)], False),
        ([(1.0, 1.0), (200.0, 1.0)], [(1.0, 1.0), None], True),  # what is not on Earth is missing
        ([(1.0, 1.0), (200.0, 1.0)], [(1.0, 1.0), (201.0, 1.0)], True),
        ([], [], True),
    ],
)
def test_a_minor_way_that_did_not_move_is_no_edit(
    before: list[tuple[float, float] | None], after: list[tuple[float, float] | None], same: bool
) -> None:
    refs = [10, 11, 12, 13, 14]
    node_edit = modify(node(10, version=1), node(10, version=2, changeset=50))
    found = count(diff(node_edit, modify(way(1, before, HIGHWAY, refs), way(1, after, HIGHWAY, refs))))
    if same:
        assert (found.changesets, found.errors) == ((), ())
        assert found.tallies == {"minor_way_unmoved": 1, "untagged": 1}
    else:
        assert totals(found) == {"roads_modified": 1}


def test_positions_are_compared_as_numbers() -> None:
    before = way(1, LINE, HIGHWAY, [10, 11])
    after = before.replace('lat="1.0"', 'lat="1.0000000"').replace('lon="1.1"', 'lon="+1.10"')
    assert after != before
    found = count(diff(modify(node(10), node(10, version=2)), modify(before, after)))
    assert found.tallies == {"minor_way_unmoved": 1, "untagged": 1}


@pytest.mark.parametrize(
    ("name", "totals"),
    [
        ("creation-with-empty-old.adiff.xml", {200: {"pois_added": 1, "roads_added": 1}}),
        ("old-side-unknown.adiff.xml", {202: {"pois_deleted": 1}}),
        ("extra-child-in-action.adiff.xml", {9: {"pois_added": 1, "pois_modified": 1}}),
        ("minor-way-unchanged.adiff.xml", {6401: {"other_modified": 1}}),
        ("delete-without-metadata.adiff.xml", {6100: {"pois_deleted": 1}}),
    ],
)
def test_documents_that_were_read_wrongly_once(name: str, totals: dict[int, dict[str, int]]) -> None:
    found = count(real_file(f"cases/{name}").read_bytes(), squares())
    assert {changeset.changeset: changeset.counts for changeset in found.changesets} == totals
    assert found.flags == {}
    assert len(found.errors) == (2 if name.startswith("delete-") else 0)
    if name.startswith("creation-"):
        assert f"{found.changesets[0].measurements['road_km_added']:f}" == "1.113194908"
