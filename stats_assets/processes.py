"""Processes as they are found, by a mark of theirs, and signalled; psutil reads `/proc`.

Locks, and children that die with their parent, are `linux.py`'s. Who is started and ended is decided elsewhere.
"""

import signal
from collections.abc import Iterable
from contextlib import suppress

import psutil

_GONE = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)  # a zombie is only a forgotten exit code


def is_alive(pid: int) -> bool:
    """Whether there is such a process, zombies not counted."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() not in _GONE
    return False


def titled(program: str, mark: str) -> list[psutil.Process]:
    """Living processes of this program (by the command line's first word) whose command line or title holds the mark.

    A blank follows each word of the command line.
    """
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if (words := process.info["cmdline"])
        and program in words[0]
        and mark in f"{' '.join(words)} "
        and is_alive(process.pid)
    ]


def with_variable(name: str, value: str) -> list[psutil.Process]:
    """Living processes, but this one, started with this environment variable, at any remove."""
    me = psutil.Process()
    return [
        process
        for process in psutil.process_iter(["environ"])
        if process != me and (process.info["environ"] or {}).get(name) == value and is_alive(process.pid)
    ]


def is_resource_tracker(process: psutil.Process) -> bool:
    """Whether it is what Python's multiprocessing keeps to remove shared memory and semaphores of killed processes.

    It ends by itself after the last process that it does so for, and not by SIGTERM.
    """
    with suppress(psutil.Error):
        return "multiprocessing.resource_tracker" in " ".join(process.cmdline())
    return False


def send(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    """Signal each of them. One that is gone is no error, and another that has its number by now gets nothing."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
