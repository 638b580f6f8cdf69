"""kill -9 of a run in the middle of its range: nothing is lost, nothing counts twice, and the next run goes on.

The whole stack, and all other processes, are killed in the drills.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stats_assets.database.connection import Connection
from stats_assets.database.ledger import failed_tries, ledger
from stats_assets.database.ledger.leases import end_lease, leases
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.demo.answers import faults
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.ingest.run import run_range
from stats_assets.system import Stats
from tests.truth import differences, statistics_of, truth_of

RUN = """
import sys
from stats_assets.orchestration.current_system import current_stats
from stats_assets.ingest.run import run_range
stats = current_stats()
run_range(stats.work(sys.argv[1]), stats.url, "killed", int(sys.argv[2]), int(sys.argv[3]))
"""


@pytest.fixture
def minutes() -> int:
    return 30


def test_a_killed_run_loses_nothing_and_doubles_nothing(
    feed: DemoFeed, world: World, stats: Stats, url: str, connection: Connection, tmp_path: Path
) -> None:
    stuck = world.first + 17
    stall = feed.faults.put(faults.stall(60), stream="augmented_diffs", sequence=stuck)
    environment = os.environ | {
        "DATABASE_URL": url,
        "OVERPASS_URL": feed.url,
        "CHANGESETS_URL": feed.changesets_url,
        "STATS_DATA_DIR": str(tmp_path / "data"),
    }
    command = [sys.executable, "-c", RUN, "augmented_diffs", str(world.first), str(feed.head)]
    process = subprocess.Popen(command, env=environment)  # noqa: S603 - our own interpreter
    try:
        while not any(request.sequence == stuck for request in feed.requests):
            assert process.poll() is None, "the run ended by itself"
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    feed.faults.remove(stall)
    (lease,) = leases(connection, "augmented_diffs")
    assert lease.run_id == "killed"
    tried = [
        row.sequence
        for row in ledger.rows(connection, "augmented_diffs", range(world.first, feed.head + 1))
        if row.work == "trying"
    ]
    assert tried == list(range(stuck, world.first + 20))  # what was left of its group

    failed_tries.bury(connection, lease.run_id, "augmented_diffs", stats.retries)  # as the tick does
    end_lease(connection, lease.run_id)
    report = run_range(stats.work("augmented_diffs"), url, "next", world.first, feed.head)
    assert (report.committed, report.failed) == (13, {})
    run_range(stats.work("changesets"), url, "other", world.changesets_first, feed.changesets_head)
    apply_queue(connection)
    assert differences(truth_of(feed.url), statistics_of(connection)) == []
    attempts = connection.execute("SELECT max(attempts), bool_or(suspect) FROM ledger").fetchone()
    assert attempts == (0, False)
