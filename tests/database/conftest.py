"""Fixtures of the database's tests."""

from collections.abc import Iterator

import pytest

from stats_assets.database.connection import Connection, connect
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.ingest.run import run_range
from stats_assets.system import Stats
from tests.conftest import database, settings_for


@pytest.fixture
def empty(server: str) -> Iterator[str]:
    """A database without any schema of ours."""
    with database(server, "template1") as made:
        yield made


@pytest.fixture(scope="module")
def filled(server: str, world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """An hour of the demo."""
    with database(server) as url, DemoFeed(world, history=60) as feed, connect(url) as connection:
        stats = Stats(settings_for(feed, url, tmp_path_factory.mktemp("client")))
        run_range(stats.work("augmented_diffs"), url, "diffs", world.first, feed.head)
        run_range(stats.work("changesets"), url, "files", world.changesets_first, feed.changesets_head)
        apply_queue(connection)
        connection.execute("ANALYZE")
        yield connection
