"""A backfill of many blocks at once beside the live streams, as `make backfill` asks for it: processes stand for tasks.

So many are at work at a time, no more; the live stream goes on meanwhile; afterwards the queue's limits are as before.
"""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest

from deploy.kit.secrets import DRIVER
from stats_assets.database.connection import connect
from stats_assets.database.ledger.ledger import BLOCK, block_of
from stats_assets.demo.answers import faults
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.world.world import World
from tests.conftest import database
from tests.drills.production import Production, machine
from tests.drills.streams import Streams
from tests.drills.waiting import until

BLOCKS, TASKS, USUAL = 22, 20, 2
LIVE = 30
"""Minutes of the feed's history that are the live stream's."""
PAUSE = 4.0
"""Seconds between two minutes of the world."""
HELD = 60.0
"""Seconds that a block's first body takes, so that its run is still there when the last has begun."""
LIMIT = 120.0
"""Seconds that a minute may wait, on a machine that is as busy as that."""


@pytest.fixture
def feed(world: World) -> Iterator[DemoFeed]:
    with DemoFeed(world, history=BLOCK * (BLOCKS + 2) + LIVE) as served:
        yield served


@pytest.fixture
def settings(server: str, feed: DemoFeed, url: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    with database(server, "template1") as dagster:
        yield {
            "DATABASE_URL": url,
            "DAGSTER_DB_URI": dagster.replace("postgresql://", DRIVER),
            "OVERPASS_URL": feed.url,
            "CHANGESETS_URL": feed.changesets_url,
            "AUGMENTED_DIFFS_START": str(feed.head - LIVE),
            "CHANGESETS_START": str(feed.changesets_head - LIVE),
            "STATS_DATA_DIR": str(tmp_path / "data"),
            "LEASE_STALE_SECONDS": "120",  # twenty processes begin on two cores
            "START_LIMIT_SECONDS": "600",
        }


class Looks:
    """What is seen twice a second: runs at work, processes, the database's connections."""

    def __init__(self, url: str, dagster: str, production: Production) -> None:
        self.runs: list[int] = []
        self.processes: list[int] = []
        self.connections: list[Counter[str]] = []
        self._url, self._dagster, self._production = url, dagster, production
        self._over = Event()
        self._thread = Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Looks":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        with psycopg.connect(self._dagster, autocommit=True) as dagster, connect(self._url) as ours:
            while not self._over.wait(0.5):
                found = dagster.execute(
                    "SELECT count(*) FROM runs r JOIN run_tags t ON t.run_id = r.run_id"
                    " WHERE t.key = 'dagster/backfill' AND r.status IN ('STARTING', 'STARTED')"
                ).fetchone()
                assert found is not None
                self.runs.append(found[0])
                self.processes.append(len(self._production.pids("run")))
                rows = ours.execute(
                    "SELECT datname, count(*) FROM pg_stat_activity WHERE datname = ANY(%s) GROUP BY 1",
                    ([ours.info.dbname, dagster.info.dbname],),
                ).fetchall()
                names = {ours.info.dbname: "ours", dagster.info.dbname: "dagster"}
                self.connections.append(Counter({names[name]: count for name, count in rows}))


def live(feed: DemoFeed, url: str, over: Event, waits: list[float]) -> None:
    """A minute now and then; how long each waits until it is committed."""
    published: dict[int, float] = {}
    with connect(url) as connection:
        while not over.wait(0.2) or published:
            if not over.is_set() and time.monotonic() - max(published.values(), default=0.0) > PAUSE:
                published[feed.advance(1)] = time.monotonic()
            for sequence in list(published):
                row = connection.execute(
                    "SELECT 1 FROM ledger WHERE stream = 'augmented_diffs' AND sequence = %s AND result = 'committed'",
                    (sequence,),
                ).fetchone()
                if row is not None:
                    waits.append(time.monotonic() - published.pop(sequence))


@pytest.mark.timeout(1800)
def test_twenty_blocks_at_once(
    feed: DemoFeed, url: str, settings: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    streams = Streams(feed, url)
    # Of changesets a run has little to do: what is seen is how many there are.
    head = feed.changesets_head
    dagster = settings["DAGSTER_DB_URI"].replace(DRIVER, "postgresql://")
    first = block_of(head - LIVE) - BLOCK * BLOCKS
    assert first >= feed.world.changesets_first
    with machine(tmp_path / "machine", settings) as production:
        production.migrate()
        production.start().switch_on()
        streams.go_on("the start")
        for block in range(first, first + BLOCK * BLOCKS, BLOCK):
            feed.faults.put(faults.stall(HELD), stream="changesets", sequence=block, times=1)
        over, waits = Event(), list[float]()
        world = Thread(target=live, args=(feed, url, over, waits), daemon=True)
        command = ["stats-assets", "backfill", "--stream", "changesets"]
        command += ["--start", str(first), "--end", str(first + BLOCK * BLOCKS - 1)]
        world.start()
        began = time.monotonic()
        with Looks(url, dagster, production) as seen:
            backfill = production.begin([*command, "--tasks", str(TASKS)])
            said, _ = backfill.communicate(timeout=1500)
        seconds = time.monotonic() - began
        assert backfill.returncode == 0, said[-3000:]
        over.set()
        world.join()
        most = max(seen.connections, key=lambda one: one.total())
        runs, processes, middle = max(seen.runs), max(seen.processes), sorted(waits)[len(waits) // 2]
        with capsys.disabled():
            print(
                f"\n  {BLOCKS} blocks in {seconds:.0f} s; at once: {runs} runs of it, {processes} processes of all runs"
            )
            print(f"  connections at most: {most.total()} ({most['ours']} ours, {most['dagster']} Dagster's)")
            print(
                f"  {len(waits)} live minutes, committed after {middle:.1f} s (median), {max(waits):.1f} s at most"
            )
        until(streams.at_rest, "the statistics to take up what has changed")
        # Not the whole world is counted here: the facts that there are say what the statistics must be.
        assert production.run(["stats-assets", "verify"]).returncode == 0

        for block in range(first, first + BLOCK * BLOCKS, BLOCK):
            feed.faults.put(faults.stall(HELD), stream="changesets", sequence=block, times=1)
        with Looks(url, dagster, production) as after:
            usual = production.begin([*command, "--from-feed"])
            until(lambda: max(after.runs, default=0) >= USUAL, "a backfill at the usual pace")
            time.sleep(15)
            usual.send_signal(signal.SIGTERM)  # as ECS does
            usual.communicate(timeout=300)
    assert max(seen.runs) == TASKS
    assert max(after.runs) == USUAL, "the limits are as before"
    assert max(waits) < LIMIT
