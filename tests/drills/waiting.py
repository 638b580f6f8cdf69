"""Waiting for what processes do in their own time. How long is no measure: it only ends what would never end."""

import time
from collections.abc import Callable
from typing import TypeVar

import psycopg

from stats_assets.database.connection import DatabaseUnreachable

PATIENCE = 240.0
"""Seconds for what takes long on a busy machine."""
UNREACHABLE = (OSError, psycopg.OperationalError, psycopg.InterfaceError, DatabaseUnreachable)
T = TypeVar("T")


def until(condition: Callable[[], T | None], what: str, seconds: float = PATIENCE) -> T:
    """Wait for it; what can't be reached meanwhile is waited for, too. Returns what the condition did."""
    limit = time.monotonic() + seconds
    trouble: Exception | None = None
    while True:
        try:
            if found := condition():
                return found
            trouble = None
        except UNREACHABLE as error:
            trouble = error
        assert time.monotonic() < limit, f"waited {seconds:.0f} s in vain: {what} ({trouble})"
        time.sleep(0.1)
