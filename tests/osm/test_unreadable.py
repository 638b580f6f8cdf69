"""What can't be read, is nobody's, or is not believed is said, and the rest counts (docs/definitions.md, section 2)."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from stats_assets.osm.statistics import DiffStatistics
from tests.conftest import real_file
from tests.osm.documents import (
    HIGHWAY,
    NOON,
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

SHOP = {"shop": "x"}
LINE = [(1.0, 1.0), (1.1, 1.0)]
BEFORE = node(1, tags=SHOP)
LIMIT = datetime(2017, 3, 9, 4, 18, tzinfo=UTC)
LATE = "2099-01-01T00:00:00Z"


def both(**values: Any) -> list[tuple[str, str]]:
    """The same values on a creation, and on a deletion."""
    return [
        ("create", create(node(1, tags=SHOP, **values))),
        ("modify", modify(BEFORE, node(1, tags=SHOP, **({"version": 2} | values)))),
        ("delete", delete(BEFORE, gone("node", 1, **values))),
    ]


NO_NUMBERS = [
    "x",
    "",
    " ",
    "1.5",
    "-1",
    "+1",
    " 1",
    "1 ",
    "1_0",
    "1e3",
    "0x1",
    "٣",
    "²",
    "?",
    "9" * 30,
    str(2**63),
]
NO_TIMES = [
    *(
        None,
        "",
        "?",
        "yesterday",
        "2017-03-09",
        "2017-03-09T04:17:12",
        "2017-03-09T04:17Z",
        "20170309T041712Z",
    ),
    *("2017-W10-4T04:17:12Z", "2017-068T04:17:12Z", "2017-03-09T04:17:12,5Z", "2017-02-30T04:17:12Z"),
    *(
        "2017-03-09T25:17:12Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
    ),
    *(
        "２017-03-09T04:17:12Z",
        " 2017-03-09T04:17:12Z",
        "1489033032",
        "2017-03-09x04:17:12Z",
        "2017-03-09T04:17:12Z\n",
    ),
]


def unreadable(found: DiffStatistics, reason: str) -> bool:
    """Is one of two actions unreadable for this reason, and the other counted?"""
    assert found.flags in ({}, {f"unreadable_{reason}": 1})
    assert (found.actions, found.features + found.unreadable, found.errors) == (2, 2, ())
    assert len(found.examples) == found.unreadable
    return found.unreadable == 1


@pytest.mark.parametrize("value", [None, *NO_NUMBERS])
@pytest.mark.parametrize("name", ["id", "version", "changeset", "uid"])
def test_what_is_no_number(name: str, value: str | None) -> None:
    """A deletion needs its id alone; but a changeset or uid that is there is a number, of any action."""
    for kind, action in both(**{name: value}):
        wrong = name in ("id", "changeset", "uid") or kind != "delete"
        if value is None or (name == "uid" and value == ""):
            wrong = wrong and name in ("id", "version")
            if name == "changeset":
                continue  # nobody's: below
        if kind == "create" or name != "id":
            assert unreadable(count(diff(action, create(node(9, tags=SHOP)))), name) == wrong


@pytest.mark.parametrize("value", NO_TIMES)
def test_what_is_no_time(value: str | None) -> None:
    for kind, action in both(timestamp=value):
        found = count(diff(action, create(node(9, tags=SHOP))))
        assert unreadable(found, "timestamp") == (kind != "delete")


def test_a_minor_change_needs_a_time_like_any_other() -> None:
    ways = [way(1, line, HIGHWAY, [10, 11], timestamp="?") for line in (LINE, LINE[::-1])]
    assert count(diff(modify(*ways))).flags == {"unreadable_timestamp": 1}


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("1969-12-31T23:59:59Z", datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("2017-03-09T05:17:12+01:00", datetime(2017, 3, 9, 4, 17, 12, tzinfo=UTC)),
        ("2017-03-09T04:17:12.25Z", datetime(2017, 3, 9, 4, 17, 12, 250000, tzinfo=UTC)),
        ("2017-03-09 04:17:12+0000", datetime(2017, 3, 9, 4, 17, 12, tzinfo=UTC)),
    ],
)
def test_times_that_are_read(text: str, time: datetime) -> None:
    found = counted(create(node(1, tags=SHOP, timestamp=text)))
    assert (found.edited_at, found.named_at, found.user, found.uid) == (time, time, "anna", 7)


def test_before_1970_the_newest_wins_as_ever() -> None:
    def at(year: int, user: str, uid: int) -> str:
        return create(node(uid, tags=SHOP, timestamp=f"{year}-01-01T00:00:00Z", user=user, uid=uid))

    found = counted(at(1950, "older", 2), at(1960, "newer", 1), at(1955, "between", 3))
    assert (found.user, found.uid, found.edited_at.year) == ("newer", 1, 1960)


@pytest.mark.parametrize("big", [10**18, 2**63 - 1])
def test_ids_of_19_digits(big: int) -> None:
    found = counted(create(node(big, tags=SHOP, changeset=big, uid=big, version=big)))
    assert (found.changeset, found.uid) == (big, big)
    (error,) = count(diff(create(way(1, [(1.0, 1.0), None], SHOP, refs=[big, 2])))).errors
    assert error.nds == (big, 2)
    action = modify(*(way(1, line, HIGHWAY, [big, 3]) for line in (LINE, LINE[::-1])))
    damaged = action.replace('ref="3"', 'ref="x"')
    for moved in (action, damaged):
        edit = modify(node(big), node(big, version=2, changeset=50))
        assert counted(edit, moved).changeset == 50


def test_what_is_no_reference_is_none() -> None:
    texts = ["+5", "-5", " 5", "1_0", "٣", "", "9" * 20]
    broken = way(1, [None] * 8, SHOP, refs=[5] * 8)
    for text in texts:
        broken = broken.replace('ref="5"', f'ref="{text}"', 1)
    (error,) = count(diff(create(broken))).errors
    assert error.nds == (5,)


# Nobody's edits


NOBODY = [{"changeset": None}, {"changeset": 0}, {"changeset": "00"}]


@pytest.mark.parametrize("nobody", NOBODY)
@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("node", lambda m: create(node(5, tags=SHOP, **m))),
        ("node", lambda m: modify(node(5), node(5, tags=SHOP, version=2, **m))),
        ("node", lambda m: delete(node(5, tags=SHOP), gone("node", 5, **m))),
        ("way", lambda m: create(way(5, LINE, SHOP, [8, 9], **m))),
        ("way", lambda m: delete(way(5, LINE, SHOP, [8, 9]), gone("way", 5, **m))),
        ("relation", lambda m: create(relation(5, [], SHOP, **m))),
    ],
)
def test_a_features_edit_without_a_changeset_is_nobodys(
    kind: str, change: Any, nobody: dict[str, Any]
) -> None:
    found = count(diff(change(nobody), create(node(9, tags=SHOP))))
    assert (found.features, found.flags, found.tallies) == (1, {}, {"nobodys_edit": 1})
    (error,) = found.errors
    assert (error.type, error.id, error.tags) == (("node", "way", "relation").index(kind) + 1, 5, SHOP)
    assert (error.changeset, error.reason) == (None, "the edit has no changeset: it is nobody's")
    assert error.nds == ((8, 9) if kind == "way" else ())


def test_a_bare_deletion_needs_its_id_alone() -> None:
    bare = '<node id="1" visible="false"/>'
    found = count(diff(*[delete(BEFORE, bare)] * 2, delete(node(2), bare.replace("1", "2"))))
    assert (found.flags, found.tallies) == ({}, {"nobodys_edit": 2, "untagged": 1})
    assert [(error.version, error.ordinal) for error in found.errors] == [(None, 0), (None, 1)]
    assert count(diff(create(node(1, changeset=0)))).tallies == {"untagged": 1}


def test_a_deletion_without_a_time_counts_at_the_diffs_end_and_names_nobody() -> None:
    deletion = delete(BEFORE, gone("node", 1, timestamp=None, version=None, changeset=5, uid=6, user="eve"))
    (alone,) = count(diff(deletion), limit=LIMIT).changesets
    assert (alone.counts, alone.uid, alone.user, alone.edited_at) == ({"pois_deleted": 1}, 6, None, LIMIT)
    assert count(diff(deletion)).changesets[0].edited_at == datetime(2017, 3, 9, 4, 18, 2, tzinfo=UTC)
    timed = create(node(2, tags=SHOP, changeset=5, uid=7, user="anna"))
    for actions in ([deletion, timed], [timed, deletion]):
        (both,) = count(diff(*actions), limit=LIMIT).changesets
        assert (both.uid, both.user, both.edited_at.second) == (7, "anna", 12)


def shifted(id_: int, **meta: Any) -> str:
    return modify(node(id_, (0.0, 0.0)), node(id_, (0.5, 0.0), None, **({"version": 2} | meta)))


MOVED = modify(
    way(1, LINE, HIGHWAY, [11, 12], changeset=1),
    way(1, [(1.0, 1.0), (1.2, 1.0)], HIGHWAY, [11, 12], changeset=1),
)


def test_a_way_that_nobodys_node_moved_last_is_nobodys() -> None:
    nobodys = shifted(11, changeset=None, timestamp="2017-03-09T04:17:30Z")
    before, after = (shifted(12, changeset=50, timestamp=f"2017-03-09T04:17:{s}Z") for s in ("01", "59"))
    for actions in itertools.permutations([nobodys, after, MOVED]):
        assert counted(*actions).changeset == 50
    for actions in itertools.permutations([nobodys, before, MOVED]):
        assert count(diff(*actions)).tallies["nobodys_edit"] == 1
    found = count(diff(nobodys, MOVED))
    assert (found.changesets, found.tallies) == ((), {"nobodys_edit": 1, "untagged": 1})
    (error,) = found.errors
    assert (error.type, error.id, error.tags, error.nds) == (2, 1, HIGHWAY, (11, 12))


# Times beyond the diff's end


def test_a_time_beyond_the_diffs_end_is_cut_to_it_and_said() -> None:
    actions = [create(node(n, tags=SHOP, timestamp=LATE, user="late")) for n in range(15)]
    good = create(node(99, tags=SHOP, user="zoe", timestamp=LIMIT.isoformat()))
    found = count(diff(*actions, good), limit=LIMIT)
    assert found.flags == {"time_cut": 15}
    assert (found.unreadable, len(found.examples)) == (0, 10)
    assert found.examples[0] == f"create node 0: {LATE} is after the diff's end"
    (changeset,) = found.changesets
    assert (changeset.edited_at, changeset.named_at, changeset.user) == (LIMIT, LIMIT, "zoe")
    assert count(diff(*actions)).flags == {}


def test_a_time_that_is_cut_ties_with_the_minutes_end() -> None:
    late, last = (
        shifted(11, changeset=50, timestamp=LATE),
        shifted(12, changeset=60, timestamp=LIMIT.isoformat()),
    )
    found = count(diff(late, last, MOVED), limit=LIMIT)
    assert [changeset.changeset for changeset in found.changesets] == [60]
    assert found.flags == {"time_cut": 1}


# What a document holds beside its actions


GOOD = create(node(1, tags=SHOP))


@pytest.mark.parametrize(
    ("content", "flags", "lost"),
    [
        (f"<other>{GOOD}</other>", {"unreadable_child": 1}, 1),
        (f"<note>{GOOD}</note>", {"unreadable_child": 1}, 1),
        (GOOD.replace("action", "Action"), {"unreadable_child": 1}, 1),
        (GOOD.replace("<action", "<action xmlns='http://other'"), {"unreadable_child": 1}, 1),
        (GOOD.replace("<node", "<node xmlns='http://other'"), {"unreadable_sides": 1}, 1),
        (f"<create>{node(1, tags=SHOP)}</create>" * 3, {"unreadable_child": 3}, 3),
        ("<delete/>", {"unreadable_child": 1}, 1),
        (node(1, tags=SHOP), {"unreadable_child": 1}, 1),
        ("<changeset id='1'/>", {"unreadable_child": 1}, 1),
        (GOOD.replace(' type="create"', ""), {"unreadable_type": 1}, 1),
        ("Internal server error", {"unreadable_text": 1}, 1),
        (f"<![CDATA[{GOOD}]]>", {"unreadable_text": 1}, 1),
        (GOOD.replace("<", "&lt;"), {"unreadable_text": 1}, 1),
        ("<licence>ODbL</licence>", {"unknown_child": 1}, 0),
        ("<osm/>", {"unknown_child": 1}, 0),
        (GOOD.replace("create", "Create"), {"unknown_action_type": 1}, 0),
        (f"<!-- {GOOD} -->", {}, 0),
        ("<bounds/><bound/><meta/><note>x</note><remark>x</remark>", {}, 0),
    ],
)
def test_no_content_is_lost_without_a_word(content: str, flags: dict[str, int], lost: int) -> None:
    alone = count(diff(content))
    assert alone.envelope.complete
    assert alone.envelope.error is None
    assert (alone.flags, alone.unreadable, alone.actions, alone.features) == (flags, lost, lost, 0)
    assert bool(alone.examples) == bool(flags)
    beside = {reason: n for reason, n in flags.items() if reason != "unknown_action_type"}
    for found in (count(diff(GOOD, content, GOOD)), count(diff(content, GOOD, GOOD))):
        assert (found.flags, found.features, found.actions) == (beside, 2, 2 + lost)


def test_where_chunks_end_changes_no_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    body = diff("text", GOOD, "<a/>", GOOD, "more text", "<create/>", GOOD, "\x01text")
    whole = count(body)
    assert whole.flags == {
        "character_replaced": 1,
        "unknown_child": 1,
        "unreadable_child": 1,
        "unreadable_text": 1,
    }
    for chunk in (1, 5, 100):
        monkeypatch.setattr("stats_assets.osm.document.CHUNK", chunk)
        assert count(body) == whole


def test_ten_examples_of_each_reason_in_turn() -> None:
    wrong = [create(node(n, tags=SHOP, version="?")) for n in range(40)]
    found = count(
        diff(*wrong, create(node(1, tags=SHOP, uid="x")), create(node(2, tags=SHOP, timestamp=None)))
    )
    assert (found.unreadable, len(found.examples)) == (42, 10)
    assert {"create node 0: version '?' is no number", "create node 1: uid 'x' is no number"} <= set(
        found.examples
    )
    assert "create node 2: no timestamp" in found.examples


def test_an_example_is_one_short_line_whatever_the_body_holds() -> None:
    long = "\x01\n" + "é" * 5000
    found = count(diff(create(node(1, tags=SHOP, id=long)), create(node(1, tags=SHOP, version=long)), long))
    assert len(found.examples) == 4
    assert all(len(example) < 200 and "\n" not in example for example in found.examples)


@pytest.mark.parametrize("name", ["no-metadata-at-all.adiff.xml"])
def test_a_document_of_which_nothing_can_be_read(name: str) -> None:
    found = count(real_file(f"cases/{name}").read_bytes())
    assert (found.actions, found.unreadable, found.features) == (2, 2, 0)


def test_an_edit_at_noon_is_within_its_minute() -> None:
    """What the tests above rest on."""
    assert count(diff(GOOD), limit=LIMIT).flags == {}
    assert LIMIT.isoformat() > NOON
