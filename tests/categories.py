"""Which categories a feature is in, and what is measured of it, once more, from docs/definitions.md, section 3.

Here: the second opinion on the packaged table, for the fuzz, the demo's truth and the real files. A category that is
added is added here, too. Not here: reading documents; the rows of osm/test_categories.py.
"""

from collections.abc import Iterator, Mapping

LENGTHS = {
    "roads": "road_km",
    "waterways": "waterway_km",
    "coastlines": "coastline_km",
    "raillines": "railline_km",
}
AREAS = {"landuse": "landuse_km2", "natural": "natural_km2"}
MEASURED = LENGTHS | AREAS
_WATERWAYS = {
    *("river", "riverbank", "canal", "stream", "stream_end", "brook", "drain", "ditch"),
    *("dam", "weir", "waterfall", "pressurised"),
}
_POIS = ("amenity", "shop", "craft", "office", "leisure", "aeroway")


def parts(tags: Mapping[str, str], key: str) -> set[str]:
    return {part.strip() for part in tags.get(key, "").lower().split(";")}


def categories(element: str, tags: Mapping[str, str]) -> list[str]:
    """Of a feature with tags; element: node, way, relation."""
    return [name for name, is_in in _found(element, tags).items() if is_in] or ["other"]


def keys() -> Iterator[str]:
    """All keys that counts and measurements can have."""
    for name in (*_found("way", {}), "other", *MEASURED.values()):
        for kind in ("added", "modified", "deleted"):
            yield f"{name}_{kind}"


def _found(element: str, tags: Mapping[str, str]) -> dict[str, bool]:
    def says(key: str, nothing: tuple[str, ...] = ("", "no")) -> set[str]:
        return parts(tags, key) - set(nothing)

    railway_feature = bool(says("railway") & {"station", "yard"} or "railway" in says("landuse"))
    long = element in ("way", "relation")
    return {
        "roads": long and bool(says("highway")),
        "waterways": long and bool(says("waterway") & _WATERWAYS),
        "coastlines": long and "coastline" in says("natural"),
        "raillines": long and bool(says("railway")) and not railway_feature,
        "railway_features": railway_feature,
        "buildings": bool(says("building", ("", "no", "false", "0"))),
        "pois": any(says(key) for key in _POIS),
        "landuse": bool(says("landuse")),
        "natural": bool(says("natural")),
    }
