"""The login by which a UI in which nothing can be changed looks at Dagster's records: it may only SELECT.

Its name and password are given, as a deployment keeps them. The statistics' reading login is reading_login.py's.
"""

from typing import Final

from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict

from stats_assets.database import locks
from stats_assets.database.connection import Connection, connect, without_password
from stats_assets.database.looking import more_than_reading
from stats_assets.mendable import Mendable

OURS: Final = "stats-assets: may only read Dagster's records"  # a role's comment; without it, not ours

_STATE = """
SELECT current_user::text, rolsuper OR rolcreaterole,
    (SELECT coalesce(shobj_description(r.oid, 'pg_authid'), '') FROM pg_roles AS r WHERE r.rolname = %(name)s)
FROM pg_roles WHERE rolname = current_user
"""


class NoRecordsLogin(Mendable):
    """The login can't be made, or may do more than read; the message says what to do."""


def let_read(owner: str, reader: str) -> bool:
    """Make the reader's login where it lacks, and let it read all tables that are, and will be, the owner's.

    Both are URLs of Dagster's database. False: they are the same login. A role that is somebody else's keeps its
    password. Raises NoRecordsLogin, DatabaseUnreachable.
    """
    given = conninfo_to_dict(reader)
    name, password = str(given.get("user") or ""), str(given.get("password") or "")
    with connect(owner) as connection, connection.transaction():
        locks.wait_in_transaction(connection, locks.READING_LOGIN)
        if connection.info.user == name:
            return False
        bring_role(connection, owner, name, password, OURS, "the read-only UI")
        row = connection.execute("SELECT current_schema()::text").fetchone()
        _grant(connection, name, (row and row[0]) or "public")
    with connect(reader) as looking:
        more = more_than_reading(looking)
    if more:
        raise NoRecordsLogin(
            f"The role {name} is for the read-only UI, and {', '.join(more)}: take that from it, or name another."
        )
    return True


def bring_role(connection: Connection, owner: str, name: str, password: str, ours: str, whose: str) -> None:
    """Make the login where it lacks; one with this comment is given the password, another's is left as it is.

    whose: what it is for, in words. Raises NoRecordsLogin where there is none, and none can be made.
    """
    row = connection.execute(_STATE, {"name": name}).fetchone()
    assert row is not None  # noqa: S101 - the role that asks
    user, may_make_roles, comment = row
    if comment is None and not may_make_roles:
        raise NoRecordsLogin(
            f"There is no role {name} for {whose}, and {user} may not make one in {without_password(owner)}."
            f" Let an administrator do it: CREATE ROLE {name} LOGIN PASSWORD '…'"
        )
    if comment is None or comment == ours:
        _make(connection, name, password, ours, new=comment is None)


def _make(connection: Connection, name: str, password: str, ours: str, *, new: bool) -> None:
    role = sql.Identifier(name)
    hashed = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    for statement in (
        sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
            sql.SQL("CREATE" if new else "ALTER"), role, sql.Literal(hashed)
        ),
        sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(role),
        sql.SQL("COMMENT ON ROLE {} IS {}").format(role, sql.Literal(ours)),
    ):
        connection.execute(statement)


def _grant(connection: Connection, name: str, schema: str) -> None:
    """Dagster's next tables are readable by default: its own migrations come after ours."""
    of, role = sql.Identifier(schema), sql.Identifier(name)
    try:
        with connection.transaction():  # as who may only use the database can't
            connection.execute(
                sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                    sql.Identifier(connection.info.dbname), role
                )
            )
            connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(of, role))
    except errors.InsufficientPrivilege:
        pass
    connection.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(of, role))
    connection.execute(
        sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA {} GRANT SELECT ON TABLES TO {}").format(of, role)
    )
