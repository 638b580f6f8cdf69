"""Run leases: a run's sign of life while it works. A lease that is silent for too long is freed by the tick.

What a freed lease means for the sequences that the run was trying is failed_tries.py's.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from stats_assets.database.connection import Connection, DatabaseUnreachable, connect

MOST_BETWEEN = 5.0  # seconds between two signs of life
MISSED = 3  # so many may fail to come before a run is taken for dead


def between_beats(stale: float) -> float:
    """Seconds between two signs of life, where a run that is silent for `stale` seconds is dead."""
    return min(MOST_BETWEEN, stale / MISSED)


@dataclass(frozen=True)
class Lease:
    """A run at work on start..end of a stream."""

    run_id: str
    stream: str
    start_sequence: int
    end_sequence: int
    released: bool
    """The range is free again, though the run still works."""
    by_hand: bool
    """Of a run by hand or of a backfill: the stream's own runs don't wait for it."""
    silent_seconds: float


def leases(connection: Connection, stream: str) -> list[Lease]:
    """The stream's leases, fresh and stale."""
    with connection.cursor(row_factory=class_row(Lease)) as cursor:
        return cursor.execute(
            "SELECT run_id, stream, start_sequence, end_sequence, released, by_hand,"
            # A heartbeat in the future is no sign of life either: the clock was set back.
            " abs(extract(epoch FROM clock_timestamp() - heartbeat))::float8 AS silent_seconds"
            " FROM run_leases WHERE stream = %s ORDER BY start_sequence",
            (stream,),
        ).fetchall()


def end_lease(connection: Connection, run_id: str) -> None:
    """Forget the lease; its run must not commit any more."""
    connection.execute("DELETE FROM run_leases WHERE run_id = %s", (run_id,))


@contextmanager
def lease(
    connection: Connection,
    url: str,
    run_id: str,
    stream: str,
    start: int,
    end: int,
    *,
    stale: float,
    by_hand: bool = False,
) -> Iterator[None]:
    """Inside, the run holds a lease on start..end, its heart beating in a thread, over another connection to `url`;
    stale: as in between_beats.

    Afterwards the range is released; the row stays until the run ends or it grows stale, so that a run between
    two steps does not look dead.
    """
    connection.execute(
        "INSERT INTO run_leases (run_id, stream, start_sequence, end_sequence, by_hand) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (run_id) DO UPDATE SET start_sequence = excluded.start_sequence,"
        " end_sequence = excluded.end_sequence, heartbeat = now(), released = false",
        (run_id, stream, start, end, by_hand),
    )
    with heartbeat(url, run_id, stale, beaten=True):
        yield
    connection.execute(
        "UPDATE run_leases SET released = true, heartbeat = now() WHERE run_id = %s", (run_id,)
    )


@contextmanager
def heartbeat(url: str, run_id: str, stale: float, *, beaten: bool = False) -> Iterator[None]:
    """Inside, the run's lease is kept fresh, if it has one. beaten: it was written just now."""
    stop, between = threading.Event(), between_beats(stale)

    def beat() -> None:
        if beaten:  # most runs have ended by then, and need no connection for it
            stop.wait(between)
        # The lease says whether the process lives: a database that is away for a moment must not end the thread.
        while not stop.is_set():
            with (
                suppress(psycopg.Error, DatabaseUnreachable),
                connect(url, application="stats-assets heartbeat") as connection,
            ):
                while not stop.is_set():
                    connection.execute("UPDATE run_leases SET heartbeat = now() WHERE run_id = %s", (run_id,))
                    stop.wait(between)
            stop.wait(min(1, between))

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=15)
