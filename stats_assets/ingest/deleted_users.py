"""OpenStreetMap's list of deleted users, read and applied: who is on it is hidden, as their data rights ask."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from stats_assets.database.connection import Connection, clock
from stats_assets.database.hidden_people import DeletedUsers, last_read, replace_deleted
from stats_assets.feeds.deleted_users import fetch, ids
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.outcomes import BadAnswer

AGAIN = timedelta(hours=20)
"""The list is made once a day: no sooner is it asked for again."""
LEAST = 0.9
"""A list shorter than this part of the one before is not believed: whom it leaves out would be shown again."""


def refresh(connection: Connection, http: Http, url: str, *, again: bool = False) -> DeletedUsers | datetime:
    """Read the list and hide who is on it; when it was read, where that is not long ago.

    again: read it whenever it was read. Raises FeedError: then all is as it was.
    """
    before = last_read(connection)
    if before is not None and not again and clock(connection) - before[0] < AGAIN:
        return before[0]
    with TemporaryDirectory(prefix="stats-assets-") as folder:
        path = Path(folder) / "users_deleted.txt"
        fetch(http, url, path)
        return replace_deleted(connection, _counted(ids(path, url), url, before[1] if before else 1))


def _counted(listed: Iterator[int], url: str, before: int) -> Iterator[int]:
    number = 0
    for number, user_id in enumerate(listed, 1):  # noqa: B007 - how many there were
        yield user_id
    if number < before * LEAST:
        raise BadAnswer(url, f"a list of {number:,} users, where {before:,} were before: not believed")
