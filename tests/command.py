"""The command line in a process of its own, forked from one that has imported the modules already. No test is here.

A fresh interpreter takes a second and more for the imports; the tests call commands a hundred times.
"""

import multiprocessing
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess

from tests.drills.waiting import PATIENCE

_context = multiprocessing.get_context("forkserver")
PRELOADED = ("tests.preloaded", "tests.command")
_context.set_forkserver_preload(list(PRELOADED))


def command(
    arguments: tuple[str, ...], folder: Path, stdin: bytes, environment: Mapping[str, str], streams: Path
) -> CompletedProcess[str]:
    """`stats-assets ARGUMENTS` in that folder; what goes in and out is in the files of the folder `streams`."""
    (streams / "in").write_bytes(stdin)
    process = _context.Process(target=_called, args=(arguments, folder, dict(environment), streams))
    process.start()
    process.join(PATIENCE)
    if process.exitcode is None:
        process.kill()
        raise AssertionError(f"{arguments} did not end in {PATIENCE} s")
    return CompletedProcess(
        arguments, process.exitcode, (streams / "out").read_text(), (streams / "err").read_text()
    )


def _called(arguments: tuple[str, ...], folder: Path, environment: dict[str, str], streams: Path) -> None:
    with (streams / "in").open("rb") as given, (streams / "out").open("wb") as out:
        os.dup2(given.fileno(), 0)
        os.dup2(out.fileno(), 1)
    with (streams / "err").open("wb") as err:
        os.dup2(err.fileno(), 2)
    sys.stdin, sys.stdout, sys.stderr = (open(n, mode) for n, mode in ((0, "r"), (1, "w"), (2, "w")))  # noqa: SIM115, PTH123
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["stats-assets", *arguments]
    from stats_assets.cli.main import main

    try:
        main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
