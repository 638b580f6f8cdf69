"""A supervisor in the foreground: starts named children, starts them again when they end, and ends them all with
itself, however it ends. What the children are is `stack.py`'s.
"""

import contextlib
import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path

from stats_assets.processes import LockFile, dies_with_parent, is_alive, processes_with_variable, send

MARK = "STATS_ASSETS_SUPERVISED"
"""An environment variable of every child, and so of its children too: that is how what is left of them is found."""

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_POLL_SECONDS = 0.2
_LOG_BYTES = 5_000_000
_LOG_FILES = 2


@dataclass(frozen=True)
class Child:
    """A program to keep running."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    ready: Callable[[], bool] = lambda: True
    """Asked, without being waited for, before the next child is started."""


@dataclass(frozen=True)
class Pace:
    """How children are started again and stopped, in seconds."""

    first: float = 0.5
    longest: float = 10.0
    steady: float = 30.0
    """who ran for so long starts again after the first pause"""
    stop: float = 10.0
    """between the kind signal and the unkind one"""


class AlreadyRunning(Exception):
    """Another supervisor has the folder; the message names it and its process."""


@dataclass
class _Kept:
    """A child as it stands."""

    child: Child
    log: logging.Logger
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    due: float = 0.0
    pause: float = 0.0
    ready: bool = False
    rest: bytes = field(default=b"", repr=False)
    last: str = ""

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Keeps children running; a context manager, whose one at a time has a folder.

    Entering it raises AlreadyRunning when another has the folder, and ends what an earlier one left.
    The folder holds the lock and, below `logs`, each child's output in NAME.log (bounded); unless `quiet` it is
    shown too, each line after the child's name. Starts, ends and restarts are always said, on stderr.
    """

    def __init__(self, folder: Path, *, quiet: bool = False, pace: Pace | None = None) -> None:
        self._folder = folder
        self._quiet = quiet
        self._pace = pace or Pace()
        self._kept: list[_Kept] = []
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

        `when_ready` is called, again and again, once all children are ready, until it returns True; it must not
        take long.
        """
        self._kept = [_Kept(child, self._log_of(child.name)) for child in children]
        before = {number: signal.signal(number, self._on_signal) for number in _ENDING}
        guardian, pipe = self._guard()
        try:
            done = False
            while not self._stopping:
                self._keep()
                if not done and all(kept.ready for kept in self._kept):
                    done = when_ready()
                self._listen(_POLL_SECONDS)
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

    def _log_of(self, name: str) -> logging.Logger:
        path = self._folder / "logs" / f"{name}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES)
        log = logging.Logger(name)
        log.addHandler(handler)
        return log

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
        """Start what is due, notice what ended, ask the first that is not ready."""
        for kept in self._kept:
            if kept.process is not None and kept.process.poll() is not None:
                self._note_end(kept, kept.process)
            if kept.process is None and time.monotonic() >= kept.due:
                self._start(kept)
            if not kept.ready:
                kept.ready = kept.alive and kept.child.ready()
            if not kept.ready:
                return

    def _start(self, kept: _Kept) -> None:
        child = kept.child
        try:
            kept.process = subprocess.Popen(  # noqa: S603
                child.argv,
                cwd=child.cwd,
                env={**child.env, MARK: self._mark},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                # a session of its own: Ctrl-C is for the supervisor, which ends the children in order
                start_new_session=True,
                preexec_fn=dies_with_parent(signal.SIGTERM),
            )
        except OSError as error:
            self._delay(kept, f"can't be started: {error}")
            return
        if kept.process.stdout is not None:
            os.set_blocking(kept.process.stdout.fileno(), False)
        kept.started = time.monotonic()

    def _note_end(self, kept: _Kept, process: subprocess.Popen[bytes]) -> None:
        self._read(kept)
        code = process.returncode
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        lasted = time.monotonic() - kept.started
        if lasted >= self._pace.steady:
            kept.pause = 0.0
        if process.stdout is not None:
            process.stdout.close()
        kept.process = None
        self._delay(kept, f"{how} after {lasted:.0f} s, saying last: {kept.last or 'nothing'}")

    def _delay(self, kept: _Kept, what: str) -> None:
        kept.pause = min(self._pace.longest, kept.pause * 2 or self._pace.first)
        kept.due = time.monotonic() + kept.pause
        log = self._folder / "logs" / f"{kept.child.name}.log"
        self.say(f"{kept.child.name} {what}; starting it again in {kept.pause:g} s (all it said: {log})")

    def _listen(self, seconds: float) -> None:
        streams = {
            kept.process.stdout.fileno(): kept
            for kept in self._kept
            if kept.alive and kept.process is not None and kept.process.stdout is not None
        }
        if not streams:
            time.sleep(seconds)
            return
        began = time.monotonic()
        heard = [self._read(streams[number]) for number in select.select(list(streams), [], [], seconds)[0]]
        if heard and not all(heard):
            # an end of file that is no end: a child closed its output; don't turn in circles
            time.sleep(max(0.0, seconds - (time.monotonic() - began)))

    def _read(self, kept: _Kept) -> bool:
        """Pass on what a child said; False at the end of its output."""
        if kept.process is None or kept.process.stdout is None:
            return False
        try:
            said = os.read(kept.process.stdout.fileno(), 65536)
        except BlockingIOError:
            return True
        *lines, kept.rest = (kept.rest + said).split(b"\n")
        if kept.rest and (not said or len(kept.rest) > 65536):
            lines, kept.rest = [*lines, kept.rest], b""
        for line in lines:
            text = line.decode(errors="replace").rstrip()
            kept.last = text or kept.last
            kept.log.info("%s", text)
            if not self._quiet:
                self.say(f"{kept.child.name} | {text}")
        return bool(said)

    def _end(self) -> None:
        """End the children, the last started first, each with its whole group; then what is left of theirs.

        A second Ctrl-C ends them at once.
        """
        for kept in reversed(self._kept):
            if kept.process is None:
                continue
            begun = time.monotonic()
            ladder = [(0.0, signal.SIGTERM), (self._pace.stop, signal.SIGKILL)]
            while kept.alive:
                passed = self._pace.stop if self._stopping > 1 else time.monotonic() - begun
                while ladder and passed >= ladder[0][0]:
                    kept.process.send_signal(ladder.pop(0)[1])
                self._listen(0.05)
            self._read(kept)
        self._end_leftovers("their children")

    def _end_leftovers(self, whose: str) -> None:
        begun = time.monotonic()
        ladder = [(0.0, signal.SIGTERM), (self._pace.stop, signal.SIGKILL)]
        while left := processes_with_variable(MARK, self._mark):
            passed = self._pace.stop if self._stopping > 1 else time.monotonic() - begun
            while ladder and passed >= ladder[0][0]:
                self.say(f"ending {len(left)} processes that are left of {whose}")
                send(left, ladder.pop(0)[1])
            time.sleep(0.05)
