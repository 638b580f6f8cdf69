"""The geometries of a batch of features, to be located (docs/definitions.md, section 2).

Here: points, lines and polygons with the number of their feature, on both sides of the antimeridian where they reach
it. Not here: which side of a feature says where it is, and regions.
"""

from typing import Any

import numpy as np
import shapely

from stats_assets.osm import seam
from stats_assets.osm.positions import Lines


class Places:
    """Geometries to be located, each with the number of the feature that it belongs to."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._point_lines: list[int] = []
        self._point_owners: list[int] = []
        self._line_lines: list[int] = []
        self._line_owners: list[int] = []
        self._others: list[Any] = []
        self._other_owners: list[int] = []

    def add_points(self, owner: int, line: int) -> None:
        """Each known position of a line."""
        self._point_lines.append(line)
        self._point_owners.append(owner)

    def add_line(self, owner: int, line: int) -> None:
        """A line; the positions that it has, when it is broken."""
        if self._lines.missing[line] or self._lines.size[line] < 2:
            self.add_points(owner, line)
        else:
            self._line_lines.append(line)
            self._line_owners.append(owner)

    def add(self, owner: int, geometry: Any) -> None:
        self._others.append(geometry)
        self._other_owners.append(owner)

    def geometries(self) -> tuple[Any, Any]:
        """Owners and geometries; one that reaches the antimeridian comes as often as it shows on the map."""
        lines = self._lines
        at, owner_index = lines.gather(self._point_lines)
        known = lines.known[at]
        at, owner_index = at[known], owner_index[known]
        points: Any = shapely.points(lines.x[at], lines.y[at])
        point_owners = np.array(self._point_owners, dtype=np.int64)[owner_index]
        at, line_index = lines.gather(self._line_lines)
        x = lines.plane[at]
        paths: Any = shapely.linestrings(np.column_stack((x, lines.y[at])), indices=line_index)
        others = np.empty(len(self._others), dtype=object)
        others[:] = self._others
        geometries: Any = np.concatenate((points, paths, others))
        owners = np.concatenate(
            (
                point_owners,
                np.array(self._line_owners, dtype=np.int64),
                np.array(self._other_owners, dtype=np.int64),
            )
        )
        far = seam.reaching(geometries)
        if not len(far):
            return owners, geometries
        shown = [seam.copies(geometry) for geometry in geometries[far]]
        more = np.empty(sum(map(len, shown)), dtype=object)
        more[:] = [copy for copies in shown for copy in copies]
        return (
            np.concatenate(
                (np.delete(owners, far), np.repeat(owners[far], [len(copies) for copies in shown]))
            ),
            np.concatenate((np.delete(geometries, far), more)),
        )
