"""The terminal that a program was started in, and whether it was closed. Who ends then is supervisor.py's to say."""

import os


class Terminal:
    """Of the standard streams, the first that is a terminal.

    Closed, only the session's leader is sent SIGHUP: a shell passes it on, `make` waits for its children instead, and
    so does what a window or `tmux` starts in a shell's place.
    """

    def __init__(self) -> None:
        self._stream = next((stream for stream in (0, 1, 2) if os.isatty(stream)), None)
        self._foreground = False

    def closed(self) -> bool:
        """Whether it is gone, and this ran in its foreground when that was last asked: in the background it may
        have been meant to outlive it.
        """
        if self._stream is None:
            return False
        try:
            self._foreground = os.tcgetpgrp(self._stream) == os.getpgrp()
        except OSError:
            return self._foreground
        return False
