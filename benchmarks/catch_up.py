"""Catching up through Dagster: from a directory on the same machine to committed rows.

`python -m benchmarks.catch_up --sequences 300`: ordinary minutes of 0.9 MB (real ones, where they are at hand) lie in
a directory; the local stack follows it, and the head jumps. The anchor is what one core counts of the same bodies. On a
machine that others use, too, the wall clock is theirs: what the cores of it would do alone is told by CPU seconds.
"""

import argparse
import gzip
import os
import re
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from dagster import DagsterInstance, RunsFilter

from benchmarks.counting import HEAD, minutes
from benchmarks.figures import Figure
from benchmarks.rest import name, processes, seconds
from stats_assets.database.connection import connect
from stats_assets.database.ledger.stream_rows import stream_of
from stats_assets.feeds.sequences import covers, path_of
from stats_assets.streams import STREAM_TAG, TABLE, Stream
from tests.drills.stack import demo_stack
from tests.drills.waiting import until

FIRST = 2_360_100  # a minute later than those that are repeated
STREAM: Stream = "augmented_diffs"
COUNT = """
import sys, time
from datetime import datetime, timezone
from pathlib import Path
from stats_assets.feeds.body import open_body
from stats_assets.ingest.parse import diff_reader
from stats_assets.osm.categories import Categories
from stats_assets.osm.regions import Regions
from stats_assets.garbage import keep_what_is_loaded
reader = diff_reader(Categories.load(None), Regions.load(None))
keep_what_is_loaded()
limit = datetime.now(timezone.utc)
begun = time.process_time()
for path in sys.argv[1:]:
    with open_body(Path(path)) as body:
        reader.read(body, limit)
print((time.process_time() - begun) / len(sys.argv[1:]))
"""


def make(folder: Path, count: int) -> int:
    """So many bodies from FIRST on, each with elements and changesets of its own; the bytes of all, uncompressed."""
    size = 0
    # what is between the numbers, and each number with its name's shift: taken apart once, for thousands of bodies
    words = re.split(rb'(?<= )(id|ref|changeset)="(\d+)', b"".join(minutes()))
    between, names, numbers = words[::3], words[1::3], [int(one) for one in words[2::3]]
    for number in range(count):
        shift = {b"id": number * 10**11, b"ref": number * 10**11, b"changeset": number * 1000}
        shifted = (
            b'%s="%d' % (name, value + shift[name]) for name, value in zip(names, numbers, strict=True)
        )
        body = HEAD + b"".join(chain.from_iterable(zip(between, (*shifted, b""), strict=True)))
        size += len(body) + len(b"</osm>\n")
        path = folder / (path_of(FIRST + number) + TABLE[STREAM].suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(body + b"</osm>\n", 1))
    return size


def say_head(folder: Path, head: int) -> None:
    """The directory's state."""
    last = covers(head).until + timedelta(seconds=20)
    new = folder / "state.new"
    new.write_text(f"---\nlast_run: {last:%Y-%m-%d %H:%M:%S.000000000} Z\nsequence: {head}\n")
    new.rename(folder / "state.yaml")


class Measured(NamedTuple):
    """Sequences of `megabytes` each: what one core counts of them a second, seconds by the clock, CPU of each part."""

    sequences: int
    megabytes: float
    one_core: float
    wall: float
    runs: int
    each: dict[str, float]
    """CPU seconds a sequence: of runs, of PostgreSQL, of all else."""

    @property
    def best(self) -> float:
        """Sequences a second at most, if all cores had nothing else to do."""
        return (os.cpu_count() or 1) / (self.each["runs"] + self.each["PostgreSQL"])


def measured(sequences: int, parallel: int | None = None) -> Measured:
    """Make the bodies, count some on one core, then catch up with all through a demo's Dagster."""
    folder = Path(tempfile.mkdtemp(prefix="stats-assets-bench-"))
    folder.chmod(0o755)
    size = make(folder, sequences + 1)
    bodies = sorted(map(str, folder.rglob(f"*{TABLE[STREAM].suffix}")))
    counted = subprocess.run(  # noqa: S603
        [sys.executable, "-c", COUNT, *bodies[:60]], capture_output=True, text=True, check=True
    )
    say_head(folder, FIRST)
    given = {"AUGMENTED_DIFFS_URL": str(folder), "AUGMENTED_DIFFS_START": str(FIRST), "ARCHIVE_URI": ""}
    given |= {} if parallel is None else {"MAX_PARALLEL_RUNS": str(parallel)}
    with demo_stack(history=1, interval=1e9, settings=given) as stack, connect(stack.url) as connection:

        def done() -> int:
            [count] = connection.execute(
                "SELECT count(*) FROM ledger WHERE stream = %s AND result = 'committed'", (STREAM,)
            ).fetchone() or (0,)
            return int(count)

        until(lambda: done() >= 1 and stream_of(connection, STREAM) is not None, "the stream to have begun")
        begun = time.monotonic()
        before = _used(stack.home)
        say_head(folder, FIRST + sequences)
        while done() <= sequences:
            time.sleep(1)  # who asks often, costs
        wall = time.monotonic() - begun
        used = {part: total - before[part] for part, total in _used(stack.home).items()}
        os.environ["DAGSTER_HOME"] = str(stack.home)
        with DagsterInstance.from_config(str(stack.home)) as instance:
            runs = instance.get_runs_count(RunsFilter(tags={STREAM_TAG: STREAM})) - 1
    each = {part: total / sequences for part, total in used.items()}
    return Measured(sequences, size / 1e6 / len(bodies), 1 / float(counted.stdout), wall, runs, each)


def figures(*, small: bool) -> list[Figure]:
    """F3: catching up from a directory."""
    found = measured(20 if small else 2000)
    what = f"catching up with {found.sequences} sequences of {found.megabytes:.1f} MB, through Dagster"
    ours, unit = found.sequences / found.wall, "sequences/s"
    anchor = ("what one core counts", found.one_core)
    return [
        Figure("F3", what, unit, ours, *anchor, "ratio", least=1.5),
        Figure("F3", what, unit, ours, least=60),
        Figure(
            "F3", "the same, by what runs and PostgreSQL use, at most", unit, found.best, *anchor, "ratio"
        ),
    ]


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=300)
    parser.add_argument("--parallel", type=int, help="MAX_PARALLEL_RUNS, if not its default")
    found = measured(**vars(parser.parse_args()))
    print(f"{found.sequences} sequences of {found.megabytes:.2f} MB in {found.runs} runs")
    print(
        f"one core counts {found.one_core:8.1f} sequences a second ({1000 / found.one_core:.1f} ms of CPU each)"
    )
    print(f"through Dagster {found.sequences / found.wall:8.1f} a second by the clock: {found.wall:.1f} s")
    for part, total in found.each.items():
        print(f"                {total * 1000:8.1f} ms of CPU each: {part}")
    print(f"                {sum(found.each.values()) * found.sequences / found.wall:8.2f} cores were had")
    print(
        f"all cores free  {found.best:8.1f} a second at most: {found.best / found.one_core:.2f} of one core's"
    )
    return 0


def _used(home: Path) -> dict[str, float]:
    """CPU seconds so far: of runs, of PostgreSQL, and of what is there all the time, whatever is done."""
    used = {"runs": 0.0, "PostgreSQL": 0.0, "all else": 0.0}
    for one in processes(home):
        title = name(one)
        part = (
            "runs"
            if title.startswith(("stats-assets warm", "stats-assets run"))
            else "PostgreSQL"
            if title.startswith("postgres")
            else "all else"
        )
        used[part] += seconds(one)
    return used


if __name__ == "__main__":
    sys.exit(main())
