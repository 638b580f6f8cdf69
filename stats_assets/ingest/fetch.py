"""Bodies for a run: from the archive or the feed, counted, and removed as soon as they are done with.

What a body that can't be used means for the run is sequence_loop.py's.
"""

import logging
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from stats_assets.database.connection import Connection
from stats_assets.database.failures import is_sequences
from stats_assets.database.ledger import addresses, asked
from stats_assets.database.ledger.ledger import Retries
from stats_assets.database.ledger.numbering import Numbering
from stats_assets.feeds.archive import Archive, ArchiveError
from stats_assets.feeds.body import Body, open_body
from stats_assets.feeds.outcomes import (
    AskedJustNow,
    BeforeHistory,
    BrokenGeometryRemark,
    DuplicateQueryRefused,
    FeedError,
    FeedRefused,
)
from stats_assets.feeds.sequences import covers
from stats_assets.feeds.source import Source
from stats_assets.ingest.mode import Mode
from stats_assets.ingest.parse import Reader
from stats_assets.ingest.read import Read, judge
from stats_assets.ingest.run_result import Report
from stats_assets.ingest.turn import Turn
from stats_assets.streams import TABLE, Stream

log = logging.getLogger(__name__)


class Poison(Exception):
    """A body that our code can't count, or whose facts PostgreSQL can't take; the message is what that raised."""


