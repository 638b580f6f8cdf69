"""Make world.json, the outlines of the map: `python make_world.py COUNTRIES REGIONS world.json`.

COUNTRIES is countries-110m.json of the npm package world-atlas (2.0.2; Natural Earth's, in the public domain), REGIONS
the packaged regions.geojson.gz, for the points of countries that are too small there. Equal Earth, an equal-area
projection (Šavrič, Patterson, Jenny 2018), in whole units of a picture that is 720 wide. Same input, same bytes.
Drawing it is world.py's.
"""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from babel.core import get_global
from shapely.geometry import shape

WIDTH = 720
EQUAL_EARTH = (1.340264, -0.081106, 0.000893, 0.003796)
M = np.sqrt(3) / 2
NORTH = 84.0
NOBODYS = {"ATA", "ATF"}  # without Antarctica, where nobody edits
NAMED = {"Kosovo": "XKX", "Somaliland": "SOM", "N. Cyprus": "CYP"}  # without a number there
COARSE, SMALL = 1.6, 5.0  # units, square units


def projected(degrees: Any) -> Any:
    """Longitudes and latitudes as units of the picture, from the top left."""
    return np.column_stack([WIDTH / 2, _up(np.array([[0.0, NORTH]]))[0, 1]]) + _up(degrees) * [1, -1]


def _up(degrees: Any) -> Any:
    lon, lat = np.radians(degrees[:, 0]), np.radians(degrees[:, 1])
    t = np.arcsin(M * np.sin(lat))
    a1, a2, a3, a4 = EQUAL_EARTH
    x = lon * np.cos(t) / (M * (a1 + 3 * a2 * t**2 + t**6 * (7 * a3 + 9 * a4 * t**2)))
    y = t * (a1 + a2 * t**2 + t**6 * (a3 + a4 * t**2))
    return np.column_stack([x, y]) * WIDTH / 2 / (np.pi / (M * a1))


def countries(topology: dict[str, Any], known: set[str]) -> dict[str, Any]:
    """Geometries of a TopoJSON by those codes that are known."""
    scale, move = (np.array(topology["transform"][name]) for name in ("scale", "translate"))
    arcs = [np.cumsum(np.array(arc), axis=0) * scale + move for arc in topology["arcs"]]

    def ring(numbers: list[int]) -> Any:
        parts = [arcs[n] if n >= 0 else arcs[~n][::-1] for n in numbers]
        return np.concatenate([parts[0], *(part[1:] for part in parts[1:])])

    aliases = get_global("territory_aliases")
    letters = {two[0]: three for three, two in aliases.items() if three in known}
    found: dict[str, Any] = {}
    for one in topology["objects"]["countries"]["geometries"]:
        two = (aliases.get(one.get("id", ""), ()) or ("",))[0]
        code = NAMED.get(one["properties"]["name"]) or letters.get(two)
        if code is None or code in NOBODYS:
            continue
        polygons = one["arcs"] if one["type"] == "MultiPolygon" else [one["arcs"]]
        made = [part for polygon in polygons for part in flat(ring(polygon[0]))]
        found[code] = shapely.union_all([found[code], *made]) if code in found else shapely.MultiPolygon(made)
    return found


def flat(ring: Any) -> list[Any]:
    """A ring in the picture, in two where it goes over the antimeridian."""
    ring = np.column_stack([np.unwrap(ring[:, 0], period=360), ring[:, 1]])
    whole = shapely.make_valid(shapely.Polygon(ring))
    found = []
    for turn in (-360, 0, 360):
        inside = shapely.intersection(whole, shapely.box(turn - 180, -90, turn + 180, NORTH))
        for part in getattr(inside, "geoms", [inside]):
            if part.geom_type == "Polygon" and not part.is_empty:
                points = np.array(part.exterior.coords) - [turn, 0]
                found.append(
                    shapely.Polygon(
                        projected(shapely.get_coordinates(shapely.segmentize(shapely.LineString(points), 5)))
                    )
                )
    return found


def path_of(geometry: Any) -> str:
    """Its rings as an SVG path of relative steps, but for those that are too small to be seen."""
    found = []
    parts = [part for part in getattr(geometry, "geoms", [geometry]) if part.area >= SMALL]
    for part in sorted(parts, key=lambda one: -one.area):
        points = np.rint(np.array(part.exterior.coords)).astype(int)
        points = points[np.r_[True, np.any(np.diff(points, axis=0), axis=1)]][:-1]
        if len(points) >= 3:
            steps = " ".join(f"{x} {y}" for x, y in np.diff(points, axis=0).tolist()).replace(" -", "-")
            found.append(f"M{points[0][0]} {points[0][1]}l{steps}z")
    return "".join(found)


def made(atlas: Path, regions: Path) -> dict[str, str | list[int]]:
    """Codes with their paths, or with the point where they are."""
    features = json.loads(gzip.decompress(regions.read_bytes()))["features"]
    shapes = countries(json.loads(atlas.read_bytes()), {one["properties"]["code"] for one in features})
    coarse = dict(zip(shapes, shapely.coverage_simplify(list(shapes.values()), COARSE), strict=True))
    found: dict[str, str | list[int]] = {}
    for one in features:
        code = one["properties"]["code"]
        if len(code) != 3 or code in NOBODYS:
            continue
        point = shapely.point_on_surface(shape(one["geometry"]))
        x, y = projected(np.array([[point.x, point.y]]))[0]
        found[code] = (path_of(coarse[code]) if code in coarse else "") or [round(x), round(y)]
    return dict(sorted(found.items()))


if __name__ == "__main__":
    *sources, target = map(Path, sys.argv[1:])
    target.write_text(json.dumps(made(*sources), separators=(",", ":")).replace(',"', ',\n"') + "\n")
