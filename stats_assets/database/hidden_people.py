"""Who is not shown: who asked, and who is on OpenStreetMap's list of deleted users. Sums keep their edits.

Where they are left out is database/answers/ and web/osmesa.py; reading the list is feeds/deleted_users.py.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, NamedTuple

from stats_assets.database.connection import Connection

Reason = Literal["asked", "deleted"]


class Hidden(NamedTuple):
    """One reason of one user's."""

    user_id: int
    name: str | None
    """As it is known here, if it is."""
    reason: Reason
    since: datetime


class DeletedUsers(NamedTuple):
    """What a reading of the list changed."""

    listed: int
    """How many are on it."""
    known: int
    """Of how many of them something is here."""
    added: int
    removed: int


def hidden_ids(connection: Connection) -> list[int]:
    """All who are not shown, in order."""
    rows = connection.execute("SELECT DISTINCT user_id FROM hidden_people ORDER BY 1").fetchall()
    return [row[0] for row in rows]


def hide(connection: Connection, user_id: int) -> bool:
    """From now on; False: was so already."""
    return (
        connection.execute(
            "INSERT INTO hidden_people (user_id, reason) VALUES (%s, 'asked') ON CONFLICT DO NOTHING",
            (user_id,),
        ).rowcount
        == 1
    )


def show(connection: Connection, user_id: int) -> bool:
    """Take back what was asked; False: nothing was."""
    return (
        connection.execute(
            "DELETE FROM hidden_people WHERE user_id = %s AND reason = 'asked'", (user_id,)
        ).rowcount
        == 1
    )


def reasons(connection: Connection, user_id: int) -> set[str]:
    """Why a user is not shown; none: is shown."""
    rows = connection.execute("SELECT reason FROM hidden_people WHERE user_id = %s", (user_id,)).fetchall()
    return {row[0] for row in rows}


def hidden_people(connection: Connection, *reasons: Reason) -> list[Hidden]:
    """Those who are hidden for these reasons, by id."""
    rows = connection.execute(
        "SELECT user_id, (SELECT name FROM users WHERE id = user_id), reason, since FROM hidden_people"
        " WHERE reason = ANY (%s) ORDER BY 1, 3",
        (list(reasons),),
    ).fetchall()
    return [Hidden(*row) for row in rows]


def last_read(connection: Connection) -> tuple[datetime, int] | None:
    """When the list of deleted users was read last, and how many were on it; None: never."""
    row = connection.execute("SELECT read_at, listed FROM deleted_users_list").fetchone()
    return (row[0], row[1]) if row else None


def replace_deleted(connection: Connection, listed: Iterable[int]) -> DeletedUsers:
    """Hide, of those on the list, who is known here; show again who is not on it any more. In one transaction."""
    with connection.transaction():
        connection.execute("CREATE TEMP TABLE listed (user_id bigint) ON COMMIT DROP")
        number = 0
        with connection.cursor() as cursor, cursor.copy("COPY listed FROM STDIN") as copy:
            for number, user_id in enumerate(listed, 1):  # noqa: B007 - how many there were
                copy.write_row((user_id,))
        connection.execute("ANALYZE listed")
        removed = connection.execute(
            "DELETE FROM hidden_people AS h WHERE reason = 'deleted'"
            " AND NOT EXISTS (SELECT FROM listed AS l WHERE l.user_id = h.user_id)"
        ).rowcount
        added = connection.execute(
            "INSERT INTO hidden_people (user_id, reason) SELECT DISTINCT user_id, 'deleted' FROM listed AS l"
            " WHERE EXISTS (SELECT FROM users WHERE id = l.user_id) OR EXISTS (SELECT FROM aggregates_ranked"
            " WHERE owner = 'user' AND owner_id = l.user_id AND member_id = 0) ON CONFLICT DO NOTHING"
        ).rowcount
        connection.execute(
            "INSERT INTO deleted_users_list (read_at, listed) VALUES (clock_timestamp(), %s)"
            " ON CONFLICT (one) DO UPDATE SET read_at = excluded.read_at, listed = excluded.listed",
            (number,),
        )
        row = connection.execute("SELECT count(*) FROM hidden_people WHERE reason = 'deleted'").fetchone()
    return DeletedUsers(number, row[0] if row else 0, added, removed)
