"""HTTP as the feeds need it: few requests, each with an end, spooled to disk, and errors that name the cause.

What an answer means is not judged here.
"""

from __future__ import annotations

import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse
from urllib3.util import Retry, Timeout

from stats_assets.replication.outcomes import BadAnswer, BodyTooLarge

_CHUNK = 1 << 16
_TEXT_MAX = 1 << 16
_REDIRECTS_MAX = 5
_WAIT_MAX = 6 * 3600  # what a Retry-After can ask for at most: a typo must not stop a stream for a year


class Answer(NamedTuple):
    """A whole answer of any status, its body spooled as sent (not decoded). seconds: of the whole fetch."""

    status: int
    retry_after: float | None
    path: Path
    size: int
    seconds: float


class Http:
    """One pair of sessions a process, made when first used: one for bodies, one for heads.

    A body: one more try at most, for connection errors, 429, 5xx, after the server's Retry-After (one above
    `retry_after_max` makes the answer final) or after about `pause`. `timeout` ends a stall; `deadline` (by
    default twice the timeout) ends everything, a slow drip too.
    A head: no further try, `head_timeout` for all of it. All in seconds.
    """

    def __init__(
        self,
        user_agent: str,
        *,
        timeout: float = 240,
        connect_timeout: float = 10,
        deadline: float | None = None,
        head_timeout: float = 5,
        retry_after_max: int = 30,
        pause: float = 2,
        size_max: int = 1 << 30,
    ) -> None:
        self._user_agent = user_agent
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._deadline = 2 * timeout if deadline is None else deadline
        self.head_timeout = head_timeout
        self._retry_after_max = retry_after_max
        self._pause = pause
        self._size_max = size_max
        self._sessions: dict[tuple[int, bool], requests.Session] = {}

    def download(self, url: str, path: Path) -> Answer:
        """Spools the answer's body, of any status, to a file, which is there only when all has come.

        Raises BadAnswer (no connection, stall, deadline, cut off, redirects without end) and BodyTooLarge.
        """
        begun = time.monotonic()
        part = path.with_name(path.name + ".part")
        try:
            with part.open("wb") as file, self._answer(url, begun + self._deadline, patient=True) as answer:
                for chunk in answer.raw.stream(_CHUNK, decode_content=False):
                    file.write(chunk)
                    if file.tell() > self._size_max:
                        raise BodyTooLarge(url, f"more than {self._size_max} bytes: not read further")
                size = file.tell()
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return Answer(answer.status_code, _retry_after(answer), path, size, time.monotonic() - begun)

    def ask(self, url: str) -> tuple[int, str]:
        """Status and text (64 KiB at most) of a small answer, for heads. Raises as `download`."""
        text = b""
        with self._answer(url, time.monotonic() + self.head_timeout, patient=False) as answer:
            for chunk in answer.raw.stream(_CHUNK, decode_content=True):
                text += chunk
                if len(text) > _TEXT_MAX:
                    raise BodyTooLarge(url, f"more than {_TEXT_MAX} bytes where a short text was expected")
        return answer.status_code, text.decode(errors="replace")

    @contextmanager
    def _answer(self, url: str, deadline: float, *, patient: bool) -> Iterator[requests.Response]:
        timeout = _Deadline(deadline, self._connect_timeout, self._timeout)
        cut = threading.Event()
        try:
            session = self._session(patient=patient)
            # The stubs know only numbers; requests documents urllib3's Timeout.
            response = session.get(url, stream=True, timeout=timeout)  # type: ignore[arg-type]
            with response, _cutting(deadline - time.monotonic(), response.raw.shutdown) as cut:
                yield response
            if cut.is_set():
                raise TimeoutError("the body did not end")
        except (requests.RequestException, urllib3.exceptions.HTTPError, TimeoutError, ValueError) as error:
            if cut.is_set() or time.monotonic() >= deadline:
                raise BadAnswer(url, "no whole answer within the time limit: too slow or hung") from error
            raise BadAnswer(url, f"no whole answer ({_cause(error)}): unreachable or cut off") from error

    def _session(self, *, patient: bool) -> requests.Session:
        # A process that was forked must not share its parent's connections.
        key = (os.getpid(), patient)
        if key not in self._sessions:
            retry = _OneMoreTry(
                total=1 if patient else 0,
                status_forcelist=frozenset({429, *range(500, 600)}),
                raise_on_status=False,
                backoff_factor=self._pause,
                retry_after_max=self._retry_after_max,
            )
            session = requests.Session()
            session.max_redirects = _REDIRECTS_MAX
            session.headers.update({"User-Agent": self._user_agent, "Accept-Encoding": "gzip"})
            session.hooks["response"].append(_drop_redirecting_body)
            for scheme in ("http://", "https://"):
                session.mount(scheme, _Adapter(max_retries=retry))
            self._sessions[key] = session
        return self._sessions[key]


def _retry_after(response: requests.Response) -> float | None:
    return _seconds(response.headers.get("Retry-After"))


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return Retry(retry_after_max=_WAIT_MAX).parse_retry_after(text)
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
        return None


def _cause(error: BaseException) -> str:
    while cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        error = cause
    return f"{type(error).__name__}: {error}"


def _drop_redirecting_body(response: requests.Response, **_: Any) -> None:
    # requests would read it to its end, into memory, whatever its size.
    if response.is_redirect:
        response.close()


class _OneMoreTry(Retry):
    """urllib3's would not pause before the first retry, and would cut a long Retry-After short."""

    def get_backoff_time(self) -> float:
        return self.backoff_factor * random.uniform(0.5, 1.5)  # noqa: S311 (jitter)

    def get_retry_after(self, response: urllib3.BaseHTTPResponse) -> float | None:
        return _seconds(response.headers.get("Retry-After"))

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: urllib3.BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        # After a read timeout the first query may still run: the second would only queue behind it.
        final: Exception | None = error if isinstance(error, urllib3.exceptions.ReadTimeoutError) else None
        if response and (self.get_retry_after(response) or 0) > self.retry_after_max:
            final = urllib3.exceptions.ResponseError("asked to wait for long")
        if final and _pool:
            raise urllib3.exceptions.MaxRetryError(_pool, url or "", final) from final
        retry = super().increment(method, url, response, error, _pool, _stacktrace)
        if response:
            response.close()  # or urllib3 reads the error page to its end, into memory, whatever its size
        return retry


class _Deadline(Timeout):
    """urllib3 clones it for every request, second and redirected ones too: each gets what is left."""

    def __init__(self, at: float, connect: float, read: float) -> None:
        super().__init__(connect=connect, read=read)
        self._at = at

    def clone(self) -> Timeout:
        left = max(self._at - time.monotonic(), 0.001)
        return Timeout(connect=self._connect, read=self._read, total=left)


@contextmanager
def _cutting(seconds: float, shutdown: Callable[[], None]) -> Iterator[threading.Event]:
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
    with _cutting(seconds, lambda: socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)) as cut:
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


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
