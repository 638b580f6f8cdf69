"""What the local stack writes: a project's folder that runs is looked at twice, and what grew is said, by run and day.

`python -m benchmarks.disk .demo --minutes 10`. Beside it a day of both streams live is calculated: a run a minute and
stream, the late reads (a run in five minutes) of the diffs, and a tick of each of three sensors every 15 s. The archive
and PostgreSQL's tables grow as people edit, so they are left out of the sum, and so are the programs' logs and
PostgreSQL's log of what it writes (`pg_wal`), which are bounded.
"""

import argparse
import os
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

RUNS_A_DAY = 2 * 1440 + 1440 // 5
TICKS_A_DAY = 3 * 86400 // 15
PARTS = {
    "runs' events": ".dagster/history/runs/",
    "runs": ".dagster/history",
    "ticks": ".dagster/schedules",
    "compute logs": ".dagster/compute_logs",
    "other records": ".dagster/s",
    "programs' logs": ".dagster/logs",
    "pg_wal": ".data/postgresql/data/pg_wal",
    "tables": ".data/postgresql",
    "archive": ".data/archive",
    "other": "",
}
"""The first that holds a file has it."""
RECORDS = list(PARTS)[:5]


def files(folder: Path) -> Iterator[tuple[str, int]]:
    """Path and bytes on disk of each, the ones that go meanwhile left out."""
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                facts = (Path(path) / name).lstat()
            except OSError:
                continue
            yield str((Path(path) / name).relative_to(folder)), facts.st_blocks * 512


def sizes(folder: Path) -> Counter[str]:
    """Bytes on disk by part."""
    found: Counter[str] = Counter()
    for path, size in files(folder):
        part = next(name for name, below in PARTS.items() if path.startswith(below))
        found[part] += size
    return found


def counted(folder: Path) -> tuple[int, int]:
    """How many runs there were ever, and ticks."""
    found = []
    for name, table in (("history/runs.db", "runs"), ("schedules/schedules.db", "job_ticks")):
        with closing(sqlite3.connect(folder / ".dagster" / name, timeout=30)) as database:
            row = database.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()  # noqa: S608
            found.append(int(row[0]))
    return found[0], found[1]


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="a project's root, or its .demo")
    parser.add_argument("--minutes", type=float, default=10)
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    before, (ran, ticked), load = sizes(folder), counted(folder), os.getloadavg()[0]
    time.sleep(60 * arguments.minutes)
    after, (runs, ticks) = sizes(folder), counted(folder)
    new, new_ticks = runs - ran, ticks - ticked
    print(
        f"{arguments.minutes:g} minutes, {new} runs, {new_ticks} ticks, load {load:.1f} to {os.getloadavg()[0]:.1f}"
    )
    print(f"{'':<16}{'MB before':>12}{'MB after':>12}{'KB a run':>12}{'MB a day':>12}")
    total = 0.0
    for part in PARTS:
        grown = after[part] - before[part]
        a_run = grown / max(new, 1)
        a_day = a_run * RUNS_A_DAY
        if part == "ticks":
            a_day = grown / max(new_ticks, 1) * TICKS_A_DAY
        total += a_day if part in RECORDS else 0
        figures = (before[part] / 1e6, after[part] / 1e6, a_run / 1e3, a_day / 1e6)
        print(f"{part:<16}" + "".join(f"{figure:>12.1f}" for figure in figures))
    print(f"{RUNS_A_DAY} runs a day: {total / 1e6:.0f} MB of Dagster's records")
    return 0


if __name__ == "__main__":
    sys.exit(main())
