"""A server of some minutes of the demo, for the tests of a module."""

from collections.abc import Iterator

import pytest

from stats_assets.database.connection import Connection, connect
from stats_assets.database.migrations import migrate
from stats_assets.database.statistics.applier import apply_queue, keep_refreshments
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.ingest.run import run_range
from stats_assets.system import Stats
from tests.answers.asking import asked
from tests.conftest import database, filled_template, settings_for
from tests.web.running import Web, served

__all__ = ["asked", "counted", "owner", "web"]


@pytest.fixture(scope="session")
def quarter(server: str, world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The template of a database with some minutes of the demo, all applied."""

    def fill(url: str) -> None:
        with DemoFeed(world, history=15) as feed, connect(url) as connection:
            stats = Stats(settings_for(feed, url, tmp_path_factory.mktemp("web")))
            run_range(stats.work("augmented_diffs"), url, "diffs", world.first, feed.head)
            run_range(stats.work("changesets"), url, "files", world.changesets_first, feed.changesets_head)
            keep_refreshments(connection, 4)
            apply_queue(connection)
            connection.execute("ANALYZE")

    with filled_template(server, fill) as template:
        yield template


@pytest.fixture(scope="module")
def counted(server: str, quarter: str) -> Iterator[str]:
    """A database with some minutes of the demo, all applied, and the reading login."""
    with database(server, quarter) as url:
        migrate(url)
        yield url


@pytest.fixture(scope="module")
def web(counted: str) -> Iterator[Web]:
    """The server of that, which shows all people and limits nobody."""
    with served(counted) as made:
        yield made


@pytest.fixture
def owner(counted: str) -> Iterator[Connection]:
    """The database's owner."""
    with connect(counted) as connection:
        yield connection
