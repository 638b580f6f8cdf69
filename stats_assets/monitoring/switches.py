"""Whether each stream's sensor is switched on, as Dagster's storage has it. Who says it to people is status.py's.

The statistics' database knows only when a sensor last ticked; the switch is Dagster's.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from stats_assets.monitoring.daemon import is_alive
from stats_assets.root import find_project_root
from stats_assets.streams import STREAMS, TABLE, Stream

if TYPE_CHECKING:
    from dagster import DagsterInstance
    from dagster._core.scheduler.instigation import InstigatorState

PATIENCE = 10.0  # seconds, for a storage to say what is switched on


@dataclass(frozen=True)
class Switches:
    """The sensors' switches."""

    instance_id: str | None = None
    """The Dagster instance's whose switches these are; None: they could not be read."""
    on: Mapping[Stream, bool] = field(default_factory=dict)
    """Whether each stream's sensor is on."""
    set_at: Mapping[Stream, datetime] = field(default_factory=dict)
    """Since when each is off, by the clock of whoever switched it, in UTC; NEVER_ON; none: it is not known."""
    daemon_lives: bool | None = None
    """Whether Dagster's daemon is there, which ticks those that are on; None: not known."""

    def is_on(self, stream: Stream, driven_by: str | None) -> bool | None:
        """None: not known, also where another instance than this drives the stream."""
        if self.instance_id is None or driven_by not in (None, self.instance_id):
            return None
        return self.on.get(stream, False)


UNKNOWN = Switches()
NEVER_ON = datetime.min.replace(tzinfo=UTC)


def instance_id(instance: DagsterInstance) -> str:
    """By which a stream's row knows the Dagster instance that drives it."""
    identify: Callable[[], str] = instance.run_storage.get_run_storage_id  # type: ignore[attr-defined] # all have it
    return identify()


def switches_of(instance: DagsterInstance) -> Switches:
    """Ask Dagster's storage: a sensor that was never switched on has no state there."""
    if instance.schedule_storage is None:  # one in memory
        return UNKNOWN
    from dagster._core.scheduler.instigation import InstigatorType

    states = instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
    running = {state.instigator_name for state in states if state.is_running}
    written = _written(instance, states)
    return Switches(
        instance_id(instance),
        {stream: TABLE[stream].sensor in running for stream in STREAMS},
        {}
        if written is None
        else {stream: written.get(TABLE[stream].sensor, NEVER_ON) for stream in STREAMS},
        is_alive(instance),
    )


def _written(instance: DagsterInstance, states: Sequence[InstigatorState]) -> dict[str, datetime] | None:
    """When each sensor's state was last written: of one that is off, when it was switched. None: not known.

    The state itself has no such time, and a storage that keeps it in no table has none either.
    """
    from dagster._core.storage.schedules.schema import InstigatorsTable
    from dagster._core.storage.schedules.sql_schedule_storage import SqlScheduleStorage
    from sqlalchemy import select

    storage = instance.schedule_storage
    if not isinstance(storage, SqlScheduleStorage):
        return None
    table = InstigatorsTable.c
    with storage.connect() as connection:
        rows = connection.execute(select(table.selector_id, table.update_timestamp)).all()
    known = {selector: at for selector, at in rows if at is not None}
    found: dict[str, datetime] = {}
    for state in states:
        if state.selector_id in known:
            at = known[state.selector_id].replace(tzinfo=UTC)
            found[state.instigator_name] = max(at, found.get(state.instigator_name, at))
    return found


def switches_here() -> Switches:
    """Of the project's own Dagster; nothing is known where there is none, or it can't be read. Makes nothing."""
    home = Path(os.environ.get("DAGSTER_HOME") or find_project_root() or "").expanduser().absolute()
    if not (home / "dagster.yaml").is_file():
        return UNKNOWN
    if _keeps_files(home) and not any((home / ".dagster").rglob("*.db")):
        return UNKNOWN  # Dagster was never started here, and would begin its records now
    from dagster import DagsterInstance  # before the patience begins: a busy machine takes long for it

    found: list[Switches] = []

    def read() -> None:
        # Whatever a storage raises: the switches are not known then, and the ticks tell.
        with suppress(Exception), DagsterInstance.from_config(str(home)) as instance:
            found.append(switches_of(instance))

    # Beside, as a storage that is down is asked for long, and each time it says so.
    asking = Thread(target=read, name="switches", daemon=True)
    logging.disable(logging.WARNING)
    asking.start()
    asking.join(PATIENCE)
    if not asking.is_alive():
        logging.disable(logging.NOTSET)
    return found[0] if found else UNKNOWN


def _keeps_files(home: Path) -> bool:
    return "stats_assets.orchestration.records.storage" in (home / "dagster.yaml").read_text(errors="replace")
