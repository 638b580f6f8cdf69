"""The sensor daemon of a local stack: a sensor ticks by its interval, and also when it is told that a tick is worth it.

So a minute is asked for when the feed can have it, and a run that is over is followed by the next, without more ticks
in between. Who tells is orchestration/wakes.py's; Dagster's own daemon looks each 5 s at the interval alone.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from dagster._core.scheduler.instigation import InstigatorState, SensorInstigatorData
from dagster._core.workspace.context import IWorkspaceProcessContext
from dagster._daemon import sensor

from stats_assets.orchestration.wakes import moments
from stats_assets.streams import MAKER_SENSOR, TABLE

SENSORS = (*(stream.sensor for stream in TABLE.values()), MAKER_SENSOR)
LOOK_SECONDS = 1
"""How often it is looked who is due: so late a tick may be."""


def begin() -> None:
    """From now on the sensor daemon of this process does so."""
    told: dict[str, list[float]] = {}
    look, is_under = sensor.execute_sensor_iteration, sensor.is_under_min_interval

    def look_again(workspace: IWorkspaceProcessContext[Any], *arguments: Any, **named: Any) -> Iterator[Any]:
        with suppress(Exception):  # a storage that is away for a moment: the interval counts
            told.update(moments(workspace.instance, SENSORS))
        yield from look(workspace, *arguments, **named)

    def is_under_unless_told(state: InstigatorState, remote: Any, *least: Any, **named: Any) -> bool:
        return is_under(state, remote, *least, **named) and not is_woken(state, told.get(remote.name, ()))

    daemon: Any = sensor
    daemon.execute_sensor_iteration, daemon.is_under_min_interval = look_again, is_under_unless_told
    daemon.MIN_INTERVAL_LOOP_TIME = LOOK_SECONDS


def is_woken(state: InstigatorState, told: Iterable[float]) -> bool:
    """Whether one of these moments has come, and no tick has begun since then."""
    data = state.instigator_data
    if not isinstance(data, SensorInstigatorData):
        return False
    began = max(data.last_tick_start_timestamp or 0.0, data.last_tick_timestamp or 0.0)
    now = time.time()
    return any(began < moment <= now for moment in told)
