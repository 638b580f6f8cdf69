"""A window as a strip: counted, missing (hatched), in doubt (outlined)."""

from collections.abc import Sequence

from stats_assets.charts.marks import LIGHT, rect, svg

WIDTH, HEIGHT, LEAST = 1000.0, 28.0, 3.0
Part = tuple[float, float]
"""Begin and end, from 0 to 1 of the window."""


def strip(missing: Sequence[Part], flagged: Sequence[Part], title: str) -> str:
    """The picture; the shortest stretch is wide enough to be seen."""
    parts = [
        '<defs><pattern id="holes" width="6" height="6" patternUnits="userSpaceOnUse"'
        f' patternTransform="rotate(45)"><rect class="hatch" width="3" height="6" fill="{LIGHT["text"]}"/></pattern>'
        "</defs>",
        rect(0, 4, WIDTH, HEIGHT - 8, "q3"),
    ]
    for begin, end in missing:
        width = max(LEAST, (end - begin) * WIDTH)
        parts.append(rect(begin * WIDTH, 4, width, HEIGHT - 8, "paper", fill="#fff"))
        parts.append(rect(begin * WIDTH, 4, width, HEIGHT - 8, "hole", fill="url(#holes)"))
    for begin, end in flagged:
        width = max(LEAST, (end - begin) * WIDTH)
        parts.append(rect(begin * WIDTH, 1, width, HEIGHT - 2, "outlined", fill="none", stroke=LIGHT["warn"]))
    return svg(WIDTH, HEIGHT, title, parts, stretch=True)
