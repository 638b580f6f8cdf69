"""What one relation costs, against its members: python -m benchmarks.relations [--most N] [--shapes NAME …]

Each shape is counted with 1,000 to 32,000 members, each time in a fresh process. Printed: a table, and the slopes of
time and memory over members on logarithmic scales (1: in proportion), fitted to all sizes but the smallest two, where
what every count costs still shows; memory is that beyond the least of the shape. --data FILE writes the same as CSV,
--plot FILE draws it. Not here: assertions (tests/osm/test_cost.py).
"""

import argparse
import csv
import math
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.plot import plot
from stats_assets.osm.categories import Categories
from stats_assets.osm.diff import count_diff
from stats_assets.osm.regions import Regions

Line = list[tuple[float, float]]  # longitudes and latitudes
Members = list[tuple[str, Line]]  # roles and lines


class Cost(NamedTuple):
    shape: str
    members: int
    seconds: float
    megabytes: float


def square(west: float, south: float, size: float) -> Line:
    east, north = west + size, south + size
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]


def circle(radius: float, positions: int, west: float = 10, south: float = 1) -> Line:
    angles = [2 * math.pi * n / positions for n in range(positions)]
    line = [(west + radius * math.cos(angle), south + radius * math.sin(angle)) for angle in angles]
    return [*line, line[0]]


def pieces(line: Line, segments: int = 1) -> Members:
    return [("outer", line[n : n + segments + 1]) for n in range(0, len(line) - 1, segments)]


def comb(teeth: int) -> Line:
    """Teeth that lean over by half of the comb's width: the boxes of very many meet."""
    back: Line = [(12.0, -0.5), (9.0, -0.5)]
    line = [
        p for n in range(teeth) for p in ((10 + n / teeth, 0.0), (11 + n / teeth + 0.5 / teeth, 1.0))
    ] + back
    return [*line, line[0]]


def star(points: int) -> Line:
    line: Line = []
    for n in range(2 * points):
        angle, radius = math.pi * n / points, 0.001 if n % 2 else 1.0
        line.append((10 + radius * math.cos(angle), 1 + radius * math.sin(angle)))
    return [*line, line[0]]


def sliver(west: float, width: float) -> Line:
    return [(west, 0.0), (west + 1, 1.0), (west + 1 + width, 1.0), (west, 0.0)]


def cell(number: int, of: int, fill: float) -> Line:
    side = math.isqrt(of - 1) + 1
    row, column = divmod(number, side)
    return square(10 + (column + 0.25) / side, 1 + (row + 0.25) / side, fill / side)


