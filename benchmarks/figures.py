"""A figure that was measured, beside its anchor and its target; and the table of them in docs/performance.md.

Here: what a figure is, whether it meets its target, how it is written down. Measuring is the other modules'.
"""

import json
import platform
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

import psutil

from benchmarks.bars import bars

PROJECT = Path(__file__).parents[1]
PAGE = PROJECT / "docs" / "performance.md"
BEGIN, END = "<!-- figures: written by `make bench` -->", "<!-- end of figures -->"
PLOT, SEEN = "figures.svg", "How many times better than its target each figure is: 1 just meets it"
HEAD = (
    "| | what | anchor | ours | anchor's | ratio | target | met |",
    "|---|---|---|---:|---:|---:|---|---|",
)


Judged = Literal["ratio", "ours", "more than the anchor"]


class Figure(NamedTuple):
    """One line of the table. With an anchor the ratio is judged, unless `judged` says that the figure itself is."""

    target: str
    """F1 to F11."""
    what: str
    unit: str
    ours: float
    anchor: str = ""
    """What it is compared with; empty: nothing."""
    anchors: float | None = None
    """The anchor's figure, in the same unit, of the same run."""
    judged: Judged = "ours"
    least: float | None = None
    most: float | None = None

    @property
    def ratio(self) -> float | None:
        """Ours to the anchor's."""
        return self.ours / self.anchors if self.anchors else None

    @property
    def value(self) -> float:
        """What is compared with the target."""
        if self.judged == "ratio":
            return self.ratio or 0.0
        return self.ours - (self.anchors or 0.0) if self.judged == "more than the anchor" else self.ours

    @property
    def met(self) -> bool | None:
        """None: there is no target, the figure is only stated."""
        if self.least is None and self.most is None:
            return None
        return (self.least is None or self.value >= self.least) and (
            self.most is None or self.value <= self.most
        )

    @property
    def beyond(self) -> float | None:
        """How many times better than its target it is: 1 just meets it. None: there is none."""
        value = max(self.value, 1e-9)
        if self.least is not None:
            return value / self.least
        return None if self.most is None else self.most / value

    @property
    def wanted(self) -> str:
        """The target in words."""
        by = {"ratio": " ×", "ours": f" {self.unit}", "more than the anchor": f" {self.unit} more"}[
            self.judged
        ]
        said = [
            f"{sign} {limit:g}{by}"
            for sign, limit in (("≥", self.least), ("≤", self.most))
            if limit is not None
        ]
        return ", ".join(said)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def row(one: Figure) -> str:
    """Its line of the table."""
    met = {True: "yes", False: "**no**", None: ""}[one.met]
    anchors = "" if one.anchors is None else f"{_number(one.anchors)} {one.unit}"
    ratio = "" if one.ratio is None else _number(one.ratio)
    cells = (
        one.target,
        one.what,
        one.anchor,
        f"{_number(one.ours)} {one.unit}",
        anchors,
        ratio,
        one.wanted,
        met,
    )
    return "| " + " | ".join(cells) + " |"


def table(figures: Iterable[Figure]) -> str:
    return "\n".join((*HEAD, *map(row, figures)))


def about() -> str:
    """Machine, date and commit of a measurement, in one line."""
    commit = _git("rev-parse", "--short", "HEAD") + ("" if not _git("status", "--porcelain") else ", changed")
    memory = psutil.virtual_memory().total / 2**30
    load = psutil.getloadavg()[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit}, {psutil.cpu_count()} cores, {memory:.0f} GB,"
        f" Python {platform.python_version()}, load {load:.1f} at the end"
    )


def _git(*words: str) -> str:
    run = subprocess.run(  # noqa: S603
        ["git", *words],  # noqa: S607
        capture_output=True,
        text=True,
        cwd=PROJECT,
        check=False,
    )
    return run.stdout.strip()


def write(figures: Sequence[Figure], page: Path = PAGE) -> None:
    """Put the table between the page's two marks, in place of the one of before, and the plot beside the page."""
    beyond = {f"{one.target}: {one.what[:60]}": one.beyond for one in figures}
    plot = bars({name: value for name, value in beyond.items() if value is not None})
    page.with_name(PLOT).write_text(plot, encoding="utf-8")
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(
        f"{before}{BEGIN}\n{about()}:\n\n{table(figures)}\n\n![{SEEN}]({PLOT})\n{END}{after}",
        encoding="utf-8",
    )


def dumped(figures: Iterable[Figure]) -> str:
    return json.dumps([one._asdict() for one in figures])


def loaded(text: str) -> list[Figure]:
    return [Figure(**one) for one in json.loads(text)]
