"""A number as a small sign for a README or a wiki: what it is of on the left, the number on the right."""

from xml.sax.saxutils import escape, quoteattr

from stats_assets.charts.marks import LIGHT, number
from stats_assets.pictures.words import fitted, line, width_of

HEIGHT = 24.0
SIZE = 13.0
GAP = 8.0
WIDEST = 320.0
"""Of either side: a name that is longer is cut."""
FAMILY = 'system-ui, "Noto Sans", sans-serif'


def badge(label: str, value: str) -> str:
    """The sign as SVG."""
    left, _ = fitted(label, SIZE, WIDEST, SIZE)
    right, _ = fitted(value, SIZE, WIDEST, SIZE)
    first, second = (width_of(text, SIZE) + 2 * GAP for text in (left, right))
    width = number(first + second)
    said = f"{label}: {value}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{number(HEIGHT)}"'
        f' viewBox="0 0 {width} {number(HEIGHT)}" role="img" aria-label={quoteattr(said)}'
        f" font-family={quoteattr(FAMILY)}><title>{escape(said)}</title>"
        f'<clipPath id="r"><rect width="{width}" height="{number(HEIGHT)}" rx="4"/></clipPath><g clip-path="url(#r)">'
        f'<rect width="{number(first)}" height="{number(HEIGHT)}" fill="{LIGHT["text"]}"/>'
        f'<rect x="{number(first)}" width="{number(second)}" height="{number(HEIGHT)}" fill="{LIGHT["added"]}"/></g>'
        + line(first / 2, 16.5, left, SIZE, anchor="middle", name="#fff", direction="auto")
        + line(first + second / 2, 16.5, right, SIZE, anchor="middle", name="#fff", direction="auto")
        + "</svg>"
    )
