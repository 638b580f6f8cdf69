"""What every source of a stream's bodies can do, and how one is asked for its head.

The sources: overpass.py, directory.py, archive.py.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from stats_assets.feeds.body import Body
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.manners import Manners
from stats_assets.feeds.outcomes import FeedError, HeadUnknown
from stats_assets.feeds.validation import judge_head_page
from stats_assets.streams import Stream


class State(NamedTuple):
    """What a feed says of itself: the newest sequence that is complete; when it was last written (UTC), if it says."""

    sequence: int
    last_run: datetime | None
    settled: int | None = None
    """The newest sequence whose body is final; -1: none is; None: it does not say."""


class Source(Protocol):
    """A feed, or a copy of one."""

    stream: Stream
    url: str
    """For people: without credentials."""
    serial: bool
    """True: one request at a time."""
    manners: Manners
    """How often it may be asked."""

    def ask(self) -> State:
        """How far the feed is. Quick, one try. Raises HeadUnknown; may go backwards."""
        ...

    def head(self) -> int:
        """The sequence of `ask` alone."""
        ...

    def fetch(self, sequence: int, folder: Path) -> Body:
        """The body, in a file of the folder (made if absent), judged by its status, encoding and two ends.

        Raises the outcomes in outcomes.py; ValueError for what is no sequence number.
        """
        ...

    def until(self, sequence: int) -> datetime | None:
        """What the document's osm_base must have reached (for `judge_envelope`); None: it is not asked."""
        ...


def head_page(http: Http, url: str) -> str:
    """The text of a page that tells a head. Raises HeadUnknown."""
    try:
        status, text, retry_after = http.ask(url)
    except FeedError as error:
        raise HeadUnknown(url, error.what) from error
    judge_head_page(url, status, text, retry_after)
    return text
