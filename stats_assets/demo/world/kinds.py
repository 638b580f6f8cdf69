"""The kinds of things that the invented mappers draw, and what each counts as: a table written by hand.

The tags go to the feed, the rest to the truth; no rule derives one from the other: a wrong rule would hide.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Kind(NamedTuple):
    """`books`: category and measure (or `None`).

    `line`, `area`: has a length, an area (docs/definitions.md, section 4).
    """

    name: str
    shape: str
    tags: Mapping[str, str]
    books: Mapping[str, str | None]
    line: bool
    area: bool


def _point(name: str, tags: Mapping[str, str], *categories: str) -> Kind:
    return Kind(name, "point", tags, dict.fromkeys(categories), line=False, area=False)


def _line(name: str, tags: Mapping[str, str], books: Mapping[str, str | None]) -> Kind:
    return Kind(name, "line", tags, books, line=True, area=False)


def _ring(
    name: str,
    tags: Mapping[str, str],
    books: Mapping[str, str | None],
    *,
    line: bool = True,
    area: bool = True,
) -> Kind:
    return Kind(name, "ring", tags, books, line=line, area=area)


def _relation(name: str, tags: Mapping[str, str], books: Mapping[str, str | None], *, area: bool) -> Kind:
    return Kind(name, "relation", tags, books, line=False, area=area)


ROAD = {"roads": "road_km"}
LANDUSE = {"landuse": "landuse_km2"}
NATURAL = {"natural": "natural_km2"}

STREET = _line("street", {"highway": "residential", "surface": "unpaved"}, ROAD)
HOUSE = _ring("house", {"building": "yes"}, {"buildings": None})
FOREST = _ring("forest", {"landuse": "forest"}, LANDUSE)
STREAM = _line("stream", {"waterway": "stream"}, {"waterways": "waterway_km"})
RAIL = _line("rail", {"railway": "rail", "gauge": "1067"}, {"raillines": "railline_km"})
COAST = _line("coast", {"natural": "coastline"}, {"coastlines": "coastline_km", "natural": None})
WOOD = _ring("wood", {"natural": "Wood"}, NATURAL)
ROUNDABOUT = _ring("roundabout", {"highway": "tertiary", "junction": "roundabout"}, ROAD)
PLAZA = _ring("plaza", {"highway": "pedestrian", "area": "yes"}, ROAD, line=False)
SHOP = _point("shop", {"shop": "bakery"}, "pois")
TREE = _point("tree", {"natural": "tree"}, "natural")
STATION = _point("station", {"railway": "station", "public_transport": "station"}, "railway_features")
HAMLET = _point("hamlet", {"place": "hamlet"}, "other")

COMMON = (STREET, STREET, STREET, HOUSE, HOUSE, HOUSE, FOREST, STREAM, RAIL, WOOD, SHOP, SHOP, TREE)
FOUNDED = (*COMMON, STREET, COAST, ROUNDABOUT, HAMLET, STATION)

OTHERS = (
    COAST,
    ROUNDABOUT,
    PLAZA,
    HAMLET,
    _line("ramp", {"highway": "Motorway_Link", "oneway": "yes"}, ROAD),
    _line("drain", {"waterway": "Drain; culvert"}, {"waterways": "waterway_km"}),
    _line("towpath", {"highway": "path", "waterway": "canal"}, {**ROAD, "waterways": "waterway_km"}),
    _line("tram", {"highway": "secondary", "railway": "tram"}, {**ROAD, "raillines": "railline_km"}),
    _line("ridge", {"natural": "ridge"}, {"natural": None}),
    _line("hedge", {"barrier": "hedge"}, {"other": None}),
    _line("open forest", {"landuse": "forest"}, {"landuse": None}),
    _line("slipway", {"waterway": "fairway"}, {"other": None}),
    _ring("school", {"building": "school", "amenity": "school"}, {"buildings": None, "pois": None}),
    _ring("garage", {"building": "no; garage"}, {"buildings": None}),
    _ring("ruin", {"building": "No", "historic": "ruins"}, {"other": None}),
    _ring("park", {"leisure": "park"}, {"pois": None}),
    _ring("campus", {"landuse": "education", "amenity": "university"}, {**LANDUSE, "pois": None}),
    _ring("pasture", {"landuse": "meadow", "natural": "grassland"}, {**LANDUSE, **NATURAL}),
    _ring("orchard row", {"landuse": "orchard", "area": "no"}, {"landuse": None}, area=False),
    _ring("cliff", {"natural": "cliff"}, {"natural": None}, area=False),
    _ring(
        "riverbank", {"waterway": "riverbank", "natural": "water"}, {"waterways": "waterway_km", **NATURAL}
    ),
    _ring("rail yard", {"landuse": "Railway", "railway": "yard"}, {"railway_features": None, **LANDUSE}),
    _ring("railway land", {"landuse": "railway"}, {"railway_features": None, **LANDUSE}),
    _ring(
        "station hall",
        {"building": "train_station", "railway": "station"},
        {"buildings": None, "railway_features": None},
    ),
    STATION,
    _point("hut", {"building": "hut"}, "buildings"),
    _point("waterfall", {"waterway": "waterfall"}, "other"),
    _point("level crossing", {"railway": "level_crossing"}, "other"),
    _point("zebra", {"highway": "crossing"}, "other"),
    _point("gate", {"aeroway": "gate"}, "pois"),
    _point("notary", {"office": "notary", "craft": "bookbinder"}, "pois"),
    _point(
        "odd", {"empty": "", "note": "line one\nline two\ttab", "odd": "<a href='x'>\"&amp;\"</a>"}, "other"
    ),
)

MULTIPOLYGON = _relation("multipolygon", {"type": "multipolygon", "landuse": "forest"}, LANDUSE, area=True)
RESERVE = _relation(
    "reserve",
    {"type": "boundary", "boundary": "protected_area", "leisure": "nature_reserve", "natural": "wood"},
    {"pois": None, **NATURAL},
    area=True,
)
DISTRICT = _relation(
    "district",
    {"type": "boundary", "boundary": "administrative", "admin_level": "8"},
    {"other": None},
    area=True,
)
ROUTE = _relation("route", {"type": "route", "route": "bus", "ref": "7"}, {"other": None}, area=False)
RIVER = _relation("river", {"type": "waterway", "waterway": "river"}, {"waterways": None}, area=False)
