"""A supervisor in the foreground: starts named children, starts them again when they end, and ends them all with
itself, however it ends. What the children are is `stack.py`'s.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from stats_assets.linux import LockFile
from stats_assets.local.child import Child, Keeping, Pace
from stats_assets.local.terminal import Terminal
from stats_assets.processes import is_alive, is_resource_tracker, send, with_variable

MARK = "STATS_ASSETS_SUPERVISED"
"""An environment variable of every child, and so of its children too: that is how what is left of them is found."""

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_POLL_SECONDS = 0.2


class AlreadyRunning(Exception):
    """Another supervisor has the folder; the message names it and its process."""


class Supervisor:
    """Keeps children running, as a context manager. Only one supervisor at a time can have a folder.

    Entering raises AlreadyRunning when another one has the folder. It ends children that an earlier one left there.
    The folder holds the lock and, below `logs`, each child's output in NAME.log (bounded); unless `quiet` it is
    shown too, each line after the child's name. Starts, ends and restarts are always said, on stderr.
    """

    def __init__(self, folder: Path, *, quiet: bool = False, pace: Pace | None = None) -> None:
        self._folder = folder
        self._quiet = quiet
        self._pace = pace or Pace()
        self._kept: list[Keeping] = []
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = LockFile(folder / "supervisor.lock")
        self._stopping = 0

    def __enter__(self) -> "Supervisor":
        try:
            self._take_lock()
        except BaseException:
            self._lock.close()
            raise
        self._end_leftovers("an earlier run")
        return self

    def __exit__(self, *error: object) -> None:
        self._lock.close()

    def run(self, children: Sequence[Child], when_ready: Callable[[], bool] = lambda: True) -> int:
        """Start the children in this order, and run until SIGINT, SIGTERM or SIGHUP; the exit code, 0 for those.

        The end of the terminal is as good as SIGHUP; where that is ignored (nohup), it stays so.
        1: the folder was removed; what is made in its place is another's.

        `when_ready` is called, again and again, once all children are ready, until it returns True; it must not
        take long.
        """
        logs = self._folder / "logs"
        self._kept = [Keeping(child, logs / f"{child.name}.log", self._pace) for child in children]
        terminal = Terminal()
        outlives = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        ending = [number for number in _ENDING if not (outlives and number is signal.SIGHUP)]
        before = {number: signal.signal(number, self._on_signal) for number in ending}
        guardian, pipe = self._guard()
        try:
            done = False
            while not self._stopping:
                if not self._lock.in_place:
                    self.say(
                        f"{self._folder} was removed: ending all that ran in it. Start again to begin anew."
                    )
                    return 1
                if not outlives and terminal.closed():
                    break
                self._keep()
                if not done and all(kept.ready or kept.child.optional for kept in self._kept):
                    done = when_ready()
                time.sleep(_POLL_SECONDS)
        finally:
            self._end()
            os.close(pipe)
            os.waitpid(guardian, 0)
            for number, handler in before.items():
                signal.signal(number, handler)
        return 0

    def say(self, what: str) -> None:
        """A line of the supervisor's own, on stderr."""
        with contextlib.suppress(OSError):  # a terminal that is gone is no reason to end
            print(what, file=sys.stderr, flush=True)

    def _on_signal(self, number: int, frame: object) -> None:
        self._stopping += 1

    def _take_lock(self) -> None:
        waiting = False
        while not self._lock.try_lock():
            holder = self._lock.text()
            if not holder.isdigit() or is_alive(int(holder)):
                raise AlreadyRunning(
                    f"It runs already for {self._folder.parent} (process {holder or 'unknown'}). "
                    "End that one first, or use it."
                )
            if not waiting:
                self.say("an earlier run was killed; waiting until its children have ended")
                waiting = True
            time.sleep(0.05)
        self._lock.write(str(os.getpid()))

    @property
    def _mark(self) -> str:
        return str(self._lock.path)

    def _guard(self) -> tuple[int, int]:
        """Fork a guardian that does nothing but end what is left when this process is killed.

        Children die with their parent by themselves, but not their children. It has the lock too, so that the
        next supervisor waits for it. Returns its process, and the pipe whose closing tells it that all is over.
        """
        reader, writer = os.pipe()
        if guardian := os.fork():
            os.close(reader)
            return guardian, writer
        try:
            os.close(writer)
            os.setsid()
            for number in _ENDING:
                signal.signal(number, signal.SIG_IGN)
            os.read(reader, 1)
            self._stopping = 0
            self._end_leftovers("a killed supervisor")
        finally:
            os._exit(0)

    def _keep(self) -> None:
        """Say what was said and who ended, start who is due, when those before are ready."""
        earlier_ready = True
        for kept in self._kept:
            alive = kept.alive
            self._pass_on(kept)  # after the look, so that an end is told with its last words
            ended = None if alive else kept.ended()
            failed = kept.start_if_due({MARK: self._mark}) if earlier_ready else None
            for event in (ended, failed):
                if event is not None:
                    self.say(event)
            if earlier_ready:
                kept.ready = kept.alive and ((kept.ready and alive) or kept.child.ready())
            earlier_ready = earlier_ready and kept.ready

    def _pass_on(self, kept: Keeping) -> None:
        for line in kept.heard():
            if not self._quiet:
                self.say(f"{kept.child.name} | {line}")

    def _end(self) -> None:
        """End the children, the last started first, then what is left of theirs. A second Ctrl-C: at once."""
        for kept in reversed(self._kept):
            begun = time.monotonic()
            ladder = self._ladder()
            while kept.alive:
                while ladder and self._passed(begun) >= ladder[0][0]:
                    kept.signal(ladder.pop(0)[1])
                time.sleep(_POLL_SECONDS / 5)
            self._pass_on(kept)
        self._end_leftovers("their children")

    def _end_leftovers(self, whose: str) -> None:
        begun = time.monotonic()
        ladder = self._ladder()
        while left := with_variable(MARK, self._mark):
            # who tidies up after them ends after them; killed, it would leave their semaphores for good
            told = [process for process in left if not is_resource_tracker(process)]
            while told and ladder and self._passed(begun) >= ladder[0][0]:
                self.say(f"ending {len(told)} processes that are left of {whose}")
                send(told, ladder.pop(0)[1])
            time.sleep(_POLL_SECONDS / 5)

    def _ladder(self) -> list[tuple[float, signal.Signals]]:
        return [(0.0, signal.SIGTERM), (self._pace.stop, signal.SIGKILL)]

    def _passed(self, begun: float) -> float:
        return self._pace.stop if self._stopping > 1 else time.monotonic() - begun
