"""One consistent look for an answer: all of its statements see the same moment, and none can write."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg_pool import ConnectionPool

from stats_assets.database.connection import Connection


@contextmanager
def snapshot(pool: ConnectionPool[Connection]) -> Iterator[Connection]:
    """A connection of the pool in such a transaction."""
    with pool.connection() as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield connection
