"""A plot of how far each figure is beyond its target, as SVG by hand: a bar each, on a logarithmic scale.

Not here: figures; the lines of plot.py.
"""

import math
from collections.abc import Mapping
from xml.sax.saxutils import escape

WIDTH, NAMES, ROW, TOP = 760, 430, 20, 30
LOW, HIGH = 0.1, 100.0


def bars(values: Mapping[str, float]) -> str:
    """Each bar by its name: above 1 the target is met, so many times; shown from a tenth to a hundred."""
    height = TOP + ROW * len(values) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        ' font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>'
    ]
    for tick in (0.1, 1.0, 10.0, 100.0):
        colour = "#4a4a4a" if tick == 1 else "#ddd"
        parts.append(f'<path d="M{_at(tick):.1f} {TOP - 8}v{height - TOP - 10}" stroke="{colour}"/>')
        parts.append(f'<text x="{_at(tick):.1f}" y="{TOP - 14}" text-anchor="middle">{tick:g}</text>')
    for number, (name, value) in enumerate(values.items()):
        y = TOP + ROW * number
        begin, end = sorted((_at(1.0), _at(min(max(value, LOW), HIGH))))
        colour = "#3c8d53" if value >= 1 else "#c8553d"
        parts.append(f'<text x="{NAMES - 8}" y="{y + 10}" text-anchor="end">{escape(name)}</text>')
        parts.append(
            f'<rect x="{begin:.1f}" y="{y}" width="{max(1.0, end - begin):.1f}" height="13" fill="{colour}"/>'
        )
    return "\n".join([*parts, "</svg>\n"])


def _at(value: float) -> float:
    return NAMES + (WIDTH - NAMES - 20) * math.log(value / LOW) / math.log(HIGH / LOW)
