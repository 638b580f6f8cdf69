"""A plot of lines on logarithmic scales, as SVG by hand: panels side by side, and one legend for all.

Not here: what is plotted, and whether it is any good.
"""

import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP = 330, 300, 55, 30
COLOURS = ("#1b6ca8", "#c8553d", "#3c8d53", "#8e5ea2", "#b8860b", "#4a4a4a", "#00a0a0", "#d64b8a")

Points = Sequence[tuple[float, float]]


def plot(panels: Mapping[str, Mapping[str, Points]], ticks: Sequence[float]) -> str:
    """Each panel by its title: each line by its name, and its points, all above 0; ticks: those of the x axis."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH * len(panels) + 190} {HEIGHT}"'
        ' font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>'
    ]
    for number, (title, lines) in enumerate(panels.items()):
        parts += _panel(title, lines, ticks, number * WIDTH + LEFT)
    for number, name in enumerate(next(iter(panels.values()))):
        y = TOP + 12 + 18 * number
        x = WIDTH * len(panels) + 10
        parts.append(f'<path d="M{x} {y}h20" stroke="{_colour(number)}" stroke-width="2"/>')
        parts.append(f'<text x="{x + 26}" y="{y + 4}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _panel(title: str, lines: Mapping[str, Points], ticks: Sequence[float], left: int) -> list[str]:
    width, height = WIDTH - LEFT - 10, HEIGHT - TOP - 40
    values = [y for points in lines.values() for _, y in points]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))

    def at(x: float, y: float) -> str:
        across = math.log(x / ticks[0]) / math.log(ticks[-1] / ticks[0])
        return f"{left + width * across:.1f} {TOP + height * (high - math.log10(y)) / (high - low):.1f}"

    parts = [f'<text x="{left}" y="{TOP - 12}" font-weight="bold">{escape(title)}</text>']
    for power in range(low, high + 1):
        x, y = at(ticks[0], 10.0**power).split()
        parts.append(f'<path d="M{x} {y}h{width}" stroke="#ddd"/>')
        parts.append(f'<text x="{float(x) - 6}" y="{float(y) + 4}" text-anchor="end">{10.0**power:g}</text>')
    for tick in ticks:
        x, y = at(tick, 10.0**low).split()
        parts.append(f'<text x="{x}" y="{float(y) + 16}" text-anchor="middle">{tick:,.0f}</text>')
    for number, points in enumerate(lines.values()):
        path = " ".join(at(*point) for point in points)
        parts.append(f'<path d="M{path}" fill="none" stroke="{_colour(number)}" stroke-width="2"/>')
    return parts


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]
