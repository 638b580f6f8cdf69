"""A window's numbers on one picture of 1200 × 630, as other sites and messages show it: without names of people."""

from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

from stats_assets.charts.marks import LIGHT
from stats_assets.pages.blocks import Big
from stats_assets.pages.window import Window
from stats_assets.pictures.words import FAMILY, fitted, line, plain
from stats_assets.texts import times

WIDTH, HEIGHT = 1200, 630
EDGE = 56
CURVE = (WIDTH - 2 * EDGE, 226)
"""As wide and high as a curve is in it."""
_SCALE = 2.0
"""How much larger a curve's letters are than on a page."""


def poster(title: str, window: Window, four: Sequence[Big], curve: str | None) -> str:
    """The picture as SVG. `curve`: an SVG whose viewBox is CURVE over the scale."""
    direction = window.language.direction
    right = direction == "rtl"
    start, anchor = (WIDTH - EDGE, "end") if right else (EDGE, "start")
    room = WIDTH - 2 * EDGE

    def words(
        y: float, text: str, size: float, least: float, name: str = "text", *, bold: bool = False
    ) -> str:
        shown, fit = fitted(text, size, room, least)
        return line(start, y, shown, fit, direction=direction, anchor=anchor, name=name, bold=bold)

    parts = [
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<rect width="{WIDTH}" height="12" fill="{LIGHT["added"]}"/>',
        words(96, title, 60, 30, bold=True),
        words(148, _said(plain(window.words()), window.date()), 30, 20, "muted"),
        *_numbers(four, right=right),
    ]
    if curve is not None:
        place = f'<svg x="{EDGE}" y="316" width="{CURVE[0]}" height="{CURVE[1]}" '
        parts.append(curve.replace("<svg ", place, 1))
    warnings = [plain(one) for one in window.warnings()]
    if warnings:
        parts.append(words(572, f"⚠ {_said(*warnings)}", 24, 16, "warn"))
    parts.append(words(608, _said(reached(window), plain(window.language.say("source"))), 22, 14, "muted"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' font-family={quoteattr(FAMILY + ", sans-serif")} role="img" aria-label={quoteattr(title)}>'
        f"{''.join(parts)}</svg>"
    )


def curve_size() -> tuple[float, float]:
    """What the curve of a poster is drawn in."""
    return CURVE[0] / _SCALE, CURVE[1] / _SCALE


def reached(window: Window) -> str:
    """Up to when it counts, with its day and zone, as a picture stays when the day is over."""
    if window.complete_to is None:
        return plain(window.language.say("counts_nothing"))
    when = window.complete_to
    day = times.day(when.date(), window.language.locale)
    return plain(window.language.say("counts_up_to", time=f"{day} {times.hour(when)} ({times.offset(when)})"))


def _numbers(four: Sequence[Big], *, right: bool) -> list[str]:
    wide = (WIDTH - 2 * EDGE) / max(1, len(four))
    found = []
    for place, one in enumerate(four):
        x = WIDTH - EDGE - place * wide if right else EDGE + place * wide
        for y, text, size, name, bold in (
            (248, plain(one.value), 68, "text", True),
            (288, plain(one.label), 25, "muted", False),
        ):
            shown, fit = fitted(text, size, wide - 20, 15)
            anchor = "end" if right else "start"
            found.append(
                line(
                    x, y, shown, fit, direction="rtl" if right else "ltr", anchor=anchor, name=name, bold=bold
                )
            )
    return found


def _said(*parts: str) -> str:
    return " · ".join(part for part in parts if part)
