"""Augmented diffs in few words, for the tests of what is counted in them."""

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from xml.sax.saxutils import quoteattr

import shapely

from stats_assets.osm.categories import Categories
from stats_assets.osm.diff import count_diff
from stats_assets.osm.regions import Geometries, Regions
from stats_assets.osm.statistics import ChangesetStatistics, DiffStatistics

Position = tuple[float, float] | None  # longitude, latitude; None: missing
NOON = "2017-03-09T04:17:12Z"
HIGHWAY = {"highway": "track"}


def _open(name: str, attributes: Mapping[str, object]) -> str:
    return (
        f"<{name}"
        + "".join(f" {k}={quoteattr(str(v))}" for k, v in attributes.items() if v is not None)
        + ">"
    )


def _element(
    name: str, id_: int, body: str, tags: Mapping[str, str] | None, meta: Mapping[str, object]
) -> str:
    known = {"id": id_, "version": 1, "timestamp": NOON, "changeset": 10, "uid": 7, "user": "anna"}
    texts = "".join(f"<tag k={quoteattr(k)} v={quoteattr(v)}/>" for k, v in (tags or {}).items())
    return _open(name, known | dict(meta)) + body + texts + f"</{name}>"


def node(id_: int, at: Position = (1.0, 1.0), tags: Mapping[str, str] | None = None, **meta: object) -> str:
    place = {"lon": at[0], "lat": at[1]} if at is not None else {}
    return _element("node", id_, "", tags, place | meta)


def _nds(line: Iterable[Position], refs: Sequence[int] | None = None) -> str:
    positions = list(line)
    text = ""
    for number, at in enumerate(positions):
        ref = {"ref": refs[number]} if refs is not None else {}
        text += _open("nd", ref | ({"lat": at[1], "lon": at[0]} if at is not None else {})) + "</nd>"
    return text


def way(
    id_: int,
    line: Sequence[Position],
    tags: Mapping[str, str] | None = None,
    refs: Sequence[int] | None = None,
    **meta: object,
) -> str:
    nodes = refs if refs is not None else [1000 + number for number in range(len(line))]
    return _element("way", id_, '<bounds minlat="0"/>' + _nds(line, nodes), tags, meta)


Member = tuple[str, Sequence[Position]] | Position | str  # a way with its role, a node, a relation's id


def relation(
    id_: int, members: Iterable[Member], tags: Mapping[str, str] | None = None, **meta: object
) -> str:
    body = ""
    for number, member in enumerate(members):
        if isinstance(member, str):
            body += _open("member", {"type": "relation", "ref": member, "role": ""}) + "</member>"
        elif member is not None and isinstance(member[0], str):
            role, line = member
            body += _open("member", {"type": "way", "ref": number, "role": role})
            body += _nds(line) + "</member>"
        else:
            place = {"lon": member[0], "lat": member[1]} if member is not None else {}
            body += _open("member", {"type": "node", "ref": number, "role": ""} | place) + "</member>"
    return _element("relation", id_, body, tags, meta)


def gone(name: str, id_: int, **meta: object) -> str:
    """What a deletion's `<new>` holds."""
    return _element(name, id_, "", None, {"visible": "false", "version": 2} | meta)


def create(new: str) -> str:
    return f'<action type="create">{new}</action>'


def modify(old: str, new: str) -> str:
    return f'<action type="modify"><old>{old}</old><new>{new}</new></action>'


def delete(old: str, new: str) -> str:
    return f'<action type="delete"><old>{old}</old><new>{new}</new></action>'


def diff(*actions: str, envelope: str = '<meta osm_base="2017-03-09T04:18:02Z"/>', after: str = "") -> bytes:
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<osm version="0.6">',
        envelope,
        *actions,
        after,
        "</osm>",
    ]
    return "\n".join(lines).encode()


@cache
def the_categories() -> Categories:
    return Categories.load()


@cache
def squares() -> Regions:
    """LOW: 0…10 degrees east and north, with a hole 4…6. EAST: beside it, 10…20. FAR: around the antimeridian."""
    low = shapely.Polygon(shapely.box(0, 0, 10, 10).exterior, [shapely.box(4, 4, 6, 6).exterior])
    return Regions(
        {
            "LOW": ("Low", [low]),
            "EAST": ("East", [shapely.box(10, 0, 20, 10)]),
            "FAR": ("Far", [shapely.box(170, 50, 180, 60), shapely.box(-180, 50, -170, 60)]),
        }
    )


def located(regions: Regions, geometries: Geometries) -> set[tuple[int, int]]:
    """All pairs (number of the geometry, number of a region) that intersect."""
    found = regions.located(geometries)
    return {pair for which, region in found for pair in zip(which.tolist(), region.tolist(), strict=True)}


def count(
    body: bytes,
    regions: Regions | None = None,
    categories: Categories | None = None,
    limit: datetime | None = None,
) -> DiffStatistics:
    return count_diff(
        io.BytesIO(body),
        categories=categories or the_categories(),
        regions=regions or squares(),
        limit=limit,
    )


def counted(*actions: str, regions: Regions | None = None) -> ChangesetStatistics:
    """The one changeset of a diff of these actions."""
    found = count(diff(*actions), regions)
    assert found.envelope.complete
    (changeset,) = found.changesets
    return changeset
