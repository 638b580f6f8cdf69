"""A step that fails for the database's sake says so in a sentence, not in a traceback.

Which sentence is database/failures.py's.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from dagster import Failure

from stats_assets.database.connection import DatabaseUnreachable
from stats_assets.database.failures import named
from stats_assets.embedded_postgres.access import EmbeddedServerError


@contextmanager
def failing(and_then: str = "") -> Iterator[None]:
    """A database that fails, refuses or can't be had inside fails the step, with what comes of it. Raises Failure."""
    try:
        with named():
            yield
    except (DatabaseUnreachable, EmbeddedServerError) as error:
        raise Failure(f"{error} {and_then}".rstrip()) from None
