"""Versions out of files: each format the same, and whatever is wrong with a file ends in Unreadable."""

import bz2
import gzip
import io
import random
from pathlib import Path

import pytest

from stats_assets.augment import xml_versions
from stats_assets.augment.reading import planet_time, read_osmchange, read_planet
from stats_assets.augment.unreadable import Unreadable
from stats_assets.augment.versions import KINDS, Member, Version
from tests.augment.planets import world, write
from tests.conftest import real_file

HEAD = 'version="2" timestamp="2017-03-09T04:47:05Z" changeset="5" uid="7" user="a"'
NODE = f'<node id="1" {HEAD} lat="1" lon="2"/>'
READ = Version("node", 1, 2, 1489034825, 5, 7, "a", True, (), (20_000_000, 10_000_000))


def osmchange(body: str) -> bytes:
    return f'<osmChange version="0.6">{body}</osmChange>'.encode()


def read(body: str | bytes) -> list[Version]:
    data = osmchange(body) if isinstance(body, str) else body
    return list(read_osmchange(io.BytesIO(data), "FILE"))


def node(attributes: str, children: str = "") -> str:
    return f"<create><node {attributes}>{children}</node></create>"


@pytest.mark.parametrize("name", ["w.osm", "w.osm.gz", "w.osm.bz2", "w.osm.pbf", "w.pbf"])
def test_each_format_has_the_same_versions(tmp_path: Path, name: str) -> None:
    versions = world(20_000 if name == "w.pbf" else 800)
    file = write(versions, tmp_path / name)
    assert list(read_planet(file)) == versions


@pytest.mark.parametrize("options", ["pbf,pbf_dense_nodes=false", "pbf,pbf_compression=none", "osm"])
def test_a_planet_is_told_by_its_bytes_not_by_its_name(tmp_path: Path, options: str) -> None:
    osmium = pytest.importorskip("osmium")
    versions = world(300)
    file, other = write(versions, tmp_path / "w.osm.pbf"), tmp_path / "planet"
    with osmium.SimpleWriter(osmium.io.File(str(other), options)) as writer:
        for each in osmium.FileProcessor(str(file)):
            writer.add(each)
    assert list(read_planet(other)) == versions


@pytest.mark.parametrize("name", ["w.osh", "w.osh.pbf"])
def test_a_history_has_its_deletions(tmp_path: Path, name: str) -> None:
    gone = [Version(kind, 1, 2, 1489034825, 5, 7, "a", False) for kind in KINDS]
    versions = [READ._replace(version=1), *gone]
    assert list(read_planet(write(versions, tmp_path / name))) == versions


def test_what_the_blocks_say() -> None:
    gone = READ._replace(visible=False)
    assert read(f"<create>{NODE}</create><delete>{NODE}</delete>") == [READ, gone]
    assert read(f"<delete/><modify>{NODE}</modify><create/><modify>{NODE}{NODE}</modify>") == [READ] * 3
    # In a delete an element is deleted, whatever its attribute says, and so it is where the attribute says it.
    visible = NODE.replace("lat", 'visible="true" lat')
    assert read(f"<delete>{visible}</delete><modify>{visible.replace('true', 'false')}</modify>") == [
        gone,
        gone,
    ]
    bare = f'<node id="1" {HEAD}/><way id="2" {HEAD}/><relation id="3" {HEAD}/>'
    assert [(version.kind, version.visible, version.position) for version in read(f"<delete>{bare}</delete>")] == [
        ("node", False, None), ("way", False, None), ("relation", False, None),
    ]  # fmt: skip


def test_users() -> None:
    place = 'version="1" timestamp="2017-03-09T04:47:05Z" lat="1" lon="2"'
    bodies = [
        "",
        'user="bob"',
        'user="" uid="0"',
        'user="x" uid="0"',
        'uid="5"',
        'user="x" uid="-1" changeset="-1"',
    ]
    found = [read(node(f'id="1" {place} {body}'))[0] for body in bodies]
    assert [(version.uid, version.user) for version in found] == [
        (0, None), (0, "bob"), (0, None), (0, "x"), (5, None), (0, "x"),
    ]  # fmt: skip
    assert {version.changeset for version in found} == {0}


