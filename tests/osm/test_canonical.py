"""Two servers' answers are the same when they differ by nothing that is counted."""

import gzip
import io
import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats_assets.demo.world.world import World
from stats_assets.osm.canonical import canonical_hash

NODE = '<action type="create"><node id="1" version="1" uid="3" user="a" lat="1.5" lon="2"><tag k="a" v="b"/><tag k="c" v="d"/></node></action>'  # noqa: E501
WAY = (
    '<action type="modify"><old><way id="1" version="1"><bounds minlat="1"/><nd ref="1" lat="1" lon="2"/>'
    '<nd ref="2" lat="1" lon="3"/><tag k="highway" v="path"/></way></old><new><way id="1" version="2">'
    '<nd ref="1" lat="1" lon="2"/></way></new></action>'
)


def of(*actions: str, meta: str = '<meta osm_base="2026-01-01T00:00:00Z"/>', child: str = "action") -> str:
    text = f'<osm version="0.6" generator="Overpass"><note>N</note>{meta}{"".join(actions)}</osm>'
    return canonical_hash(io.BytesIO(text.encode()), child)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other",
    [
        (WAY, NODE),
        (NODE.replace('user="a"', 'user="b"'), WAY),
        (NODE.replace('user="a"', ""), WAY),
        (NODE.replace('lat="1.5"', 'lat="1.5000000"'), WAY),
        (NODE.replace('id="1" version="1"', 'version="1" id="1" visible="true"'), WAY),
        (NODE.replace('<tag k="a" v="b"/><tag k="c" v="d"/>', '<tag k="c" v="d"/>\n<tag v="b" k="a"/>'), WAY),
        (NODE, WAY.replace('<bounds minlat="1"/>', "")),
        (NODE, "\n  ", WAY.replace("><", ">\n<")),
    ],
)
def test_what_says_nothing_is_aside(other: tuple[str, ...]) -> None:
    assert of(*other, meta="") == of(NODE, WAY)


@pytest.mark.parametrize(
    "other",
    [
        (NODE,),
        (NODE, NODE, WAY),
        (NODE.replace("create", "delete"), WAY),
        (NODE.replace('uid="3"', 'uid="4"'), WAY),
        (NODE.replace('lat="1.5"', 'lat="1.5000001"'), WAY),
        (NODE.replace('lat="1.5"', 'lat="x"'), WAY),
        (NODE.replace('v="b"', 'v="B"'), WAY),
        (NODE.replace('version="1"', 'version="1" visible="false"'), WAY),
        (NODE, re.sub('(<nd ref="1".*?/>)(<nd.*?/>)', r"\2\1", WAY, count=1)),
        (NODE, WAY.replace("old>", "new>")),
    ],
)
def test_all_else_counts(other: tuple[str, ...]) -> None:
    assert of(*other) != of(NODE, WAY)


def test_what_is_cut_is_not_the_same_as_what_was_left() -> None:
    whole = f"<osm>{NODE}{WAY}</osm>"
    cut = canonical_hash(io.BytesIO(whole[: len(f"<osm>{NODE}") + 5].encode()), "action")
    assert cut not in (of(NODE), of(NODE, WAY))


def test_a_changeset_file_likewise() -> None:
    one = '<changeset id="1" user="a" uid="1" min_lat="1.0e-07"><tag k="a" v="b"/><discussion><comment uid="2" user="x"><text>T</text></comment></discussion></changeset>'  # noqa: E501
    renamed = one.replace('user="a"', 'user="b"').replace('user="x"', 'user="y"').replace("1.0e-07", "1e-7")
    assert of(one, child="changeset") == of(renamed, child="changeset")
    assert of(one, child="changeset") != of(one.replace(">T<", ">U<"), child="changeset")


@given(st.integers(0, 7), st.randoms())
def test_a_worlds_minute_in_any_order_is_the_same(world: World, minute: int, random: Random) -> None:
    body = gzip.decompress(world.augmented_diff(world.first + minute))
    actions = re.findall(rb"<action\b.*?</action>", body, re.DOTALL)
    shuffled = list(actions)
    random.shuffle(shuffled)
    other = b"<osm>" + b"".join(shuffled) + b"</osm>"
    assert canonical_hash(io.BytesIO(other), "action") == canonical_hash(io.BytesIO(body), "action")
