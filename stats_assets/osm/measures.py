"""Lengths and areas on the ellipsoid, and how they are rounded (docs/definitions.md, section 4).

Here: metres and square metres of given positions. Not here: which feature is measured as what.
"""

import math
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from pyproj import Geod

from stats_assets.osm.positions import Floats, Lines

WGS84 = Geod(ellps="WGS84")
# Measures are whole numbers of 10⁻⁹ km or km², so that sums are exact: these many are in a metre, in a square metre.
PER_METRE, PER_SQUARE_METRE = 10**6, 10**3


def lengths(lines: Lines, which: Sequence[int]) -> list[float]:
    """Geodesic lengths in metres of lines with all their positions.

    All segments go through the ellipsoid's formulas in one call; each line's are summed by themselves, exactly.
    """
    if not which:
        return []
    start, count = lines.start[which], lines.size[which] - 1
    ends = np.cumsum(count)
    first = np.arange(ends[-1]) + np.repeat(start - (ends - count), count)
    second = first + 1
    _, _, metres = WGS84.inv(lines.x[first], lines.y[first], lines.x[second], lines.y[second])
    return [math.fsum(part) for part in np.split(metres, ends[:-1])]


def ring_area(xy: Floats) -> float:
    """Geodesic area in square metres inside a ring of positions, shape (n, 2), whichever way round."""
    area, _ = WGS84.polygon_area_perimeter(xy[:, 0], xy[:, 1])
    return abs(float(area))


def units(amount: float, per_unit: int) -> int:
    """An amount of metres or square metres in units of 10⁻⁹ km or km², rounded half-even, exactly."""
    numerator, denominator = amount.as_integer_ratio()
    whole, rest = divmod(numerator * per_unit, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1))


def decimal(amount: int) -> Decimal:
    """Units as km or km²: an exact decimal without trailing zeros, never in exponent form."""
    value = Decimal(amount).scaleb(-9)
    text = f"{value:f}"
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)
