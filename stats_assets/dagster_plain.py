"""Runs one of Dagster's programs so that its output is for a file: no colours, which are codes there.

`python -m stats_assets.dagster_plain MODULE …` is `python -m MODULE …`. Dagster's own formats are coloured, or JSON.
Which programs there are, and with what, is `dagster_programs.py`'s.
"""

import logging
import runpy
import sys

import coloredlogs


class Plain(logging.Formatter):
    """In place of the coloured one: takes its styles, and uses none."""

    def __init__(self, fmt: str | None = None, datefmt: str | None = None, **styles: object) -> None:
        super().__init__(fmt, datefmt)


def main() -> None:
    """Become the program that the arguments name."""
    coloredlogs.ColoredFormatter = Plain
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
