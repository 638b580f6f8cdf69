"""The login by which a deployment's pages read the statistics: name and password are given, as a deployment keeps them.

The reading login, whose password the database keeps itself, is reading_login.py's; that of Dagster's records is
records_login.py's; how such a role is made is given_login.py's.
"""

from contextlib import suppress
from typing import Final

from stats_assets.database import given_login
from stats_assets.database.connection import DatabaseUnreachable
from stats_assets.database.reading_login import let_it_read

PURPOSE: Final = given_login.Purpose(
    "the pages", "stats-assets: may only read the statistics, for pages", let_it_read
)


def let_read(owner: str, reader: str) -> bool:
    """Make the pages' login where it lacks, and let it read all that the reading login may.

    Both are URLs: the reader's may be a replica's, which has the role when it has caught up. False: they are one login.
    Raises GivenLoginError where it can't be made, or may do more than read; DatabaseUnreachable.
    """
    if not given_login.let_read(owner, reader, PURPOSE):
        return False
    with suppress(DatabaseUnreachable):  # said by the pages themselves, for as long as it is so
        given_login.check_only_reads(reader, PURPOSE)
    return True
