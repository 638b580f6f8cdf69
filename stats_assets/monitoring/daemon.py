"""Whether Dagster's daemon lives, which ticks the sensors and starts what is queued. What follows is the callers'."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster import DagsterInstance

ALIVE_SECONDS = 75.0  # a daemon's heart beats every 30 s


def is_alive(instance: DagsterInstance) -> bool:
    """Whether a daemon has given a sign of life just now."""
    beats = [beat.timestamp for beat in instance.get_daemon_heartbeats().values()]
    return bool(beats) and time.time() - max(beats) < ALIVE_SECONDS
