"""The system's parts as the settings name them: database, sources, archive, readers. Made on first use.

Knows nothing of Dagster: the command line and tests use it as the assets and sensors do (those through
orchestration/current_system.py). A part's modules are imported when it is made: a command that only asks the database
needs neither the feeds' nor the counting's.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple, assert_never

from stats_assets.database.connection import Connection, connect, database_url
from stats_assets.database.ledger.ledger import Retries
from stats_assets.database.looking import ask, look, look_as_reader, look_by, reading_url
from stats_assets.database.migrations import migrate
from stats_assets.feeds.manners import manners_at
from stats_assets.osm import definitions_hash
from stats_assets.streams import TABLE, Stream

if TYPE_CHECKING:
    from pathlib import Path

    from stats_assets.feeds.archive import Archive
    from stats_assets.feeds.http_client import Http
    from stats_assets.feeds.osmchange import OsmChangeDirectory
    from stats_assets.feeds.source import Source
    from stats_assets.ingest.diff_making import MakingWork
    from stats_assets.ingest.feed_head import Feed
    from stats_assets.ingest.fetch import StreamWork
    from stats_assets.ingest.parse import Reader
    from stats_assets.osm.categories import Categories
    from stats_assets.osm.regions import Regions
    from stats_assets.settings import Settings


class Stats:
    """The system's parts, as the settings name them; each made once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @property
    def url(self) -> str:
        """The database, brought up to date; an embedded server that was killed meanwhile is mended.

        Raises DatabaseUnreachable, EmbeddedServerError.
        """
        url = database_url(self.settings)
        _migrate_once(url)
        return url

    def connect(self) -> Connection:
        """A connection for work, to the database brought up to date."""
        return connect(self.url)

    def look(self, *, may_write: bool = False) -> Connection:
        """A connection for who only looks: it migrates nothing, and can't write; by the reading login, if there is one.

        may_write: by the owner's, for a look that keeps how far it is. Raises DatabaseUnreachable, EmbeddedServerError,
        SchemaNotReady.
        """
        if may_write:
            return look(database_url(self.settings), may_write=True)
        if self.settings.read_database_url is not None:
            return look_by(self.settings.read_database_url, self.settings.database_url)
        return look_as_reader(database_url(self.settings))

    def ask(self) -> Connection:
        """A connection for anybody's statements, by a login that may only SELECT. Raises NoReadingLogin too."""
        if self.settings.read_database_url is not None:
            return ask(self.settings.read_database_url, self.settings.database_url)
        return ask(reading_url(database_url(self.settings)))

    @cached_property
    def http(self) -> Http:
        """The process's one HTTP session."""
        from stats_assets.feeds.http_client import Http

        return Http(user_agent=self.settings.user_agent, timeout=self.settings.http_timeout_seconds)

    def sources(self, stream: Stream) -> tuple[Source, ...]:
        """Where the stream's bodies can come from, in order of preference."""
        from stats_assets.feeds.directory import DirectorySource
        from stats_assets.feeds.overpass import OverpassSource

        s = self.settings
        match stream:
            case "augmented_diffs":
                directory = s.made_diffs if s.osmchange_url else s.augmented_diffs_url
                directories: tuple[str, ...] = (directory,) if directory else ()
            case "changesets":
                directories = s.changesets_urls
            case _:
                assert_never(stream)
        if directories:
            return tuple(DirectorySource(one, TABLE[stream].suffix, self.http) for one in directories)
        return tuple(
            OverpassSource(one, self.http, manners_at(one, s.overpass_pause_seconds, s.retry_first_seconds))
            for one in s.overpass_urls
        )

    def source(self, stream: Stream, connection: Connection | None = None) -> Source:
        """Where the stream's bodies come from now, as its last tick has said; without a connection the first."""
        from stats_assets.ingest.failover import in_use

        sources = self.sources(stream)
        return sources[0] if connection is None else in_use(connection, stream, sources)

    def head(self, stream: Stream, connection: Connection, *, asks: bool = True) -> Feed:
        """How far the stream's feed is, for who looks. asks: it may be asked, where what is known is old."""
        from stats_assets.ingest.failover import is_of_several
        from stats_assets.ingest.feed_head import known_of, of_look

        source = self.source(stream, connection)
        feed = of_look(connection, source, stream) if asks else known_of(connection, source, stream)
        return replace(feed, several=is_of_several(connection, stream, self.sources(stream)))

    def archive(self, stream: Stream) -> Archive:
        """Where the stream's bodies are kept, if anywhere."""
        from stats_assets.feeds.archive import Archive

        return Archive(self.settings.archive, stream)

    @cached_property
    def retries(self) -> Retries:
        """How failing sequences pause."""
        s = self.settings
        return Retries(s.retry_first_seconds, s.retry_max_seconds, s.retry_attempts, s.hole_grace_seconds)

    def reader(self, stream: Stream) -> Reader:
        """The reader of the stream's bodies, by the definitions as the files have them now.

        Raises CategoriesError, RegionsError.
        """
        from stats_assets.ingest.parse import changeset_reader

        match stream:
            case "augmented_diffs":
                return _diff_reader(_file(self.settings.categories_file), _file(self.settings.regions_file))
            case "changesets":
                return changeset_reader()
            case _:
                assert_never(stream)

    @property
    def categories(self) -> Categories:
        """The table of categories as its file has it now. Raises CategoriesError."""
        return _categories(_file(self.settings.categories_file))

    def definitions(self, stream: Stream) -> str:
        """The hash of the stream's definitions, as its reader has it, for who reads no bodies.

        Raises CategoriesError, RegionsError.
        """
        match stream:
            case "augmented_diffs":
                if self.settings.regions_file is not None:
                    return self.reader(stream).definitions
                categories = _categories(_file(self.settings.categories_file))
                return definitions_hash.of_diffs(categories.hash, definitions_hash.PACKAGED_REGIONS)
            case "changesets":
                return definitions_hash.of_changesets()
            case _:
                assert_never(stream)

    def work(self, stream: Stream) -> StreamWork:
        """All that the stream's runs need. Raises CategoriesError, RegionsError."""
        from stats_assets.ingest.fetch import StreamWork

        reader = self.reader(stream)
        has_regions = TABLE[stream].has_fact_partitions
        return StreamWork(
            stream=stream,
            sources=self.sources(stream),
            begins=self._begins() if stream == "augmented_diffs" else {},
            archive=self.archive(stream),
            reader=reader,
            retries=self.retries,
            settle_seconds=self.settings.settle_seconds,
            lease_stale_seconds=self.settings.lease_stale_seconds,
            countries=dict(_regions(_file(self.settings.regions_file)).codes) if has_regions else {},
        )

    @cached_property
    def osmchange(self) -> tuple[OsmChangeDirectory, ...]:
        """Where the OsmChange can be read of which augmented diffs are made here, in order of preference; none: none
        are.
        """
        from stats_assets.feeds.osmchange import OsmChangeDirectory

        return tuple(OsmChangeDirectory(one, self.http) for one in self.settings.osmchange_urls)

    def making_work(self) -> MakingWork | None:
        """All that a run of the maker of augmented diffs needs; None: none are made here."""
        s, feeds = self.settings, self.osmchange
        if not feeds:
            return None
        from stats_assets.ingest.diff_making import MakingWork

        return MakingWork(
            feeds=feeds,
            folder=s.store_folder.absolute(),
            planet=s.planet_file and s.planet_file.absolute(),
            out=s.made_diffs,
            settle_seconds=int(s.settle_seconds),
            first_pause=s.retry_first_seconds,
            longest_pause=s.retry_max_seconds,
            lease_stale_seconds=s.lease_stale_seconds,
        )

    def _begins(self) -> dict[str, int]:
        """The first minutes of Overpasses, where they are set."""
        s = self.settings
        sources = () if s.osmchange_url or s.augmented_diffs_url else self.sources("augmented_diffs")
        return {
            one.url: first
            for one, first in zip(sources, s.overpass_firsts, strict=False)
            if first is not None
        }


@cache
def _migrate_once(url: str) -> None:
    migrate(url)


class _File(NamedTuple):
    """A file of definitions as it is now; None: the packaged one, or a file that can't be looked at."""

    path: Path | None
    modified: int | None
    size: int | None


def _file(path: Path | None) -> _File:
    try:
        stat = path.stat() if path is not None else None
    except OSError:  # reading it will say why
        stat = None
    return _File(path, stat and stat.st_mtime_ns, stat and stat.st_size)


@lru_cache(maxsize=2)
def _diff_reader(categories: _File, regions: _File) -> Reader:
    from stats_assets.ingest.parse import diff_reader

    return diff_reader(_categories(categories), _regions(regions))


@lru_cache(maxsize=2)
def _categories(categories: _File) -> Categories:
    from stats_assets.osm.categories import Categories

    return Categories.load(categories.path)


@lru_cache(maxsize=2)
def _regions(regions: _File) -> Regions:
    from stats_assets.osm.regions import Regions

    return Regions.load(regions.path)
