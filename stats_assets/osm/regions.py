"""Regions: which of them a geometry lies in (docs/definitions.md, section 5).

Here: the GeoJSON file and the exact test. Not here: how a feature's geometry comes about.
"""

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.errors import GEOSException

from stats_assets.mendable import Mendable, reason_of
from stats_assets.osm.definitions_hash import PACKAGED_REGIONS
from stats_assets.osm.values import storable

Geometries = NDArray[np.object_]
Indices = NDArray[np.int64]
MOST = 1 << 28
"""Bytes of a file, unpacked: the whole world in full detail has fewer, and JSON takes several times that."""
_SLICE, _PAIRS = 500, 200_000  # geometries that are looked up at once, and pairs with parts that are tested


class RegionsError(Mendable, ValueError):
    """A regions file that can't be used: which file, which feature, and why."""


class Regions:
    """Named areas. `codes` is code → name, sorted by code; `hash` is that of codes, names and shapes."""

    def __init__(self, shapes: dict[str, tuple[str, list[Any]]], known_hash: str | None = None) -> None:
        """`shapes`: code → (name, valid polygons in degrees)."""
        self.codes = {code: shapes[code][0] for code in sorted(shapes)}
        polygons = [(number, p) for number, code in enumerate(self.codes) for p in shapes[code][1]]
        # Parts rather than regions: their boxes are small, where a country with islands spans the world.
        self._parts: Geometries = np.array([polygon for _, polygon in polygons], dtype=object)
        self._region: Indices = np.array([number for number, _ in polygons], dtype=np.int64)
        self._tree = shapely.STRtree(self._parts)
        shapely.prepare(self._parts)
        self.hash = known_hash or _hash(shapes)

    @classmethod
    def load(cls, path: Path | str | None = None) -> "Regions":
        """The packaged regions, or those of a GeoJSON file (plain or gzip). Raises RegionsError."""
        source = files("stats_assets.osm") / "data" / "regions.geojson.gz" if path is None else Path(path)
        try:
            with source.open("rb") as file:
                packed = file.read(2) == b"\x1f\x8b"
                file.seek(0)
                content = (gzip.GzipFile(fileobj=file) if packed else file).read(MOST + 1)
            if len(content) > MOST:
                raise RegionsError(f"{source}: of more than {MOST >> 20} MB: simplify the borders")
            document = json.loads(content)
        except RegionsError:
            raise
        except (OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
            raise RegionsError(
                f"{source}: the regions file can't be read as GeoJSON: {reason_of(error, source)}"
            ) from error
        return cls(_shapes(str(source), document), PACKAGED_REGIONS if path is None else None)

    def located(self, geometries: Geometries) -> Iterator[tuple[Indices, Indices]]:
        """Pairs (number of the geometry, number of a region in `codes`) of all that intersect, touching included.

        A pair may come more than once, where a geometry lies in several parts of a region. They come in parts, as each
        of very many geometries may lie in very many regions.
        """
        near, pairs = [], 0
        for start in range(0, len(geometries), _SLICE):
            which, parts = self._tree.query(geometries[start : start + _SLICE])
            near.append((which + start, parts))
            pairs += len(which)
            if pairs >= _PAIRS:
                yield self._intersecting(geometries, near)
                near, pairs = [], 0
        if near:
            yield self._intersecting(geometries, near)

    def _intersecting(
        self, geometries: Geometries, near: Sequence[tuple[Indices, Indices]]
    ) -> tuple[Indices, Indices]:
        which, parts = (np.concatenate([pair[n] for pair in near]) for n in (0, 1))
        order = np.argsort(parts, kind="stable")
        which, parts = which[order], parts[order]
        hits = np.zeros(len(which), dtype=bool)
        bounds = np.flatnonzero(np.diff(parts, prepend=-1, append=-1))
        for start, stop in pairwise(bounds.tolist()):
            hits[start:stop] = shapely.intersects(self._parts[parts[start]], geometries[which[start:stop]])
        return which[hits], self._region[parts[hits]]


def _hash(shapes: dict[str, tuple[str, list[Any]]]) -> str:
    digest = hashlib.sha256()
    for code in sorted(shapes):
        name, parts = shapes[code]
        digest.update(json.dumps([code, name]).encode())
        for wkb in sorted(shapely.to_wkb(shapely.normalize(part)) for part in parts):
            digest.update(wkb)
    return digest.hexdigest()


def _shapes(source: str, document: Any) -> dict[str, tuple[str, list[Any]]]:
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        raise RegionsError(f"{source}: a GeoJSON FeatureCollection was expected")
    features = document.get("features")
    if not isinstance(features, list) or not features:
        raise RegionsError(f"{source}: the FeatureCollection has no features")
    shapes: dict[str, tuple[str, list[Any]]] = {}
    for number, feature in enumerate(features, 1):
        where = f"{source}: feature {number}"
        properties = feature.get("properties") if isinstance(feature, dict) else None
        if not isinstance(properties, dict):
            properties = {}
        code, name = (properties.get(key) for key in ("code", "name"))
        if not isinstance(code, str) or not code.strip() or not isinstance(name, str) or not name.strip():
            raise RegionsError(f"{where} needs the properties `code` and `name`, both text")
        if storable(code + name) != code + name:
            raise RegionsError(f"{where}: `code` and `name` must be text that a database holds")
        if code in shapes:
            raise RegionsError(f"{where}: code {code} stands twice; give its parts as one MultiPolygon")
        shapes[code] = (name, _polygons(f"{where} ({code})", feature.get("geometry")))
    return shapes


def _polygons(where: str, geometry: Any) -> list[Any]:
    if not isinstance(geometry, dict) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        raise RegionsError(f"{where}: the geometry must be a Polygon or a MultiPolygon")
    try:
        shape = shapely.from_geojson(json.dumps(geometry))
    except (GEOSException, ValueError, RecursionError) as error:
        raise RegionsError(f"{where}: the geometry can't be read: {error}") from error
    if shape.is_empty:
        raise RegionsError(f"{where}: the geometry is empty")
    west, south, east, north = shape.bounds
    if west < -180 or east > 180 or south < -90 or north > 90:
        raise RegionsError(f"{where}: coordinates must be longitude and latitude in degrees")
    if not shape.is_valid:
        raise RegionsError(f"{where}: the geometry is not valid: {shapely.is_valid_reason(shape)}")
    return list(shapely.get_parts(shape))
