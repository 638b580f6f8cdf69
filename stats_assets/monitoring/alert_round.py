"""A round of alerts: what is wrong is looked at, and each hook that is set is told what it does not know yet.

By the daemon's sensor (orchestration/alert_sensor.py), or a command from outside of it. A hook that fails is told in
the next round; nothing waits for it but the round. What is told when is alerts.py's.
"""

import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dagster import DagsterInstance
from sqlalchemy.exc import SQLAlchemyError

from stats_assets.database.alert_book import DatabaseBook, HookState, alone, hook_states
from stats_assets.database.connection import Connection, DatabaseUnreachable, clock
from stats_assets.database.failures import named
from stats_assets.database.looking import SchemaNotReady
from stats_assets.embedded_postgres.access import EmbeddedServerError
from stats_assets.monitoring import cloudwatch
from stats_assets.monitoring import status as standing
from stats_assets.monitoring.alert_books import Book, FileBook
from stats_assets.monitoring.alert_hooks import Hook, HookFailed, hooks_of
from stats_assets.monitoring.alerts import UI, Message, Problem, message, one_line, step, told, trial_message
from stats_assets.monitoring.failing_jobs import failing_jobs
from stats_assets.monitoring.problems import outage, problems, without_dagster
from stats_assets.monitoring.switches import switches_of
from stats_assets.osm.categories import CategoriesError
from stats_assets.osm.regions import RegionsError
from stats_assets.root import is_demo
from stats_assets.system import Stats

ROUND = 20.0  # seconds, after which a round begins no further delivery: Dagster gives a tick a minute
LONGEST_AWAY = timedelta(days=1)  # failed runs that nobody looked at are not told of later
OUTAGES = (DatabaseUnreachable, EmbeddedServerError, SchemaNotReady, CategoriesError, RegionsError)


@dataclass
class Round:
    """What became of a round."""

    standing: list[str] = field(default_factory=list)
    """Problems."""
    delivered: list[str] = field(default_factory=list)
    """Texts."""
    failures: list[str] = field(default_factory=list)
    """Of hooks, each with its name, and of a book that can't be kept."""
    waiting: int = 0

    def __str__(self) -> str:
        parts = [f"Told: {text}" for text in self.delivered]
        parts += [f"{one.rstrip('.')}." for one in self.failures]
        if self.waiting:
            parts.append(f"{self.waiting} alerts wait for the next round.")
        if not parts:
            many = len(self.standing)
            parts = [
                f"Nothing new: {many} problems stand ({', '.join(self.standing)})."
                if many
                else "All is fine."
            ]
        return " ".join(parts)


def found_now(stats: Stats, dagster: DagsterInstance | str, connection: Connection) -> dict[str, Problem]:
    """What is wrong now. dagster: its instance, or why there is none. Raises what OUTAGES names."""
    now = datetime.now(UTC)
    looked = [state.looked_at for state in hook_states(connection)]
    lately = now - timedelta(minutes=cloudwatch.FAILED_MINUTES)
    since = max(min([lately, *looked]), now - LONGEST_AWAY)
    try:
        if isinstance(dagster, DagsterInstance):
            status = standing.of(stats, switches_of(dagster))
            return problems(status, cloudwatch.of_dagster(dagster, now), failing_jobs(dagster, since))
    except SQLAlchemyError as error:
        dagster = one_line(str(error))
    gone = without_dagster(dagster)
    return problems(standing.of(stats), cloudwatch.Dagster(None, 0), ()) | {gone.key: gone}


def tell(stats: Stats, dagster: DagsterInstance | str, hooks: Sequence[Hook] | None = None) -> Round:
    """One round; dagster: its instance, or why there is none.

    Raises RoundBusy.
    """
    given, result = hooks_of(stats.settings) if hooks is None else hooks, Round()
    until = time.monotonic() + ROUND
    found: dict[str, Problem] = {}
    try:
        with named(), stats.look(may_write=True) as connection, alone(connection):
            book, now = DatabaseBook(connection), clock(connection)
            go(book, given, found_now(stats, dagster, connection), now, until, result)
    except OUTAGES as error:
        found = {"outage": outage(str(error))}
    folder = stats.settings.stats_data_dir
    if found or FileBook.is_there(folder):
        kept = FileBook(folder)
        go(kept, given, found, datetime.now(UTC), until, result)
        if kept.trouble:
            result.failures.append(kept.trouble)
    return result


def go(
    book: Book,
    hooks: Sequence[Hook],
    found: Mapping[str, Problem],
    now: datetime,
    until: float,
    result: Round,
) -> None:
    """Tell each hook what its book lacks; until: when no further delivery is begun, by time.monotonic."""
    result.standing += found
    book.keep_only([hook.name for hook in hooks])
    for hook in hooks:
        _tell_one(book, hook, found, now, until, result)


def _tell_one(
    book: Book, hook: Hook, found: Mapping[str, Problem], now: datetime, until: float, result: Round
) -> None:
    state = book.states().get(hook.name)
    state = HookState(hook.name, now) if state is None else replace(state, looked_at=now)
    entries = book.entries(hook.name)
    due = []
    for key in sorted({*entries, *found}):
        entry, change = step(entries.get(key), found.get(key), now)
        if entry != entries.get(key):
            book.put(hook.name, key, entry)
        if entry is not None and change is not None:
            due.append((entry, change))
    # One that can't be delivered must not hold up the others for ever.
    due.sort(key=lambda one: (one[0].tried_at or datetime.min.replace(tzinfo=UTC), one[0].since, one[0].key))
    left_alone = state.retry_at is not None and now < state.retry_at
    for number, (entry, change) in enumerate(due):
        if left_alone or time.monotonic() > until:
            result.waiting += len(due) - number
            break
        words = message(entry, change, now, where(), os.environ.get(UI))
        try:
            hook.deliver(words)
        except (HookFailed, OSError) as failure:
            wait = failure.retry_after if isinstance(failure, HookFailed) else None
            retry_at = None if wait is None else now + timedelta(seconds=wait)
            book.put(hook.name, entry.key, replace(entry, tried_at=now))
            state = replace(state, failed_at=state.failed_at or now, failure=str(failure), retry_at=retry_at)
            result.failures.append(str(failure))
            result.waiting += len(due) - number
            break
        book.put(hook.name, entry.key, told(entry, change, now))
        result.delivered.append(words.text)
        state = replace(state, delivered_at=now)
    else:
        if due:
            state = replace(state, failed_at=None, failure=None, retry_at=None)
    book.put_state(state)


def where() -> str:
    """Which installation speaks."""
    host = socket.gethostname()
    return f"stats-assets, the demo on {host}" if is_demo(Path.cwd()) else f"stats-assets on {host}"


def a_trial() -> Message:
    """A message that says that it is a test."""
    return trial_message(datetime.now(UTC), where(), os.environ.get(UI))
