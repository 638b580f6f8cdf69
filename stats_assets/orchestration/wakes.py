"""When a sensor's next tick is worth it though its interval is not over: its ticks and runs tell, in Dagster's storage.

The daemon of a local stack heeds it (local/prompt_ticks.py). Dagster's own does not, and ticks by the interval alone.
"""

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final

from dagster import DagsterInstance

FEED, RUN = "feed", "run"
"""Who tells: a tick, of the moment at which the feed can have more; a run that is over, while more is due."""
_TELLERS: Final = (FEED, RUN)


def wake(instance: DagsterInstance, sensor: str, teller: str, seconds: float = 0.0) -> None:
    """The sensor is worth a tick in so many seconds. That it can't be told is no failure: it ticks later then."""
    with suppress(Exception):
        storage = instance.daemon_cursor_storage
        storage.set_cursor_values({_key(sensor, teller): f"{time.time() + seconds:.3f}"})


def moments(instance: DagsterInstance, sensors: Iterable[str]) -> Mapping[str, list[float]]:
    """What was told of each sensor, in epoch seconds."""
    keys = {_key(sensor, teller): sensor for sensor in sensors for teller in _TELLERS}
    found: dict[str, list[float]] = {}
    for key, value in instance.daemon_cursor_storage.get_cursor_values(set(keys)).items():
        found.setdefault(keys[key], []).append(float(value))
    return found


def _key(sensor: str, teller: str) -> str:
    return f"stats_assets/wake/{sensor}/{teller}"
