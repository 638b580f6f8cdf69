"""The reading login: a role that may only SELECT, made with the schema where the owner may make roles.

Its password is kept in a table that only the owner reads: whoever has the owner's URL has the reader's too. Which login
who looks goes by is looking.py's.
"""

import hashlib
import secrets
from typing import Final, NamedTuple

import psycopg
from psycopg import sql

from stats_assets.database import locks
from stats_assets.database.connection import Connection

OURS: Final = (
    "stats-assets: may only read the database of this name;"  # a role's comment; without it, not ours
)
LONGEST = 63  # bytes of a name

_STATE = """
SELECT current_user, rolsuper OR rolcreaterole, l.name, l.password
FROM pg_roles LEFT JOIN reading_login AS l ON true WHERE rolname = current_user
"""
_UNREADABLE = """
SELECT n.nspname, c.relname
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN (current_schema(), 'osmesa') AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND c.relname <> 'reading_login' AND pg_has_role(c.relowner, 'USAGE')
    AND NOT has_table_privilege(%(name)s, c.oid, 'SELECT')
"""
_UNCALLABLE = """
SELECT format('%%I.%%I(%%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))
FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname = current_schema() AND pg_has_role(p.proowner, 'USAGE')
    AND NOT has_function_privilege(%(name)s, p.oid, 'EXECUTE')
"""
_CLOSED_SCHEMAS = """
SELECT nspname FROM pg_namespace WHERE nspname IN (current_schema(), 'osmesa') AND pg_has_role(nspowner, 'USAGE')
    AND NOT has_schema_privilege(%(name)s, oid, 'USAGE')
"""
_BY_DEFAULT = """
SELECT FROM pg_default_acl AS d, aclexplode(d.defaclacl) AS a
WHERE d.defaclrole = current_user::regrole AND d.defaclnamespace = current_schema()::regnamespace
    AND d.defaclobjtype = 'r' AND a.grantee = %(name)s::text::regrole AND a.privilege_type = 'SELECT'
"""


class Login(NamedTuple):
    """A role's name and password."""

    name: str
    password: str


def name_of(database: str) -> str:
    """The reading login's name: roles are the whole server's, so that it is the database's with a suffix."""
    name = f"{database}_reader"
    if len(name.encode()) <= LONGEST:
        return name
    suffix = f"_{hashlib.sha256(database.encode()).hexdigest()[:8]}_reader"
    return database.encode()[: LONGEST - len(suffix)].decode(errors="ignore") + suffix


def make_reading_login(connection: Connection) -> str | None:
    """Make the login where there is none, and let it read what is new; some catalog queries when all is so.

    Returns why there is none, and says so in the database too: it is not a reason to stop a migration.
    """
    name = name_of(connection.info.dbname)
    try:
        with connection.transaction():
            locks.wait_in_transaction(connection, locks.READING_LOGIN)
            trouble = _make(connection, name)
            if trouble is None:
                let_it_read(connection, name)
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        said = error.diag.message_primary or str(error)
        trouble = f"The login {name} could not be made, or be let read: {said}."
    connection.execute(
        "INSERT INTO reading_login (trouble) SELECT %(trouble)s::text WHERE NOT EXISTS (SELECT FROM reading_login)",
        {"trouble": trouble},
    )
    connection.execute(
        "UPDATE reading_login SET trouble = %(trouble)s WHERE trouble IS DISTINCT FROM %(trouble)s",
        {"trouble": trouble},
    )
    return trouble


def reading_login(connection: Connection) -> Login | str:
    """The login, as its owner finds it; or why there is none.

    A copied database is read by its original's until it is migrated; a restored one may have a password of before.
    """
    row = connection.execute("SELECT name, password, trouble FROM reading_login").fetchone()
    if row is None or row[2] is not None or row[0] is None:
        return row[2] if row is not None and row[2] else "None was made yet."
    name, password, _ = row
    if _comment(connection, name) != _mark(password):
        return f"The login {name} is not the one that was made with this database."
    return Login(name, password)


def _make(connection: Connection, name: str) -> str | None:
    """Make the role, or take ours of an earlier database of the name; returns why that can't be."""
    row = connection.execute(_STATE).fetchone()
    assert row is not None  # noqa: S101 - the role that asks
    user, may_make_roles, known, password = row
    exists = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,)).rowcount == 1
    comment = _comment(connection, name)
    if exists and known == name and comment == _mark(password):
        return None
    if exists and not (comment or "").startswith(OURS):
        return f"The role {name} is there already, and is somebody else's."
    if not may_make_roles:
        return f"The role {user} may not make roles."
    password = secrets.token_urlsafe(24)
    make_role(connection, name, password, _mark(password), new=not exists)
    connection.execute("DELETE FROM reading_login")
    connection.execute("INSERT INTO reading_login (name, password) VALUES (%s, %s)", (name, password))
    return None


def make_role(connection: Connection, name: str, password: str, comment: str, *, new: bool) -> None:
    """Make the role, or give one that is there (new=False) this password and comment."""
    role = sql.Identifier(name)
    # Hashed here: a statement may be written to the server's log. Without an algorithm libpq would ask the server, and
    # hold the whole process until it answers.
    hashed = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    for statement in (
        sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
            sql.SQL("CREATE" if new else "ALTER"), role, sql.Literal(hashed)
        ),
        sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(role),
        sql.SQL("COMMENT ON ROLE {} IS {}").format(role, sql.Literal(comment)),
    ):
        connection.execute(statement)


def let_it_read(connection: Connection, name: str) -> None:
    """Grant what it lacks: all tables and views of the owner's in our schemas, also those that are made later."""
    role, given = sql.Identifier(name), {"name": name}
    if connection.execute(
        "SELECT has_database_privilege(%s, current_database(), 'CONNECT')", (name,)
    ).fetchone() == (False,):
        database = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, role))
    for (schema,) in connection.execute(_CLOSED_SCHEMAS, given).fetchall():
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), role))
    tables = [sql.Identifier(*row) for row in connection.execute(_UNREADABLE, given).fetchall()]
    if tables:
        connection.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(sql.SQL(", ").join(tables), role))
    for (routine,) in connection.execute(_UNCALLABLE, given).fetchall():
        connection.execute(sql.SQL("GRANT EXECUTE ON ROUTINE {} TO {}").format(sql.SQL(routine), role))
    if not connection.execute(_BY_DEFAULT, given).rowcount:
        row = connection.execute("SELECT current_schema()").fetchone()
        schema = sql.Identifier(row[0] if row else "public")
        connection.execute(
            sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA {} GRANT SELECT ON TABLES TO {}").format(schema, role)
        )
    connection.execute(sql.SQL("REVOKE ALL ON reading_login FROM {}").format(role))


def _comment(connection: Connection, name: str) -> str | None:
    row = connection.execute(
        "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = %s", (name,)
    ).fetchone()
    return row[0] if row else None


def _mark(password: str | None) -> str:
    """The comment of the role with this password: so that a copied or restored database is seen not to know it."""
    return f"{OURS} {hashlib.sha256((password or '').encode()).hexdigest()[:16]}"
