"""`make bench`: every figure beside its anchor, measured in the same run: python -m benchmarks [--only F1 F7] [--write]

Each module is run in a process of its own, so that none is measured with another's memory. Not here: measuring.
"""

import argparse
import importlib
import subprocess
import sys
import time
from collections.abc import Sequence

from benchmarks.figures import PROJECT, Figure, dumped, loaded, table, write

MODULES: dict[str, tuple[str, ...]] = {
    "counting": ("F1", "F6"),
    "catch_up": ("F3",),
    "visible": ("F4",),
    "tick": ("F5",),
    "queries": ("F7",),
    "rest": ("F8",),
    "writing": ("F10",),
    "api": ("F11",),
}
"""Each has `figures(small)`; small: as little as shows that it works, for the tests."""


def measured(name: str, *, small: bool) -> list[Figure]:
    """A module's figures, from a process of its own; what it tells goes to stderr."""
    words = [sys.executable, "-m", "benchmarks", "--of", name, *(["--small"] if small else [])]
    run = subprocess.run(words, stdout=subprocess.PIPE, text=True, cwd=PROJECT, check=True)  # noqa: S603
    return loaded(run.stdout.splitlines()[-1])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, and write it into docs/performance.md if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", default=[], help="targets: F1 to F11 (all)")
    parser.add_argument("--small", action="store_true", help="sizes that show nothing but that it works")
    parser.add_argument("--write", action="store_true", help="write the table into docs/performance.md")
    parser.add_argument("--of", choices=list(MODULES), help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.of:
        print(dumped(importlib.import_module(f"benchmarks.{asked.of}").figures(small=asked.small)))
        return
    found: list[Figure] = []
    for name, targets in MODULES.items():
        if asked.only and not set(asked.only) & set(targets):
            continue
        print(f"benchmarks/{name}.py: {', '.join(targets)}", file=sys.stderr, flush=True)
        began = time.monotonic()
        found += measured(name, small=asked.small)
        print(f"  {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    found.sort(key=lambda one: int(one.target[1:]))
    print(table(found))
    if asked.write:
        write(found)


if __name__ == "__main__":
    main()
