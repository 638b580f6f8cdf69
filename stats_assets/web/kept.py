"""Answers that are kept for some seconds: a room that looks at one page asks once, however many its screens are."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock

from stats_assets.questions.answer import Answer

SECONDS = 3.0
MOST = 500


class Kept:
    """Who asks the same while it is being found out waits for that."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Hashable, tuple[float, Answer]] = OrderedDict()
        self._locks: dict[Hashable, tuple[Lock, int]] = {}
        self._lock = Lock()

    def get(self, key: Hashable, find: Callable[[], Answer]) -> Answer:
        """The answer, at most so old. Raises what finding does; that is not kept."""
        with self._lock:
            had = self._fresh(key)
            if had is not None:
                return had
            one, waiting = self._locks.get(key, (Lock(), 0))
            self._locks[key] = (one, waiting + 1)
        try:
            with one:
                with self._lock:
                    had = self._fresh(key)
                if had is not None:
                    return had
                found = find()
                now = time.monotonic()  # since it is there: who waits for a slow one has no use for another
                with self._lock:
                    self._answers[key] = (now, found)
                    self._answers.move_to_end(key)
                    while len(self._answers) > MOST or self._oldest() < now - SECONDS:
                        self._answers.popitem(last=False)
                return found
        finally:
            with self._lock:
                one, waiting = self._locks[key]
                if waiting == 1:
                    del self._locks[key]
                else:
                    self._locks[key] = (one, waiting - 1)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._answers.clear()

    def _oldest(self) -> float:
        return next(at for at, _ in self._answers.values())

    def _fresh(self, key: Hashable) -> Answer | None:
        had = self._answers.get(key)
        return had[1] if had is not None and time.monotonic() - had[0] < SECONDS else None
