"""How fast and in how much memory an augmented diff is counted: python -m benchmarks.counting [--megabytes N]

The measure is a ratio, which hardly depends on the machine: MB/s of count_diff over MB/s of the barest loop that
lxml allows over the same file, for each way to read (lxml alone, ahead of it Python, or C); with --npm FOLDER, where
`npm install @osmcha/osm-adiff-parser` was run, over that parser's, too, which only parses. CPU time, the median of runs
in turns. Peak memory is that of a fresh process for a file and for one four times as big.
Not here: assertions; speed belongs into no test.
"""

import argparse
import gzip
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from lxml import etree

from benchmarks.figures import Figure
from stats_assets.garbage import keep_what_is_loaded
from stats_assets.osm import compiled, strict
from stats_assets.osm.categories import Categories
from stats_assets.osm.diff import count_diff
from stats_assets.osm.regions import Regions
from stats_assets.osm.told import Grammar

REAL = Path(__file__).parents[1].parent / "shared" / "data"
NAMES = ("2360002.adiff.xml.gz", "2360003.adiff.xml.gz")
HEAD = b'<?xml version="1.0"?>\n<osm version="0.6">\n<meta osm_base="2017-03-09T04:18:02Z"/>\n'
MEGABYTE = 1_000_000
PARSED = 8  # megabytes that the npm parser gets at once, as one string: it builds all of it
PARSE = """
import parser from "@osmcha/osm-adiff-parser";
import { readFileSync } from "node:fs";
const text = readFileSync(process.argv[1], "utf8"), times = [];
for (let n = 0; n < 5; n++) {
  const before = process.cpuUsage();
  await parser(text);
  const { user, system } = process.cpuUsage(before);
  times.push((user + system) / 1e6);
}
console.log(times.sort((a, b) => a - b)[2]);
"""


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
    """The median CPU time of each: in turns, so that a busy machine slows all alike."""
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(times):
        for number, work in enumerate(works):
            start = time.process_time()
            work()
            taken[number].append(time.process_time() - start)
    return list(map(statistics.median, taken))


def parsed(folder: Path, path: Path) -> float:
    """The median CPU time in seconds of five runs of npm's parser over the file."""
    run = subprocess.run(  # noqa: S603
        ["node", "--input-type=module", "--eval", PARSE, str(path)],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    return float(run.stdout)


def high_water() -> float:
    """This process's peak memory in MB. Not ru_maxrss: in a child that is its parent's, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


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


def count(path: Path, grammar: Grammar | None) -> object:
    categories, regions = packaged()
    with path.open("rb") as body:
        return count_diff(body, categories=categories, regions=regions, grammar=grammar)


READERS: dict[str, Grammar | None] = {"lxml": None, "Python": strict}
if compiled.MODULE is not None:
    READERS["C"] = compiled.MODULE


@cache
def packaged() -> tuple[Categories, Regions]:
    """What is counted by; loaded once, before anything is timed."""
    return Categories.load(), Regions.load()


def bare_peak(path: Path) -> float:
    """The anchor's: peak memory in MB of a process that only iterates."""
    program = "import sys; from lxml import etree\nfor _, one in etree.iterparse(sys.argv[1]): one.clear()"
    program += "\nlines = open('/proc/self/status').read().splitlines()"
    program += "\nprint(next(int(one.split()[1]) for one in lines if one.startswith('VmHWM:')) / 1024)"
    words = [sys.executable, "-c", program, str(path)]
    run = subprocess.run(words, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])  # noqa: S603
    return float(run.stdout)


