"""The web server as a process: its port, its log, its end. What it answers is app.py's."""

import errno
import logging
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import uvicorn

from stats_assets.mendable import Mendable
from stats_assets.settings import Settings
from stats_assets.web.app import application
from stats_assets.web.pool import open_pool
from stats_assets.web.protocol import MOST_CONNECTIONS, Protocol
from stats_assets.web.serving import Serving

GRACE = 5
"""Seconds that answers have left when the server is told to end."""


class NotServing(Mendable):
    """The server can't begin; the message says why and what to do."""


def serve(settings: Settings, listening: socket.socket, ready: Callable[[], None] = lambda: None) -> None:
    """Answer at this socket until SIGTERM or SIGINT. `ready`: called once it does."""
    _log_to_stderr()
    _room_for_files()
    with open_pool(settings) as pool:
        serving = Serving(settings, pool)
        Server(serving, ready).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """The socket to answer at. Raises NotServing."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        said = error.strerror if isinstance(error, OSError) else error
        raise NotServing(
            f"--host {host} is no address of this machine: {said}. Take 127.0.0.1, or 0.0.0.0 for all."
        ) from None
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and host == "::":
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind(address)
        made.listen(1024)
    except OSError as error:
        made.close()
        raise NotServing(_why(error, host, port)) from None
    return made


def check_public(settings: Settings, host: str) -> None:
    """What who serves others has to say first. Raises NotServing."""
    missing = [name for name in ("people", "contact") if getattr(settings, name) is None]
    if missing:
        raise NotServing(
            f"At {host} others are served, and {' and '.join(name.upper() for name in missing)}"
            f" {'is' if len(missing) == 1 else 'are'} not set. PEOPLE says what is shown of persons (full, names or"
            " none), CONTACT whom they can write to: an address of the web or of mail. docs/operations.md (pages for"
            " others) says more; --host 127.0.0.1 serves this machine alone."
        )


class Server(uvicorn.Server):
    """uvicorn's, ended by a signal with code 0, and with no answer that never ends left then.

    Who asks is told by TRUSTED_PROXIES alone.
    """

    def __init__(self, serving: Serving, ready: Callable[[], None] = lambda: None) -> None:
        self._serving, self._ready = serving, ready
        super().__init__(
            uvicorn.Config(
                application(serving),
                http=Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=True,
                forwarded_allow_ips=serving.settings.trusted_proxies,
                timeout_keep_alive=15,
                timeout_graceful_shutdown=GRACE,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._serving.ending.set()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._told) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _told(self, number: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use by another program. Choose another with --port."
    if error.errno == errno.EACCES:
        return (
            f"Port {port} is not for this user, as those below 1024 mostly are. Choose another with --port."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host {host} is no address of this machine. Take 127.0.0.1, or 0.0.0.0 for all."
    return f"Nothing can be served at {host}, port {port}: {error.strerror}. Choose others with --host and --port."


def _room_for_files() -> None:
    """Each client is an open file, and the usual limit is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + 200
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            limit = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    for name in ("stats_assets", "uvicorn"):
        log = logging.getLogger(name)
        log.handlers[:] = [handler]
        log.propagate = False
        log.setLevel(logging.WARNING if name == "uvicorn" else logging.INFO)
