"""From published to visible: a minute is published, and we look when its changesets are in the statistics.

`python -m benchmarks.visible --minutes 12` runs the production configuration as processes (tests/drills/production.py),
with the polling and dequeuing times of a deployment. Runs are processes of the code server here, so what a task of its
own costs on ECS is not in the figures.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from deploy.kit.secrets import DRIVER
from stats_assets.database.connection import connect
from stats_assets.database.statistics.applier import queued
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.embedded_postgres.access import embedded_url
from tests.conftest import other_database
from tests.drills.production import machine
from tests.drills.streams import Streams
from tests.drills.waiting import until

POLL = 15
DEQUEUE = 5


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=12)
    minutes = parser.parse_args().minutes
    folder = Path(tempfile.mkdtemp(prefix="stats-assets-bench-"))
    folder.chmod(0o755)
    url = embedded_url(folder, grace=1)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE dagster")
    world = World()
    with DemoFeed(world, history=30) as feed:
        told = {
            "DATABASE_URL": url,
            "DAGSTER_DB_URI": other_database(url, "dagster").replace("postgresql://", DRIVER),
            "OVERPASS_URL": feed.url,
            "CHANGESETS_URL": feed.changesets_url,
            "STATS_DATA_DIR": str(folder / "data"),
            "POLL_SECONDS": str(POLL),
        }
        with machine(folder / "home", told) as production:
            settings = folder / "home" / "dagster.yaml"
            settings.write_text(
                settings.read_text().replace(
                    "dequeue_interval_seconds: 2", f"dequeue_interval_seconds: {DEQUEUE}"
                )
            )
            production.migrate()
            production.start().switch_on()

            streams = Streams(feed, url)
            until(streams.at_rest, "the history to be in")
            waits = []
            for minute in range(minutes):
                time.sleep(3 + 7 * minute % POLL)  # at any moment between two ticks
                feed.advance(1)
                began = time.monotonic()
                until(lambda: _applied(url, feed.head), "the minute to be visible")
                waits.append(time.monotonic() - began)
                print(f"  minute {minute + 1}: {waits[-1]:.1f} s", file=sys.stderr, flush=True)
                until(streams.at_rest, "all to be at rest")
            parts = _parts(folder / "home", told, minutes)
    _say("published to visible", waits)
    for name, values in parts.items():
        _say(name, values)
    return 0


def _applied(url: str, head: int) -> bool:
    """Whether that diff is committed and its changesets are in the statistics."""
    with connect(url) as connection:
        row = connection.execute(
            "SELECT 1 FROM ledger WHERE stream = 'augmented_diffs' AND sequence = %s AND result = 'committed'",
            (head,),
        ).fetchone()
        return row is not None and not queued(connection)


def _parts(home: Path, told: dict[str, str], most: int) -> dict[str, list[float]]:
    """Of the last runs of the augmented diffs: in the queue, starting, at work; seconds each."""
    os.environ.update(told)
    found: dict[str, list[float]] = {"queued to launched": [], "launched to begun": [], "begun to ended": []}
    with DagsterInstance.from_config(str(home)) as instance:
        wanted = RunsFilter(job_name="augmented_diffs_job", statuses=[DagsterRunStatus.SUCCESS])
        for record in instance.get_run_records(wanted, limit=most):
            events = {
                entry.dagster_event.event_type_value: entry.timestamp
                for entry in instance.all_logs(record.dagster_run.run_id)
                if entry.dagster_event
            }
            moments = [events[f"PIPELINE_{name}"] for name in ("ENQUEUED", "STARTING", "START", "SUCCESS")]
            for name, before, after in zip(found, moments, moments[1:], strict=False):
                found[name].append(after - before)
    return found


def _say(name: str, seconds: list[float]) -> None:
    print(f"{name:24} median {statistics.median(seconds):5.1f} s, {min(seconds):.1f} to {max(seconds):.1f}")


if __name__ == "__main__":
    sys.exit(main())
