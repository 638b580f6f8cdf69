"""Connections to the statistics' database: which one, with which session settings, and how failures read.

Every wait has a limit here. What is done over a connection belongs to the modules beside this one.
"""

import time
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from stats_assets.settings import Settings

Connection = psycopg.Connection[TupleRow]
T = TypeVar("T")

SESSION = {
    "TimeZone": "UTC",
    "statement_timeout": "300s",
    "lock_timeout": "60s",
    "idle_in_transaction_session_timeout": "300s",
    "jit": "off",  # compiling costs more than these short statements
}
RETRIED = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
RETRIES = 10
UNREADABLE = "(a URL that can't be read: are special characters of its password percent-encoded?)"


class DatabaseUnreachable(Exception):
    """No connection; the message says to which database (without its password), why, and what to do."""


def masked(url: str) -> str:
    """The URL as it may be shown: without password."""
    try:
        parts = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    except psycopg.ProgrammingError:
        return UNREADABLE
    host, port, name = parts.get("host") or "localhost", parts.get("port") or "5432", parts.get("dbname", "")
    if "@" in host + name or not port.isdecimal():  # parts of a password that should have been escaped
        return UNREADABLE
    return f"{parts.get('user', 'default user')}@{host}:{port}/{name}"


def database_url(settings: Settings) -> str:
    """DATABASE_URL, or the embedded server's, started here if it isn't running."""
    if settings.database_url is not None:
        return settings.database_url
    from stats_assets.database.embedded import embedded_url

    return embedded_url(settings.stats_data_dir)


def connect(url: str, *, application: str = "stats-assets") -> Connection:
    """An autocommit connection in UTC with time limits. Raises DatabaseUnreachable."""
    try:
        connection = psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=10,
            application_name=application,
            options=" ".join(f"-c {name}={value}" for name, value in SESSION.items()),
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
            tcp_user_timeout=60_000,  # ms: what was sent to a machine that is gone
        )
    except psycopg.Error as error:
        shown = masked(url)
        reason = "" if shown == UNREADABLE else f": {' '.join(str(error).split())}"
        password = None if shown == UNREADABLE else conninfo_to_dict(url).get("password")
        raise DatabaseUnreachable(
            f"PostgreSQL at {shown} can't be reached{reason.replace(str(password), '***') if password else reason}. "
            "Is it running? DATABASE_URL names it; unset, an embedded one is used."
        ) from None
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        connection.close()
        raise DatabaseUnreachable(
            f"The database {masked(url)} has the encoding {encoding}, and names and comments need UTF8."
            " Make one with: createdb --encoding=UTF8 --template=template0 NAME"
        )
    return connection


def clock(connection: Connection) -> datetime:
    """The database's time: all pauses are measured by it, whatever clocks the machines of ticks and runs have."""
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM
    now: datetime = row[0]
    return now


def retried(work: Callable[[], T]) -> T:
    """Do a transaction again, in place, when PostgreSQL ended it for a deadlock or a serialization failure."""
    for attempt in range(RETRIES):
        try:
            return work()
        except RETRIED:
            if attempt == RETRIES - 1:
                raise
            time.sleep(0.02 * 2**attempt)
    raise AssertionError("unreachable")
