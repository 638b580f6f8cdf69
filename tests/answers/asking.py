"""An hour of the demo, counted, behind the server's own way to answers."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from psycopg_pool import ConnectionPool

from stats_assets.database.connection import Connection, connect
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.feeds.sequences import covers
from stats_assets.settings import Settings
from stats_assets.web.serving import Serving
from tests.conftest import database, settings_for


class Asked:
    """A server's answers to addresses, and its database."""

    def __init__(self, serving: Serving, connection: Connection, first: int, last: int) -> None:
        self.serving, self.connection = serving, connection
        self.first, self.last = first, last
        """Its first and last sequence."""
        self.begin, self.end = covers(first).since, covers(last).until

    def __call__(self, kind: Any, query: str = "", **path: str) -> Any:
        given = parse_qsl(query, keep_blank_values=True)
        self.serving.kept.clear()
        return self.serving.answer(kind, given, path).content

    def at(self, address: str) -> Any:
        """The same by an address, such as `try` and `next` are."""
        parts = urlsplit(address)
        return self(parts.path.removeprefix("/api/v1/"), parts.query)


@pytest.fixture(scope="session")
def asked(server: str, hour: str, world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """An hour of the demo, all applied; the feed's clock is three minutes after its end."""
    with database(server, hour) as url, DemoFeed(world, history=60) as feed, connect(url) as connection:
        settings = settings_for(feed, url, tmp_path_factory.mktemp("client"))
        for stream, head in (("augmented_diffs", feed.head), ("changesets", feed.changesets_head)):
            connection.execute(
                "INSERT INTO heads (stream, head, feed_time, moved_at) VALUES (%s, %s, %s, now() - interval '100 s')"
                " ON CONFLICT (stream) DO UPDATE SET head = excluded.head, feed_time = excluded.feed_time,"
                " moved_at = excluded.moved_at",
                (stream, head, covers(feed.head).until + timedelta(seconds=5)),
            )
        with ConnectionPool(url, min_size=1, max_size=4, open=True) as pool:
            yield Asked(Serving(settings, pool), connection, world.first, feed.head)


@pytest.fixture
def hand(url: str, connection: Connection, tmp_path: Path) -> Iterator[tuple[Any, Asked]]:
    """A database of facts that the test makes, and its answers."""
    from tests.answers.byhand import Byhand

    made = Byhand(connection)
    settings = Settings(database_url=url, stats_data_dir=tmp_path)
    with ConnectionPool(url, min_size=1, max_size=2, open=True) as pool:
        yield made, made.asked(pool, settings)
