"""A QR code of an address, as SVG: dark on light in any theme, so that phones read it."""

import segno

from stats_assets.charts.marks import rect, svg

QUIET = 4


def code(address: str, title: str) -> str:
    """The code, with the quiet zone that the standard wants. Raises segno.DataOverflowError: too long."""
    rows = [bytes(row) for row in segno.make(address, error="m", micro=False).matrix]
    size = len(rows) + 2 * QUIET
    runs: list[str] = []
    for y, row in enumerate(rows, QUIET):
        x = 0
        while x < len(row):
            end = x
            while end < len(row) and row[end]:
                end += 1
            if end > x:
                runs.append(f"M{x + QUIET} {y}h{end - x}v1h-{end - x}z")
            x = max(end, x + 1)
    parts = [
        rect(0, 0, size, size, "paper", fill="#fff"),
        f'<path class="ink" fill="#000" shape-rendering="crispEdges" d="{"".join(runs)}"/>',
    ]
    return svg(size, size, title, parts)
