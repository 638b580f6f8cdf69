"""What all charts are drawn with: colours, escaped texts, round steps of an axis."""

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

LIGHT = {
    "added": "#0b5cad",
    "modified": "#5b6470",
    "deleted": "#b3470a",
    "line": "#7b8794",
    "text": "#16202b",
    "muted": "#52606d",
    "panel": "#f4f6f8",
    "warn": "#7a4b00",
    "land": "#e4e8ec",
    "q0": "#f4f6f8",
    "q1": "#dce9f7",
    "q2": "#a9cbec",
    "q3": "#6aa3da",
    "q4": "#2f78be",
    "q5": "#0b4a8c",
}
"""tokens.css, light."""
FAMILY = 'system-ui, "Noto Sans", "Noto Sans Devanagari", "Noto Sans Arabic", sans-serif'


def svg(width: float, height: float, title: str, parts: Iterable[str], *, stretch: bool = False) -> str:
    """A whole picture. `stretch`: as wide as there is room, without keeping its shape. No title: decoration."""
    shape = ' preserveAspectRatio="none"' if stretch else ""
    said = f'role="img" aria-label={quoteattr(title)}' if title else 'aria-hidden="true"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {number(width)} {number(height)}"'
        f"{shape} {said} font-family={quoteattr(FAMILY)}>{''.join(parts)}</svg>"
    )


def rect(x: float, y: float, width: float, height: float, name: str, title: str = "", **more: str) -> str:
    """A bar; `title` is shown when one points at it."""
    extra = "".join(f" {key.replace('_', '-')}={quoteattr(value)}" for key, value in more.items())
    inner = f"><title>{escape(title)}</title></rect>" if title else "/>"
    colour = f' fill="{LIGHT[name]}"' if name in LIGHT else ""
    return (
        f'<rect class="{name}" x="{number(x)}" y="{number(y)}" width="{number(width)}"'
        f' height="{number(height)}"{colour}{extra}{inner}'
    )


def text(x: float, y: float, words: str, anchor: str = "start", name: str = "muted", size: float = 12) -> str:
    """Words at a place."""
    return (
        f'<text class="{name}" x="{number(x)}" y="{number(y)}" text-anchor="{anchor}" font-size="{number(size)}"'
        f' fill="{LIGHT[name]}">{escape(words)}</text>'
    )


def number(value: float) -> str:
    """As short as it can be."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def top_of(most: float) -> float:
    """The end of an axis: a round number, at least `most`."""
    if most <= 0:
        return 1
    power = 10.0 ** (len(str(int(most))) - 1)
    return next(factor * power for factor in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if factor * power >= most)
