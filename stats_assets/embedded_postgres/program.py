"""One of PostgreSQL's programs, run as the place's user: started, listened to, ended.

What is run, when, and what becomes of it is `keeper.py`'s.
"""

import contextlib
import logging
import os
import select
import signal
import subprocess
import time

from stats_assets.embedded_postgres.place import Place
from stats_assets.linux import dies_with_parent

_KEPT_LINES = 20


class Program:
    """Starts at once; gets SIGINT when this process dies. What it says goes to `log`."""

    def __init__(self, place: Place, log: logging.Logger, name: str, *arguments: str) -> None:
        self._log = log
        self._lines: list[str] = []
        user = place.user
        passed = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        self._process = subprocess.Popen(  # noqa: S603
            [str(place.binaries / name), *arguments],
            cwd="/",
            env={"HOME": "/", "LC_ALL": "C", **passed},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            user=None if user is None else user.pw_uid,
            group=None if user is None else user.pw_gid,
            extra_groups=None if user is None else [],
            preexec_fn=dies_with_parent(signal.SIGINT),
        )

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.poll()

    @property
    def reason(self) -> str:
        """The last of what it complained about, or said."""
        telling = [line for line in self._lines if any(word in line for word in ("FATAL", "PANIC", "rror"))]
        return " / ".join((telling or self._lines)[-2:]) or "it said nothing."

    def said(self, what: str) -> bool:
        """Whether one of its last lines holds this."""
        return any(what in line for line in self._lines)

    def listen(self, seconds: float) -> None:
        """Wait for it to say something, or to end, for at most this time."""
        assert self._process.stdout is not None  # noqa: S101 (a pipe, above)
        if not select.select([self._process.stdout], [], [], seconds)[0]:
            return
        said = os.read(self._process.stdout.fileno(), 65536)
        for line in said.decode(errors="replace").splitlines():
            self._log.info("  %s", line)
            self._lines = [*self._lines[1 - _KEPT_LINES :], line]
        if not said and self.alive:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        elif not said:
            time.sleep(seconds)

    def end(self, ladder: list[tuple[float, signal.Signals]]) -> None:
        """Send each signal after its seconds, as long as it lives; returns when it doesn't."""
        begun = time.monotonic()
        ladder = list(ladder)
        while self.alive:
            while ladder and time.monotonic() - begun >= ladder[0][0]:
                self._process.send_signal(ladder.pop(0)[1])
            self.listen(0.2)
