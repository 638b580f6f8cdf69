"""What the alert hooks were told, in the database: a restart neither repeats an alert nor loses one.

What a book is, is monitoring/alert_books.py's; when a hook is told what, monitoring/alerts.py's.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from psycopg.rows import class_row

from stats_assets.database import locks
from stats_assets.database.connection import Connection
from stats_assets.words import at


@dataclass(frozen=True)
class Told:
    """What is told of a problem."""

    key: str
    """The same for as long as it is the same problem."""
    kind: str
    stream: str | None
    size: int
    """How many, or how bad."""
    said: str
    """What is wrong."""
    todo: str
    """What a person can do."""
    ended: str
    """What is said once it is over."""


@dataclass(frozen=True)
class Entry(Told):
    """A problem in the book of a hook."""

    since: datetime
    """When it was first seen."""
    due: bool = False
    """It has to be told."""
    told_at: datetime | None = None
    """When the hook was told last; None: never."""
    told_size: int = 0
    """How big it was when it was told last, or has been since."""
    gone_at: datetime | None = None
    """It has not been seen since then."""
    tried_at: datetime | None = None
    """When telling it failed last."""


@dataclass(frozen=True)
class HookState:
    """A hook that is set."""

    hook: str
    looked_at: datetime
    delivered_at: datetime | None = None
    failed_at: datetime | None = None
    """When it failed last."""
    failure: str | None = None
    """How it failed then."""
    retry_at: datetime | None = None
    """It is left alone until then."""

    @property
    def sentence(self) -> str:
        """How it failed, as a person is told."""
        if self.failed_at is None:
            return f"{self.hook} works."
        again = f"at {at(self.retry_at, self.looked_at)}, as it asks" if self.retry_at else "each minute"
        return (
            f"Alerts are not delivered since {self.failed_at:%Y-%m-%d %H:%M} UTC: {(self.failure or '').rstrip('.')}."
            f" They are kept, and tried again {again}; stats-assets alerts --test tries it now."
        )


ENTRY = tuple(one.name for one in fields(Entry))
STATE = tuple(one.name for one in fields(HookState))


class RoundBusy(Exception):
    """Another round is telling the hooks just now; the message says so."""


@contextmanager
def alone(connection: Connection) -> Iterator[None]:
    """One round at a time, of the daemon's and whoever else's. Raises RoundBusy."""
    if not locks.try_for(connection, locks.ALERT_ROUND):
        raise RoundBusy("Another round is telling the alert hooks just now; the next one goes on.")
    try:
        yield
    finally:
        locks.release(connection, locks.ALERT_ROUND)


def hook_states(connection: Connection) -> list[HookState]:
    """The hooks that are set."""
    with connection.cursor(row_factory=class_row(HookState)) as cursor:
        return cursor.execute(f"SELECT {', '.join(STATE)} FROM alert_hooks ORDER BY hook".encode()).fetchall()  # noqa: S608


def may_keep(connection: Connection) -> bool:
    """Whether the connection's role may write the book."""
    row = connection.execute(
        "SELECT bool_and(has_table_privilege(name, right_)) FROM unnest('{alerts,alert_hooks}'::text[]) AS name,"
        " unnest('{INSERT,UPDATE,DELETE}'::text[]) AS right_"
    ).fetchone()
    return row == (True,)


class DatabaseBook:
    """The book, over a connection that may write."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def entries(self, hook: str) -> dict[str, Entry]:
        with self._connection.cursor(row_factory=class_row(Entry)) as cursor:
            found = cursor.execute(f"SELECT {', '.join(ENTRY)} FROM alerts WHERE hook = %s".encode(), (hook,))  # noqa: S608
            return {entry.key: entry for entry in found}

    def put(self, hook: str, key: str, entry: Entry | None) -> None:
        if entry is None:
            self._connection.execute("DELETE FROM alerts WHERE hook = %s AND key = %s", (hook, key))
            return
        self._upsert("alerts", "hook, key", {"hook": hook} | asdict(entry))

    def states(self) -> dict[str, HookState]:
        return {state.hook: state for state in hook_states(self._connection)}

    def put_state(self, state: HookState) -> None:
        self._upsert("alert_hooks", "hook", asdict(state))

    def keep_only(self, hooks: Sequence[str]) -> None:
        for table in ("alerts", "alert_hooks"):
            self._connection.execute(f"DELETE FROM {table} WHERE hook <> ALL (%s)".encode(), (list(hooks),))  # noqa: S608

    def _upsert(self, table: str, key: str, row: dict[str, object]) -> None:
        names = ", ".join(row)
        given = ", ".join(f"%({name})s" for name in row)
        changed = ", ".join(f"{name} = excluded.{name}" for name in row)
        self._connection.execute(
            f"INSERT INTO {table} ({names}) VALUES ({given}) ON CONFLICT ({key}) DO UPDATE SET {changed}".encode(),  # noqa: S608
            row,
        )