def test_texts() -> None:
    tags = '<tag k="a" v="1&#10;2&#9;3"/><tag k="b" v="x\ty"/><tag k="a" v="&lt;&quot;🌍"/><tag k="" v=""/>'
    (found,) = read(node(f'id="1" {HEAD} lat="1" lon="2"', tags))
    assert found.tags == (("a", "1\n2\t3"), ("b", "x y"), ("a", '<"🌍'), ("", ""))
    # What is no character in XML does not stop a feed; osm/characters.py says what becomes of it.
    odd = osmchange(node(f'id="1" {HEAD} lat="1" lon="2"', '<tag k="a" v="x&#1;y\x01z_"/>')).replace(
        b"_", b"\xff"
    )
    assert read(odd)[0].tags == (("a", "x\ufffdy\ufffdz\ufffd"),)
    long = "é" * 5000
    assert read(node(f'id="1" {HEAD} lat="1" lon="2"', f'<tag k="a" v="{long}"/>'))[0].tags == (("a", long),)


def test_positions_are_exact() -> None:
    dice = random.Random(1)  # noqa: S311
    for _ in range(2000):
        lon, lat = dice.randrange(-1_800_000_000, 1_800_000_001), dice.randrange(-900_000_000, 900_000_001)
        written = f'lat="{_decimal(lat)}" lon="{_decimal(lon)}"'
        assert read(node(f'id="1" {HEAD} {written}'))[0].position == (lon, lat)


def _decimal(number: int) -> str:
    return f"{'-' if number < 0 else ''}{abs(number) // 10**7}.{abs(number) % 10**7:07d}"


def test_members_and_refs() -> None:
    members = '<member type="node" ref="1" role="é"/><member type="way" ref="2"/>'
    members += '<member type="relation" ref="2" role=""/>'
    refs = '<nd ref="3"/><nd ref="3"/>'
    relation, way = read(
        f'<modify><relation id="9" {HEAD}>{members}</relation><way id="8" {HEAD}>{refs}</way></modify>'
    )
    assert relation.members == (Member("node", 1, "é"), Member("way", 2, ""), Member("relation", 2, ""))
    assert way.refs == (3, 3)


PLACED = f'id="1" {HEAD} lat="1" lon="2"'


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "is empty"),
        (b"not at all", "no XML"),
        (b"<html><body/></html>", "root <html>"),
        (f'<osm version="0.6">{NODE}</osm>'.encode(), "root <osm>"),
        (osmchange(f"<create>{NODE}</create>")[:-5], "no whole XML"),
        (osmchange("") + b"<osmChange/>", "no whole XML"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]>' + osmchange(node(PLACED, '<tag k="a" v="&a;"/>')), "DTD"),
        (b'<!DOCTYPE x SYSTEM "/etc/passwd">' + osmchange(""), "DTD"),
        (osmchange(node(PLACED, '<tag k="a" v="&a;"/>')), "no whole XML"),
        (osmchange(NODE), "in no block"),
        (osmchange(f"<augment>{NODE}</augment>"), "in <augment>"),
        (osmchange(f"<create><create>{NODE}</create></create>"), "in a place where none belongs"),
        (osmchange(node(PLACED.replace('"1"', '"-1"', 1))), "the id '-1'"),
        (osmchange(node(PLACED.replace('"1"', '"99999999999999999999"', 1))), "the id '9999"),
        (osmchange(node(PLACED.replace('id="1"', ""))), "no id"),
        (osmchange(node(PLACED.replace('version="2"', ""))), "no version"),
        (osmchange(node(PLACED.replace('version="2"', 'version="5000000000"'))), "the version"),
        (osmchange(node(PLACED.replace("2017-03", "2017-3"))), "the timestamp"),
        (osmchange(node(PLACED.replace("2017", "1969"))), "the timestamp"),
        (osmchange(node(PLACED.replace("2017", "2107"))), "the timestamp"),
        (osmchange(node(PLACED.replace("timestamp", "time"))), "no timestamp"),
        (osmchange(node(PLACED.replace('lat="1"', 'lat="91"'))), "the lat '91'"),
        (osmchange(node(PLACED.replace('lat="1"', 'lat="nan"'))), "the lat 'nan'"),
        (osmchange(node(PLACED.replace('lat="1"', 'lat="inf"'))), "the lat 'inf'"),
        (osmchange(node(PLACED.replace('lat="1"', ""))), "no lat"),
        (osmchange(node(PLACED.replace("lat", 'visible="perhaps" lat'))), "visible='perhaps'"),
        (osmchange(node(PLACED.replace('uid="7"', 'uid="seven"'))), "the uid 'seven'"),
        (osmchange(f'<create><way id="1" {HEAD}><nd/></way></create>'), "no ref"),
        (osmchange(f'<create><relation id="1" {HEAD}><member type="area" ref="1"/></relation></create>'), "'area'"),
    ],
)  # fmt: skip
def test_what_can_t_be_read_is_told(body: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match="FILE") as raised:
        read(body)
    assert why in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_element_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_versions, "ELEMENT_BYTES_MAX", 1 << 20)

    class Endless(io.RawIOBase):
        begun = False

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            begin = b'<osmChange version="0.6"><create><way id="1">'
            block = begin if not self.begun else b'<nd ref="1"/>' * (1 << 12)
            self.begun = True
            return block

        def seek(self, offset: int, whence: int = 0) -> int:
            self.begun = False
            return 0

    with pytest.raises(Unreadable, match="without an element's end"):
        list(read_osmchange(Endless(), "FILE"))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["w.osm", "w.osm.gz", "w.osm.bz2", "w.osm.pbf"])
