"""Connections for who only looks: nothing is migrated, and nothing can be written.

By the reading login where there is one (reading_login.py). The sentences that say what a look lacks are here.
"""

from psycopg import errors
from psycopg.conninfo import make_conninfo

from stats_assets.database.connection import Connection, DatabaseUnreachable, connect, without_password
from stats_assets.database.migrations import NEWEST, revision
from stats_assets.database.reading_login import name_of, reading_login

WHAT_TO_DO = (
    "What makes one is in docs/operations.md (the reading login): let the owner make roles and run stats-assets"
    " migrate, or make one yourself and name it by READ_DATABASE_URL."
)

# What a login may do beyond reading: a row each, none for one that may only SELECT.
_MORE = """
WITH me AS (SELECT * FROM pg_roles WHERE rolname = session_user)
SELECT 'is a superuser' FROM me WHERE rolsuper
UNION ALL SELECT 'may make roles' FROM me WHERE rolcreaterole
UNION ALL SELECT 'may make databases' FROM me WHERE rolcreatedb
UNION ALL SELECT 'may replicate' FROM me WHERE rolreplication
UNION ALL SELECT 'passes by row security' FROM me WHERE rolbypassrls
UNION ALL SELECT 'is a member of ' || r.rolname FROM me, pg_roles AS r
WHERE NOT me.rolsuper AND r.oid <> me.oid AND pg_has_role(me.oid, r.oid, 'MEMBER') AND r.rolname <> ALL (
    '{pg_read_all_data,pg_monitor,pg_read_all_settings,pg_read_all_stats,pg_stat_scan_tables}')
UNION ALL (
    SELECT 'may write ' || c.oid::regclass FROM me, pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE NOT me.rolsuper AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
        AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(me.oid, c.oid, 'USAGE, UPDATE')
            WHEN c.relkind IN ('r', 'p', 'v', 'm', 'f') THEN c.relowner = me.oid
                OR has_table_privilege(me.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
                OR has_any_column_privilege(me.oid, c.oid, 'INSERT, UPDATE')
            END
    LIMIT 1
)
"""


class SchemaNotReady(Exception):
    """Nothing can be looked at: no schema is there, or not the one that this code knows. Says what to do."""


class NoReadingLogin(Exception):
    """There is no login that may only SELECT; the message says why, and what to do."""


def look(url: str, *, may_write: bool = False) -> Connection:
    """A connection to a database whose schema this code can read (found.py), in read-only sessions unless `may_write`.

    Raises DatabaseUnreachable, SchemaNotReady.
    """
    connection = connect(url, application="stats-assets look")
    try:
        if not may_write:
            connection.execute("SET default_transaction_read_only = on")
        _check_schema(connection, url)
    except BaseException:
        connection.close()
        raise
    return connection


def look_as_reader(url: str) -> Connection:
    """The same by the reading login of the owner's URL, for what is ours to ask: as the owner, where there is none."""
    try:
        reader = reading_url(url)
    except NoReadingLogin:
        return look(url)
    try:
        return look(reader)
    except DatabaseUnreachable:  # a pooler, or rules of the server's, may know the owner alone
        return look(url)


def ask(url: str) -> Connection:
    """A connection for anybody's statements, by a login that may only SELECT. Raises NoReadingLogin for another."""
    connection = look(url)
    more = _more(connection)
    if more:
        name = connection.info.user
        connection.close()
        raise NoReadingLogin(f"The role {name} can't be used for reading: it {', '.join(more)}. {WHAT_TO_DO}")
    return connection


def reading_url(url: str) -> str:
    """The reading login's URL, as the owner's says it; a role that may only SELECT is its own.

    Raises NoReadingLogin, DatabaseUnreachable, SchemaNotReady.
    """
    with look(url) as connection:
        if not _more(connection):
            return url
        try:
            login = reading_login(connection)
        except errors.InsufficientPrivilege:
            login = "Only the owner knows its password."
        name = name_of(connection.info.dbname)
    if isinstance(login, str):
        raise NoReadingLogin(
            f"There is no login {name} that may only read {without_password(url)}. {login} {WHAT_TO_DO}"
        )
    return make_conninfo(url, user=login.name, password=login.password)


def _more(connection: Connection) -> list[str]:
    return [str(row[0]) for row in connection.execute(_MORE).fetchall()]


def _check_schema(connection: Connection, url: str) -> None:
    try:
        found = revision(connection)
    except errors.InsufficientPrivilege:
        raise SchemaNotReady(
            f"The role of {without_password(url)} may not read the statistics. What it needs is in docs/operations.md"
            " (the reading login)."
        ) from None
    if found is None:
        raise SchemaNotReady(
            f"The database {without_password(url)} has no statistics yet, or its role may not see them."
            " Run stats-assets migrate, or start the stack."
        )
    if found < NEWEST:
        raise SchemaNotReady(
            f"The schema of {without_password(url)} is at revision {found}, and this code needs {NEWEST}."
            " Run stats-assets migrate, or start the stack."
        )
