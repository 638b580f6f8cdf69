"""Whether rings are so near each other that shapely, which compares each with each, costs more than a sweep.

Here: an estimate that is cheap itself, and grows no faster than the rings' positions. Not here: either way of work
(nesting, sweep).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely

from stats_assets.osm.positions import Bools, Floats, Integers

# What is cheaper to compare than to sweep: so much in all, and so much a position.
PAIRS, PAIRS_A_POSITION = 10_000, 20
_RUN = 16  # segments of a run at most
_CHUNK, _CHUNK_PAIRS = 32, 1 << 20


def is_crowded(rings: Sequence[Floats], outlines: Any) -> bool:
    """Are rings, given as positions (n, 2) and as linearrings or polygons, cheaper to sweep than to compare?"""
    sizes = np.array([len(ring) for ring in rings])
    positions = int(sizes.sum())
    limit = PAIRS + PAIRS_A_POSITION * positions
    if positions**2 <= limit:
        return False
    # A ring whose box meets another's is compared with it, position by position.
    if len(rings) * positions > limit and _meet_often(outlines, sizes, limit):
        return True
    runs = _runs(np.concatenate(rings), sizes)
    return len(runs) ** 2 > limit and _meet_often(runs, np.ones(len(runs), dtype=np.int64), limit)


def crowded(rings: Sequence[Floats]) -> Bools:
    """Of each ring by itself."""
    return np.array([len(ring) ** 2 > PAIRS and is_crowded([ring], ()) for ring in rings], dtype=np.bool_)


def _meet_often(geometries: Any, weights: Integers, limit: int) -> bool:
    """Do the weights of all pairs whose boxes meet come to more than the limit?"""
    tree = shapely.STRtree(geometries)
    count = len(geometries)
    size = max(1, min(_CHUNK, _CHUNK_PAIRS // count))
    for start in range(0, count, size):
        limit -= int(weights[tree.query(geometries[start : start + size])[1]].sum())
        if limit < 0:
            return True
    return False


def _turns(column: Floats) -> Bools:
    """Where the next segment goes the other way in this coordinate. A column at a time, in bytes: it may be long."""
    ways = np.sign(np.diff(column)).astype(np.int8)
    turns: Bools = ways[1:] != ways[:-1]
    return turns


def _runs(xy: Floats, sizes: Integers) -> Any:
    """The rings in runs of segments that go one way, as shapely compares them; of each run the diagonal of its box."""
    begins = np.concatenate(([True], _turns(xy[:, 0]) | _turns(xy[:, 1])))
    begins[::_RUN] = True
    between = np.cumsum(sizes)[:-1] - 1  # no segments, but from one ring to the next
    begins[between] = True
    begins[between + 1] = True
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(xy) - 1)
    kept = ~np.isin(first, between, assume_unique=True)
    ends = np.stack((xy[first[kept]], xy[last[kept]]), axis=1)
    return shapely.linestrings(ends)
