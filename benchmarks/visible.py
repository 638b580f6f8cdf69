"""From published to visible, by parts: a minute is published, and we look when its changesets are in the statistics.

`python -m benchmarks.visible --minutes 12` runs the demo as a person does, one of its minutes each `--interval`
seconds; with `--production` it runs the production configuration as processes (tests/drills/production.py), with the
polling and dequeuing times of a deployment. Runs are processes of the code server in both: what a task of its own
costs on ECS is in neither. The anchor is Dagster's own empty run (`benchmarks/empty_run.py`).
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import psycopg
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from benchmarks import empty_run
from benchmarks.empty_run import Moments, moments_of
from benchmarks.figures import Figure
from benchmarks.rest import processes, seconds
from deploy.kit.secrets import DRIVER
from stats_assets.database.connection import Connection, connect
from stats_assets.database.statistics.applier import queued
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.home import HISTORY
from stats_assets.demo.world.world import World
from stats_assets.embedded_postgres.access import embedded_url
from stats_assets.streams import END_TAG
from tests.conftest import other_database
from tests.drills.production import machine
from tests.drills.stack import demo_stack
from tests.drills.streams import Streams
from tests.drills.waiting import until

POLL = 15
DEQUEUE = 5
LOOK_SECONDS = 0.05
"""How often the database is asked: so exact the figures are."""


class Minute(NamedTuple):
    """A minute of the augmented diffs; epoch seconds."""

    sequence: int
    published: float
    visible: float


class Measured(NamedTuple):
    """What one place has shown."""

    minutes: list[Minute]
    runs: Mapping[int, Moments]
    """By each run's last sequence."""
    committed: Mapping[int, float]


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=12)
    parser.add_argument(
        "--interval", type=float, default=60.0, help="seconds between two minutes of the demo"
    )
    parser.add_argument("--production", action="store_true", help="the production configuration, no demo")
    arguments = parser.parse_args()
    measure = _production if arguments.production else _demo
    found = measure(arguments.minutes, arguments.interval)
    _say("published to visible", [minute.visible - minute.published for minute in found.minutes])
    for name, values in _parts(found).items():
        _say(f"  {name}", values)
    return 0


def figures(*, small: bool) -> list[Figure]:
    """F4: the live demo; a run's start beside that of an empty run of Dagster's."""
    found = _demo(1 if small else 12, 60.0)  # faster, it would be a feed that keeps no time
    empty = empty_run.measured(1 if small else 5)
    waits = [minute.visible - minute.published for minute in found.minutes]
    starts = _parts(found)["run start (requested to step)"]
    anchor = statistics.median(one.step - one.queued for one in empty)
    return [
        Figure("F4", "published to visible in SQL, live demo, p95", "s", _p95(waits), most=8),
        Figure(
            *("F4", "of it a run's start, median", "s", statistics.median(starts)),
            *("an empty run of Dagster's", anchor),
            most=1.5,
        ),
    ]


def _p95(values: list[float]) -> float:
    return sorted(values)[max(0, round(0.95 * len(values)) - 1)]


def _demo(minutes: int, interval: float) -> Measured:
    with demo_stack(history=HISTORY, interval=interval) as stack:  # a world whose time is now
        until(stack.is_caught_up, "the history to be in")
        world = stack.world
        oldest = world.first + world.history - 1

        def published() -> Iterator[tuple[int, float]]:
            done = int((time.time() - world.started) / interval)
            for number in range(done + 1, done + 1 + minutes):
                moment = world.started + number * interval
                time.sleep(max(0.0, moment - time.time()))
                yield oldest + number, moment

        before = sum(map(seconds, processes(stack.home)))
        seen = _watch(stack.url, published())
        used = sum(map(seconds, processes(stack.home))) - before
        said = f"  {used / minutes:.2f} s of CPU a minute of the world, both streams, all processes"
        print(said, file=sys.stderr)
        return _with_parts(stack.url, stack.home, seen, {"DAGSTER_HOME": str(stack.home)})