def figures(*, small: bool) -> list[Figure]:
    """F1 and F6: 200 MB of ordinary minutes, in memory ten times as much."""
    wanted: dict[str, float | None] = {"lxml": None, "Python": 0.6, "C": 1.2}
    size, times = (0.3, 1) if small else (200, 5)
    with tempfile.TemporaryDirectory() as folder:
        path, big, few = (Path(folder) / name for name in ("diff.xml", "big.xml", "few.xml"))
        written = write(path, size)
        megabytes = written.bytes / MEGABYTE
        packaged()
        keep_what_is_loaded()  # as processes do
        works: list[Callable[[], object]] = [partial(bare, path)]
        works += [partial(count, path, grammar) for grammar in READERS.values()]
        anchor, *counted = seconds(works, times)
        what = f"full statistics of {megabytes:.0f} MB of ordinary minutes, read by"
        found = [
            Figure(
                *("F1", f"{what} {name}", "MB/s", megabytes / taken, "bare iterparse", megabytes / anchor),
                judged="ratio",
                least=wanted[name],
            )
            for name, taken in zip(READERS, counted, strict=True)
        ]
        if not small and (npm := installed(Path(folder))):
            parsing = write(few, PARSED).bytes / MEGABYTE / parsed(npm, few)
            best = megabytes / min(counted)
            name = "npm's osm-adiff-parser, parsing only"
            found.append(Figure("F1", "full statistics", "MB/s", best, name, parsing, "ratio", least=6))
        found += memory(path, megabytes)
        found += [] if small else memory(big, write(big, 10 * size).bytes / MEGABYTE)
    return found


def memory(path: Path, megabytes: float) -> list[Figure]:
    what = f"peak memory of counting {megabytes:,.0f} MB"
    return [Figure("F6", what, "MB", peak(path), "bare iterparse", bare_peak(path), most=200)]


def installed(folder: Path) -> Path | None:
    """A folder with npm's parser; None where it can't be had."""
    if shutil.which("npm") is None:
        return None
    words = ["npm", "install", "--silent", "--prefix", str(folder), "@osmcha/osm-adiff-parser"]
    return folder if subprocess.run(words, check=False, capture_output=True).returncode == 0 else None  # noqa: S603


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--megabytes", type=float, default=40, help="size of the file (40)")
    options.add_argument("--times", type=int, default=5, help="the median of so many runs counts (5)")
    options.add_argument("--npm", type=Path, help="where @osmcha/osm-adiff-parser is installed")
    options.add_argument(
        "--count", type=Path, help="count this file and print the process's peak memory in MB"
    )
    given = options.parse_args()
    if given.count is not None:
        count(given.count, READERS[compiled.READER])
        print(high_water())
        return
    with tempfile.TemporaryDirectory() as folder:
        path, big = Path(folder) / "diff.xml", Path(folder) / "big.xml"
        size, big_size = write(path, given.megabytes), write(big, 4 * given.megabytes)
        megabytes = size.bytes / MEGABYTE
        print(f"{megabytes:.1f} MB, {size.actions} actions; lxml {etree.__version__}")
        works: list[Callable[[], object]] = [partial(bare, path)]
        works += [partial(count, path, grammar) for grammar in READERS.values()]
        anchor, *counted = seconds(works, given.times)
        print(f"bare iterparse  {megabytes / anchor:6.1f} MB/s")
        for name, taken in zip(READERS, counted, strict=True):
            print(f"count_diff      {megabytes / taken:6.1f} MB/s, {anchor / taken:5.2f} of it ({name})")
        if given.npm is not None:
            few = Path(folder) / "few.xml"
            size = write(few, PARSED)
            npm = size.bytes / MEGABYTE / parsed(given.npm.absolute(), few)
            print(f"osm-adiff-parser{npm:6.1f} MB/s")
            for name, taken in zip(READERS, counted, strict=True):
                print(f"count_diff      {megabytes / taken / npm:6.2f} times that ({name})")
        print(f"peak memory     {peak(path):6.0f} MB for {megabytes:.0f} MB")
        print(f"peak memory     {peak(big):6.0f} MB for {big_size.bytes / MEGABYTE:.0f} MB")


if __name__ == "__main__":
    main()
