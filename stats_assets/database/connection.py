"""Connections to the statistics' database: which one, with which session settings, and how failures read.

Every wait has a limit here. What is done over a connection belongs to the modules beside this one.
"""

import re
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from stats_assets.mendable import Mendable
from stats_assets.settings import Settings

Connection = psycopg.Connection[TupleRow]
T = TypeVar("T")

OLDEST = 15  # the oldest PostgreSQL that this was tried with

# What our SQL and psycopg rely on, whatever the database, the role or the URL has set. What only costs time or room is
# left to whoever has set it, and so is search_path: all of ours lives in the first schema of it that exists.
SESSION = {
    "statement_timeout": "300s",
    "lock_timeout": "60s",
    "idle_in_transaction_session_timeout": "300s",
    "idle_session_timeout": "0",  # a lease's connection has nothing to do for as long as its run
    "transaction_timeout": "0",
    "client_encoding": "UTF8",
    "client_min_messages": "notice",
    "exit_on_error": "off",
    "TimeZone": "UTC",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "xmloption": "content",
    "standard_conforming_strings": "on",
    "backslash_quote": "safe_encoding",
    "escape_string_warning": "on",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "quote_all_identifiers": "off",
    "gin_fuzzy_search_limit": "0",  # else an index answers with a random part
    "row_security": "off",  # a policy that hides rows is an error, not a smaller sum
    "check_function_bodies": "on",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    "default_table_access_method": "heap",
    "plan_cache_mode": "auto",
    "jit": "off",  # compiling costs more than these short statements
}
SINCE = {"transaction_timeout": 17}  # PostgreSQL's versions that have what is newer than OLDEST
RETRIED = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
RETRIES = 10
_ASKS = re.compile(r"\s*Is the server running [^?]*\?")  # libpq does, as we do
UNREADABLE = "(a URL that can't be read: are special characters of its password percent-encoded?)"


class DatabaseUnreachable(Mendable):
    """No connection; the message says to which database (without its password), why, and what to do."""


def without_password(url: str) -> str:
    """The URL as it may be shown: without password."""
    try:
        parts = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    except psycopg.ProgrammingError:
        return UNREADABLE
    host, port, name = parts.get("host") or "localhost", parts.get("port") or "5432", parts.get("dbname", "")
    if "@" in host + name or not port.isdecimal():  # parts of a password that should have been escaped
        return UNREADABLE
    return f"{parts.get('user', 'default user')}@{host}:{port}/{name}"


def on_one_line(error: psycopg.Error) -> str:
    """What PostgreSQL or its client says, as a part of a sentence."""
    return _ASKS.sub("", " ".join(str(error).split())).rstrip(".")


def database_url(settings: Settings) -> str:
    """DATABASE_URL, or the embedded server's, started here if it isn't running."""
    if settings.database_url is not None:
        return settings.database_url
    from stats_assets.embedded_postgres.access import embedded_url

    return embedded_url(settings.stats_data_dir)


def connect(url: str, *, application: str = "stats-assets") -> Connection:
    """An autocommit connection whose session is as ours are (SESSION). Raises DatabaseUnreachable.

    The settings are made once it stands, not by `options`: those are the URL's, and a pooler refuses them.
    """
    try:
        connection = psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=10,
            application_name=application,
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
            tcp_user_timeout=60_000,  # ms: what was sent to a machine that is gone
        )
    except psycopg.Error as error:
        shown = without_password(url)
        reason = "" if shown == UNREADABLE else f": {on_one_line(error)}"
        password = None if shown == UNREADABLE else conninfo_to_dict(url).get("password")
        hint = "Is it running? DATABASE_URL names it; unset, an embedded one is used."
        if "startup parameter" in reason:
            hint = (
                "A pooler is in between that takes no `options`: leave them out of DATABASE_URL (ALTER ROLE … SET"
                " search_path does the same), or name PostgreSQL itself there."
            )
        if "certificate" in reason:
            hint = (
                "Its certificate has to be vouched for (sslmode=verify-full) by the authority that sslrootcert in"
                " DATABASE_URL names, and to be of the host that is named there."
            )
        elif "does not support SSL" in reason:
            hint = "It has no TLS: give it one, or say sslmode=disable in DATABASE_URL where the way to it is safe."
        raise DatabaseUnreachable(
            f"PostgreSQL at {shown} can't be reached{reason.replace(str(password), '***') if password else reason}."
            f" {hint}"
        ) from None
    try:
        _look_at(connection, url)
        if pin(connection, SESSION) != connection.info.backend_pid:
            _look_at_pooler(connection, url)
    except DatabaseUnreachable:
        connection.close()
        raise
    except psycopg.Error as error:
        connection.close()
        raise DatabaseUnreachable(
            f"PostgreSQL at {without_password(url)} can't be used: {on_one_line(error)}."
        ) from None
    return connection


def pin(connection: Connection, session: Mapping[str, str]) -> int:
    """Give the session those settings, by one statement that needs no plan; which of the server's processes has it."""
    row = connection.execute(
        _pinning(tuple(session.items()), connection.info.server_version // 10_000)
    ).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM
    process: int = row[0]
    return process


@cache
def _pinning(session: tuple[tuple[str, str], ...], major: int) -> bytes:
    settings = [
        sql.SQL("SET {} TO {}").format(sql.Identifier(name), sql.Literal(value))
        for name, value in session
        if SINCE.get(name, OLDEST) <= major
    ]
    return sql.SQL("; ").join([sql.SQL("SELECT pg_backend_pid()"), *settings]).as_bytes(None)


def _look_at(connection: Connection, url: str) -> None:
    """Raises DatabaseUnreachable for a server or a database that can't hold the statistics."""
    major = connection.info.server_version // 10_000
    if major < OLDEST:
        raise DatabaseUnreachable(
            f"PostgreSQL at {without_password(url)} is version {major}, and {OLDEST} is the oldest that does. Upgrade"
            " it, or name another server in DATABASE_URL; unset, an embedded one is used."
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise DatabaseUnreachable(
            f"The database {without_password(url)} has the encoding {encoding}, and names and comments need UTF8."
            " Make one with: createdb --encoding=UTF8 --template=template0 NAME"
        )


_session_pools: set[str] = set()  # URLs of poolers that were seen to keep a session together


def _look_at_pooler(connection: Connection, url: str) -> None:
    """The server's process is not the one that greeted: a pooler is in between. Raises DatabaseUnreachable.

    Unless it gives a session a server of its own: then another session never sees what this one has set, and this one
    always does.
    """
    if url in _session_pools:
        return
    mark = uuid.uuid4().hex
    connection.execute("SELECT set_config('stats_assets.session', %s, false)", (mark,))
    ask = "SELECT current_setting('stats_assets.session', true)"
    options: dict[str, Any] = {"connect_timeout": 10, "application_name": "stats-assets pooler"}
    try:
        # In a transaction: no statement of ours can take its server meanwhile.
        with psycopg.connect(url, **options) as other:
            lost = other.execute(ask).fetchone() == (mark,) or connection.execute(ask).fetchone() != (mark,)
    except psycopg.OperationalError as error:
        if "pooling mode" not in str(error):
            raise
        lost = True  # not even a transaction's statements are kept together
    if lost:
        raise DatabaseUnreachable(
            f"Between here and the PostgreSQL of {without_password(url)} is a pooler in transaction mode, which loses"
            " the settings and locks of a session. Name PostgreSQL itself in DATABASE_URL, or a pool in session mode"
            " (pgbouncer: pool_mode = session)."
        )
    _session_pools.add(url)


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
