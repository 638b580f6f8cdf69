"""A picture of a few numbers in Dagster's UI, which shows Markdown with an image in it. Pure.

Dagster plots a number over time by itself; this is for what one event says of many times. Short, as the UI hides what
has 1,000 signs or more behind a click, and each event is kept.
"""

from collections.abc import Sequence
from urllib.parse import quote

WIDTH, HEIGHT = 480, 64
COLOUR = "#4f43dd"  # seen on the UI's light and dark ground


def bars(title: str, values: Sequence[tuple[str, int]], *, unit: str) -> str:
    """Markdown of a row of bars, with the first, the last and the highest in words. Without any above 0: words alone.

    values: forty at most, each named.
    """
    highest = max((value for _, value in values), default=0)
    if not highest:
        return f"{title}: none."
    step = WIDTH // len(values)
    path = "".join(
        f"M{place * step + step // 2},{HEIGHT}v-{max(1, round(HEIGHT * value / highest))}"
        for place, (_, value) in enumerate(values)
        if value
    )
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{HEIGHT}'>"
        f"<path d='{path}' stroke='{COLOUR}' stroke-width='{step - 2}'/></svg>"
    )
    total = sum(value for _, value in values)
    said = f"{title}: {total:,} {unit} from {values[0][0]} to {values[-1][0]}, {highest:,} at most"
    return f"{said}\n\n![{title}](data:image/svg+xml,{quote(svg, safe='/:=,')})"
