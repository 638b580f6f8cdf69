"""Bars of categories: added, modified, deleted, one beside the other; a bar a row, its words beside it."""

from collections.abc import Sequence
from decimal import Decimal

from stats_assets.charts.marks import rect, svg

KINDS = ("added", "modified", "deleted")
Number = int | Decimal
WIDTH, HEIGHT = 1000.0, 20.0


def bar(values: Sequence[Number], most: Number, names: Sequence[str] = KINDS) -> str:
    """One bar, `most` being the whole width. It is decoration: the numbers stand in the table's row."""
    parts, x = [], 0.0
    for name, value in zip(names, values, strict=False):
        if not value:
            continue
        width = max(2.0, float(value) / float(most or 1) * WIDTH)
        parts.append(rect(x, 0, width, HEIGHT, name))
        x += width
    return svg(WIDTH, HEIGHT, "", parts, stretch=True)


def progress(value: Number, target: Number) -> str:
    """How much of a target is reached."""
    part = min(1.0, float(value) / float(target or 1))
    parts = [rect(0, 0, WIDTH, HEIGHT, "panel"), rect(0, 0, part * WIDTH, HEIGHT, "added")]
    return svg(WIDTH, HEIGHT, "", parts, stretch=True)
