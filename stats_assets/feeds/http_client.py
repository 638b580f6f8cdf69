"""HTTP as the feeds need it: few requests, each with an end, spooled to disk, and errors that name the cause.

What an answer means is not judged here.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NamedTuple

import requests
import urllib3

from stats_assets.feeds.deadlines import Deadline, DeadlineAdapter, cutting
from stats_assets.feeds.outcomes import BadAnswer, BodyTooLarge
from stats_assets.feeds.second_try import ONCE_MORE, OneMoreTry, seconds_to_wait
from stats_assets.mendable import cause_of

_CHUNK = 1 << 16
_TEXT_MAX = 1 << 16
_REDIRECTS_MAX = 5


class Answer(NamedTuple):
    """A whole answer of any status, its body spooled as sent (not decoded)."""

    status: int
    retry_after: float | None
    path: Path
    size: int
    seconds: float
    """Of the whole fetch."""
    modified: datetime | None
    """When the server says that what it sent was made."""


class Text(NamedTuple):
    """A whole small answer of any status."""

    status: int
    text: str
    retry_after: float | None


class Http:
    """One pair of sessions a process, made when first used: one that may try again, one that never does.

    A body: one more try at most (second_try.py), after the server's Retry-After (one above `retry_after_max` makes the
    answer final) or after about `pause`. `timeout` ends a stall; `deadline` (by default twice the timeout) ends
    everything, a slow drip too.
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

    def download(self, url: str, path: Path, *, once: bool = False) -> Answer:
        """Spools the answer's body, of any status, to a file, which is there only when all has come.

        once: never a second try. Raises BadAnswer (no connection, stall, deadline, cut off, redirects without end) and
        BodyTooLarge.
        """
        begun = time.monotonic()
        part = path.with_name(path.name + ".part")
        try:
            with (
                part.open("wb") as file,
                self._answer(url, begun + self._deadline, patient=not once) as answer,
            ):
                for chunk in answer.raw.stream(_CHUNK, decode_content=False):
                    file.write(chunk)
                    if file.tell() > self._size_max:
                        raise BodyTooLarge(url, f"more than {self._size_max} bytes: not read further")
                size = file.tell()
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        wait = seconds_to_wait(answer.headers.get("Retry-After"))
        modified = _date(answer.headers.get("Last-Modified"))
        return Answer(answer.status_code, wait, path, size, time.monotonic() - begun, modified)

    def ask(self, url: str) -> Text:
        """A small answer (64 KiB at most), for heads. Raises as `download`."""
        text = b""
        with self._answer(url, time.monotonic() + self.head_timeout, patient=False) as answer:
            for chunk in answer.raw.stream(_CHUNK, decode_content=True):
                text += chunk
                if len(text) > _TEXT_MAX:
                    raise BodyTooLarge(url, f"more than {_TEXT_MAX} bytes where a short text was expected")
        wait = seconds_to_wait(answer.headers.get("Retry-After"))
        return Text(answer.status_code, text.decode(errors="replace"), wait)

    @contextmanager
    def _answer(self, url: str, deadline: float, *, patient: bool) -> Iterator[requests.Response]:
        timeout = Deadline(deadline, self._connect_timeout, self._timeout)
        cut = threading.Event()
        try:
            session = self._session(patient=patient)
            # The stubs know only numbers; requests documents urllib3's Timeout.
            response = session.get(url, stream=True, timeout=timeout)  # type: ignore[arg-type]
            with response, cutting(deadline - time.monotonic(), response.raw.shutdown) as cut:
                yield response
            if cut.is_set():
                raise TimeoutError("the body did not end")
        except (requests.RequestException, urllib3.exceptions.HTTPError, TimeoutError, ValueError) as error:
            if cut.is_set() or time.monotonic() >= deadline:
                raise BadAnswer(url, "no whole answer within the time limit: too slow or hung") from error
            raise BadAnswer(url, f"no whole answer ({cause_of(error)}): unreachable or cut off") from error

    def _session(self, *, patient: bool) -> requests.Session:
        # A process that was forked must not share its parent's connections.
        key = (os.getpid(), patient)
        if key not in self._sessions:
            retry = OneMoreTry(
                total=1 if patient else 0,
                status_forcelist=ONCE_MORE,
                raise_on_status=False,
                backoff_factor=self._pause,
                retry_after_max=self._retry_after_max,
            )
            session = requests.Session()
            session.max_redirects = _REDIRECTS_MAX
            session.headers.update({"User-Agent": self._user_agent, "Accept-Encoding": "gzip"})
            if (
                not patient
            ):  # a connection that is kept may be closed by the server just when it is used again
                session.headers["Connection"] = "close"
            session.hooks["response"].append(_drop_redirecting_body)
            for scheme in ("http://", "https://"):
                session.mount(scheme, DeadlineAdapter(max_retries=retry))
            self._sessions[key] = session
        return self._sessions[key]


def _drop_redirecting_body(response: requests.Response, **_: Any) -> None:
    # requests would read it to its end, into memory, whatever its size.
    if response.is_redirect:
        response.close()


def _date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text or "").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
