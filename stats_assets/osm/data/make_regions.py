"""Make regions.geojson.gz: countries from country-coder, the states of the USA from us-atlas.

    python make_regions.py COUNTRY_CODER US_ATLAS regions.geojson.gz

The first two are the unpacked npm packages @rapideditor/country-coder (5.6.1) and us-atlas (3.0.1). Same input, same
bytes. Which shape belongs to which code: see `country_of`. Countries have CLDR's English names, by babel (2.19.0); no
name needs the network. The hash of the product goes into stats_assets.osm.definitions_hash. Not here: reading it
(stats_assets.osm.regions).
"""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from babel import Locale
from shapely.geometry import mapping, shape

DIGITS = 5  # country-coder's own precision: about a metre
SAME_AS = {"FXX": "FRA"}
NOT_A_COUNTRY = {"EUE"}
NORTHERN_CYPRUS = "Q23681"
SEAM = 179.98  # a border that ends so near to ±180° is meant to reach it: else what lies between is nowhere
# CLDR's short forms, which babel lacks. Not taken: its "UK", "US" and "Bosnia", which are no names to look one up by.
SHORT = {"HK": "Hong Kong", "MO": "Macao", "MM": "Myanmar", "PS": "Palestine"}
# FIPS codes of the 50 states and DC, as in us-atlas; its territories are regions of their own right (PRI, GUM, …).
# fmt: off
STATES = {
    "01": "AL", "02": "AK", "04": "AZ", "05": "AR", "06": "CA", "08": "CO", "09": "CT", "10": "DE",
    "11": "DC", "12": "FL", "13": "GA", "15": "HI", "16": "ID", "17": "IL", "18": "IN", "19": "IA",
    "20": "KS", "21": "KY", "22": "LA", "23": "ME", "24": "MD", "25": "MA", "26": "MI", "27": "MN",
    "28": "MS", "29": "MO", "30": "MT", "31": "NE", "32": "NV", "33": "NH", "34": "NJ", "35": "NM",
    "36": "NY", "37": "NC", "38": "ND", "39": "OH", "40": "OK", "41": "OR", "42": "PA", "44": "RI",
    "45": "SC", "46": "SD", "47": "TN", "48": "TX", "49": "UT", "50": "VT", "51": "VA", "53": "WA",
    "54": "WV", "55": "WI", "56": "WY",
}
# fmt: on


def country_of(properties: dict[str, Any], by_id: dict[str, dict[str, Any]]) -> str | None:
    """A shape's code: its own; else that of the first of its groups that has one; else that of its country."""
    own = "CYP" if properties.get("wikidata") == NORTHERN_CYPRUS else properties.get("iso1A3")
    if own is None:
        codes = (by_id.get(group, {}).get("iso1A3") for group in properties.get("groups", ()))
        own = next((code for code in codes if code and code not in NOT_A_COUNTRY), None)
    if own is None:
        own = by_id.get(properties.get("country", ""), {}).get("iso1A3")
    return SAME_AS.get(own, own) if own else None


def name_of(code: str) -> str:
    """The common English name for a two-letter code, with a plain apostrophe."""
    return str(SHORT.get(code) or Locale("en").territories[code]).replace("’", "'")


def to_the_seam(geometry: Any) -> Any:
    def moved(xy: Any) -> Any:
        near = np.abs(xy[:, 0]) > SEAM
        return np.column_stack((np.where(near, np.copysign(180.0, xy[:, 0]), xy[:, 0]), xy[:, 1]))

    return shapely.make_valid(shapely.transform(geometry, moved))


def countries(package: Path) -> dict[str, tuple[str, Any]]:
    """Code → (name, geometry)."""
    features = json.loads((package / "src/data/borders.json").read_text(encoding="utf-8"))["features"]
    properties = [feature["properties"] for feature in features]
    by_id = {p[key]: p for key in ("wikidata", "m49", "iso1N3", "iso1A2") for p in properties if key in p}
    short = {p["iso1A3"]: p["iso1A2"] for p in properties if "iso1A3" in p}
    shapes: dict[str, list[Any]] = {}
    for feature in features:
        code = country_of(feature["properties"], by_id)
        if code is not None and feature["geometry"] is not None:
            shapes.setdefault(code, []).append(shape(feature["geometry"]))
    return {
        code: (name_of(short[code]), to_the_seam(shapely.union_all(parts))) for code, parts in shapes.items()
    }


def states(package: Path) -> dict[str, tuple[str, Any]]:
    """Code → (name, geometry), decoded from TopoJSON: arcs are quantized and delta-coded, `~i` is arc i reversed."""
    topology = json.loads((package / "states-10m.json").read_text(encoding="utf-8"))
    (scale_x, scale_y), (shift_x, shift_y) = (topology["transform"][key] for key in ("scale", "translate"))
    arcs = []
    for deltas in topology["arcs"]:
        x = y = 0
        arc = []
        for dx, dy in deltas:
            x, y = x + dx, y + dy
            arc.append((x * scale_x + shift_x, y * scale_y + shift_y))
        arcs.append(arc)

    def ring(numbers: list[int]) -> list[tuple[float, float]]:
        pieces = [arcs[n] if n >= 0 else arcs[~n][::-1] for n in numbers]
        return [pieces[0][0]] + [point for piece in pieces for point in piece[1:]]

    found = {}
    for geometry in topology["objects"]["states"]["geometries"]:
        if geometry["id"] in STATES:
            polygons = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
            parts = [shapely.Polygon(ring(rings[0]), [ring(r) for r in rings[1:]]) for rings in polygons]
            name = geometry["properties"]["name"]
            found[f"USA-{STATES[geometry['id']]}"] = (name, shapely.union_all(shapely.make_valid(parts)))
    return found


def rounded(geometry: Any) -> Any:
    """Valid polygons on the grid of `DIGITS` decimals; what collapses to a line there is left out."""
    snapped = shapely.set_precision(shapely.make_valid(geometry), 10**-DIGITS)
    polygons = [p for p in shapely.get_parts(snapped) if p.geom_type == "Polygon" and not p.is_empty]
    return shapely.normalize(shapely.MultiPolygon(polygons))


def coordinates(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    return [coordinates(item) for item in value]


def main(country_coder: str, us_atlas: str, product: str) -> None:
    regions = countries(Path(country_coder)) | states(Path(us_atlas))
    features = []
    for code, (name, geometry) in sorted(regions.items()):
        multipolygon = coordinates(mapping(rounded(geometry))["coordinates"])
        again = shape({"type": "MultiPolygon", "coordinates": multipolygon})
        if not again.is_valid or again.is_empty:
            sys.exit(f"{code}: {shapely.is_valid_reason(again)}")
        features.append(
            {
                "type": "Feature",
                "properties": {"code": code, "name": name},
                "geometry": {"type": "MultiPolygon", "coordinates": multipolygon},
            }
        )
    text = json.dumps(
        {"type": "FeatureCollection", "features": features}, separators=(",", ":"), ensure_ascii=False
    )
    Path(product).write_bytes(gzip.compress(text.encode() + b"\n", 9, mtime=0))
    print(f"{len(features)} regions, {len(regions) - len(STATES)} of them countries and territories")


if __name__ == "__main__":
    main(*sys.argv[1:])
