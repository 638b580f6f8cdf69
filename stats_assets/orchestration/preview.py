"""Dagster's preview of a tick ("Preview tick result", `dagster sensor preview`): the tick's own code, nothing written.

Here: how a preview is told from a tick, and the transaction that is rolled back. What a tick does is the sensors'.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from dagster import SensorEvaluationContext
from psycopg import errors

from stats_assets.database.connection import Connection
from stats_assets.database.looking import SchemaNotReady
from stats_assets.system import Stats

LOCK_WAIT = "2s"  # so long a preview waits for what others have locked
SAID: Final = "A preview: nothing was changed."


class PreviewImpossible(Exception):
    """What the tick would do can't be tried now; the message says why."""


def is_preview(context: SensorEvaluationContext) -> bool:
    """Whether the evaluation is a preview.

    The daemon passes a log key whose last part is its tick's id. For a preview Dagster makes one up, whose last part is
    the time. A context made in code, without any repository, is a tick.
    """
    if context.repository_name is None:
        return False
    return not (context.log_key and context.log_key[-1].isdecimal())


@contextmanager
def opened(stats: Stats, preview: bool) -> Iterator[Connection]:
    """The database as a tick has it, or as a preview finds it. Raises PreviewImpossible where no schema is ready."""
    try:
        connection = stats.look(may_write=True) if preview else stats.connect()
    except SchemaNotReady as error:
        raise PreviewImpossible(str(error)) from None
    with connection:
        yield connection


@contextmanager
def rolled_back(connection: Connection, *, really: bool = True) -> Iterator[None]:
    """A transaction that leaves nothing, whatever is written in it. really: False: no transaction at all.

    Raises PreviewImpossible where somebody else holds what it would write, or the role may not write.
    """
    if not really:
        yield
        return
    try:
        with connection.transaction(force_rollback=True):
            connection.execute("SELECT set_config('lock_timeout', %s, true)", (LOCK_WAIT,))
            yield
    except errors.LockNotAvailable:
        raise PreviewImpossible("A tick or a run is at it just now; ask again in a moment.") from None
    except (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction) as error:
        raise PreviewImpossible(
            f"This database role may not try what a tick does: {error.diag.message_primary}."
        ) from None
