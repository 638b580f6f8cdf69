"""Words in a picture: where they stand, how wide they are, what reads from the right."""

import unicodedata
from xml.sax.saxutils import escape, quoteattr

from markupsafe import Markup

from stats_assets.charts.marks import LIGHT, number

FAMILY = "Noto Sans"
_WIDE = {"W": 1.0, "F": 1.0}
_NARROW, _USUAL, _CAPITAL = 0.3, 0.56, 0.68
"""Of a letter's height; a little more than they need."""
_ISOLATED = {"rtl": "\u2067", "ltr": "\u2066", "auto": "\u2068"}
_END = "\u2069"


def plain(said: Markup | str) -> str:
    """A sentence without its marks; a name in it keeps to itself."""
    if not isinstance(said, Markup):
        return said
    kept = said.replace(Markup("<bdi>"), _ISOLATED["auto"]).replace(Markup("</bdi>"), _END)
    return kept.striptags()


def width_of(words: str, size: float) -> float:
    """About how wide it is: rather too wide than too narrow."""
    return size * sum(map(_part, words))


def _part(sign: str) -> float:
    kind = unicodedata.category(sign)
    if kind in ("Mn", "Me", "Cf", "Cc"):
        return 0.0
    if unicodedata.east_asian_width(sign) in _WIDE:
        return _WIDE["W"]
    if sign in "ijlI.,:;'|!()[] ·":
        return _NARROW
    return _CAPITAL if kind == "Lu" or sign in "mwMW%+−" else _USUAL


def fitted(words: str, size: float, room: float, least: float) -> tuple[str, float]:
    """Smaller where it has to be, and then shorter with a `…`."""
    wide = width_of(words, 1)
    size = min(size, max(least, room / wide if wide else size))
    if width_of(words, size) <= room:
        return words, size
    left, kept = room - width_of("…", size), 0
    while (left := left - width_of(words[kept], size)) >= 0:
        kept += 1
    return f"{words[:kept]}…", size


def line(
    x: float,
    y: float,
    words: str,
    size: float,
    *,
    direction: str = "ltr",
    anchor: str = "start",
    name: str = "text",
    bold: bool = False,
) -> str:
    """Words as SVG, in the order in which their language is read."""
    weight = ' font-weight="700"' if bold else ""
    said = f"{_ISOLATED[direction]}{words}{_END}" if direction != "ltr" else words
    return (
        f'<text x="{number(x)}" y="{number(y)}" font-size="{number(size)}" text-anchor={quoteattr(anchor)}{weight}'
        f' fill="{LIGHT.get(name, name)}">{escape(said)}</text>'
    )
