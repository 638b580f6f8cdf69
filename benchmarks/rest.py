"""What the local stack costs: CPU and memory of its processes, over some minutes.

`python -m benchmarks.rest FOLDER --minutes 3`; FOLDER is a project's root, or its .demo, in which `dev` or `demo` runs.
Memory is PSS, so what processes share is counted once; CPU is in percent of one core.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from stats_assets.linux import is_alive, processes_titled, processes_with_variable
from stats_assets.local.supervisor import MARK


def processes(folder: Path) -> list[int]:
    """The supervisor, its children at any remove, the embedded server's keeper and PostgreSQL."""
    children = processes_with_variable(MARK, str(folder / ".dagster" / "supervisor.lock"))
    supervisors = {parent(pid) for pid in children} - set(children)
    kept = processes_titled("python", f"stats_assets.embedded_postgres.keeper\0--folder\0{folder}/")
    postmasters = [pid for keeper in kept for pid in children_of(keeper)]
    servers = [pid for postmaster in postmasters for pid in children_of(postmaster)]
    guardians = [pid for one in supervisors for pid in children_of(one) if pid not in children]
    found = [*supervisors, *guardians, *children, *kept, *postmasters, *servers]
    return sorted({pid for pid in found if pid > 1 and is_alive(pid)})


def parent(pid: int) -> int:
    """The parent's process id; 0: it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def children_of(pid: int) -> list[int]:
    """Its living children."""
    numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [number for number in numbers if parent(number) == pid]


def seconds(pid: int) -> float:
    """Of CPU, with those of children that were waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def megabytes(pid: int) -> float:
    """Of PSS."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1e3


def name(pid: int) -> str:
    """What a person would call it."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").split()
    return " ".join(Path(word).name if "/" in word else word for word in words)[:70]


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=3)
    arguments = parser.parse_args()
    begun, load = time.monotonic(), os.getloadavg()[0]
    found = processes(arguments.folder.absolute())
    before = {pid: seconds(pid) for pid in found}
    time.sleep(60 * arguments.minutes)
    passed = time.monotonic() - begun
    total_cpu = total_memory = 0.0
    for pid in processes(arguments.folder.absolute()):
        cpu = (seconds(pid) - before.get(pid, 0.0)) / passed * 100
        memory = megabytes(pid)
        total_cpu, total_memory = total_cpu + cpu, total_memory + memory
        print(f"{cpu:6.2f} %{memory:8.1f} MB  {name(pid)}")
    print(f"{total_cpu:6.2f} %{total_memory:8.1f} MB  in all, over {passed:.0f} s, load {load:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
