"""Connections to the statistics' database: which one, with which session settings, and how failures read.

Every wait has a limit here. What is done over a connection belongs to the modules beside this one.
"""

import time
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

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


class DatabaseUnreachable(Exception):
    """No connection; the message says to which database (without its password), why, and what to do."""


def masked(url: str) -> str:
    """The URL as it may be shown: without password."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return "(not a PostgreSQL URL)"
    host = parts.get("host") or "localhost"
    return f"{parts.get('user') or 'default user'}@{host}:{parts.get('port') or 5432}/{parts.get('dbname') or ''}"


def database_url(settings: Settings) -> str:
    """DATABASE_URL, or the embedded server's, started here if it isn't running."""
    if settings.database_url is not None:
        return settings.database_url
    from stats_assets.database.embedded import embedded_url

    return embedded_url(settings.stats_data_dir)


def connect(url: str, *, application: str = "stats-assets") -> Connection:
    """An autocommit connection in UTC with time limits. Raises DatabaseUnreachable."""
    try:
        return psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=10,
            application_name=application,
            options=" ".join(f"-c {name}={value}" for name, value in SESSION.items()),
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
        )
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        password = urlsplit(url).password
        if password:
            reason = reason.replace(password, "***")
        raise DatabaseUnreachable(
            f"PostgreSQL at {masked(url)} can't be reached: {reason}. "
            "Is it running? DATABASE_URL names it; unset, an embedded one is used."
        ) from None


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
