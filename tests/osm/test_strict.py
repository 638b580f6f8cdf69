"""What the strict grammar takes ahead of lxml, in Python and in C, is counted as lxml alone would have it counted."""

import gzip
import io
import runpy
import sys
from array import array
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from stats_assets import osm
from stats_assets.monitoring.stream_status import Status
from stats_assets.osm import compiled, document, strict, tokens
from stats_assets.osm.diff import FASTEST, count_diff
from stats_assets.osm.features import node_ids
from stats_assets.osm.positions import as_floats
from stats_assets.osm.splitting import Splitter, Taken
from stats_assets.osm.statistics import DiffStatistics
from stats_assets.osm.told import Grammar, Told
from tests.conftest import DATA
from tests.osm.documents import squares, the_categories

GRAMMARS = [
    pytest.param(strict, id="Python"),
    pytest.param(
        compiled.MODULE,
        id="C",
        marks=pytest.mark.skipif(
            compiled.MODULE is None, reason="the package was built without a C compiler"
        ),
    ),
]
EDIT = 'version="{}" timestamp="2017-03-09T04:{:02}:12Z" changeset="{}" uid="7" user="{}"'
HEAD = b"""<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6" generator="Overpass API 0.7.62 7c32a7d5">
<note>The data included in this document is from www.openstreetmap.org. The data is made available under ODbL.</note>
<meta osm_base="2017-03-09T04:19:03Z"/>

"""
# What a mutation puts in.
STRANGE = (
    *(
        b"&foo;",
        b"&amp;",
        b"&#65;",
        b"&#0;",
        b"&",
        b"<!-- c -->",
        b"<!-- <node/> </action> -->",
        b"<![CDATA[x]]>",
    ),
    *(
        b"<?pi x?>",
        b"<!DOCTYPE a>",
        b"<!",
        b"]]>",
        b"--",
        b"<",
        b">",
        b"/>",
        b"'",
        b'"',
        b"=",
        b"a:b",
        b"<x:y/>",
    ),
    *(b'<action type="create">', b"</action>", b"</osm>", b"<osm>", b"<old></old>", b"<new/>", b"<bounds/>"),
    *(
        b"<note>x</note>",
        b"<remark>oh</remark>",
        b'<meta osm_base="2017-03-09T04:19:04Z"/>',
        b"<a><node/></a>",
    ),
    *(
        b"text",
        b"\n",
        b"\t",
        b"\r\n",
        b" ",
        "é".encode(),
        "\ufffd".encode(),
        b"\xff",
        b"\0",
        b"0",
        b"-",
        b".",
        b"1e5",
    ),
    *(b' id="1"', b' xmlns="x"', b' xml:lang="x"', b' visible="true"', b' visible="false"'),
)


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - not for secrets


