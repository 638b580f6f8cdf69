"""Measuring and locating a batch of features (docs/definitions.md, sections 2, 4 and 5).

Here: which side is a line, an area, broken, invalid, and where a feature is. Not here: reading and summing them.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely

from stats_assets.osm.categories import Categories, parts
from stats_assets.osm.features import Feature, Side
from stats_assets.osm.measures import PER_METRE, PER_SQUARE_METRE, lengths, ring_area, units
from stats_assets.osm.nesting import valid_rings
from stats_assets.osm.places import Places
from stats_assets.osm.positions import Lines
from stats_assets.osm.regions import Regions
from stats_assets.osm.rings import Assembly, BrokenError, Piece, assemble

_YES, _NO = frozenset(("yes", "true", "1")), frozenset(("no", "false", "0"))
_SETS = 1_000  # of regions that features share
_NATURAL_LINES = frozenset(("cliff", "coastline", "ridge", "tree_row"))


def is_line(tags: Mapping[str, str]) -> bool:
    """Does a way with these tags have a length?"""
    return not _has(tags, "area", _YES)


def is_area(tags: Mapping[str, str]) -> bool:
    """Does a closed way with these tags have an area?"""
    if _has(tags, "area", _NO):
        return False
    return _has(tags, "area", _YES) or not _has(tags, "natural", _NATURAL_LINES)


def _has(tags: Mapping[str, str], key: str, values: frozenset[str]) -> bool:
    value = tags.get(key)
    return value is not None and not values.isdisjoint(parts(value))


class Geometer:
    """Measures and locates batches, for one table of categories and one set of regions."""

    def __init__(self, categories: Categories, regions: Regions) -> None:
        self._with_length = frozenset(c.name for c in categories.categories.values() if c.length)
        self._with_area = frozenset(c.name for c in categories.categories.values() if c.area)
        self._regions = regions
        self._codes = list(regions.codes)
        self._sets: dict[tuple[int, ...], tuple[str, ...]] = {}

    def work_out(self, features: Sequence[Feature], lines: Lines) -> None:
        """Set each feature's `broken`, `length`, `area`, `regions`; `lines` are the batch's."""
        places = Places(lines)
        measured_lines: list[Feature] = []
        measured_areas: list[Feature] = []
        for number, feature in enumerate(features):
            if feature.element == "relation":
                self._work_out_relation(number, feature, lines, places)
                continue
            place = feature.place
            if place is not None:
                line = place.lines[0]
                if feature.element == "node":
                    if lines.missing[line]:
                        feature.broken = "the position is missing"
                    places.add_points(number, line)
                    continue
                places.add_line(number, line)
            for side in (feature.new, feature.old):
                if side is not None and lines.broken(side.lines[0]):
                    feature.broken = _why(lines, side.lines[0])
                    break
            else:
                if not self._with_length.isdisjoint(feature.categories):
                    measured_lines.append(feature)
                if not self._with_area.isdisjoint(feature.categories):
                    measured_areas.append(feature)
        _measure_lengths(measured_lines, lines)
        _measure_areas(measured_areas, lines)
        self._locate(features, places)

    def _work_out_relation(self, number: int, feature: Feature, lines: Lines, places: Places) -> None:
        assemblies: dict[str, Assembly | None] = {}
        for name, side in (("new", feature.new), ("old", feature.old)):
            try:
                polygon = side is not None and side.polygon
                assemblies[name] = _assemble(side, lines) if side is not None and polygon else None
            except BrokenError as broken:
                feature.broken = feature.broken or str(broken)
                assemblies[name] = None
        place = feature.place
        if place is not None:
            found = assemblies["new" if place is feature.new else "old"]
            if found is not None:
                places.add(number, found.geometry)
            else:
                for line in place.lines:
                    if place.polygon:
                        places.add_points(number, line)
                    else:
                        places.add_line(number, line)
                for line in place.points:
                    places.add_points(number, line)
        known = [assembly for assembly in assemblies.values() if assembly is not None]
        measured = feature.broken is None and not self._with_area.isdisjoint(feature.categories)
        if measured and all(assembly.valid for assembly in known):
            after, before = (assembly.area if assembly else 0.0 for assembly in assemblies.values())
            feature.area = units(abs(after - before), PER_SQUARE_METRE)

    def _locate(self, features: Sequence[Feature], places: Places) -> None:
        owners, geometries = places.geometries()
        found: dict[int, set[int]] = defaultdict(set)
        for which, region in self._regions.located(geometries):
            pairs = np.unique(owners[which] * len(self._codes) + region)
            for pair in pairs.tolist():
                owner, number = divmod(pair, len(self._codes))
                found[owner].add(number)
        for owner, numbers in found.items():
            key = tuple(sorted(numbers))
            codes = self._sets.get(key)
            if codes is None:
                if len(self._sets) >= _SETS:
                    self._sets.clear()
                codes = self._sets[key] = tuple(self._codes[number] for number in key)
            features[owner].regions = codes


def _measure_lengths(features: Sequence[Feature], lines: Lines) -> None:
    wanted: list[int] = []
    asked: list[tuple[Feature, bool, bool]] = []
    for feature in features:
        new, old = (side is not None and is_line(side.tags) for side in (feature.new, feature.old))
        if feature.same_shape and new == old:
            continue  # the same length on both sides
        asked.append((feature, new, old))
        wanted += [
            side.lines[0] for side, counts in ((feature.new, new), (feature.old, old)) if side and counts
        ]
    metres = iter(lengths(lines, wanted))
    for feature, new, old in asked:
        after = next(metres) if new else 0.0
        before = next(metres) if old else 0.0
        feature.length = units(abs(after - before), PER_METRE)


def _measure_areas(features: Sequence[Feature], lines: Lines) -> None:
    asked: list[tuple[Feature, list[int]]] = []
    for feature in features:
        new, old = (_area_line(side, lines) for side in (feature.new, feature.old))
        if feature.same_shape and (new is None) == (old is None):
            continue  # the same area on both sides
        asked.append((feature, [-1 if line is None else line for line in (new, old)]))
    wanted = sorted({line for _, sides in asked for line in sides if line >= 0})
    if not wanted:
        return
    at, index = lines.gather(wanted)
    xy = np.column_stack((lines.plane[at], lines.y[at]))
    rings: Any = shapely.linearrings(xy, indices=index)
    # Around a pole it does not close in the plane.
    first = lines.start[wanted]
    closed = lines.plane[first] == lines.plane[first + lines.size[wanted] - 1]
    valid = valid_rings(np.split(xy, np.cumsum(lines.size[wanted])[:-1]), rings) & closed
    areas = {line: ring_area(lines.xy(line)) if ok else None for line, ok in zip(wanted, valid, strict=True)}
    areas[-1] = 0.0
    for feature, (new_line, old_line) in asked:
        after, before = areas[new_line], areas[old_line]
        if after is not None and before is not None:
            feature.area = units(abs(after - before), PER_SQUARE_METRE)


def _area_line(side: Side | None, lines: Lines) -> int | None:
    """The side's line where it is an area: closed, of at least 4 positions, and not said to be none."""
    if side is None:
        return None
    line = side.lines[0]
    return line if lines.closed[line] and lines.size[line] >= 4 and is_area(side.tags) else None


def _assemble(side: Side, lines: Lines) -> Assembly:
    for line in side.lines:
        if lines.broken(line):
            raise BrokenError(f"a member way is broken: {_why(lines, line)}")
    return assemble(Piece(role, lines.xy(line)) for role, line in zip(side.roles, side.lines, strict=True))


def _why(lines: Lines, line: int) -> str:
    return "a position is missing" if lines.missing[line] else "fewer than 2 positions"
