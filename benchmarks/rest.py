"""What the local stack costs: CPU and memory of its processes, over some minutes.

`python -m benchmarks.rest FOLDER --minutes 3`; FOLDER is a project's root, or its .demo, in which `dev` or `demo` runs.
Memory is PSS, so what processes share is counted once; CPU is in percent of one core.
"""

import argparse
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from stats_assets.local.supervisor import MARK
from stats_assets.processes import titled, with_variable


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


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=3)
    arguments = parser.parse_args()
    begun, load = time.monotonic(), os.getloadavg()[0]
    found = processes(arguments.folder.absolute())
    before = {process: seconds(process) for process in found}
    time.sleep(60 * arguments.minutes)
    passed = time.monotonic() - begun
    total_cpu = total_memory = 0.0
    for process in processes(arguments.folder.absolute()):
        cpu = (seconds(process) - before.get(process, 0.0)) / passed * 100
        memory = megabytes(process)
        total_cpu, total_memory = total_cpu + cpu, total_memory + memory
        print(f"{cpu:6.2f} %{memory:8.1f} MB  {name(process)}")
    print(f"{total_cpu:6.2f} %{total_memory:8.1f} MB  in all, over {passed:.0f} s, load {load:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
