"""A login whose name and password are given, as a deployment keeps them, and that may only SELECT.

Not here: who has one, and what it may read (records_login.py, pages_login.py); the one whose password the database
keeps itself (reading_login.py).
"""

from collections.abc import Callable
from typing import NamedTuple

from psycopg.conninfo import conninfo_to_dict

from stats_assets.database import locks
from stats_assets.database.connection import Connection, connect, without_password
from stats_assets.database.looking import more_than_reading
from stats_assets.database.reading_login import make_role
from stats_assets.mendable import Mendable

_STATE = """
SELECT current_user::text, rolsuper OR rolcreaterole,
    (SELECT coalesce(shobj_description(r.oid, 'pg_authid'), '') FROM pg_roles AS r WHERE r.rolname = %(name)s)
FROM pg_roles WHERE rolname = current_user
"""


class GivenLoginError(Mendable):
    """The login can't be had: its role can't be made, or may do more than read; the message says what to do."""


class Purpose(NamedTuple):
    """What a role is for."""

    whose: str
    """In words."""
    ours: str
    """The role's comment; without it the role is somebody else's, and keeps its password."""
    grant: Callable[[Connection, str], None]
    """Lets the role of this name read."""


def let_read(owner: str, reader: str, purpose: Purpose) -> bool:
    """Make the reader's role where it lacks, and let it read. Both are URLs; False: they are one login.

    Raises GivenLoginError where it can't be made; DatabaseUnreachable of the owner's.
    """
    given = conninfo_to_dict(reader)
    name, password = str(given.get("user") or ""), str(given.get("password") or "")
    with connect(owner) as connection, connection.transaction():
        locks.wait_in_transaction(connection, locks.READING_LOGIN)
        if connection.info.user == name:
            return False
        _bring(connection, owner, name, password, purpose)
        purpose.grant(connection, name)
    return True


def check_only_reads(reader: str, purpose: Purpose) -> None:
    """Raises GivenLoginError: it may do more, as a role that was there before can; DatabaseUnreachable."""
    with connect(reader) as looking:
        more, name = more_than_reading(looking), looking.info.user
    if more:
        raise GivenLoginError(
            f"The role {name} is for {purpose.whose}, and {', '.join(more)}: take that from it, or name another."
        )


def _bring(connection: Connection, owner: str, name: str, password: str, purpose: Purpose) -> None:
    row = connection.execute(_STATE, {"name": name}).fetchone()
    assert row is not None  # noqa: S101 - the role that asks
    user, may_make_roles, comment = row
    if comment is None and not may_make_roles:
        raise GivenLoginError(
            f"There is no role {name} for {purpose.whose}, and {user} may not make one in {without_password(owner)}."
            f" Let an administrator do it: CREATE ROLE {name} LOGIN PASSWORD '…'"
        )
    if comment is None or comment == purpose.ours:
        make_role(connection, name, password, purpose.ours, new=comment is None)