def test_cut_and_damaged_files_are_unreadable_or_read(tmp_path: Path, name: str) -> None:
    whole = write(world(100), tmp_path / name).read_bytes()
    dice = random.Random(7)  # noqa: S311
    for _ in range(25):
        cut = whole[: dice.randrange(len(whole))]
        if not cut.endswith(b"</osm>"):
            try:
                list(read_planet(io.BytesIO(cut), "FILE"))
                # PBF has no end: a file that is cut between two blocks can't be told from a whole one.
                assert name.endswith("pbf")
            except Unreadable as error:
                assert str(error).startswith("FILE ")
        damaged = bytearray(whole)
        for _ in range(dice.randrange(1, 4)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        for asked in (read_planet, planet_time):
            try:
                found = asked(io.BytesIO(damaged), "FILE")
                if not isinstance(found, int | None):
                    assert all(isinstance(version, Version) for version in found)
            except Unreadable as error:
                assert "\n" not in str(error)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for asked in (lambda: list(read_planet(tmp_path / "a")), lambda: planet_time(tmp_path)):
        with pytest.raises(Unreadable, match=r"can't be read: (No such file|Is a directory)"):
            asked()


def test_the_time_of_a_planet(tmp_path: Path) -> None:
    told = {"osmosis_replication_timestamp": "2017-03-09T04:17:00Z"}
    assert planet_time(write(world(10), tmp_path / "a.osm.pbf", told)) == 1489033020
    assert planet_time(write(world(10), tmp_path / "b.osm.pbf")) is None
    body = b'<osm version="0.6" timestamp="2017-03-09T04:17:00Z"></osm>'
    for data in (body, gzip.compress(body), bz2.compress(body)):
        assert planet_time(io.BytesIO(data), "FILE") == 1489033020
    assert planet_time(io.BytesIO(b"<osm/>"), "FILE") is None
    with pytest.raises(Unreadable, match="timestamp 'soon' of its root"):
        planet_time(io.BytesIO(b"<osm timestamp='soon'/>"), "FILE")


def test_the_judge_s_files_are_read() -> None:
    shared_augment = real_file("augment")
    assert planet_time(shared_augment / "planet.osm.gz") == 1489033020
    assert sum(1 for _ in read_planet(shared_augment / "planet.osm.gz")) == 4318
    history = list(read_planet(shared_augment / "history.osh.xml.gz"))
    changes = [
        version
        for file in sorted((shared_augment / "replication/000/000").glob("*.osc.gz"))
        for version in read_osmchange(file)
    ]
    # OsmChange has no position of what is deleted, or no tags; a history may.
    assert {version[:8] for version in changes} <= {version[:8] for version in history}
