"""Dagster's run queue, with room for more runs of a backfill while one asks for it: no new image, nobody is restarted.

Who asks is a backfill at work, again and again; what was asked for lapses when that is killed. Live runs keep the slots
that they have without any backfill.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from dagster import DagsterInstance
from dagster._core.run_coordinator.queued_run_coordinator import QueuedRunCoordinator, RunQueueConfig

from stats_assets.orchestration.partitions import BACKFILL_TAG
from stats_assets.streams import STREAMS, Stream

LASTS_SECONDS = 300.0
RENEWED_SECONDS = 60.0
MOST = 200
"""Runs of a stream's backfill that can be asked for."""
KEYS = {stream: f"stats_assets/backfill_room/{stream}" for stream in STREAMS}


class NoRoom(Exception):
    """This Dagster's queue can't be asked; the message says so."""


class RunQueue(QueuedRunCoordinator[DagsterInstance]):
    """`run_coordinator` of a deployment. Its own limits are those of the configuration."""

    def get_run_queue_config(self) -> RunQueueConfig:
        """The limits now: the daemon asks before each look at the queue."""
        config = super().get_run_queue_config()
        own = next(
            (one["limit"] for one in config.tag_concurrency_limits if one["key"] == BACKFILL_TAG), None
        )
        more = max(0, sum(asked(self._instance).values()) - own) if own is not None else 0
        if not more:
            return config
        limits = [
            {**one, "limit": one["limit"] + more} if one["key"] == BACKFILL_TAG else one
            for one in config.tag_concurrency_limits
        ]
        runs = config.max_concurrent_runs
        return config._replace(
            max_concurrent_runs=runs if runs < 0 else runs + more, tag_concurrency_limits=limits
        )


def asked(instance: DagsterInstance) -> dict[Stream, int]:
    """Runs at a time that each stream's backfill wants, as far as it has asked lately."""
    found = instance.daemon_cursor_storage.get_cursor_values({*KEYS.values()})
    wanted: dict[Stream, int] = {}
    for stream in STREAMS:
        with suppress(KeyError, ValueError, TypeError):
            runs, until = json.loads(found[KEYS[stream]])
            if time.time() < until:
                wanted[stream] = min(int(runs), MOST)
    return wanted


@contextmanager
def room(instance: DagsterInstance, stream: Stream, runs: int | None) -> Iterator[None]:
    """Ask for so many runs of this stream's backfill at a time, as long as this is open. None: none. Raises NoRoom."""
    if runs is None:
        yield
        return
    if not isinstance(instance.run_coordinator, RunQueue):
        raise NoRoom(
            "This Dagster's queue takes no --tasks: how many runs it has at a time is in its dagster.yaml."
        )
    over = Event()
    _ask(instance, stream, runs, LASTS_SECONDS)
    asking = Thread(target=_renew, args=(instance, stream, runs, over), name="room", daemon=True)
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join()
        _ask(instance, stream, 0, 0)


def _renew(instance: DagsterInstance, stream: Stream, runs: int, over: Event) -> None:
    while not over.wait(RENEWED_SECONDS):
        with suppress(Exception):  # a database that is away for a moment: it is asked again
            _ask(instance, stream, runs, LASTS_SECONDS)


def _ask(instance: DagsterInstance, stream: Stream, runs: int, seconds: float) -> None:
    value = json.dumps([runs, time.time() + seconds])
    instance.daemon_cursor_storage.set_cursor_values({KEYS[stream]: value})
