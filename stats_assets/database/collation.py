"""Whether the operating system has changed the order of texts since the database was made; PostgreSQL only warns of it.

Our own keys don't depend on that order (revision 0005); indexes of the operator's on our tables may.
"""

from stats_assets.database.connection import Connection


def collation_warning(connection: Connection) -> str | None:
    """What a person should know and do; None: nothing has changed, or the database's order has no versions."""
    row = connection.execute(
        "SELECT datname, datcollversion, pg_database_collation_actual_version(oid) FROM pg_database"
        " WHERE datname = current_database()"
    ).fetchone()
    if row is None or None in row or row[1] == row[2]:
        return None
    name, made, now = row
    return (
        f"The order of texts has changed under the database {name}, from version {made} to {now}: the operating system"
        " was upgraded. The statistics' keys don't depend on it; indexes of your own on texts may be wrong. REINDEX"
        f' them, then: ALTER DATABASE "{name}" REFRESH COLLATION VERSION.'
    )
