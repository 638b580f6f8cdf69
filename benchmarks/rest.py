"""What the local stack costs: CPU and memory of its processes, over some minutes.

`python -m benchmarks.rest FOLDER --minutes 3`; FOLDER is a project's root, or its .demo, in which `dev` or `demo` runs.
Memory is PSS, so what processes share is counted once; CPU is in percent of one core.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.figures import Figure
from stats_assets.local.supervisor import MARK
from stats_assets.processes import titled, with_variable
from tests.drills.stack import DemoStack, running


def processes(folder: Path) -> list[psutil.Process]:
    """The supervisor, its children at any remove, the embedded server's keeper and PostgreSQL."""
    children = with_variable(MARK, str(folder / ".dagster" / "supervisor.lock"))
    supervisors = {parent for child in children if (parent := child.parent()) and parent not in children}
    kept = titled("python", f"stats_assets.embedded_postgres.keeper --folder {folder}/")
    below = [one for top in (*supervisors, *kept) for one in top.children(recursive=True)]
    return sorted({*supervisors, *children, *kept, *below}, key=lambda one: one.pid)


def seconds(process: psutil.Process) -> float:
    """Of CPU, with those of children that were waited for."""
    with suppress(psutil.Error):
        return sum(process.cpu_times()[:4])
    return 0.0


def megabytes(process: psutil.Process) -> float:
    """Of PSS."""
    with suppress(psutil.Error):
        return process.memory_full_info().pss / 1e6
    return 0.0


def name(process: psutil.Process) -> str:
    """What a person would call it."""
    words: list[str] = []
    with suppress(psutil.Error):  # a run ends meanwhile
        words = " ".join(process.cmdline()).split()
    return " ".join(Path(word).name if "/" in word else word for word in words)[:70]


class Cost(NamedTuple):
    """Of one process: percent of a core, MB of PSS, what a person would call it."""

    cpu: float
    memory: float
    name: str


def measured(folder: Path, minutes: float) -> Iterator[Cost]:
    """Each process that is there in the end, over so many minutes; what ended meanwhile is its parent's."""
    begun = time.monotonic()
    before = {process: seconds(process) for process in processes(folder)}
    time.sleep(60 * minutes)
    passed = time.monotonic() - begun
    for process in processes(folder):
        cpu = (seconds(process) - before.get(process, 0.0)) / passed * 100
        yield Cost(cpu, megabytes(process), name(process))


def figures(*, small: bool) -> list[Figure]:
    """F8: the whole local stack, both streams live, a minute a minute."""
    minutes = 0.2 if small else 10
    with running(DemoStack(history=12, interval=60)) as stack:
        stack.until(stack.is_caught_up, "the history to be in")
        time.sleep(0 if small else 90)  # what has just started is still at it
        found = list(measured(stack.home, minutes))
    cpu, memory = sum(one.cpu for one in found), sum(one.memory for one in found)
    what = f"the local stack, both streams live, a minute a minute, over {minutes:g} minutes"
    return [
        Figure("F8", f"{what}: processor", "% of a core", cpu, most=5),
        Figure("F8", f"{what}: memory (PSS)", "MB", memory, most=700),
    ]


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=3)
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    found = list(measured(arguments.folder.absolute(), arguments.minutes))
    all_of_them = Cost(sum(one.cpu for one in found), sum(one.memory for one in found), "")
    for one in (*found, all_of_them._replace(name=f"in all, load {load:.1f}")):
        print(f"{one.cpu:6.2f} %{one.memory:8.1f} MB  {one.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
