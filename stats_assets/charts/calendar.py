"""A contribution calendar: a square a day, weeks as columns, in fixed steps 1, 10, 100, 1,000 so that years compare."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from stats_assets.charts.marks import LIGHT, number, rect, svg, text

STEPS = (1, 10, 100, 1000)
CELL, LEFT, TOP = 11.0, 4.0, 18.0


def level(edits: int) -> int:
    """0 for none, 1 from 1, 2 from 10, 3 from 100, 4 from 1,000."""
    return sum(edits >= step for step in STEPS)


def calendar(
    days: Mapping[date, int],
    last: date,
    title: str,
    said: Callable[[date, int], str],
    months: Sequence[str],
    *,
    begins: date | None = None,
    weeks: int = 53,
) -> str:
    """The weeks that end with `last`; `months`: twelve short names. Before `begins` days are hatched."""
    first = last - timedelta(days=last.weekday() + 7 * (weeks - 1))
    parts = [
        '<defs><pattern id="hatched-days" width="4" height="4" patternUnits="userSpaceOnUse"'
        f' patternTransform="rotate(45)"><rect width="1.5" height="4" fill="{LIGHT["line"]}"/></pattern></defs>'
    ]
    labelled = 0
    bare: dict[str, list[str]] = {"hole": [], "q0": []}
    for week in range(weeks):
        monday = first + timedelta(days=7 * week)
        if (monday.day <= 7 and week - labelled >= 3) or week == 0:
            parts.append(text(LEFT + week * CELL, TOP - 6, months[monday.month - 1], size=10))
            labelled = week
        for row in range(min(7, (last - monday).days + 1)):
            day = monday + timedelta(days=row)
            x, y, side = LEFT + week * CELL, TOP + row * CELL, CELL - 2
            if edits := days.get(day, 0):
                parts.append(rect(x, y, side, side, f"q{level(edits) + 1}", said(day, edits)))
            else:
                name = "hole" if begins and day < begins else "q0"
                bare[name].append(f"M{number(x)} {number(y)}h{number(side)}v{number(side)}h-{number(side)}z")
    parts.append(f'<path class="hole" fill="url(#hatched-days)" d="{"".join(bare["hole"])}"/>')
    parts.append(f'<path class="q0" fill="{LIGHT["q0"]}" d="{"".join(bare["q0"])}"/>')
    return svg(LEFT + weeks * CELL, TOP + 7 * CELL, title, parts)
