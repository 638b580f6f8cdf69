"""One program that a supervisor keeps running: how it is started, what it says, when it is due again.

Its output goes straight into a bounded log file, so that neither a stalled terminal nor the supervisor's end holds
up or breaks it or its own children. Which children there are, and in which order, is `supervisor.py`'s.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stats_assets.linux import dies_with_parent
from stats_assets.mendable import reason_of

_LOG_BYTES = 5_000_000
_HEARD_BYTES = 1_000_000


@dataclass(frozen=True)
class Child:
    """A program to keep running."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    ready: Callable[[], bool] = lambda: True
    """Asked, without being waited for, before the next child is started."""
    optional: bool = False
    """The others do without it: nothing waits until it is ready."""


@dataclass(frozen=True)
class Pace:
    """How children are started again and stopped, in seconds."""

    first: float = 0.5
    """The pause before a child is started again; it doubles with each start in a row."""
    longest: float = 10.0
    steady: float = 30.0
    """A child that ran for so long before it ended is started again after the first, shortest pause."""
    stop: float = 10.0
    """The time between SIGTERM and SIGKILL."""


class Keeping:
    """A child as it stands. `log` is its output's file; the one before is kept as `log`.1."""

    def __init__(self, child: Child, log: Path, pace: Pace) -> None:
        self.child = child
        self.ready = False
        self._log = log
        self._pace = pace
        self._process: subprocess.Popen[bytes] | None = None
        self._started = self._due = self._pause = 0.0
        log.parent.mkdir(parents=True, exist_ok=True)
        self._output = self._open()
        self._heard = os.fstat(self._output).st_size
        self._rest = b""
        self._last = "nothing"

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start_if_due(self, variables: Mapping[str, str]) -> str | None:
        """Start it, if it doesn't run and its pause is over; what went wrong, if something did."""
        if self._process is not None or time.monotonic() < self._due:
            return None
        self._started = time.monotonic()
        try:
            self._follow()
            self._process = subprocess.Popen(  # noqa: S603
                self.child.argv,
                cwd=self.child.cwd,
                env={**self.child.env, **variables},
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                # a session of its own: Ctrl-C is for the supervisor, which ends the children in order
                start_new_session=True,
                preexec_fn=dies_with_parent(signal.SIGTERM),
            )
        except OSError as error:
            return self._delay(f"can't be started: {reason_of(error)}")
        return None

    def ended(self) -> str | None:
        """How it ended and when it is started again; None: it runs, or this was told before."""
        if self._process is None or self.alive:
            return None
        code = self._process.returncode
        self._process = None
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        return self._delay(f"{how} after {time.monotonic() - self._started:.0f} s, saying last: {self._last}")

    def heard(self) -> list[str]:
        """The lines that it said since this was last asked. Keeps the log bounded."""
        alive = self.alive
        said = os.pread(self._output, _HEARD_BYTES, self._heard)
        self._heard += len(said)
        if os.fstat(self._output).st_size > _LOG_BYTES:
            said += self._turn_over()
        *whole, self._rest = (self._rest + said).split(b"\n")
        if self._rest and (len(self._rest) > _HEARD_BYTES or not alive):
            whole, self._rest = [*whole, self._rest], b""
        lines = [line.decode(errors="replace").rstrip() for line in whole]
        self._last = next((line for line in reversed(lines) if line), self._last)
        return lines

    def _open(self) -> int:
        return os.open(self._log, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def _follow(self) -> None:
        """Where somebody removed the log, begin a new one. Until then the old one is read, and bounded, unseen."""
        if not self._log.exists():
            self._log.parent.mkdir(parents=True, exist_ok=True)
            os.close(self._output)
            self._output, self._heard = self._open(), 0

    def _turn_over(self) -> bytes:
        """Copy the log and empty it; what of it was not heard before.

        It can't be renamed: who writes has it open. A line written just between the two is lost, and so is the copy
        where there is no room for it, and of a flood the beginning.
        """
        skipped = max(0, os.fstat(self._output).st_size - 2 * _LOG_BYTES)
        log = os.pread(self._output, 2 * _LOG_BYTES, skipped)
        os.ftruncate(self._output, 0)
        with contextlib.suppress(OSError):
            self._log.with_suffix(".log.1").write_bytes(log)
        heard, self._heard = self._heard, 0
        return log[max(0, heard - skipped) :]

    def signal(self, number: signal.Signals) -> None:
        """Nothing happens when it is gone."""
        if self._process is not None:
            self._process.send_signal(number)

    def _delay(self, what: str) -> str:
        steady = time.monotonic() - self._started >= self._pace.steady
        self._pause = (
            self._pace.first if steady or not self._pause else min(self._pace.longest, self._pause * 2)
        )
        self._due = time.monotonic() + self._pause
        return f"{self.child.name} {what}; starting it again in {self._pause:g} s (all it said: {self._log})"