class Writer:
    """Writes actions as Overpass does."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def document(self) -> bytes:
        actions = "".join(self.action() for _ in range(self.random.choice((1, 2, 3, 6, 12))))
        return HEAD + f"{actions}\n</osm>\n".encode()

    def action(self) -> str:
        random = self.random
        element, id_ = random.choice(("node", "node", "way", "way", "relation")), random.randrange(1, 30)
        kind, version = random.choice(("create", "modify", "modify", "delete")), random.randrange(1, 5)
        edit = EDIT.format(
            version, random.randrange(18, 20), random.randrange(3), random.choice(("anna", "çelik", "山田"))
        )
        if kind == "create":
            return f'<action type="create">\n{self.element(element, id_, edit)}</action>\n'
        old = self.element(element, id_, EDIT.format(version - random.randrange(2), 10, 1, "björn"))
        new = self.element(element, id_, edit)
        if kind == "delete":
            new = f'  <{element} id="{id_}" visible="{random.choice(("false", "true"))}" {edit}/>\n'
        elif random.random() < 0.3:
            new = old if random.random() < 0.5 else old.replace("björn", "anna")
        return f'<action type="{kind}">\n<old>\n{old}</old>\n<new>\n{new}</new>\n</action>\n'

    def element(self, element: str, id_: int, edit: str) -> str:
        place = self.place() if element == "node" and self.random.random() < 0.95 else ""
        inside = {
            "node": "",
            "way": self.bounds() + self.nodes(" ref"),
            "relation": self.bounds() + self.members(),
        }[element]
        inside += self.tags()
        head = f'  <{element} id="{id_}"{place} {edit}'
        return f"{head}>\n{inside}  </{element}>\n" if inside else f"{head}/>\n"

    def place(self) -> str:
        random = self.random
        lat, lon = random.choice(((random.uniform(-1, 11), random.uniform(-1, 21)), (5.0, 5.0), (95, -180)))
        return random.choice(
            (f' lat="{lat:.7f}" lon="{lon:.7f}"', f' lat="{lat:.15f}" lon="{lon:.1f}"', ' lat="1" lon="1"')
        )

    def bounds(self) -> str:
        text = '    <bounds minlat="1.0" minlon="-2" maxlat="3.25" maxlon="4"/>\n'
        return text if self.random.random() < 0.7 else ""

    def nodes(self, reference: str = "") -> str:
        number = self.random.choice((0, 1, 2, 5))
        places = [self.place() for _ in range(number)]
        return "".join(
            f"    <nd{reference and f'{reference}={chr(34)}{n + 1}{chr(34)}'}{place}/>\n"
            for n, place in enumerate(places + places[:1])
        )

    def members(self) -> str:
        return "".join(
            self.random.choice(
                (
                    f'    <member type="node" ref="{n}" role="stop"{self.place()}/>\n',
                    f'    <member type="way" ref="{n}" role="outer">\n{self.nodes()}    </member>\n',
                    f'    <member type="relation" ref="{n}" role="ü"/>\n',
                )
            )
            for n in range(self.random.choice((0, 1, 3)))
        )

    def tags(self) -> str:
        known = (
            ("highway", "track"),
            ("building", "yes"),
            ("name", "É 1"),
            ("type", "multipolygon"),
            ("landuse", "forest"),
        )
        chosen = self.random.sample(known, self.random.choice((0, 0, 1, 2, 3)))
        return "".join(f'    <tag k="{key}" v="{value}"/>\n' for key, value in chosen)


def mutated(random: Random, body: bytes) -> bytes:
    """The body with a few bytes lost, changed, repeated or put in, mostly where a token begins or ends."""
    changed = bytearray(body if random.random() < 0.85 else body.replace(b"\n", b""))
    marks = (
        b"<action",
        b"</action>",
        b"<node",
        b"<nd",
        b"<tag",
        b"<member",
        b'="',
        b'"',
        b"<old>",
        b"\n<",
        b"</osm",
    )
    for _ in range(random.choice((0, 1, 1, 1, 2, 3))):
        at = random.randrange(len(changed))
        if random.random() < 0.5:
            at = max(0, changed.find(random.choice(marks), at))
        what, text = random.randrange(7), random.choice(STRANGE)
        if what == 0:
            del changed[at : at + random.choice((1, 1, 5, 40, 300))]
        elif what == 1:
            changed[at : at + 1] = bytes([random.randrange(256)])
        elif what == 2:
            start = random.randrange(len(changed))
            changed[at:at] = changed[start : start + random.choice((3, 50, 500))]
        elif what == 3:
            del changed[at + 1 :]
        elif what == 4:
            changed[at : at + 1] = text
        else:
            end = changed.find(b"</action>", at) if what == 5 else -1
            at = end + len(b"</action>") if end >= 0 else at
            changed[at:at] = text * random.choice((1, 1, 20))
        if len(changed) < 10:
            break
    return bytes(changed)


def count(body: bytes, grammar: Grammar | None, limit: datetime | None = None) -> DiffStatistics:
    given = io.BytesIO(body)
    return count_diff(given, categories=the_categories(), regions=squares(), limit=limit, grammar=grammar)


def number(taken: list[Told]) -> int:
    """Of actions: a run of nodes are as many as its ids."""
    return sum(len(told[2]) // 8 if isinstance(told[2], bytes) else 1 for told in taken)


def limits(patch: pytest.MonkeyPatch, random: Random) -> None:
    """Small ones, so that pieces end anywhere, and actions are too long."""
    chunk, long = (
        random.choice((1 << 16, 1 << 16, 1000, 300, 100)),
        random.choice((1 << 20, 1 << 20, 2000, 500)),
    )
    for name, size in (
        ("CHUNK", chunk),
        ("CHUNK_LIMIT", chunk),
        ("THIN_OUT_BYTES", long),
        ("OPEN_BYTES_LIMIT", 4 * long),
    ):
        patch.setattr(document, name, size)
    patch.setattr(tokens, "OPEN_BYTES_LIMIT", 4 * long)


@pytest.mark.large
@pytest.mark.parametrize("part", range(5))
def test_a_mutated_document_gives_the_same_or_the_same_refusal(
    part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(part, 150, 5):
        random = seeded(seed)
        body = mutated(random, Writer(random).document())
        limits(monkeypatch, random)
        expected = count(body, None)
        for grammar in {strict, FASTEST}:
            assert count(body, grammar) == expected, seed


@pytest.mark.parametrize("grammar", GRAMMARS)
@pytest.mark.parametrize("second", ['<way id="2" {}>\n<nd ref="1"', "<way id='2' {}>\n<nd ref='1'"])
def test_what_is_refused_while_an_action_is_open_counts_those_before(
    second: str, grammar: Grammar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "LIMIT", 1000)
    monkeypatch.setattr(document, "CHUNK", 200)
    edit = EDIT.format(1, 18, 1, "anna")
    first = (
        f'<action type="create">\n<node id="1" lat="1" lon="2" {edit}/>\n</action>\n<action type="create">\n'
    )
    body = HEAD + f'{first}{second.format(edit)} lat="{"1" * 3000}<'.encode()
    found = count(body, None)
    assert (found.actions, found.envelope.error) == (1, "'<' in an attribute's value")
    assert count(body, grammar) == found


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_the_grammar_takes_what_overpass_writes(grammar: Grammar) -> None:
    """Else nothing would be compared."""
    body = b"".join(
        Writer(seeded(seed)).document()[len(HEAD) :].removesuffix(b"\n</osm>\n") for seed in range(30)
    )
    taken, end, cut = grammar.take(body, 0)
    assert (number(taken), end, cut) == (body.count(b"<action"), len(body), False)
    assert {told[:2] for told in taken} == {
        (kind, element) for kind in ("create", "modify", "delete") for element in ("node", "way", "relation")
    }


def inside(told: Told, grammar: Grammar) -> list[Any]:
    """All that can be asked of an action's sides, as plain numbers and texts."""
    found: list[Any] = []
    for side in told[7:]:
        if not side:
            continue
        found.append(grammar.read_tags(side))
        if told[1] == "node":
            found += map(as_floats, grammar.read_position(side))
        elif told[1] == "way":
            latitudes, longitudes, tags = grammar.read_way(side)
            found += (
                as_floats(latitudes),
                as_floats(longitudes),
                tags,
                node_ids(grammar.read_references(side)),
            )
        else:
            for kind, role, latitudes, longitudes in grammar.read_members(side):
                found += kind, role, as_floats(latitudes), as_floats(longitudes)
    return list(map(repr, found))


