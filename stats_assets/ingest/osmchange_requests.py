"""An address of OsmChange as a run of the maker asks it: what was asked, what can't be used, and what was in its files.

How it is asked for its head is osmchange_head.py's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from stats_assets.augment.content import Content
from stats_assets.augment.unreadable import Unreadable
from stats_assets.augment.versions import Version
from stats_assets.database.connection import Connection
from stats_assets.database.ledger import addresses, asked
from stats_assets.feeds.osmchange import OsmChangeDirectory, State
from stats_assets.feeds.outcomes import FeedError, FeedRefused
from stats_assets.ingest.osmchange_head import ask
from stats_assets.ingest.osmchange_numbers import KEPT
from stats_assets.streams import OSMCHANGE


class Requests:
    """The address's files. Raises what the directory does."""

    def __init__(self, connection: Connection, feed: OsmChangeDirectory) -> None:
        self.url = feed.url
        self._connection, self._feed = connection, feed
        self._states = self._bodies = self._bytes = self._newest = 0
        self._contents: dict[int, str] = {}

    def state(self) -> State:
        """As the directory's."""
        return ask(self._connection, self._feed)

    def state_of(self, sequence: int) -> State | None:
        """As the directory's."""
        self._states += 1
        with self._noted():
            return self._feed.state_of(sequence)

    def find(self, time: datetime, *, at_latest: datetime | None = None) -> int:
        """As the directory's."""
        with self._noted():
            return self._feed.find(time, at_latest=at_latest)

    def fetch(self, sequence: int, folder: Path) -> Path:
        """As the directory's."""
        self._bodies += 1
        with self._noted():
            file = self._feed.fetch(sequence, folder)
        self._bytes += file.stat().st_size
        self._newest = sequence
        return file

    def read(self, file: Path) -> Iterator[Version]:
        """The versions of the file that was fetched last. Raises Unreadable."""
        from stats_assets.augment.reading import read_osmchange

        content = Content()
        with self._noted():
            for version in read_osmchange(file):
                content.add(version)
                yield version
        if found := str(content):
            self._contents[self._newest] = found

    def contents(self, before: list[dict[str, Any]], sequence: int | None) -> list[dict[str, Any]]:
        """Of the newest files up to that one which hold anything, as the table `made_diffs` has it.

        before: those of before, which may be from another address.
        """
        here = [
            {"sequence": number, "content": content, "url": self.url}
            for number, content in self._contents.items()
        ]
        found = {one["sequence"]: one for one in (*before, *here)}
        return [found[n] for n in sorted(found) if sequence is not None and n <= sequence][-KEPT:]

    def count(self) -> None:
        """Write down what was asked since this was called last."""
        for kind, number, size in (("head", self._states, 0), ("body", self._bodies, self._bytes)):
            if number:
                asked.count(self._connection, OSMCHANGE, kind, number, size, url=self.url)
        self._states = self._bodies = self._bytes = 0

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """Who refuses wants quiet; all else that can't be used makes the address one to leave for a while."""
        try:
            yield
        except (FeedError, Unreadable) as error:
            if isinstance(error, FeedError):
                asked.heed(self._connection, OSMCHANGE, error, url=self.url)
            if not isinstance(error, FeedRefused):
                addresses.bad(self._connection, OSMCHANGE, self.url, str(error))
            raise
