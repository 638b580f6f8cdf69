"""Two commits, measured in turns: python -m benchmarks.compare BASE [--with HEAD] [--only counting] [--times 5]

Both are checked out beside each other, with the benchmarks of now, and run by this Python. Others on the machine slow
both alike; the median of each is compared. What the benchmarks of now ask of a commit that lacks it ends with that.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.__main__ import MODULES
from benchmarks.figures import PROJECT, Figure, loaded

Measured = dict[tuple[str, str, str], list[float]]


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """A folder with that commit's code, and with the benchmarks of now."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        _git("worktree", "add", "--detach", "--quiet", str(tree), commit)
        try:
            shutil.rmtree(tree / "benchmarks", ignore_errors=True)
            shutil.copytree(PROJECT / "benchmarks", tree / "benchmarks")
            shared = PROJECT.parent / "shared"
            if shared.is_dir():
                (tree.parent / "shared").symlink_to(shared)
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _git(*words: str) -> None:
    subprocess.run(["git", *words], cwd=PROJECT, check=True)  # noqa: S603, S607


def figures_of(tree: Path, module: str) -> list[Figure]:
    """One module's figures, of the code in that folder."""
    environment = os.environ | {"PYTHONPATH": str(tree)}
    words = [sys.executable, "-m", "benchmarks", "--of", module]
    run = subprocess.run(words, stdout=subprocess.PIPE, text=True, cwd=tree, env=environment, check=True)  # noqa: S603
    return loaded(run.stdout.splitlines()[-1])


def compared(base: Measured, head: Measured) -> str:
    """A table: each figure of both, by the median, and its change."""
    lines = ["| | what | base | head | head to base |", "|---|---|---:|---:|---:|"]
    for key, values in base.items():
        if key in head:
            target, what, unit = key
            before, after = median(values), median(head[key])
            change = f"{after / before:.2f}" if before else ""
            lines.append(f"| {target} | {what} | {before:,.3g} {unit} | {after:,.3g} {unit} | {change} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure in turns, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("base", help="a commit")
    parser.add_argument("--with", dest="head", default="HEAD", help="another (HEAD)")
    parser.add_argument("--only", nargs="+", choices=list(MODULES), default=["counting"], help="(counting)")
    parser.add_argument("--times", type=int, default=5, help="rounds (5)")
    asked = parser.parse_args(arguments)
    found: tuple[Measured, Measured] = (defaultdict(list), defaultdict(list))
    with checked_out(asked.base) as base, checked_out(asked.head) as head:
        for number in range(asked.times):
            print(f"round {number + 1} of {asked.times}", file=sys.stderr, flush=True)
            for tree, values in zip((base, head), found, strict=True):
                for module in asked.only:
                    for one in figures_of(tree, module):
                        values[(one.target, one.what, one.unit)].append(one.ours)
    print(compared(*found))


if __name__ == "__main__":
    main()