@pytest.mark.skipif(compiled.MODULE is None, reason="the package was built without a C compiler")
def test_both_take_the_same_and_end_at_the_same_byte() -> None:
    module: Any = compiled.MODULE
    for seed in range(200):
        random = seeded(seed)
        body = mutated(random, Writer(random).document())
        start = body.find(b"<action")
        for data in (body, body[: random.randrange(len(body))]):
            if start < 0 or start > len(data):
                continue
            mine, theirs = strict.take(data, start), module.take(data, start)
            assert mine[:2] == theirs[:2], seed


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_an_action_that_is_cut_is_known_wherever_it_is_cut(grammar: Grammar) -> None:
    """Between two tokens: no other place is asked about."""
    body = b"".join(
        Writer(seeded(seed)).document()[len(HEAD) :].removesuffix(b"\n</osm>\n") for seed in range(4)
    )
    for place in range(len(body)):
        if body[place - 1 : place] != b">":
            continue
        taken, end, cut = grammar.take(body[:place], 0)
        assert cut == (number(taken) < body[:place].count(b"<action")), body[end:place]
        assert number(taken) == body[:place].count(b"</action>")
    assert grammar.take(
        b'<action type="create"><way id="1" version="1"><tag k="a" v="b"/><nd ref="1">', 0
    ) == ([], 0, False)


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_nodes_that_are_alike_are_a_run_but_for_the_last(grammar: Grammar) -> None:
    def created(id_: int, version: int = 1, more: str = "/>") -> str:
        edit = EDIT.format(version, 18, 1, "anna")
        return f'<action type="create">\n<node id="{id_}" lat="1" lon="2" {edit}{more}</action>\n'

    tagged = created(4, more='><tag k="a" v="b"/></node>')
    others = [created(5), created(6), created(7, 2), created(8, 2), created(9, 2)]
    body = "".join([created(1), created(2), created(3), tagged, *others]).encode()
    taken, end, _ = grammar.take(body, 0)
    ids = [list(array("q", told[2])) if isinstance(told[2], bytes) else told[2] for told in taken]
    assert (ids, end) == ([[1, 2, 3], 4, [5, 6], [7, 8], 9], len(body))


