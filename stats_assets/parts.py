"""The system's parts as the settings name them: database, sources, archive, readers. Made on first use.

Knows nothing of Dagster: the command line and tests use it as the assets and sensors do (through resources.py).
"""

from functools import cache, cached_property
from pathlib import Path

from stats_assets.bodies import StreamWork
from stats_assets.database.connection import Connection, connect, database_url
from stats_assets.database.ledger import Retries
from stats_assets.database.migrations import migrate
from stats_assets.database.statistics import save_countries
from stats_assets.database.streams import Stream
from stats_assets.osm import Categories, Regions
from stats_assets.reading import Reader, changeset_reader, diff_reader
from stats_assets.replication import SUFFIXES, Archive, DirectorySource, Http, OverpassSource, Source
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
        """A connection to the database."""
        return connect(self.url)

    @cached_property
    def http(self) -> Http:
        """The process's one HTTP session."""
        return Http(user_agent=self.settings.user_agent, timeout=self.settings.http_timeout_seconds)

    def source(self, stream: Stream) -> Source:
        """Where the stream's bodies come from."""
        if stream == "changesets":
            return DirectorySource(self.settings.changesets_url, SUFFIXES[stream], self.http)
        if self.settings.augmented_diffs_url is not None:
            return DirectorySource(self.settings.augmented_diffs_url, SUFFIXES[stream], self.http)
        return OverpassSource(self.settings.overpass_url, self.http)

    def archive(self, stream: Stream) -> Archive:
        """Where the stream's bodies are kept, if anywhere."""
        return Archive(self.settings.archive, stream)

    @cached_property
    def retries(self) -> Retries:
        """How failing sequences pause."""
        s = self.settings
        return Retries(s.retry_first_seconds, s.retry_max_seconds, s.retry_attempts, s.hole_grace_seconds)

    @cached_property
    def diffs(self) -> Reader:
        """The reader of augmented diffs; its regions are made known as countries.

        Raises CategoriesError, RegionsError.
        """
        categories, regions = _definitions(self.settings.categories_file, self.settings.regions_file)
        with self.connect() as connection:
            save_countries(connection, dict(regions.codes))
        return diff_reader(categories, regions)

    def work(self, stream: Stream) -> StreamWork:
        """All that the stream's runs need."""
        return StreamWork(
            stream=stream,
            source=self.source(stream),
            archive=self.archive(stream),
            reader=self.diffs if stream == "augmented_diffs" else changeset_reader(),
            retries=self.retries,
            settle_seconds=self.settings.settle_seconds,
        )


@cache
def _migrate_once(url: str) -> None:
    migrate(url)


@cache
def _definitions(categories: Path | None, regions: Path | None) -> tuple[Categories, Regions]:
    return Categories.load(categories), Regions.load(regions)
