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
from pathlib import Path

from dagster import DagsterInstance, RunsFilter

from benchmarks.counting import HEAD, minutes
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
import gc
reader = diff_reader(Categories.load(None), Regions.load(None))
gc.collect(); gc.freeze()
limit = datetime.now(timezone.utc)
begun = time.process_time()
for path in sys.argv[1:]:
    with open_body(Path(path)) as body:
        reader.read(body, limit)
print((time.process_time() - begun) / len(sys.argv[1:]))
"""


def make(folder: Path, count: int) -> int:
    """So many bodies from FIRST on, each with elements and changesets of its own; the bytes of all, uncompressed."""
    parts, size = minutes(), 0
    for number in range(count):
        shift = {b"id": number * 10**11, b"ref": number * 10**11, b"changeset": number * 1000}
        body = HEAD + b"".join(
            re.sub(
                rb'( (id|ref|changeset)=")(\d+)',
                lambda m, s=shift: m[1] + b"%d" % (int(m[3]) + s[m[2]]),  # type: ignore[misc]
                part,
            )
            for part in parts
        )
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


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=300)
    parser.add_argument("--parallel", type=int, help="MAX_PARALLEL_RUNS, if not its default")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="stats-assets-bench-"))
    folder.chmod(0o755)
    size = make(folder, arguments.sequences + 1)
    bodies = sorted(map(str, folder.rglob(f"*{TABLE[STREAM].suffix}")))
    counted = subprocess.run(  # noqa: S603
        [sys.executable, "-c", COUNT, *bodies[:60]], capture_output=True, text=True, check=True
    )
    one_core = float(counted.stdout)
    say_head(folder, FIRST)
    given = {"AUGMENTED_DIFFS_URL": str(folder), "AUGMENTED_DIFFS_START": str(FIRST), "ARCHIVE_URI": ""}
    given |= {} if arguments.parallel is None else {"MAX_PARALLEL_RUNS": str(arguments.parallel)}
    with demo_stack(history=1, interval=1e9, settings=given) as stack, connect(stack.url) as connection:

        def done() -> int:
            [count] = connection.execute(
                "SELECT count(*) FROM ledger WHERE stream = %s AND result = 'committed'", (STREAM,)
            ).fetchone() or (0,)
            return int(count)

        until(lambda: done() >= 1 and stream_of(connection, STREAM) is not None, "the stream to have begun")
        begun = time.monotonic()
        before = _used(stack.home)
        say_head(folder, FIRST + arguments.sequences)
        while done() <= arguments.sequences:
            time.sleep(1)  # who asks often, costs
        wall = time.monotonic() - begun
        used = {part: total - before[part] for part, total in _used(stack.home).items()}
        os.environ["DAGSTER_HOME"] = str(stack.home)
        with DagsterInstance.from_config(str(stack.home)) as instance:
            runs = instance.get_runs_count(RunsFilter(tags={STREAM_TAG: STREAM})) - 1
    each = {part: total / arguments.sequences for part, total in used.items()}
    work, cores = each["runs"] + each["PostgreSQL"], os.cpu_count() or 1
    print(f"{arguments.sequences} sequences of {size / 1e6 / len(bodies):.2f} MB in {runs} runs")
    print(f"one core counts {1 / one_core:8.1f} sequences a second ({one_core * 1000:.1f} ms of CPU each)")
    print(f"through Dagster {arguments.sequences / wall:8.1f} a second by the clock: {wall:.1f} s")
    for part, total in each.items():
        print(f"                {total * 1000:8.1f} ms of CPU each: {part}")
    print(f"                {sum(used.values()) / wall:8.2f} cores were had")
    best = f"{cores * one_core / work:.2f} of one core's"
    print(f"on {cores} free cores  {cores / work:8.1f} a second at most: {best}")
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
