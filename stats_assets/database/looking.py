"""Connections for who only looks: nothing is migrated, and nothing can be written.

By the reading login where there is one (reading_login.py). The sentences that say what a look lacks are here.
"""

from uuid import UUID

from psycopg import errors
from psycopg.conninfo import make_conninfo

from stats_assets.database.connection import Connection, DatabaseUnreachable, connect, without_password
from stats_assets.database.migrations import NEWEST, revision
from stats_assets.database.reading_login import name_of, reading_login
from stats_assets.mendable import Mendable
from stats_assets.settings import Settings

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


_seen_to_be_one: set[tuple[str, str]] = set()  # a reader's URL, and the owner's


class SchemaNotReady(Mendable):
    """Nothing can be looked at: no schema is there, or not the one that this code knows. Says what to do."""


class AnotherDatabase(DatabaseUnreachable):
    """Who looks would be shown another database than what is written; the message says which two."""


class NoReadingLogin(Mendable):
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


def look_by(url: str, owners: str | None) -> Connection:
    """The same by a login of a person's, of which it is made sure once that it leads to where the owner's URL does.

    An owner's database that is away does not hinder who reads a replica. Raises AnotherDatabase, and what look does.
    """
    connection = look(url)
    if owners is None or (url, owners) in _seen_to_be_one:
        return connection
    try:
        with connect(owners, application="stats-assets look") as other:
            one = _made_as(connection) == _made_as(other)
    except (DatabaseUnreachable, errors.InsufficientPrivilege):
        return connection
    except BaseException:
        connection.close()
        raise
    if not one:
        connection.close()
        raise AnotherDatabase(
            f"READ_DATABASE_URL leads to {without_password(url)}, and DATABASE_URL to {without_password(owners)}, which"
            " are two databases, or two schemas. Name the same one in both, by two logins."
        )
    _seen_to_be_one.add((url, owners))
    return connection


def check_reader(settings: Settings) -> None:
    """For who begins to write: raises AnotherDatabase. A reader's login that does not work is said by who looks."""
    if settings.read_database_url is None:
        return
    try:
        look_by(settings.read_database_url, settings.database_url).close()
    except AnotherDatabase:
        raise
    except (DatabaseUnreachable, SchemaNotReady):
        pass


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


def ask(url: str, owners: str | None = None) -> Connection:
    """A connection for anybody's statements, by a login that may only SELECT; owners: as in look_by.

    Raises NoReadingLogin for another login.
    """
    connection = look_by(url, owners)
    more = more_than_reading(connection)
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
        if not more_than_reading(connection):
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


def _made_as(connection: Connection) -> UUID | None:
    """What its schema was made as; None: it has none, or an older one, so that it is not what this code looks at."""
    try:
        row = connection.execute("SELECT made_as FROM schema_marks").fetchone()
    except (errors.UndefinedTable, errors.UndefinedColumn):
        return None
    return row[0] if row else None


def more_than_reading(connection: Connection) -> list[str]:
    """What its login may do beyond that, in words that follow its name; empty: it may only SELECT."""
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
