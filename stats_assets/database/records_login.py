"""The login by which a UI in which nothing can be changed looks at Dagster's records: it may only SELECT.

Its name and password are given, as a deployment keeps them. How such a role is made is given_login.py's, the
statistics' reading login reading_login.py's.
"""

from psycopg import errors, sql

from stats_assets.database import given_login
from stats_assets.database.connection import Connection


def let_read(owner: str, reader: str) -> bool:
    """Make the reader's login where it lacks, and let it read all tables that are, and will be, the owner's.

    Both are URLs of Dagster's database. False: they are the same login. A role that is somebody else's keeps its
    password. Raises GivenLoginError, DatabaseUnreachable.
    """
    if not given_login.let_read(owner, reader, PURPOSE):
        return False
    given_login.check_only_reads(reader, PURPOSE)
    return True


def _grant(connection: Connection, name: str) -> None:
    """Dagster's next tables are readable by default: its own migrations come after ours."""
    row = connection.execute("SELECT current_schema()::text").fetchone()
    of, role = sql.Identifier((row and row[0]) or "public"), sql.Identifier(name)
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


PURPOSE = given_login.Purpose("the read-only UI", "stats-assets: may only read Dagster's records", _grant)
