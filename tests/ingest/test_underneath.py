"""What fails underneath: a PostgreSQL that restarts, is full of clients or of data, and clocks that jump.

The system says what happened, loses and doubles nothing, and goes on by itself. Archives that can't be written are in
tests/ingest/test_sources.py, Dagster's storage in tests/orchestration/test_stream_sensor.py.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stats_assets.database.connection import Connection, DatabaseUnreachable, connect
from stats_assets.database.ledger import failed_tries, ledger, pauses, stream_rows
from stats_assets.database.ledger.leases import end_lease, lease, leases
from stats_assets.database.migrations import migrate
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.demo.answers import faults
from stats_assets.demo.feed import DemoFeed
from stats_assets.embedded_postgres.access import embedded_url
from stats_assets.ingest.fetch import StreamWork
from stats_assets.ingest.parse import Reader
from stats_assets.ingest.run import run_range
from stats_assets.streams import Stream
from stats_assets.system import Stats
from tests.conftest import Run, settings_for
from tests.drills.waiting import PATIENCE
from tests.place import open_folder
from tests.telling import telling
from tests.truth import differences, statistics_of, truth_of

DIFFS: Stream = "augmented_diffs"
MB = 1 << 20
SIZE_MB = 190  # of the disk: an empty server needs 90


@dataclass(frozen=True)
class Place:
    """A system on a database, which follows the demo's feed."""

    url: str
    feed: DemoFeed
    stats: Stats
    folder: Path = Path("elsewhere")
    is_small: bool = False

    def work(self, meanwhile: Callable[[int], object]) -> StreamWork:
        """The augmented diffs', with something else happening when so many have been read."""
        work, read = self.stats.work(DIFFS), 0

        def reader(body: Any, limit: datetime) -> Any:
            nonlocal read
            read += 1
            meanwhile(read)
            return work.reader.read(body, limit)

        return replace(work, reader=Reader(reader, work.reader.definitions))

    def run(self, name: str, meanwhile: Callable[[int], object] = lambda read: None) -> int:
        world = self.feed.world
        return run_range(self.work(meanwhile), self.url, name, world.first, self.feed.head).committed

    def until_it_is_back(self) -> None:
        limit = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(DatabaseUnreachable, psycopg.Error), connect(self.url) as connection:
                connection.execute("CREATE TEMPORARY TABLE probe AS SELECT 1")
                return
            assert time.monotonic() < limit, "PostgreSQL does not come back"
            time.sleep(0.1)

    def must_come_to_the_truth(self) -> None:
        """What a tick would do: free what the dead run held, and run what is due."""
        with connect(self.url) as connection:
            for one in leases(connection, DIFFS):
                connection.execute("DELETE FROM run_leases WHERE run_id = %s", (one.run_id,))
            failed_tries.bury_orphans(connection, DIFFS, self.stats.retries)
            self.run("the next")
            end = self.feed.changesets_head
            run_range(self.stats.work("changesets"), self.url, "other", self.feed.world.changesets_first, end)
            apply_queue(connection)
            assert differences(truth_of(self.feed.url), statistics_of(connection)) == []


@pytest.fixture
def minutes() -> int:
    return 12


@pytest.fixture
def place(feed: DemoFeed, tmp_path: Path) -> Iterator[Place]:
    """A PostgreSQL of its own on a disk of its own, which is small where this user may mount one."""
    folder = open_folder()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=755", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE).returncode == 0  # noqa: S603
    try:
        url = embedded_url(folder / "postgresql", grace=1)
        migrate(url)
        stats = Stats(settings_for(feed, url, tmp_path / "data", archive_uri=""))
        yield Place(url, feed, stats, folder, mounted)
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True, timeout=PATIENCE)  # noqa: S603, S607
        shutil.rmtree(folder, ignore_errors=True)


def in_the_middle_of_a_commit(place: Place, strike: Callable[[Connection], object]) -> Callable[[int], None]:
    """At the seventh body: when its transaction has deleted and is to write."""

    def hold() -> None:
        with (
            contextlib.suppress(psycopg.OperationalError),
            connect(place.url) as holding,
            holding.transaction(),
        ):
            holding.execute("LOCK TABLE changeset_edits")
            held.set()
            while not holding.execute("SELECT FROM pg_locks WHERE NOT granted").rowcount:
                time.sleep(0.01)
            strike(holding)

    held = threading.Event()

    def meanwhile(read: int) -> None:
        if read == 7:
            threading.Thread(target=hold, daemon=True).start()
            assert held.wait(PATIENCE)

    return meanwhile


