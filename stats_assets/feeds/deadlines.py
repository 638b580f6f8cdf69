"""Requests that end: the time that is left for each, and sockets shut down when it is over.

A socket's own timeout is for one read: it ends a stall, but never a slow drip of bytes.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse
from urllib3.util import Timeout


class Deadline(Timeout):
    """urllib3 clones it for every request, second and redirected ones too: each gets what is left."""

    def __init__(self, at: float, connect: float, read: float) -> None:
        super().__init__(connect=connect, read=read)
        self._at = at

    def clone(self) -> Timeout:
        left = max(self._at - time.monotonic(), 0.001)
        return Timeout(connect=self._connect, read=self._read, total=left)


@contextmanager
def cutting(seconds: float, shutdown: Callable[[], None]) -> Iterator[threading.Event]:
    """Shuts a socket down after so long: its timeout is for one read, and a slow drip never meets that."""
    cut = threading.Event()

    def end() -> None:
        cut.set()
        with suppress(Exception):  # what is closed meanwhile refuses in many ways
            shutdown()

    timer = threading.Timer(max(seconds, 0), end)
    timer.daemon = True
    timer.start()
    try:
        yield cut
    finally:
        timer.cancel()


def _in_time(connection: HTTPConnection, getresponse: Callable[[], HTTPResponse]) -> HTTPResponse:
    """All headers within the read timeout."""
    seconds = connection.timeout
    assert isinstance(seconds, float | int)  # noqa: S101 (every request here has a timeout)
    with cutting(seconds, lambda: socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)) as cut:
        try:
            return getresponse()
        finally:
            if cut.is_set():
                raise TimeoutError("timed out") from None


class _Connection(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as urllib3's own
        return _in_time(self, super().getresponse)


class _SecureConnection(HTTPSConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as urllib3's own
        return _in_time(self, super().getresponse)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class DeadlineAdapter(HTTPAdapter):
    """requests' adapter, whose answers have all their headers within the read timeout."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
