"""How fast and in how much memory an augmented diff is counted: python -m benchmarks.counting [--megabytes N]

The measure is a ratio, which hardly depends on the machine: MB/s of count_diff over MB/s of the barest loop that lxml
allows over the same file. Peak memory is that of a fresh process for a file and for one four times as big.
Not here: assertions; speed belongs into no test.
"""

import argparse
import gzip
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from lxml import etree

from stats_assets.osm.categories import Categories
from stats_assets.osm.diff import count_diff
from stats_assets.osm.regions import Regions

REAL = Path(__file__).parents[1].parent / "shared" / "data"
NAMES = ("2360002.adiff.xml.gz", "2360003.adiff.xml.gz")
HEAD = b'<?xml version="1.0"?>\n<osm version="0.6">\n<meta osm_base="2017-03-09T04:18:02Z"/>\n'
MEGABYTE = 1_000_000


class Size(NamedTuple):
    bytes: int
    actions: int


def minutes() -> list[bytes]:
    """The actions of real minutes; of an invented one where the real ones are not at hand."""
    if not all((REAL / name).exists() for name in NAMES):
        return [invented()]
    bodies = [gzip.decompress((REAL / name).read_bytes()) for name in NAMES]
    return [body[body.index(b"<action") : body.rindex(b"</osm>")] for body in bodies]


def invented() -> bytes:
    """About as many nodes, ways and tags as a real minute: 3 of 4 actions are nodes without tags that moved."""
    meta = 'version="%d" timestamp="2017-03-09T04:17:12Z" changeset="%d" uid="7" user="anna"'
    out = []
    for n in range(1000):
        at = f'lat="{47 + n / 9973:.7f}" lon="{9 + n / 997:.7f}"'
        sides = [meta % (1, 5), meta % (2, 100 + n % 20)]
        old, new = (f'<node id="{n + 1}" {at} {side}/>' for side in sides)
        if n % 4 == 0:
            nds = "".join(
                f'<nd ref="{n + k}" lat="{47 + (n + k) / 9973:.7f}" lon="{9 + k / 997:.7f}"/>'
                for k in range(20)
            )
            tags = '<tag k="highway" v="residential"/><tag k="name" v="Lane"/>'
            old, new = (f'<way id="{n + 1}" {side}>{nds}{tags}</way>' for side in sides)
        out.append(f'<action type="modify">\n<old>\n{old}\n</old>\n<new>\n{new}\n</new>\n</action>\n')
    return "".join(out).encode()


def write(path: Path, megabytes: float) -> Size:
    """Repeat the minutes until the file is so big, with shifted ids, so that elements stay unique."""
    parts, round_, actions = minutes(), 0, 0
    with path.open("wb") as file:
        file.write(HEAD)
        while file.tell() < megabytes * MEGABYTE:
            for part in parts:
                shift = round_ * 10**11
                file.write(
                    re.sub(rb'( (?:id|ref)=")(\d+)', lambda m, s=shift: m[1] + b"%d" % (int(m[2]) + s), part)  # type: ignore[misc]
                )
                actions += part.count(b"<action")
            round_ += 1
        file.write(b"</osm>\n")
        return Size(file.tell(), actions)


def bare(path: Path) -> None:
    for _, element in etree.iterparse(path):
        element.clear()


def seconds(works: Sequence[Callable[[], object]], times: int) -> list[float]:
    """The best CPU time of each: in turns, so that a busy machine slows all alike."""
    best = [float("inf")] * len(works)
    for _ in range(times):
        for number, work in enumerate(works):
            start = time.process_time()
            work()
            best[number] = min(best[number], time.process_time() - start)
    return best


def peak(path: Path) -> float:
    """Peak memory in MB of a process that counts this file, imports and all."""
    run = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "benchmarks.counting", "--count", str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    return float(run.stdout)


def count(path: Path) -> object:
    with path.open("rb") as body:
        return count_diff(body, categories=CATEGORIES, regions=REGIONS)


CATEGORIES, REGIONS = Categories.load(), Regions.load()


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--megabytes", type=float, default=40, help="size of the file (40)")
    options.add_argument("--times", type=int, default=5, help="the best of so many runs counts (5)")
    options.add_argument(
        "--count", type=Path, help="count this file and print the process's peak memory in MB"
    )
    given = options.parse_args()
    if given.count is not None:
        count(given.count)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    with tempfile.TemporaryDirectory() as folder:
        path, big = Path(folder) / "diff.xml", Path(folder) / "big.xml"
        size, big_size = write(path, given.megabytes), write(big, 4 * given.megabytes)
        megabytes = size.bytes / MEGABYTE
        print(f"{megabytes:.1f} MB, {size.actions} actions; lxml {etree.__version__}")
        fastest, counted = seconds([lambda: bare(path), lambda: count(path)], given.times)
        print(f"bare iterparse  {megabytes / fastest:6.1f} MB/s")
        print(f"count_diff      {megabytes / counted:6.1f} MB/s")
        print(f"ratio           {fastest / counted:6.2f}")
        print(f"peak memory     {peak(path):6.0f} MB for {megabytes:.0f} MB")
        print(f"peak memory     {peak(big):6.0f} MB for {big_size.bytes / MEGABYTE:.0f} MB")


if __name__ == "__main__":
    main()
