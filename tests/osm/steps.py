"""What work on geometries costs, counted in comparisons, never in seconds."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import shapely

from stats_assets.osm import sweep as sweep_module

VALID = shapely.is_valid
STRTREE: Any = shapely.STRtree


class Steps:
    """How many comparisons are made: by the sweep, and by shapely, of segments and of positions whose boxes meet."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.taken = 0
        for name in ("_side", "_determinant"):
            patch.setattr(sweep_module, name, self._counted(getattr(sweep_module, name)))
        patch.setattr(shapely, "is_valid", self._valid)
        patch.setattr(shapely, "STRtree", self._tree(shapely.STRtree))

    def _counted(self, work: Any) -> Any:
        def step(*given: Any) -> Any:
            self.taken += 1
            return work(*given)

        return step

    def _valid(self, geometries: Any) -> Any:
        for geometry in np.atleast_1d(geometries):
            rings = map(shapely.get_coordinates, shapely.get_rings(shapely.get_parts(geometry)))
            ends = np.concatenate([np.stack((xy[:-1], xy[1:]), axis=1) for xy in rings])
            segments: Any = shapely.linestrings(ends)
            tree = STRTREE(segments)
            for start in range(0, len(segments), 1000):
                self.taken += tree.query(segments[start : start + 1000]).shape[1]
        return VALID(geometries)

    def _tree(self, tree: Any) -> Any:
        steps = self

        class Tree:
            def __init__(self, geometries: Any) -> None:
                self._tree = tree(geometries)
                self._sizes = shapely.get_num_coordinates(geometries)

            def query(self, *given: Any, predicate: str | None = None) -> Any:
                pairs = self._tree.query(*given)
                steps.taken += int(self._sizes[pairs[1]].sum()) if predicate else pairs.shape[1]
                return self._tree.query(*given, predicate=predicate) if predicate else pairs

        return Tree


def steps(work: Callable[[], Any]) -> int:
    """How many comparisons the work makes."""
    with pytest.MonkeyPatch.context() as patch:
        counted = Steps(patch)
        work()
        return counted.taken
