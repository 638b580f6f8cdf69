"""The map of countries: equal-area, in fixed steps 1, 10, 100, 1,000, so that places and years compare.

Outlines: world.json, made by make_world.py. States of a country are not drawn: the table beside it has them.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from xml.sax.saxutils import escape

from stats_assets.charts.calendar import level
from stats_assets.charts.marks import LIGHT, svg

WIDTH, HEIGHT = 720, 316


def world(edits: Mapping[str, int], title: str, said: Callable[[str, int], str]) -> str:
    """Edits by ISO 3166's three letters."""
    known = outlines()
    blank = "".join(path for code, path in known.items() if isinstance(path, str) and not edits.get(code))
    parts = [f'<path class="land" fill="{LIGHT["land"]}" stroke="#fff" stroke-width=".5" d="{blank}"/>']
    for code, number in edits.items():
        shape = known.get(code)
        if not number or shape is None:
            continue
        name = f"q{level(number) + 1}"
        colour = f'class="{name}" fill="{LIGHT[name]}" stroke="#fff" stroke-width=".5"'
        inner = f"><title>{escape(said(code, number))}</title>"
        if isinstance(shape, str):
            parts.append(f'<path {colour} d="{shape}"{inner}</path>')
        else:
            parts.append(f'<circle {colour} r="4" cx="{shape[0]}" cy="{shape[1]}"{inner}</circle>')
    return svg(WIDTH, HEIGHT, title, parts)


@cache
def outlines() -> Mapping[str, str | list[int]]:
    """Paths, or a point for what is too small, by code."""
    return json.loads(resources.files(__package__).joinpath("world.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]
