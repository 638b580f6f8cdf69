"""The login by which a deployment's pages read the statistics: name and password are given, as a deployment keeps them.

The reading login, whose password the database keeps itself, is reading_login.py's; that of Dagster's records is
records_login.py's.
"""

from typing import Final

from psycopg.conninfo import conninfo_to_dict

from stats_assets.database import locks
from stats_assets.database.connection import DatabaseUnreachable, connect
from stats_assets.database.looking import more_than_reading
from stats_assets.database.reading_login import let_it_read
from stats_assets.database.records_login import NoRecordsLogin, bring_role

OURS: Final = (
    "stats-assets: may only read the statistics, for pages"  # a role's comment; without it, not ours
)


def let_read(owner: str, reader: str) -> bool:
    """Make the pages' login where it lacks, and let it read all that the reading login may.

    Both are URLs: the reader's may be a replica's, which has the role when it has caught up. False: they are one login.
    Raises NoRecordsLogin where it can't be made, or may do more than read; DatabaseUnreachable.
    """
    given = conninfo_to_dict(reader)
    name, password = str(given.get("user") or ""), str(given.get("password") or "")
    with connect(owner) as connection, connection.transaction():
        locks.wait_in_transaction(connection, locks.READING_LOGIN)
        if connection.info.user == name:
            return False
        bring_role(connection, owner, name, password, OURS, "the pages")
        let_it_read(connection, name)
    try:
        with connect(reader) as looking:
            more = more_than_reading(looking)
    except DatabaseUnreachable:  # said by the pages themselves, for as long as it is so
        return True
    if more:
        raise NoRecordsLogin(
            f"The role {name} is for the pages, and {', '.join(more)}: take that from it, or name another."
        )
    return True