def _production(minutes: int, _: float) -> Measured:
    folder = Path(tempfile.mkdtemp(prefix="stats-assets-bench-"))
    folder.chmod(0o755)
    url = embedded_url(folder, grace=1)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE dagster")
    with DemoFeed(World(), history=30) as feed:
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
            interval = f"dequeue_interval_seconds: {DEQUEUE}"
            settings.write_text(settings.read_text().replace("dequeue_interval_seconds: 2", interval))
            production.migrate()
            production.start().switch_on()
            streams = Streams(feed, url)
            until(streams.at_rest, "the history to be in")

            def published() -> Iterator[tuple[int, float]]:
                for minute in range(minutes):
                    time.sleep(3 + 7 * minute % POLL)  # at any moment between two ticks
                    yield feed.advance(1), time.time()
                    until(streams.at_rest, "all to be at rest")

            return _with_parts(url, folder / "home", _watch(url, published()), told)


def _watch(url: str, published: Iterator[tuple[int, float]]) -> list[Minute]:
    seen = []
    with connect(url) as connection:
        for sequence, moment in published:
            while not _applied(connection, sequence):
                time.sleep(LOOK_SECONDS)
            seen.append(Minute(sequence, moment, time.time()))
            waited = seen[-1].visible - moment
            print(f"  {sequence}: {waited:.1f} s", file=sys.stderr, flush=True)
    return seen


def _applied(connection: Connection, head: int) -> bool:
    """Whether that diff is committed and its changesets are in the statistics."""
    row = connection.execute(
        "SELECT 1 FROM ledger WHERE stream = 'augmented_diffs' AND sequence = %s AND result = 'committed'",
        (head,),
    ).fetchone()
    return row is not None and not queued(connection)


def _with_parts(url: str, home: Path, minutes: list[Minute], told: Mapping[str, str]) -> Measured:
    os.environ.update(told)
    with connect(url) as connection:
        rows = connection.execute(
            "SELECT sequence, done_at FROM ledger WHERE stream = 'augmented_diffs' AND sequence >= %s",
            (minutes[0].sequence,),
        ).fetchall()
    committed: dict[int, datetime] = dict(rows)
    with DagsterInstance.from_config(str(home)) as instance:
        wanted = RunsFilter(job_name="augmented_diffs_job", statuses=[DagsterRunStatus.SUCCESS])
        runs = [record.dagster_run for record in instance.get_run_records(wanted, limit=3 * len(minutes))]
        found = {int(run.tags[END_TAG]): moments_of(instance, run) for run in runs}
    return Measured(minutes, found, {n: at.timestamp() for n, at in committed.items() if at is not None})


def _parts(found: Measured) -> dict[str, list[float]]:
    """Seconds of each part, for the minutes that were a run's last."""
    parts: dict[str, Callable[[Minute, Moments], float]] = {
        "until the tick begins": lambda minute, run: run.tick - minute.published,
        "tick, to the run in the queue": lambda minute, run: run.queued - run.tick,
        "in the queue": lambda minute, run: run.launched - run.queued,
        "launched to begun": lambda minute, run: run.begun - run.launched,
        "begun to the first step": lambda minute, run: run.step - run.begun,
        "fetched, counted, committed": lambda minute, run: found.committed[minute.sequence] - run.step,
        "committed to visible": lambda minute, run: minute.visible - found.committed[minute.sequence],
        "visible to the run's end": lambda minute, run: run.ended - minute.visible,
        "run start (requested to step)": lambda minute, run: run.step - run.queued,
    }
    pairs = [
        (minute, found.runs[minute.sequence]) for minute in found.minutes if minute.sequence in found.runs
    ]
    return {name: [part(*pair) for pair in pairs] for name, part in parts.items()}


def _say(name: str, values: list[float]) -> None:
    if not values:
        return
    print(
        f"{name:34} median {statistics.median(values):5.2f} s, p95 {_p95(values):5.2f},"
        f" {min(values):.2f} to {max(values):.2f}"
    )


if __name__ == "__main__":
    sys.exit(main())
