"""The shapes of simple.py's features: what is broken, how long and how large, and in which of the fuzz's regions.

Rings are found by trying every way to join pieces: for a handful of them only.
"""

import math
import re
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import Any

import shapely.affinity
from pyproj import Geod
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box

WGS84 = Geod(ellps="WGS84")
Position = tuple[float, float]
# LOW with a hole, EAST beside it, FAR on both sides of the antimeridian, as tests/osm/documents.py has them.
REGIONS = {
    "LOW": Polygon(box(0, 0, 10, 10).exterior.coords, [box(4, 4, 6, 6).exterior.coords]),
    "EAST": box(10, 0, 20, 10),
    "FAR": MultiPolygon([box(170, 50, 180, 60), box(-180, 50, -170, 60)]),
}
DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


@dataclass
class Line:
    """A way's positions (longitude, latitude; None: missing), and its role in a relation."""

    positions: list[Position | None]
    role: str = ""

    @property
    def known(self) -> list[Position]:
        return [position for position in self.positions if position is not None]

    @property
    def broken(self) -> bool:
        return None in self.positions or len(self.positions) < 2


@dataclass
class Shape:
    """A side of a feature."""

    element: str
    tags: dict[str, str]
    lines: list[Line] = field(default_factory=list)
    points: list[Position | None] = field(default_factory=list)

    @classmethod
    def of(cls, element: ElementTree.Element) -> "Shape":
        tags = {tag.get("k") or "": tag.get("v") or "" for tag in element.findall("tag")}
        shape = cls(element.tag, tags)
        if element.tag == "node":
            shape.points.append(_position(element))
        elif element.tag == "way":
            shape.lines.append(Line([_position(nd) for nd in element.findall("nd")]))
        for member in element.findall("member") if element.tag == "relation" else ():
            if member.get("type") == "way":
                positions = [_position(nd) for nd in member.findall("nd")]
                shape.lines.append(Line(positions, member.get("role") or ""))
            elif member.get("type") == "node":
                shape.points.append(_position(member))
        return shape

    def says(self, key: str) -> set[str]:
        return {part.strip() for part in self.tags.get(key, "").lower().split(";")} - {""}

    @property
    def polygon(self) -> bool:
        return self.element == "relation" and bool(self.says("type") & {"multipolygon", "boundary"})


def _position(element: ElementTree.Element) -> Position | None:
    texts = element.get("lon") or "", element.get("lat") or ""
    if not all(DECIMAL.fullmatch(text) for text in texts):
        return None
    lon, lat = map(float, texts)
    return (lon, lat) if abs(lon) <= 180 and abs(lat) <= 90 else None


def is_broken(side: Shape) -> bool:
    if side.element == "node":
        return side.points[0] is None
    if side.element == "way":
        return side.lines[0].broken
    return side.polygon and (
        not side.lines or any(line.broken for line in side.lines) or not any(_joinings(side.lines))
    )


def length_of(side: Shape) -> float:
    """Metres."""
    if side.element != "way" or side.says("area") & {"yes", "true", "1"}:
        return 0.0
    return math.fsum(WGS84.inv(*a, *b)[2] for a, b in pairwise(side.lines[0].known))


def area_of(side: Shape) -> float | None:
    """Square metres; None: unknown, as the geometry is invalid."""
    if side.polygon:
        found = _multipolygon(side.lines)
        return None if found is None else sum(_area(part) for part in found.geoms)
    if side.element != "way":
        return 0.0
    ring = side.lines[0].known
    if len(ring) < 4 or ring[0] != ring[-1] or not _is_area(side):
        return 0.0
    if _is_around_a_pole(ring):
        return None
    polygon = Polygon(unrolled(ring))
    return _area(polygon) if polygon.is_valid else None


def _is_area(side: Shape) -> bool:
    if side.says("area") & {"no", "false", "0"}:
        return False
    lines = {"cliff", "coastline", "ridge", "tree_row"}
    return bool(side.says("area") & {"yes", "true", "1"}) or not side.says("natural") & lines


def _area(polygon: Polygon) -> float:
    def ring(line: Any) -> float:
        xs, ys = line.xy
        return abs(WGS84.polygon_area_perimeter(xs, ys)[0])

    return ring(polygon.exterior) - sum(ring(hole) for hole in polygon.interiors)


def unrolled(line: Sequence[Position]) -> list[Position]:
    """The line without jumps of more than 180° of longitude."""
    done, turns = [line[0]], 0
    for (x0, _), (x, y) in pairwise(line):
        turns += (x - x0 < -180) - (x - x0 > 180)
        done.append((x + 360 * turns, y))
    return done


