"""Processes that do something at the same moment, as the first programs on a new machine do. No test is here."""

import multiprocessing
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from threading import BrokenBarrierError

from tests.drills.waiting import PATIENCE

Call = Callable[[], object]
_context = multiprocessing.get_context("fork")


def at_once(*calls: Call) -> list[object]:
    """What each call returned, each in a process of its own; all begin together. A call that raises fails the test."""
    (answers,) = in_rounds(calls)
    return answers


def in_rounds(*rounds: Sequence[Call]) -> list[list[object]]:
    """As at_once for one round after the other: the processes stay, a fork of the tests' large one takes long.

    Each round begins when all have ended the one before; the answers, by rounds.
    """
    (size,) = {len(calls) for calls in rounds}
    barrier = _context.Barrier(size)
    answers: SimpleQueue[tuple[int, list[object], str]] = _context.SimpleQueue()
    processes = [
        _context.Process(target=_called, args=(barrier, answers, number, [calls[number] for calls in rounds]))
        for number in range(size)
    ]
    for process in processes:
        process.start()
    got = sorted((answers.get() for _ in processes), key=lambda answer: answer[0])
    for process in processes:
        process.join(PATIENCE)
    complaints = [complaint for _, _, complaint in got if complaint]
    assert not complaints, min(complaints, key=_only_waited)
    return [list(answered) for answered in zip(*(found for _, found, _ in got), strict=True)]


def _only_waited(complaint: str) -> bool:
    return BrokenBarrierError.__name__ in complaint


def _called(
    barrier: Barrier,
    answers: "SimpleQueue[tuple[int, list[object], str]]",
    number: int,
    calls: Sequence[Call],
) -> None:
    found: list[object] = []
    try:
        for call in calls:
            barrier.wait(PATIENCE)
            found.append(call())
        answers.put((number, found, ""))
    except BaseException:
        barrier.abort()
        answers.put((number, [], traceback.format_exc()))