def test_a_crash_in_the_middle_of_a_transaction(place: Place) -> None:
    [pid_file] = place.folder.rglob("postmaster.pid")
    postmaster = int(pid_file.read_text().split()[0])

    def crash(holding: Connection) -> None:
        os.kill(postmaster, signal.SIGKILL)

    with pytest.raises((DatabaseUnreachable, psycopg.OperationalError)):
        place.run("first", in_the_middle_of_a_commit(place, crash))
    place.until_it_is_back()
    place.must_come_to_the_truth()


@pytest.mark.drill
def test_a_restart_in_the_middle_of_a_transaction(place: Place) -> None:
    def end_all(holding: Connection) -> None:
        holding.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )

    with pytest.raises((DatabaseUnreachable, psycopg.OperationalError)) as caught:
        place.run("first", in_the_middle_of_a_commit(place, end_all))
    assert "terminating connection" in str(caught.value)
    place.must_come_to_the_truth()


def test_no_connection_left(place: Place, run: Run) -> None:
    with connect(place.url) as admin:
        [limit] = admin.execute("SHOW max_connections").fetchone() or ("",)
    with contextlib.ExitStack() as clients:
        with contextlib.suppress(psycopg.OperationalError):
            for _ in range(int(limit)):
                clients.enter_context(psycopg.connect(place.url))
        with pytest.raises(DatabaseUnreachable, match="too many clients"):
            place.run("first")
        status = run("status", DATABASE_URL=place.url, OVERPASS_URL=place.feed.url)
        assert (status.returncode, "too many clients" in status.stderr) == (3, True)
    place.must_come_to_the_truth()


@pytest.mark.parametrize("minutes", [20])
def test_the_disk_is_full(place: Place) -> None:
    if not place.is_small:
        pytest.skip("only root may mount a small disk")
    filler = place.folder / "filler"

    def fill(read: int) -> None:
        if read == 7:
            with contextlib.suppress(OSError), filler.open("wb") as out:
                while True:
                    out.write(bytes(MB))

    with pytest.raises((DatabaseUnreachable, psycopg.Error)) as caught:
        place.run("first", fill)
    assert "No space left on device" in str(caught.value)
    filler.unlink()
    place.until_it_is_back()
    place.must_come_to_the_truth()


SHIFTED = {
    "streams": ("lease_until", "paused_until"),
    "ledger": ("since", "not_before", "missing_since", "given_up_at", "done_at", "settled_at"),
    "run_leases": ("heartbeat",),
}


def set_clock(connection: Connection, by: str) -> None:
    """As if the database's clock were set forward or back: all that it has written is so much earlier, or later."""
    for table, columns in SHIFTED.items():
        changes = ", ".join(f"{column} = {column} - interval '{by}'" for column in columns)
        connection.execute(f"UPDATE {table} SET {changes}".encode())  # noqa: S608


def free_the_silent(connection: Connection, patience: float) -> None:
    """As each tick does."""
    for one in leases(connection, DIFFS):
        if one.silent_seconds > patience:
            end_lease(connection, one.run_id)


@pytest.mark.parametrize("by", telling(("1 day", "-1 day", "3 minutes", "-3 minutes"), "-1 day", "3 minutes"))
def test_a_clock_that_jumps_under_a_run(
    by: str, feed: DemoFeed, url: str, connection: Connection, stats: Stats
) -> None:
    """At worst the run counts as silent, and what it had in hand is done again."""
    place = Place(url, feed, stats)

    def jump(read: int) -> None:
        if read == 7:
            set_clock(connection, by)
            free_the_silent(connection, 20)

    with pytest.raises(ledger.LeaseLost):
        place.run("first", jump)
    place.must_come_to_the_truth()


def test_a_clock_set_back_holds_nothing_up(
    feed: DemoFeed, url: str, connection: Connection, stats: Stats
) -> None:
    """What waits for its next try, a pause of the stream, the lease of a run that is dead: all is due again at once."""
    first, head = feed.world.first, feed.head
    with stream_rows.driving(connection, DIFFS, "an instance"):
        pass
    feed.faults.put(faults.cut(), stream=DIFFS, sequence=first + 3)
    run_range(stats.work(DIFFS), url, "first", first, head)
    connection.execute("UPDATE ledger SET not_before = now() + interval '1 h' WHERE work = 'waiting'")
    pauses.pause(connection, DIFFS, "down", 3600)
    with lease(connection, url, "dead", DIFFS, first, head, stale=20):
        pass
    set_clock(connection, "-1 day")
    free_the_silent(connection, 20)
    assert leases(connection, DIFFS) == []
    with stream_rows.driving(connection, DIFFS, "an instance") as row:
        assert row.paused_until is None
    feed.faults.clear()
    assert run_range(stats.work(DIFFS), url, "second", first, head).committed == 1
