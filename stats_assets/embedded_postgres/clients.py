"""Who is connected to an embedded server without being one of its users: psql, QGIS, a notebook.

They came by the URL that `database-url` printed and hold no lock, so the server itself is asked. What follows from it
is `lifecycle.py`'s.
"""

import contextlib
from pathlib import Path
from typing import NamedTuple

import psycopg

from stats_assets.embedded_postgres.access import FOLDER, GRACE_SECONDS, OURS, SERVER_LOCK
from stats_assets.embedded_postgres.roles import as_superuser

_CLIENTS = """
SELECT coalesce(nullif(application_name, ''), 'a program without a name'), pid,
    coalesce(usename, ''), coalesce(datname, '')
FROM pg_stat_activity
WHERE backend_type IN ('client backend', 'walsender') AND pid <> pg_backend_pid()
ORDER BY backend_start
"""
# A session counts from its first moment, also one that is over before anybody looks.
_SESSIONS = "SELECT coalesce(sum(sessions), 0)::bigint FROM pg_stat_database"


class Client(NamedTuple):
    """A session."""

    program: str
    pid: int
    """of the server's process that serves it"""
    user: str
    database: str

    def __str__(self) -> str:
        return f"{self.program} (as {self.user} in {self.database}, process {self.pid})"


class Visitors:
    """Looks over one connection, kept between looks, for whoever is or was there. Close it when users are back."""

    def __init__(self, url: str) -> None:
        self._url = as_superuser(url)
        self._connection: psycopg.Connection | None = None
        self._sessions = -1

    def look(self) -> tuple[bool, list[Client]]:
        """Whether anybody was connected since the last look, and who is. Where it can't be asked somebody may be."""
        try:
            if self._connection is None:
                self._connection = psycopg.connect(
                    self._url, autocommit=True, connect_timeout=5, application_name=OURS
                )
                # else the session of this look would be counted between two later ones
                self._connection.execute("SELECT pg_stat_force_next_flush()")
            clients = [Client(*row) for row in self._connection.execute(_CLIENTS)]
            row = self._connection.execute(_SESSIONS).fetchone()
        except psycopg.Error:
            self.close()
            return True, []
        before, self._sessions = self._sessions, row[0] if row else 0
        return bool(clients) or before != self._sessions, clients

    def close(self) -> None:
        """The next look begins anew."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
        self._connection, self._sessions = None, -1


def why_it_stays(data_directory: Path, url: str, grace: float = GRACE_SECONDS) -> str | None:
    """What to tell a person who ends the last program of ours: for whom the server stays. None: it ends by itself."""
    _, clients = (visitors := Visitors(url)).look()
    visitors.close()
    others = [client for client in clients if not client.program.startswith(OURS)]
    if not others:
        return None
    try:
        keeper = (data_directory / FOLDER / SERVER_LOCK).read_text()
    except OSError:
        keeper = ""
    many = "1 client that is" if len(others) == 1 else f"{len(others)} clients that are"
    at_once = f" To end it at once, and cut them off: kill {keeper}" if keeper.isdigit() else ""
    return (
        f"The database goes on for {many} connected: {', '.join(map(str, others[:5]))}"
        f"{', …' if len(others) > 5 else ''}. It stops {grace:g} s after the last has gone.{at_once}"
    )
