"""The web server's connections: few (WEB_CONNECTIONS), read-only, by the reading login, each statement with a limit
(ANSWER_SECONDS).

A database that is away, full or not ready is a Problem for who asks, and a line in the log for who runs the server.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg import errors
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout, TooManyRequests

from stats_assets.database.connection import (
    SESSION,
    Connection,
    DatabaseUnreachable,
    database_url,
    on_one_line,
    pin,
)
from stats_assets.database.looking import NoReadingLogin, SchemaNotReady, look, look_by, reading_url
from stats_assets.mendable import Mendable
from stats_assets.questions.problem import Problem
from stats_assets.settings import Settings
from stats_assets.web.costs import SPENDING

WAIT = 2.0
"""Seconds that a question waits for a connection."""
WAIT_IN_TROUBLE = 0.5
"""The same while the database is away: whoever asks may know it soon."""
WAITING = 100
"""So many questions wait at most."""

_log = logging.getLogger(__name__)


class Pool(ConnectionPool[psycopg.Connection[TupleRow]]):
    """Connections for answers. Not open until `open` or `with`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._seconds = settings.answer_seconds
        self._url: str | None = None
        self._tried = False
        self.trouble: Exception | None = None
        """Why there was no connection, the last time that one was made; None: there was."""
        super().__init__(
            self._where,
            kwargs={
                "autocommit": True,
                "connect_timeout": 5,
                "application_name": "stats-assets serve",
                "keepalives_idle": 30,
                "keepalives_interval": 10,
                "keepalives_count": 3,
                "tcp_user_timeout": 30_000,
            },
            min_size=1,
            max_size=settings.web_connections,
            max_waiting=WAITING,
            timeout=WAIT,
            reconnect_timeout=WAIT,  # then the next question tries anew: no pause grows while the database is away
            check=ConnectionPool.check_connection,
            configure=self._configure,
            open=False,
            name="answers",
        )

    @contextmanager
    def connection(self, timeout: float | None = None) -> Iterator[psycopg.Connection[TupleRow]]:
        """A connection, for as short as can be: its time is what the asking address pays for. Raises Problem."""
        spending = SPENDING.get()
        if spending is not None:
            spending.check()
        if timeout is None and self.trouble is not None:
            timeout = WAIT_IN_TROUBLE
        try:
            with super().connection(timeout) as connection:
                began = time.monotonic()
                try:
                    yield connection
                finally:
                    if spending is not None:
                        spending.spend(time.monotonic() - began)
        except (PoolTimeout, TooManyRequests):
            if self.trouble is not None:
                raise _away(self.trouble) from None
            raise Problem(
                "busy",
                "The server is busy",
                "More is asked now than can be answered. Try again in 10 s.",
                status=503,
                retry_after=10,
            ) from None
        except psycopg.Error as error:
            problem = _problem(error, self._seconds)
            if problem is None:
                raise
            raise problem from error

    def _where(self) -> str:
        """The database's URL; asked before each connection that is made. Found anew after one that failed."""
        try:
            if self._url is None or self._tried:
                self._url = None
                self._url = _reader(self._settings)
        except Exception as error:
            if str(error) != str(self.trouble):
                _log.warning("No connection to the database: %s", error)
            self.trouble = error
            raise
        self._tried = True
        return self._url

    def _configure(self, connection: Connection) -> None:
        session = SESSION | {
            "statement_timeout": f"{self._seconds * 1000:.0f}ms",
            "lock_timeout": "2s",
            "idle_in_transaction_session_timeout": "60s",
            "default_transaction_read_only": "on",
        }
        pin(connection, session)
        self._tried = False
        if self.trouble is not None:
            _log.warning("The database answers again.")
        self.trouble = None


@contextmanager
def open_pool(settings: Settings) -> Iterator[Pool]:
    """The pool, open. Nothing is waited for: a database that is away may come."""
    pool = Pool(settings)
    # What psycopg says of each failed try is said once, in a sentence.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    pool.open()
    try:
        yield pool
    finally:
        pool.close(timeout=2)


def _reader(settings: Settings) -> str:
    """By which URL it is read: READ_DATABASE_URL, or the reading login, or the owner's where there is none.

    Raises DatabaseUnreachable, SchemaNotReady, EmbeddedServerError.
    """
    if settings.read_database_url is not None:
        look_by(settings.read_database_url, settings.database_url).close()
        return settings.read_database_url
    url = database_url(settings)
    with suppress(NoReadingLogin):
        reader = reading_url(url)
        with suppress(DatabaseUnreachable):  # a pooler, or rules of the server's, may know the owner alone
            look(reader).close()
            return reader
    look(url).close()
    return url


def _problem(error: psycopg.Error, seconds: float) -> Problem | None:
    """What to tell of a statement that failed; None: a bug."""
    if isinstance(error, errors.QueryCanceled):
        return Problem(
            "too-slow",
            "This takes too long",
            f"This could not be counted within {seconds:g} s. Ask for a shorter window or for fewer hashtags.",
            status=503,
            retry_after=30,
        )
    if isinstance(error, errors.UndefinedTable | errors.UndefinedColumn | errors.UndefinedFunction):
        _log.error("The schema is not what this code needs: %s", error)
        return _away(SchemaNotReady(str(error)))
    if isinstance(error, psycopg.DataError):
        return Problem(
            "no-such-value",
            "This can't be asked",
            "A name holds a character that none can hold, or a number is larger than any. Correct the address.",
        )
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | errors.InsufficientPrivilege):
        _log.warning("The database fails: %s", on_one_line(error))
        return _away(error)
    return None


def _away(why: Exception) -> Problem:
    """The same for all who ask; what exactly is wrong, and where, is the log's."""
    if isinstance(why, SchemaNotReady):
        return Problem(
            "not-ready",
            "The statistics are not ready",
            "The statistics' tables are not there, or not of this version. Whoever runs this server starts the system,"
            " or calls stats-assets migrate. Try again in 60 s.",
            status=503,
            retry_after=60,
        )
    what = "is not there now" if isinstance(why, Mendable) else "does not answer now"
    return Problem(
        "database-away",
        "The numbers can't be read now",
        f"This could not be counted, as the database {what}. Try again in 20 s.",
        status=503,
        retry_after=20,
    )
