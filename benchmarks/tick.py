"""What a tick costs on a long history: a ledger of millions of rows, its blocks, and a month of runs in Dagster.

`python -m benchmarks.tick --rows 5000000 --runs 86400` (minutes, 3 GB of disk). The anchor is an empty sensor's tick
on the same Dagster instance. CPU of the tick's process and of PostgreSQL's together; by the wall clock, too.
"""

import argparse
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil
from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    build_sensor_context,
    sensor,
)
from dagster._core.test_utils import create_run_for_test

from benchmarks.figures import Figure, Judged
from stats_assets.database.connection import connect
from stats_assets.database.ledger.ledger import BLOCK, block_of
from stats_assets.database.migrations import migrate
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from stats_assets.embedded_postgres.access import embedded_url
from stats_assets.processes import titled
from stats_assets.streams import END_TAG, START_TAG, STREAM_TAG

STREAM = "augmented_diffs"
PROJECT = Path(__file__).parents[1]
FILL = """
INSERT INTO ledger (stream, sequence, result, epoch, content_hash, actions, fetched_at, definitions, settled_at,
    done_at, osm_base, facts, country_facts)
SELECT %(stream)s, n, 'committed', 0, md5(n::text), 300, now(), %(definitions)s, now(), now(), now(), 60, 70
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n;
"""
BLOCKS = """
INSERT INTO ledger_blocks (stream, block, done, epoch)
SELECT %(stream)s, n, least(%(size)s, %(last)s + 1 - n), 0
FROM generate_series(%(block)s::bigint, %(last)s::bigint, %(size)s) AS n
"""


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument(
        "--blocks", type=int, default=75_000, help="the oldest are without rows of the ledger"
    )
    parser.add_argument("--runs", type=int, default=86_400, help="30 days of two streams")
    parser.add_argument("--ticks", type=int, default=40)
    arguments = parser.parse_args()
    for name, values in measured(**vars(arguments)).items():
        walls, cpus = zip(*values, strict=True)
        print(
            f"{name:6} median {statistics.median(walls) * 1000:6.1f} ms by the clock,"
            f" {sum(cpus) / len(cpus) * 1000:6.1f} ms of CPU"
        )
    return 0


def figures(*, small: bool) -> list[Figure]:
    """F5: 5 million rows, 75,000 blocks, 30 days of runs; small: a thousandth."""
    sizes = (
        {"rows": 5_000, "blocks": 75, "runs": 80}
        if small
        else {"rows": 5_000_000, "blocks": 75_000, "runs": 86_400}
    )
    found = measured(**sizes, ticks=2 if small else 20)
    empty_, ours = (1000 * statistics.mean(cpu for _, cpu in found[name]) for name in ("empty", "ours"))
    what = f"a stream's tick, {sizes['rows']:,} rows, {sizes['blocks']:,} blocks, {sizes['runs']:,} runs: processor"
    judged: Judged = "more than the anchor"
    return [Figure("F5", what, "ms", ours, "an empty sensor's tick", empty_, judged, most=100)]


def measured(rows: int, blocks: int, runs: int, ticks: int) -> dict[str, list[tuple[float, float]]]:
    """Seconds by the clock and of CPU of each tick, an empty sensor's and ours."""
    folder = Path(tempfile.mkdtemp(prefix="stats-assets-bench-"))
    folder.chmod(0o755)
    shutil.copy(PROJECT / "dagster.yaml", folder)
    os.chdir(folder)
    url = embedded_url(folder / "database", grace=1)
    migrate(url)
    world = World()
    with DemoFeed(world, history=BLOCK + 30) as feed:
        os.environ |= {
            "DAGSTER_HOME": str(folder),
            "DATABASE_URL": url,
            "OVERPASS_URL": feed.url,
            "CHANGESETS_URL": feed.changesets_url,
            "STATS_DATA_DIR": str(folder / "data"),
            "AUGMENTED_DIFFS_START": str(world.first),
        }
        from stats_assets.definitions import defs  # it reads the settings

        ours = defs.get_repository_def().get_sensor_def(f"{STREAM}_stream")
        repository = defs.get_repository_def()
        with DagsterInstance.get() as instance:
            _tick(ours, instance, None, repository)
        fill(url, feed.head, rows, blocks)
        fill_runs(folder, runs, feed.head)
        cpu = _of_postgres(folder)
        with DagsterInstance.get() as instance:
            cursor = _tick(ours, instance, str(feed.head), repository)
        found: dict[str, list[tuple[float, float]]] = {"empty": [], "ours": []}
        for _ in range(ticks):
            for name, one, given in (("empty", empty, None), ("ours", ours, cursor)):
                begun, before = time.perf_counter(), time.process_time() + cpu()
                with DagsterInstance.get() as instance:  # as a code server does, one a tick
                    _tick(one, instance, given, repository)
                found[name].append((time.perf_counter() - begun, time.process_time() + cpu() - before))
    return found