def _is_around_a_pole(ring: Sequence[Position]) -> bool:
    """A ring that does not close in the plane has no area there."""
    whole = unrolled(ring)
    return whole[0] != whole[-1]


Ring = tuple[str, list[Position]]


def _joinings(lines: Sequence[Line]) -> Iterator[list[Ring]]:
    """Every way to join the pieces into rings, at each place two and two ends; none where ends are left over."""
    ends: dict[Position, list[tuple[int, int]]] = defaultdict(list)
    for number, line in enumerate(lines):
        ends[line.known[0]].append((number, 0))
        ends[line.known[-1]].append((number, 1))
    if any(len(there) % 2 for there in ends.values()):
        return
    for chosen in product(*(list(_pairings(there)) for there in ends.values())):
        other = {a: b for pairs in chosen for pair in pairs for a, b in (pair, pair[::-1])}
        yield _walked(lines, other)


def _pairings(ends: list[tuple[int, int]]) -> Iterator[list[tuple[tuple[int, int], tuple[int, int]]]]:
    if not ends:
        yield []
        return
    first, *rest = ends
    for number, partner in enumerate(rest):
        for pairs in _pairings(rest[:number] + rest[number + 1 :]):
            yield [(first, partner), *pairs]


def _walked(lines: Sequence[Line], other: dict[tuple[int, int], tuple[int, int]]) -> list[Ring]:
    rings: list[Ring] = []
    left = set(range(len(lines)))
    while left:
        start = min(left)
        at, end = start, 0
        roles: set[str] = set()
        ring: list[Position] = []
        while at in left:
            left.remove(at)
            roles.add(lines[at].role if lines[at].role in ("outer", "inner") else "")
            piece = lines[at].known if end == 0 else lines[at].known[::-1]
            ring += piece[1:] if ring else piece
            at, end = other[at, 1 - end]
        rings.append((roles.pop() if len(roles) == 1 else "", ring))
    return rings


def _multipolygon(lines: Sequence[Line]) -> MultiPolygon | None:
    """The valid one of the pieces, if there is any."""
    for rings in _joinings(lines):
        found = _assembled(rings)
        if found is not None:
            return found
    return None


def _assembled(rings: list[Ring]) -> MultiPolygon | None:
    if any(len(ring) < 4 for _, ring in rings):
        return None
    if any(_is_around_a_pole(ring) for _, ring in rings):
        return None
    polygons = [Polygon(unrolled(ring)) for _, ring in rings]
    if not all(polygon.is_valid for polygon in polygons):
        return None
    around = [
        [n for n, other in enumerate(polygons) if n != number and polygon.covered_by(other)]
        for number, polygon in enumerate(polygons)
    ]
    is_hole = [
        role == "inner" or (role == "" and len(around[number]) % 2 == 1)
        for number, (role, _) in enumerate(rings)
    ]
    holes: dict[int, list[int]] = {n: [] for n in range(len(rings)) if not is_hole[n]}
    for number in range(len(rings)):
        if is_hole[number]:
            shells = [n for n in around[number] if not is_hole[n]]
            if not shells:
                return None
            holes[min(shells, key=lambda n: float(polygons[n].area))].append(number)
    found = MultiPolygon(
        [
            Polygon(polygons[shell].exterior.coords, [polygons[n].exterior.coords for n in inside])
            for shell, inside in holes.items()
        ]
    )
    return found if found.is_valid else None


def regions_of(side: Shape) -> list[str]:
    places = list(_places(side))
    return [code for code, region in REGIONS.items() if any(_meets(place, region) for place in places)]


def _meets(place: Any, region: Any) -> bool:
    """Wherever the place is unrolled to, and a position at ±180° on both sides of the seam."""
    return any(shapely.affinity.translate(place, turn).intersects(region) for turn in range(-1440, 1441, 360))


def _places(side: Shape) -> Iterator[Any]:
    if side.polygon:
        whole = not is_broken(side)
        found = _multipolygon(side.lines) if whole else None
        if found is not None:
            yield found
        elif whole:
            for line in side.lines:
                yield LineString(unrolled(line.known))
        else:
            yield from (Point(position) for line in side.lines for position in line.known)
        return
    for line in side.lines:
        if line.broken:
            yield from (Point(position) for position in line.known)
        else:
            yield LineString(unrolled(line.known))
    yield from (Point(position) for position in side.points if position is not None)