def test_a_run_is_counted_as_each_of_it_would_be() -> None:
    """Whatever is to be said of its nodes."""
    edits = (
        'version="1" timestamp="2017-03-09T04:18:01Z" changeset="5" uid="7" user="anna"',
        'version="1" timestamp="2018-03-09T04:18:01Z" changeset="5" uid="7" user="anna"',  # after the diff's end
        f'version="2" timestamp="2017-03-09T04:18:01Z" changeset="5" uid="7" user="{"n" * 300}"',
        'version="3" timestamp="?" changeset="5" uid="7" user="anna"',
        'version="3" changeset="0"',
    )
    sides = [
        "create",
        *(
            f"{kind} {seen} {was}"
            for kind in ("modify", "delete")
            for seen in ("true", "false")
            for was in (1, 3)
        ),
    ]
    actions = []
    for number_, (edit, side) in enumerate((edit, side) for edit in edits for side in sides):
        for id_ in range(4 * number_, 4 * number_ + 4):
            kind, *rest = side.split()
            old = new = ""
            if rest:
                old = f'<old><node id="{id_}" version="{rest[1]}"/></old><new>'
                new = "</new>"
            visible = f' visible="{rest[0]}"' if rest else ""
            actions.append(f'<action type="{kind}">{old}<node id="{id_}"{visible} {edit}/>{new}</action>\n')
    nodes = '<nd ref="{}" lat="1" lon="1"/><nd ref="2" lat="{}" lon="2"/>'
    way = f'<way id="1" version="2">{nodes}<tag k="highway" v="x"/></way>'
    edit = ' version="2" timestamp="2017-03-09T04:18:01Z" changeset="5">'
    moved = [
        way.format(id_, lat).replace(' version="2">', edit) for id_ in range(0, 180, 7) for lat in (1, 2)
    ]
    pairs = zip(moved[::2], moved[1::2], strict=True)
    actions += [f'<action type="modify"><old>{old}</old><new>{new}</new></action>' for old, new in pairs]
    body = HEAD + "".join(actions).encode() + b"</osm>"
    limit = datetime(2017, 3, 9, 5, tzinfo=UTC)
    expected = count(body, None, limit)
    assert {"time_cut", "user_too_long", "unreadable_timestamp"} <= expected.flags.keys()
    assert {"left_view", "untagged"} <= expected.tallies.keys()
    assert expected.changesets
    for grammar in {strict, FASTEST}:
        assert any(isinstance(told[2], bytes) for told in grammar.take(body, len(HEAD))[0])
        assert count(body, grammar, limit) == expected


