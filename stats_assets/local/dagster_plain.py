"""Runs one of Dagster's programs as it suits one machine: no colours, which are codes in a file, and calmer at rest.

A deployment's code server is run so, too.

`python -m stats_assets.local.dagster_plain MODULE …` is `python -m MODULE …`, but for what no option of
Dagster's can say. Which programs there are, and with what, is `dagster_programs.py`'s; how runs begin `warm_runs.py`'s,
when sensors tick `prompt_ticks.py`'s.
"""

import logging
import runpy
import sys

import coloredlogs
from dagster._grpc import server_watcher

WATCH_SECONDS = 5
"""Webserver and daemon ask the code server, each by a connection of its own, whether it is another one by now: in place
of each second."""


class Plain(logging.Formatter):
    """In place of the coloured one: takes its styles, and uses none."""

    def __init__(self, fmt: str | None = None, datefmt: str | None = None, **styles: object) -> None:
        super().__init__(fmt, datefmt)


def main() -> None:
    """Become the program that the arguments name."""
    coloredlogs.ColoredFormatter = Plain
    server_watcher.WATCH_INTERVAL = WATCH_SECONDS
    sys.argv = sys.argv[1:]
    match sys.argv:
        case ["dagster", "api", "grpc", *words]:
            from stats_assets.local import warm_runs  # the webserver needs neither

            warm_runs.begin(words[words.index("-m") + 1])
        case ["dagster._daemon", "run", *_]:
            from stats_assets.local import prompt_ticks

            prompt_ticks.begin()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
