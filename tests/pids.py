"""Processes that the tests look for, by number: `stats_assets/processes.py` finds them."""

from stats_assets import processes


def titled(program: str, mark: str) -> list[int]:
    """See `processes.titled`."""
    return [process.pid for process in processes.titled(program, mark)]


def with_variable(name: str, value: str) -> list[int]:
    """See `processes.with_variable`."""
    return [process.pid for process in processes.with_variable(name, value)]
