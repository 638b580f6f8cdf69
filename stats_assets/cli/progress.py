"""How far a long work is, and how long it takes yet, on standard error: a bar in a terminal, else a line now and then.

What the work is, and how much of it there is, is said by the command.
"""

import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from stats_assets.cli.messages import err, say
from stats_assets.words import in_words

SAY_SECONDS = 15.0
WIDEST, REST = 40, 40
"""Columns: of the bar, and of what stands beside it."""
SURE_SECONDS = 2.0
"""Before that nothing is said of how long it takes."""


class Progress:
    """To be entered while the work lasts; `at` is told how far it is. Says nothing of work that is over at once."""

    def __init__(
        self,
        what: str,
        total: int | None = None,
        *,
        console: Console = err,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """what: the unit of `total`, or the work whose share of 1 is told."""
        self._what, self._total, self._now = what, total, now
        self._began = self._said = now()
        self._first: float | None = None
        self.live = console.is_terminal and not console.is_dumb_terminal
        width = max(4, min(WIDEST, console.width - REST))
        columns = (TextColumn("{task.description}"), BarColumn(width), TextColumn("{task.fields[far]}"))
        self._bar = Bar(*columns, console=console, disable=not self.live, transient=True)
        self._task = self._bar.add_task(what, total=total or 1.0, far="")

    def __enter__(self) -> "Progress":
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def at(self, done: float, doing: str = "") -> None:
        """So much is done: of the total, or as a share of 1; `doing`: what is begun now, in words."""
        self._first = done if self._first is None else self._first
        now = self._now()
        left = self._left(done, now - self._began)
        if self.live:
            self._bar.update(self._task, completed=done, far=f"{self._far(done)}{left}")
        elif now - self._said >= SAY_SECONDS:
            self._said = now
            doing = doing and f"{doing}: "
            of = f" {self._what}" if self._total is not None else ""
            say(f"{doing}{self._far(done)}{of}{left}")

    def _far(self, done: float) -> str:
        return f"{100 * done:.0f} %" if self._total is None else f"{done:.0f} of {self._total}"

    def _left(self, done: float, seconds: float) -> str:
        """What is left, at the speed until now; work that was gone on with had a part done before."""
        made = done - (self._first or 0)
        if made <= 0 or seconds < SURE_SECONDS:
            return ""
        return f", about {in_words(((self._total or 1) - done) * seconds / made)} left"
