"""Augmented diffs from an Overpass server: its two addresses, and its status.

What a bad answer looks like is in validation.py, how requests end in http_client.py.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from stats_assets.feeds.body import Body
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.manners import NO_MANNERS, Manners
from stats_assets.feeds.outcomes import HeadUnknown, masked
from stats_assets.feeds.sequences import checked, covers
from stats_assets.feeds.source import State, head_page
from stats_assets.feeds.validation import judge_body, page_message
from stats_assets.streams import Stream

_HEAD = re.compile(r"\s*([0-9]{1,9})\s*", re.ASCII)


class OverpassSource:
    """`{url}/api/augmented_diff?id=N`; url may end in /api. A Source."""

    stream: Stream = "augmented_diffs"
    serial = True

    def __init__(self, url: str, http: Http, manners: Manners = NO_MANNERS) -> None:
        self._address = url.rstrip("/").removesuffix("/api") + "/api/augmented_diff"
        self.url = masked(self._address)
        self._http = http
        self.manners = manners

    def ask(self) -> State:
        url = f"{self._address}_status"
        text = head_page(self._http, url)
        match = _HEAD.fullmatch(text)
        if not match:
            came = f"{page_message(text)!r}" if text.strip() else "0 bytes"
            raise HeadUnknown(url, f"{came} in place of a number: the server's database is down or starting")
        return State(int(match[1]), None)

    def head(self) -> int:
        return self.ask().sequence

    def fetch(self, sequence: int, folder: Path) -> Body:
        url = f"{self._address}?id={checked(sequence)}"
        folder.mkdir(parents=True, exist_ok=True)
        fetched_at = datetime.now(UTC)
        answer = self._http.download(url, folder / f"{sequence:09d}.adiff", once=True)
        body = Body(sequence, answer.path, masked(url), answer.size, fetched_at, answer.seconds)
        judge_body(body, until=self.until(sequence), status=answer.status, retry_after=answer.retry_after)
        return body

    def until(self, sequence: int) -> datetime:
        return covers(sequence).until
