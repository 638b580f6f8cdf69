"""Processes that do something at the same moment, as the first programs on a new machine do. No test is here."""

import multiprocessing
import traceback
from collections.abc import Callable
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier

from tests.drills.waiting import PATIENCE

_context = multiprocessing.get_context("fork")


def at_once(*calls: Callable[[], object]) -> list[object]:
    """What each call returned, each in a process of its own; all begin together. A call that raises fails the test."""
    barrier = _context.Barrier(len(calls))
    answers: SimpleQueue[tuple[int, object, str]] = _context.SimpleQueue()
    processes = [
        _context.Process(target=_called, args=(barrier, answers, number, call))
        for number, call in enumerate(calls)
    ]
    for process in processes:
        process.start()
    got = sorted((answers.get() for _ in calls), key=lambda answer: answer[0])
    for process in processes:
        process.join(PATIENCE)
    complaints = [complaint for _, _, complaint in got if complaint]
    assert not complaints, complaints[0]
    return [answer for _, answer, _ in got]


def _called(
    barrier: Barrier, answers: "SimpleQueue[tuple[int, object, str]]", number: int, call: Callable[[], object]
) -> None:
    try:
        barrier.wait(PATIENCE)
        answers.put((number, call(), ""))
    except BaseException:
        answers.put((number, None, traceback.format_exc()))