@contextmanager
def poison_told() -> Iterator[None]:
    """Raises Poison for what is raised inside, where that is the sequence's own failure; all else goes through."""
    try:
        yield
    except FeedError:
        raise
    except Exception as error:  # a poison body must not stop the stream, whatever it raises
        if not is_sequences(error):
            raise
        raise Poison(f"{type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class StreamWork:
    """All that a stream's runs need, made once a process."""

    stream: Stream
    sources: tuple[Source, ...]
    """In order of preference."""
    archive: Archive
    reader: Reader
    retries: Retries
    settle_seconds: float
    lease_stale_seconds: float
    begins: Mapping[str, int] = field(default_factory=dict)
    """The first sequence that an address can answer, where it is set."""
    countries: Mapping[str, str] = field(default_factory=dict)
    """The regions that its facts name, by their codes: a run makes them known first."""

    @property
    def source(self) -> Source:
        """The preferred one."""
        return self.sources[0]


def first_sequences(connection: Connection, work: StreamWork) -> dict[str, int]:
    """The first sequence that each address can answer: as it is set, else as it was found out."""
    found = addresses.of(connection, work.stream, [source.url for source in work.sources])
    return {one.url: one.first for one in found if one.first is not None} | dict(work.begins)


@dataclass
class Bodies:
    """A run's bodies, in a folder of its own. A run by hand waits here for an id that was asked for just now."""

    work: StreamWork
    used: Source
    """The one in use."""
    connection: Connection
    turn: Turn
    folder: Path
    report: Report
    mode: Mode
    numbering: Numbering
    last: Body | None = None
    """The body that was read last, also one that the reader failed on."""
    probed: dict[int, tuple[Body, Source]] = field(default_factory=dict)
    """Fetched before their turn, to see whether the feed works, and from where."""
    begins: dict[str, int] = field(init=False)
    """The first sequence that each address can answer, as far as that is known."""
    source: Source = field(init=False)
    """The one that was asked last: the one in use, but for what is before its history."""

    def __post_init__(self) -> None:
        self.begins = first_sequences(self.connection, self.work)
        self.source = self.used

    def read_from(self, source: Source) -> None:
        """Another one is in use now."""
        self.used = self.source = source

    def read(self, sequence: int) -> Read:
        """The sequence's body, from the archive or the feed, counted. Raises FeedError, Poison."""
        if self.mode.reads_archive:
            with suppress(FeedError):  # not there, or spoiled: the feed has it
                body = self.work.archive.get(sequence, self.folder_of(sequence))
                if self.numbering.knows(sequence, body.fetched_at):
                    read = self.count(body)
                    with suppress(BrokenGeometryRemark):
                        judge(read, until=None)
                    return read
        if sequence not in self.probed:
            return self.count(self._in_time(sequence))
        body, self.source = self.probed.pop(sequence)
        return self.count(body)

    def _in_time(self, sequence: int) -> Body:
        while True:
            try:
                return self.fetch(sequence)
            except AskedJustNow as error:
                if not self.mode.by_hand:
                    raise
                log.info(f"{error.what}. This run waits for that.")
                time.sleep(error.retry_after or 0.0)

    def probe(self, sequence: int) -> None:
        """See whether the feed works: fetch a sequence before its turn, keeping its body for then. Raises FeedError."""
        try:
            body = self.fetch(sequence)
            # These are the sequence's own failures: the feed has it.
            with suppress(BeforeHistory, BrokenGeometryRemark, Poison):
                judge(self.count(body), until=None)
            self.probed[sequence] = body, self.source
        except AskedJustNow as error:
            if not error.answered:
                raise
        finally:
            if sequence not in self.probed:
                self.discard(sequence)

    def fetch(self, sequence: int) -> Body:
        """The feed's body. Raises FeedError; AskedJustNow and FeedQuiet: it was not asked."""
        began = time.monotonic()
        try:
            return self._ask(sequence)
        finally:
            self.report.fetch_seconds += time.monotonic() - began

    def _ask(self, sequence: int) -> Body:
        source, stream = self._that_knows(sequence), self.work.stream
        self.source = source
        with self.turn.taken() if source.serial else nullcontext(self.connection) as connection:
            request = asked.begin(connection, stream, source, sequence)
            try:
                body = source.fetch(sequence, self.folder_of(sequence))
            except FeedError as error:
                size = error.body.size if error.body else 0
                asked.end(connection, stream, request, size, error)
                empty = error.body is not None and not size and not isinstance(error, FeedRefused)
                if empty and asked.poisoned(connection, stream, sequence, source.url):
                    what = "an empty answer, as the server refused the same query before and keeps that for an hour"
                    raise DuplicateQueryRefused(error.url, what, body=error.body) from error
                raise
            asked.end(connection, stream, request, body.size, None)
            return body

    def _that_knows(self, sequence: int) -> Source:
        """The one in use, or the first whose history goes back so far. Raises BeforeHistory where none does."""
        for source in (self.used, *self.work.sources):
            if sequence >= self.begins.get(source.url, 0):
                return source
        raise BeforeHistory(
            self.used.url,
            f"not asked: {sequence} is before the server's history, which begins at {self.begins[self.used.url]} as far"
            " as it is known. Take a server whose history is longer; if this one's is, say so by OVERPASS_FIRST",
        )

    def passes_on(self, sequence: int) -> bool:
        """The address that was asked does not know the sequence, nor the one before. Whether another may."""
        return sequence == self.begins.get(self.source.url) and self.history_ends(sequence)

    def history_ends(self, sequence: int) -> bool:
        """It was found out that the address that was asked does not know the sequence, nor what is before it.

        Whether another one may.
        """
        url = self.source.url
        if sequence >= self.begins.get(url, 0):
            self.begins[url] = sequence + 1
            addresses.begins_at(self.connection, self.work.stream, url, sequence + 1)
        return any(sequence >= self.begins.get(source.url, 0) for source in self.work.sources)

    def count(self, body: Body) -> Read:
        self.last = body
        began = time.monotonic()
        with open_body(body.path) as document, poison_told():
            reading = self.work.reader.read(document, self.limit_of(body))
        self.report.count_seconds += time.monotonic() - began
        return Read(body, reading)

    def limit_of(self, body: Body) -> datetime:
        """The newest time that the body can know of: its minute's end, or when it was fetched."""
        return covers(body.sequence).until if TABLE[self.work.stream].numbers_are_minutes else body.fetched_at

    def keep_replaced(self, sequence: int) -> None:
        """Keep the archive's body of the sequence for a while: another will take its place."""
        try:
            self.work.archive.put_replaced(sequence, self.folder_of(sequence))
        except ArchiveError as error:
            log.info(f"{sequence}: the replaced body could not be kept. {error}")

    def keep_aside(self, body: Body, reason: str) -> None:
        """Keep a body that isn't counted, for study. If it can't be kept, that is said, and the run goes on."""
        try:
            self.work.archive.put_aside(body, reason)
        except ArchiveError as error:
            log.info(f"{body.sequence}: the body could not be kept for study. {error}")

    def folder_of(self, sequence: int) -> Path:
        return self.folder / str(sequence)

    def discard(self, sequence: int) -> None:
        """Remove what was fetched of the sequence: a range of big bodies must not fill the disk."""
        self.probed.pop(sequence, None)
        shutil.rmtree(self.folder_of(sequence), ignore_errors=True)
