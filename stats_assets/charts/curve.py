"""The curve: numbers of successive spans of time as steps, with holes hatched and flagged spans outlined."""

from collections.abc import Sequence
from dataclasses import dataclass

from stats_assets.charts.marks import LIGHT, number, rect, svg, text, top_of

LEFT, TOP, BELOW = 56.0, 10.0, 26.0
LABELS = 5


@dataclass(frozen=True, slots=True)
class Step:
    """One span. `label` stands below it, `title` says all of it; `value` None: the data don't reach there."""

    label: str
    title: str
    value: float | None
    missing: bool = False
    flagged: bool = False
    running: bool = False


def curve(
    steps: Sequence[Step], title: str, top_label: str, *, width: float = 520, height: float = 200
) -> str:
    """The picture, in viewBox units. `top_label` is the axis's end (top_of) as the language writes it."""
    most = top_of(max((step.value or 0 for step in steps), default=0))
    room, floor = width - LEFT - 4, height - BELOW
    step_width = room / max(1, len(steps))
    high = floor - TOP
    parts = [
        '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse"'
        ' patternTransform="rotate(45)"><rect class="hatch" width="2" height="6" fill="#7b8794"/></pattern></defs>',
        f'<path class="line" d="M{LEFT} {number(floor)}H{number(width - 4)}" stroke="{LIGHT["line"]}"'
        ' fill="none"/>',
        text(LEFT - 6, TOP + 10, top_label, "end"),
        text(LEFT - 6, floor, "0", "end"),
    ]
    for place, step in enumerate(steps):
        x = LEFT + place * step_width
        gap = min(1.0, step_width * 0.1)
        tall = high * (step.value or 0) / most
        if step.value is None or step.missing:
            parts.append(rect(x, TOP, step_width, high, "hole", step.title, fill="url(#hatch)"))
        if step.value:
            parts.append(_bar(step, x, floor - tall, step_width - gap, tall))
        if step.flagged:
            parts.append(
                rect(
                    x, TOP, step_width - gap, high, "outlined", step.title, fill="none", stroke=LIGHT["warn"]
                )
            )
    parts += _labels(steps, step_width, height)
    return svg(width, height, title, parts)


def _bar(step: Step, x: float, y: float, width: float, height: float) -> str:
    faint = {"fill_opacity": "0.55"} if step.running else {}
    return rect(x, y, width, height, "added", step.title, **faint)


def _labels(steps: Sequence[Step], step_width: float, height: float) -> list[str]:
    every = max(1, -(-len(steps) // LABELS))
    return [
        text(LEFT + place * step_width, height - 6, steps[place].label, "start")
        for place in range(0, len(steps), every)
        if place + every * 0.5 <= len(steps) or place == 0
    ]