@sensor(job_name="augmented_diffs_job", minimum_interval_seconds=15)
def empty(context: SensorEvaluationContext) -> SkipReason:
    """The anchor: asks Dagster's storage for nothing but what each tick is given."""
    return SkipReason(f"nothing in {len(context.instance.get_runs(limit=1))}")


def _tick(
    one: SensorDefinition, instance: DagsterInstance, cursor: str | None, repository: object
) -> str | None:
    context = build_sensor_context(instance=instance, cursor=cursor, repository_def=repository)  # type: ignore[arg-type]
    answer = one(context)
    return getattr(answer, "cursor", None)


def fill(url: str, head: int, rows: int, blocks: int) -> None:
    """All up to the head is committed: so many rows, so many blocks."""
    first_block = block_of(head) - (blocks - 1) * BLOCK
    with connect(url) as connection:
        connection.execute("SET statement_timeout = 0")
        from stats_assets.orchestration.current_system import current_stats

        given = {
            "stream": STREAM,
            "size": BLOCK,
            "definitions": current_stats().reader("augmented_diffs").definitions,
            "first": head - rows + 1,
            "last": head,
            "block": max(0, first_block),
        }
        connection.execute("DELETE FROM ledger")
        connection.execute("DELETE FROM ledger_blocks")
        connection.execute(FILL, given)
        connection.execute(BLOCKS, given)
        connection.execute(
            "UPDATE streams SET origin = %s, checkpoint = %s, shown = %s WHERE stream = %s",
            (given["first"], head, head, STREAM),
        )
        connection.execute("VACUUM ANALYZE ledger")
        connection.execute("VACUUM ANALYZE ledger_blocks")


def fill_runs(folder: Path, count: int, head: int) -> None:
    """So many finished runs, as Dagster's own storage would have them: one is made by it, the others are its copies."""
    with DagsterInstance.get() as instance:
        tags = {STREAM_TAG: STREAM, START_TAG: str(head), END_TAG: str(head), "dagster/partition": str(head)}
        run = create_run_for_test(instance, "augmented_diffs_job", tags=tags, status=DagsterRunStatus.SUCCESS)
    with closing(sqlite3.connect(folder / ".dagster" / "history" / "runs.db")) as database, database:
        for table, own in (("runs", "id"), ("run_tags", "id")):
            names = [row[1] for row in database.execute(f"PRAGMA table_info({table})") if row[1] != own]
            copied = ", ".join("'copy-' || n.n" if name == "run_id" else name for name in names)
            database.execute(
                f"WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count})"  # noqa: S608
                f" INSERT INTO {table} ({', '.join(names)}) SELECT {copied} FROM {table}, n WHERE run_id = ?",
                (run.run_id,),
            )
        database.execute("ANALYZE")


def _of_postgres(folder: Path) -> Callable[[], float]:
    """CPU seconds of the server's processes so far, ended ones counted."""

    def used() -> float:
        total = 0.0
        for keeper in titled("python", f"--folder {folder}/database"):
            for one in keeper.children(recursive=True):
                try:
                    total += sum(one.cpu_times()[:4])
                except psutil.Error:
                    continue
        return total

    return used


if __name__ == "__main__":
    sys.exit(main())
