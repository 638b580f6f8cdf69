"""A day of the world at high speed, with faults: memory and connections must stay flat, and the end is the truth.

`python -m tests.drills.soak` (`make soak`): 1,440 sequences a stream. What flat means is said in the figures: the
largest of each role in the first and in the last third of the time.
"""

import argparse
import time
from collections.abc import Sequence
from statistics import median

from tests.drills.stack import DemoStack, running
from tests.drills.torture import IMPATIENT, must_be_exact, spoil

HISTORY = 30
CHANCE = 0.003  # of each of some twenty faults: one answer in twenty is bad
ROLES = ("code", "webserver", "daemon", "run", "supervisor", "postgres")


def sample(stack: DemoStack) -> dict[str, float]:
    """MB of each role, and connections to the database."""
    with stack.connect() as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        ).fetchone()
    memory = stack.memory()
    return {role: memory[role] for role in ROLES} | {"connections": float(row[0]) if row else 0.0}


def soak(stack: DemoStack, sequences: int, every: float = 5.0) -> list[dict[str, float]]:
    """Follow until so many diffs are done, sampling; then all must be exact."""
    first, _ = stack.until(stack.bounds, "the streams to begin")
    spoil(stack, CHANCE)
    found: list[dict[str, float]] = []
    said = time.monotonic()
    while (done := (stack.bounds() or (first, first))[1] - first + 1) < sequences:
        time.sleep(every)
        found.append(sample(stack))
        if time.monotonic() - said > 60:
            said = time.monotonic()
            print(f"{done} of {sequences}: " + said_of(found[-1]), flush=True)
    must_be_exact(stack)
    return found


def said_of(one: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.0f}" for name, value in one.items())


def thirds(samples: Sequence[dict[str, float]]) -> list[str]:
    """Lines of a table: median and largest of each in the first, the second and the last third of the time."""
    size = len(samples) // 3
    parts = [samples[n * size : (n + 1) * size] for n in range(3)]
    lines = ["| | first third | second | last |", "|---|---:|---:|---:|"]
    for name in samples[0]:
        values = [[one[name] for one in part if one[name]] or [0.0] for part in parts]
        lines.append(f"| {name} | " + " | ".join(f"{median(v):.0f} ({max(v):.0f})" for v in values) + " |")
    return lines


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sequences", type=int, default=1440, help="minutes of the world (1440)")
    parser.add_argument("--interval", type=float, default=0.5, help="seconds in which a minute passes (0.5)")
    asked = parser.parse_args()
    began = time.monotonic()
    with running(DemoStack(history=HISTORY, interval=asked.interval, settings=IMPATIENT)) as stack:
        samples = soak(stack, asked.sequences)
    print(
        f"{asked.sequences} sequences a stream in {time.monotonic() - began:.0f} s, {len(samples)} samples;"
    )
    print("MB resident, median (largest); connections to PostgreSQL\n")
    print("\n".join(thirds(samples)))


if __name__ == "__main__":
    main()