LONG = 40  # segments of a long member
# Of each the members for a number; all but the same ring are valid.
SHAPES: dict[str, Callable[[int], Members]] = {
    "the same ring": lambda n: [("outer", square(10, 1, 1))] * n,
    "the same ring of 1,000": lambda n: [("outer", circle(1, 1000))] * (n // 100),
    "concentric rings": lambda n: [("", square(10 - k / n, 1 - k / n, 2 * k / n)) for k in range(1, n + 1)],
    "slivers": lambda n: [("outer", sliver(10 + k / n, 0.5 / n)) for k in range(n)],
    "between two points": lambda n: [
        ("outer", [(10.0, 0.0), (10.5, k / n - 0.5), (11.0, 0.0)]) for k in range(n)
    ],
    "a comb in pieces": lambda n: pieces(comb((n - 2) // 2)),
    "a star in pieces": lambda n: pieces(star(n // 2)),
    "one ring in pieces": lambda n: pieces(circle(1, n)),
    "a ring in long pieces": lambda n: pieces(circle(1, LONG * n), LONG),
    "long rings": lambda n: [
        ("outer", circle(0.3 / math.sqrt(n), LONG, *cell(k, n, 0.5)[0])) for k in range(n)
    ],
    "squares": lambda n: [("outer", cell(k, n, 0.5)) for k in range(n)],
    "holes": lambda n: [("outer", square(10, 1, 1)), *(("inner", cell(k, n, 0.5)) for k in range(n - 1))],
}


def body(members: Sequence[tuple[str, Line]]) -> bytes:
    """An augmented diff with one relation, a forest, of these members."""
    meta = 'version="1" changeset="5" uid="7" user="anna" timestamp="2017-03-09T04:17:12Z"'
    parts = [f'<osm version="0.6"><action type="create"><relation id="1" {meta}>']
    for number, (role, line) in enumerate(members, 1):
        nds = "".join(f'<nd lat="{y:.9f}" lon="{x:.9f}"/>' for x, y in line)
        parts.append(f'<member type="way" ref="{number}" role="{role}">{nds}</member>')
    parts.append('<tag k="type" v="multipolygon"/><tag k="landuse" v="forest"/></relation></action></osm>')
    return "".join(parts).encode()


def cost(document: Path) -> tuple[float, float]:
    """Seconds and megabytes of this process: it must have done nothing else."""
    categories, regions = Categories.load(), Regions.load()
    begun = time.process_time()
    with document.open("rb") as file:
        found = count_diff(file, categories=categories, regions=regions)
    seconds = time.process_time() - begun
    assert (found.features, found.errors) == (1, ())
    # Of getrusage, the peak is the parent's, if that was higher.
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak is not None
    return seconds, int(peak[1]) / 1024


def costs(shape: str, sizes: Sequence[int]) -> Iterator[Cost]:
    for size in sizes:
        with tempfile.NamedTemporaryFile(suffix=".xml") as file:
            file.write(body(SHAPES[shape](size)))
            file.flush()
            run = subprocess.run(  # noqa: S603
                [sys.executable, "-m", "benchmarks.relations", "--one", file.name],
                capture_output=True,
                text=True,
                check=True,
                cwd=Path(__file__).parents[1],
            )
        seconds, megabytes = map(float, run.stdout.split())
        yield Cost(shape, size, seconds, megabytes)


def slope(sizes: Sequence[int], values: Sequence[float]) -> float:
    """How a value grows: with so many-th power of the size."""
    if len(sizes) < 2:
        return math.nan
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--most", type=int, default=32_000, help="members of the biggest (32000)")
    options.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES), metavar="NAME")
    options.add_argument("--data", type=Path, help="a CSV file for a plot")
    options.add_argument("--plot", type=Path, help="an SVG file, of six shapes at most")
    options.add_argument("--one", type=Path, metavar="DOCUMENT", help="measure this process")
    given = options.parse_args()
    if given.one:
        print(*cost(given.one))
        return
    sizes = [size for size in (1000 << n for n in range(6)) if size <= given.most]
    measured: list[Cost] = []
    for shape in given.shapes:
        its = list(costs(shape, sizes))
        measured += its
        print(f"{shape:24}", *(f"{c.seconds:6.2f} s {c.megabytes:4.0f} MB" for c in its), end="")
        big, least = its[2:], min(c.megabytes for c in its)
        time_slope = slope([c.members for c in big], [c.seconds for c in big])
        memory_slope = slope([c.members for c in big], [c.megabytes - least + 1 for c in big])
        print(f"   slopes {time_slope:.2f}, {memory_slope:.2f}", flush=True)
    if given.data:
        with given.data.open("w", newline="") as file:
            csv.writer(file).writerows([Cost._fields, *measured])
    if given.plot:
        given.plot.write_text(drawn(measured, given.shapes[:6], sizes))


def drawn(measured: Sequence[Cost], shapes: Sequence[str], sizes: Sequence[int]) -> str:
    """Time and memory against members, of these shapes, as SVG."""
    its = {shape: [cost for cost in measured if cost.shape == shape] for shape in shapes}
    panels = {
        "seconds, by members": {
            shape: [(c.members, c.seconds) for c in costs] for shape, costs in its.items()
        },
        "MB, by members": {shape: [(c.members, c.megabytes) for c in costs] for shape, costs in its.items()},
    }
    return plot(panels, sizes)


if __name__ == "__main__":
    main()
