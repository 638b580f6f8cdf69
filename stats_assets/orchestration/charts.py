"""A picture of a few numbers in Dagster's UI, which shows Markdown with an image in it. Pure.

Dagster plots a number over time by itself; this is for what one event says of many times.
"""

import base64
from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, LINE = 480, 96, 14
COLOUR, TEXT = "#4f43dd", "#6b7280"  # readable on the UI's light and dark ground


def bars(title: str, values: Sequence[tuple[str, int]], *, unit: str) -> str:
    """Markdown of a row of bars: the first, the last and the highest are named. Without any above 0: words."""
    highest = max((value for _, value in values), default=0)
    if not highest:
        return f"{title}: none."
    wide = WIDTH / len(values)
    drawn = []
    for place, (name, value) in enumerate(values):
        high = HEIGHT * value / highest
        drawn.append(
            f'<rect x="{place * wide:.1f}" y="{LINE + HEIGHT - high:.1f}" width="{max(1.0, wide - 2):.1f}"'
            f' height="{high:.1f}" fill="{COLOUR}"><title>{escape(name)}: {value:,} {escape(unit)}</title></rect>'
        )
    foot = LINE + HEIGHT + LINE
    said = (
        f'<text x="0" y="{LINE - 4}">{highest:,} {escape(unit)} at most</text>'
        f'<text x="0" y="{foot}">{escape(values[0][0])}</text>'
        f'<text x="{WIDTH}" y="{foot}" text-anchor="end">{escape(values[-1][0])}</text>'
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{foot + 4}"'
        f' font-family="sans-serif" font-size="11" fill="{TEXT}">{"".join(drawn)}{said}</svg>'
    )
    total = sum(value for _, value in values)
    alt = f"{title}: {total:,} {unit} from {values[0][0]} to {values[-1][0]}, {highest:,} at most"
    return f"{title}: {total:,} {unit}\n\n![{alt}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"