@pytest.mark.parametrize("grammar", GRAMMARS)
@pytest.mark.parametrize(
    "degrees",
    [
        "0",
        "-0",
        "-0.0",
        "180",
        "47.6359287",
        "0.1",
        "-0.000000000000001",
        "123456789.123456789012345",
        "8.41999",
        "9007.199254740993",
    ],
)
def test_degrees_are_as_python_reads_them(degrees: str, grammar: Grammar) -> None:
    node = f'<nd ref="1" lat="{degrees}" lon="1"/>'
    body = f'<action type="create"><way id="1" version="1">{node}</way></action>'.encode()
    ((*_, way),), _, _ = grammar.take(body, 0)
    latitudes, _, _ = grammar.read_way(way)
    assert list(map(repr, as_floats(latitudes))) == [repr(float(degrees))]


def parts(body: bytes, piece: int) -> Iterator[Taken | bytes]:
    splitter = Splitter(FASTEST, 1 << 20)
    rest = body
    while rest:
        cut = rest.find(b">", piece) + 1 or len(rest)
        yield from splitter.parts(rest[:cut], cut == len(rest))
        rest = rest[cut:]


@pytest.mark.parametrize("piece", [1, 100, 1 << 16])
def test_only_what_is_irregular_is_left_to_lxml(piece: int) -> None:
    body = Writer(seeded(3)).document()
    odd = body.replace(
        b"</osm>", b"<action type=\"create\"><node id='1'/></action>\n" * 2 + body[len(HEAD) :], 1
    )
    found = list(parts(odd, piece))
    left = b"".join(part for part in found if isinstance(part, bytes))
    assert sum(number(part.actions) for part in found if isinstance(part, Taken)) == 2 * body.count(
        b"<action"
    )
    assert left.count(b"<action") == left.count(b"id='1'") == 2


def test_another_tools_body_is_left_to_lxml(monkeypatch: pytest.MonkeyPatch) -> None:
    """To look for the ends of all its actions would take as long as to read them."""
    asked: list[int] = []
    take = strict.take

    def noted(data: bytes, start: int) -> tuple[list[Told], int, bool]:
        asked.append(start)
        return take(data, start)

    monkeypatch.setattr(strict, "take", noted)
    actions = b"<action type='create'><node id='1' version='1'/></action>\n" * 1000
    assert count(HEAD + actions + b"</osm>", strict) == count(HEAD + actions + b"</osm>", None)
    assert len(asked) < 300


def real() -> list[Path]:
    return sorted(path for path in DATA.glob("**/*") if path.name.endswith((".adiff.xml", ".gz")))


@pytest.mark.large
@pytest.mark.skipif(not DATA.exists(), reason=f"the real feed files are not in {DATA}")
@pytest.mark.parametrize("grammar", GRAMMARS)
def test_real_files_give_the_same(grammar: Grammar) -> None:
    for path in real():
        body = path.read_bytes()
        body = gzip.decompress(body) if path.suffix == ".gz" else body
        assert count(body, grammar) == count(body, None), path.name


def test_what_reads_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Status({}, 0).as_json()["reader"] == compiled.READER
    monkeypatch.setitem(sys.modules, "stats_assets.osm._strict", None)
    monkeypatch.delattr(osm, "_strict", raising=False)
    without = runpy.run_path(str(compiled.__file__))
    assert (without["MODULE"], without["READER"]) == (None, "Python")
    assert "no C compiler" in without["sentence"]()
