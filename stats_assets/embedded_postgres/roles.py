"""The embedded server's roles: a superuser, by whom only the server's own process works, and `stats`, the owner.

In a directory of before, `stats` is the superuser that initdb made, which no one can demote: it gets another name, and
a new `stats` all that it owned. Who may come in at all is said by the socket's folder (place.py).
"""

import psycopg
from psycopg import sql

from stats_assets.embedded_postgres.place import DATABASE, ROLE

SUPERUSER = "stats_superuser"
HELPER = "stats_changeover"  # nobody renames himself
RIGHTS = "LOGIN CREATEDB CREATEROLE"
ITS_ROLES = "SET createrole_self_grant = 'set, inherit'"  # it may be whom it makes, as before
UNDONE = "not all that it owned is the role stats's yet"
BOOTSTRAP = 10  # the oid of initdb's role

# Not what only a superuser may own, nor what an extension brought, nor what goes with its table.
_OWNED = """
WITH owned AS (
    SELECT 'pg_class'::regclass AS catalog, oid FROM pg_class
    WHERE relowner = %(of)s AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE proowner = %(of)s
    UNION ALL SELECT 'pg_type'::regclass, t.oid FROM pg_type AS t LEFT JOIN pg_class AS c ON c.oid = typrelid
    WHERE typowner = %(of)s AND (typtype IN ('b', 'd', 'e', 'r', 'm') OR relkind = 'c')
        AND NOT EXISTS (SELECT FROM pg_type AS element WHERE element.typarray = t.oid)
    UNION ALL SELECT 'pg_namespace'::regclass, oid FROM pg_namespace WHERE nspowner = %(of)s
    UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator WHERE oprowner = %(of)s
    UNION ALL SELECT 'pg_opclass'::regclass, oid FROM pg_opclass WHERE opcowner = %(of)s
    UNION ALL SELECT 'pg_opfamily'::regclass, oid FROM pg_opfamily WHERE opfowner = %(of)s
    UNION ALL SELECT 'pg_collation'::regclass, oid FROM pg_collation WHERE collowner = %(of)s
    UNION ALL SELECT 'pg_conversion'::regclass, oid FROM pg_conversion WHERE conowner = %(of)s
    UNION ALL SELECT 'pg_ts_config'::regclass, oid FROM pg_ts_config WHERE cfgowner = %(of)s
    UNION ALL SELECT 'pg_ts_dict'::regclass, oid FROM pg_ts_dict WHERE dictowner = %(of)s
    UNION ALL SELECT 'pg_statistic_ext'::regclass, oid FROM pg_statistic_ext WHERE stxowner = %(of)s
    UNION ALL SELECT 'pg_foreign_server'::regclass, oid FROM pg_foreign_server WHERE srvowner = %(of)s
    UNION ALL SELECT 'pg_largeobject'::regclass, oid FROM pg_largeobject_metadata WHERE lomowner = %(of)s
)
SELECT format('ALTER %%s %%s OWNER TO ', CASE
        WHEN catalog = 'pg_proc'::regclass THEN 'ROUTINE'
        WHEN catalog = 'pg_statistic_ext'::regclass THEN 'STATISTICS'
        ELSE i.type END, i.identity)
FROM owned CROSS JOIN LATERAL pg_identify_object(catalog, oid, 0) AS i
WHERE (oid >= 16384 OR catalog = 'pg_largeobject'::regclass)
    AND i.schema IS DISTINCT FROM 'pg_toast' AND NOT coalesce(i.schema LIKE 'pg\\_temp%%', false)
    AND NOT EXISTS (
        SELECT FROM pg_depend AS d WHERE d.classid = catalog AND d.objid = owned.oid
            AND (d.deptype = 'e' OR i.type = 'sequence' AND d.deptype IN ('a', 'i'))
    )
"""


def as_superuser(url: str, database: str = "postgres") -> str:
    """The URL for the superuser, made of the owner's."""
    return _by(url, SUPERUSER, database)


def make_roles(url: str) -> None:
    """Make `stats` and its database where they are not; what was begun and killed is done to its end.

    Raises psycopg.OperationalError as long as the server can't be used, or what has to change is locked.
    """
    try:
        connection = _connect(as_superuser(url))
    except psycopg.OperationalError:
        _rename_superuser(url)
        connection = _connect(as_superuser(url))
    with connection:
        connection.execute(f"DROP ROLE IF EXISTS {HELPER}".encode())
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (ROLE,)).rowcount:
            with connection.transaction():
                connection.execute(f"CREATE ROLE {ROLE} {RIGHTS}".encode())
                connection.execute(f"ALTER ROLE {ROLE} {ITS_ROLES}".encode())
        if not connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).rowcount:
            connection.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}".encode())
        row = connection.execute("SELECT shobj_description(%s, 'pg_authid')", (BOOTSTRAP,)).fetchone()
        if row == (UNDONE,):
            _give_all(connection, url)
            connection.execute(f"COMMENT ON ROLE {SUPERUSER} IS NULL".encode())


def _rename_superuser(url: str) -> None:
    """Where `stats` is the superuser: that gets another name, and its settings are the new one's. Else an error."""
    with _connect(_by(url, ROLE)) as connection:
        if connection.execute("SELECT %s = current_user::regrole", (BOOTSTRAP,)).fetchone() != (True,):
            raise psycopg.OperationalError(f"no role {SUPERUSER}")
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (HELPER,)).rowcount:
            connection.execute(f"CREATE ROLE {HELPER} LOGIN SUPERUSER".encode())
    with _connect(_by(url, HELPER)) as connection, connection.transaction():
        connection.execute(f"ALTER ROLE {ROLE} RENAME TO {SUPERUSER}".encode())
        connection.execute(f"CREATE ROLE {ROLE} {RIGHTS}".encode())
        connection.execute(
            "UPDATE pg_db_role_setting SET setrole = %s::text::regrole WHERE setrole = %s", (ROLE, BOOTSTRAP)
        )
        connection.execute(f"ALTER ROLE {ROLE} {ITS_ROLES}".encode())
        connection.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(sql.Identifier(SUPERUSER), UNDONE))


def _give_all(connection: psycopg.Connection, url: str) -> None:
    owner = sql.Identifier(ROLE)
    rows = connection.execute(
        "SELECT datname, datdba = %s, datallowconn FROM pg_database WHERE datname NOT IN ('template0', 'template1')"
        " OR datname = 'template1' AND datallowconn",
        (BOOTSTRAP,),
    ).fetchall()
    for database, ours, open_to_all in rows:
        if ours and database != "template1":
            connection.execute(
                sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(database), owner)
            )
        if open_to_all:
            with _connect(as_superuser(url, database)) as inside:
                for (statement,) in inside.execute(_OWNED, {"of": BOOTSTRAP}).fetchall():
                    inside.execute(sql.SQL(statement) + owner)


def _connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url, autocommit=True, connect_timeout=10, options="-c lock_timeout=10s")


def _by(url: str, role: str, database: str = "postgres") -> str:
    return url.replace(f"//{ROLE}@/{DATABASE}?", f"//{role}@/{database}?")
