"""Answers that are kept: for some seconds, no longer, and asked for once by however many wait."""

import threading
import time
from typing import Any

import pytest

from stats_assets.questions.answer import Answer
from stats_assets.web import kept
from stats_assets.web.kept import Kept

ANSWER = Answer("totals", (), {})


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_what_is_no_longer_fresh_takes_no_memory(clock: Clock) -> None:
    answers = Kept()
    for number in range(50):
        answers.get(number, lambda: ANSWER)
    clock.now += kept.SECONDS + 1
    answers.get("next", lambda: ANSWER)
    assert len(answers._answers) == 1


def test_who_waits_for_a_slow_one_does_not_ask_again(clock: Clock) -> None:
    answers, asked, waiting = Kept(), [], threading.Event()

    def find() -> Answer:
        asked.append(1)
        assert waiting.wait(20)
        clock.now += 10 * kept.SECONDS
        return ANSWER

    threads = [threading.Thread(target=answers.get, args=("one", find)) for _ in range(5)]
    for one in threads:
        one.start()
    _until(lambda: answers._locks.get("one", (None, 0))[1] == 5)
    waiting.set()
    for one in threads:
        one.join(20)
    assert len(asked) == 1
    assert not answers._locks


def _until(true: Any) -> None:
    for _ in range(2_000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it never was")
