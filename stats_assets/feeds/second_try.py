"""When a request is sent a second time, and what a server asks to wait. Never a third time.

A directory's file: after a connection error or 5xx that names no limit. An Overpass is asked once, whatever it says:
its tries add up over all who ask for an id, and the fourth in 180 s is refused.

What becomes of a sequence after that is the streams' matter.
"""

from __future__ import annotations

import random
from types import TracebackType
from typing import Self

import urllib3
from urllib3.connectionpool import ConnectionPool
from urllib3.util import Retry

from stats_assets.feeds.limits import ASKED_MOST, STATUSES, names_a_limit

ONCE_MORE = frozenset(range(500, 600)) - STATUSES


def seconds_to_wait(text: str | None) -> float | None:
    """A Retry-After header in seconds, also from a date, six hours at most; None: it says nothing."""
    if text is None:
        return None
    try:
        return Retry(retry_after_max=int(ASKED_MOST)).parse_retry_after(text)
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
        return None


class OneMoreTry(Retry):
    """urllib3's would not pause before the first retry, and would cut a long Retry-After short."""

    RETRY_AFTER_STATUS_CODES = frozenset()  # ONCE_MORE alone: 429 is final, also with a Retry-After

    def get_backoff_time(self) -> float:
        return self.backoff_factor * random.uniform(0.5, 1.5)  # noqa: S311 (jitter)

    def get_retry_after(self, response: urllib3.BaseHTTPResponse) -> float | None:
        return seconds_to_wait(response.headers.get("Retry-After"))

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
        if response and names_a_limit(response.status, response.reason or ""):  # its page is still to be read
            final = urllib3.exceptions.ResponseError("refused by a limit")
        if final and _pool:
            raise urllib3.exceptions.MaxRetryError(_pool, url or "", final) from final
        retry = super().increment(method, url, response, error, _pool, _stacktrace)
        if response:
            response.close()  # or urllib3 reads the error page to its end, into memory, whatever its size
        return retry
