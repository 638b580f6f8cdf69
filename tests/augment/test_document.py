"""A document as Overpass prints it, and as our own parser reads it."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stats_assets.augment.bounds import HALF, Box, box_of
from stats_assets.augment.difference import actions
from stats_assets.augment.document import same_actions, write
from stats_assets.augment.versions import Member, Position, Version
from stats_assets.augment.window import take_in
from stats_assets.feeds.body import Body, open_body
from stats_assets.feeds.validation import judge_body
from stats_assets.osm.categories import Categories
from stats_assets.osm.diff import count_diff
from stats_assets.osm.regions import Regions
from tests.augment.reading_xml import position
from tests.augment.small_feed import BEGINS, FIRST, begun, gone, node, relation, way

OLD = -500


def document(path: Path, planet: tuple[Version, ...], *versions: Version, osm_base: int = BEGINS + 62) -> str:
    store = begun(*planet)
    with store.changing() as change:
        take_in(change, versions, 1, BEGINS + 3600)
    with store.reading() as snapshot:
        write(path, actions(snapshot, FIRST), osm_base=osm_base)
    return gzip.decompress(path.read_bytes()).decode()


def test_an_empty_minute_is_a_whole_document(tmp_path: Path) -> None:
    text = document(tmp_path / "a", (), osm_base=1_489_036_502)
    assert text == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<osm version="0.6" generator="stats-assets">\n'
        "<note>The data included in this document is from www.openstreetmap.org."
        " The data is made available under ODbL.</note>\n"
        '<meta osm_base="2017-03-09T05:15:02Z"/>\n\n\n</osm>\n'
    )


def test_each_kind_of_action_is_printed_as_overpass_does(tmp_path: Path) -> None:
    planet = (
        node(1, 1, OLD, *position(9.5, 47.1)),
        node(2, 1, OLD, *position(-0.0000001, -0.5)),
        way(10, 1, OLD, 1, 2, tags=(("highway", "path"),)),
    )
    text = document(
        tmp_path / "a",
        planet,
        node(3, 1, 1, *position(1, 2))._replace(uid=0, user=None),
        node(4, 1, 1)._replace(user=None),
        gone(planet[2], 2),
        relation(20, 1, 3, Member("node", 1, "a"), Member("way", 10, ""), Member("relation", 20, "<")),
    )
    at = 'timestamp="2014-08-07T17:35:01Z" changeset="7"'
    assert text.split("\n\n", 1)[1] == (
        f'<action type="create">\n  <node id="3" lat="2.0000000" lon="1.0000000" version="1" {at} uid="0" user=""/>\n'
        "</action>\n"
        f'<action type="create">\n  <node id="4" lat="0.0000000" lon="0.0000000" version="1" {at} uid="1"/>\n'
        "</action>\n"
        '<action type="delete">\n<old>\n'
        f'  <way id="10" version="1" {at.replace("35:01", "26:40")} uid="1" user="anna">\n'
        '    <bounds minlat="-0.5000000" minlon="-0.0000001" maxlat="47.1000000" maxlon="9.5000000"/>\n'
        '    <nd ref="1" lat="47.1000000" lon="9.5000000"/>\n'
        '    <nd ref="2" lat="-0.5000000" lon="-0.0000001"/>\n'
        '    <tag k="highway" v="path"/>\n  </way>\n</old>\n<new>\n'
        f'  <way id="10" visible="false" version="2" {at.replace(":01Z", ":02Z")} uid="1" user="anna"/>\n'
        "</new>\n</action>\n"
        '<action type="create">\n'
        f'  <relation id="20" version="1" {at.replace(":01Z", ":03Z")} uid="1" user="anna">\n'
        '    <bounds minlat="47.1000000" minlon="9.5000000" maxlat="47.1000000" maxlon="9.5000000"/>\n'
        '    <member type="node" ref="1" role="a" lat="47.1000000" lon="9.5000000"/>\n'
        '    <member type="way" ref="10" role=""/>\n'
        '    <member type="relation" ref="20" role="&lt;"/>\n'
        "  </relation>\n</action>\n\n</osm>\n"
    )


def test_what_xml_forbids_is_not_written(tmp_path: Path) -> None:
    value = "a\tb\nc\rd\"e&f<g>h'i\x01j\ufffek\ud800l\x7f🚲"
    text = document(tmp_path / "a", (), node(1, 1, 1, tags=(("note", value),)))
    assert (
        "v=\"a&#x09;b&#x0a;c&#x0d;d&quot;e&amp;f&lt;g&gt;h'i\N{REPLACEMENT CHARACTER}j\N{REPLACEMENT CHARACTER}k"
        '\N{REPLACEMENT CHARACTER}l&#x7f;🚲"/>' in text
    )


def test_the_same_actions_are_the_same_bytes_and_are_known_again(tmp_path: Path) -> None:
    one, same, later, other = (tmp_path / name for name in "abcd")
    document(one, (), node(1, 1, 1))
    document(same, (), node(1, 1, 1))
    document(later, (), node(1, 1, 1), osm_base=BEGINS + 9999)
    document(other, (), node(1, 1, 1, 2))
    assert one.read_bytes() == same.read_bytes() != later.read_bytes()
    assert same_actions(one, later)
    assert not same_actions(one, other)


@pytest.mark.parametrize(
    ("positions", "box"),
    [
        ([], None),
        ([(5, 6)], Box(5, 6, 5, 6)),
        ([(HALF - 1, 0), (1 - HALF, 7)], Box(HALF - 1, 0, 1 - HALF, 7)),
        ([(-HALF // 2, 0), (HALF // 2, 0)], Box(-HALF // 2, 0, HALF // 2, 0)),
        ([(-HALF + 9, 0), (0, 1), (HALF - 9, 0)], Box(-HALF, 0, HALF, 1)),
    ],
)
def test_bounds_cross_the_antimeridian_where_that_is_shorter(
    positions: list[Position], box: Box | None
) -> None:
    assert box_of(positions) == box


def test_our_own_parser_reads_what_was_made(tmp_path: Path) -> None:
    corners = [(9.5, 47.1), (9.6, 47.1), (9.6, 47.2), (9.5, 47.2)]
    nodes = tuple(node(id, 1, OLD, *position(*corner)) for id, corner in enumerate(corners, 1))
    house = way(10, 1, OLD, 1, 2, 3, 4, 1, tags=(("building", "yes"),))
    road = way(11, 1, OLD, 1, 2, tags=(("highway", "residential"),))
    file = tmp_path / "minute.adiff.xml.gz"
    document(
        file,
        (*nodes, house, road),
        gone(house, 10),
        way(12, 1, 20, 1, 2, 3, 1, tags=(("building", "yes"), ("name", "a & b\n"))),
        node(1, 2, 30, *position(9.51, 47.1)),
    )
    judge_body(Body(FIRST, file, "made", file.stat().st_size, datetime.now(UTC), 0.0), until=None)
    with open_body(file, url="made") as content:
        diff = count_diff(content, categories=Categories.load(), regions=Regions.load())
    assert (diff.envelope.complete, diff.envelope.error, diff.unreadable) == (True, None, 0)
    assert diff.envelope.osm_base == datetime.fromtimestamp(BEGINS + 62, UTC)
    (changeset,) = diff.changesets
    assert changeset.counts["buildings_added"] == changeset.counts["buildings_deleted"] == 1
    assert (changeset.user, changeset.errors) == ("anna", 0)
