"""A run's turn to ask a source that wants one request at a time, of all the runs in the database.

What is asked when it has come is fetch.py's; how far apart, `database/ledger/asked.py`'s.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from stats_assets.database import locks
from stats_assets.database.connection import Connection, connect
from stats_assets.streams import STREAMS, Stream

LOCK_SECONDS = 900


class Turn:
    """The lock, by a connection of its own: made for a run's first request, and kept, for a new one costs both sides
    more than the rest of what is noted of a request.
    """

    def __init__(self, url: str, stream: Stream) -> None:
        self._url, self._stream = url, stream
        self._lock = locks.FETCH + STREAMS.index(stream)
        self._connection: Connection | None = None

    @contextmanager
    def taken(self) -> Iterator[Connection]:
        """Wait for it; a connection for what is noted meanwhile. Raises DatabaseUnreachable, psycopg.Error."""
        connection = self._waited_for()
        try:
            yield connection
        finally:
            with suppress(psycopg.OperationalError):  # a session that has ended has given it back
                locks.release(connection, self._lock)

    def _waited_for(self) -> Connection:
        if self._connection is not None:
            try:
                locks.wait_for(self._connection, self._lock)
                return self._connection
            except psycopg.OperationalError:
                if not self._connection.broken:
                    raise
                self.close()  # the server was started again, perhaps, since the last request
        self._connection = connect(self._url, application=f"stats-assets fetch {self._stream}")
        self._connection.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'; SET statement_timeout = 0")
        locks.wait_for(self._connection, self._lock)
        return self._connection

    def close(self) -> None:
        """Give back the connection; after that it is made anew."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
