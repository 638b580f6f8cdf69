"""Backfills of many blocks while both streams are live: nobody has to wait for them, and the numbers stay exact.

They are launched as Dagster's UI does it. The drills share one demo and follow each other.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from stats_assets.database.ledger.ledger import BLOCK, block_of
from stats_assets.database.statistics.applier import apply_queue
from stats_assets.demo.feed import DemoFeed
from stats_assets.demo.home import DemoHome
from stats_assets.demo.world.world import World
from stats_assets.ingest.run import run_range
from stats_assets.local.dagster_programs import LOCATION
from stats_assets.orchestration.partitions import key_of
from stats_assets.settings import Settings
from stats_assets.streams import STREAMS, Stream
from stats_assets.system import Stats
from tests.drills.exact import is_exact
from tests.drills.stack import DemoStack

BLOCKS = 50
INTERVAL = 5.0
"""Seconds in which a minute of the demo's world passes."""
WAIT_LIMIT = 120.0
"""Seconds for which a sequence that the feed has may wait for the stream's checkpoint. They are the same whatever the
world's pace: at the real one, so long a wait is two minutes of lag."""
BACKFILLS = 900.0

LAUNCH = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) { __typename ... on LaunchBackfillSuccess { backfillId } }
}
"""
ADD = """
mutation ($key: String!, $location: String!) {
  addDynamicPartition(
    partitionsDefName: "augmented_diffs_blocks", partitionKey: $key
    repositorySelector: {repositoryName: "__repository__", repositoryLocationName: $location}
  ) { __typename }
}
"""
STATUS = """
query ($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }
"""


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoStack]:
    """A demo with a long history, all of it done."""
    stack = DemoStack(history=BLOCK * (BLOCKS + 1), interval=INTERVAL)
    try:
        # in a process of its own: who has used the embedded server holds on to it
        with ProcessPoolExecutor(1, get_context("spawn")) as elsewhere:
            elsewhere.submit(do_history, stack.root).result()
        stack.start()
        stack.until(lambda: behind(stack) < 20, "the streams to catch up")
        for key in keys_of(stack):
            stack.graphql(ADD, {"key": key, "location": LOCATION})
        yield stack
        assert stack.stop() == 0, stack.said()
    finally:
        stack.remove()


def do_history(root: Path) -> None:
    """Do what the demo begins with as its runs would, but in one process: with a run a block it takes ten minutes."""
    home = DemoHome(root, None)
    made = home.world()
    with DemoFeed(World(made.seed, made.first), history=made.history) as feed:
        stats = Stats(
            Settings(
                _env_file=None,
                database_url=None,
                stats_data_dir=home.path / ".data",
                overpass_url=feed.url,
                changesets_url=feed.changesets_url,
            )
        )
        firsts: dict[Stream, int] = {"augmented_diffs": made.first, "changesets": feed.world.changesets_first}
        for stream, first in firsts.items():
            for block in range(block_of(first), (stats.source(stream).head() or 0) + 1, BLOCK):
                start, end = max(first, block), block + BLOCK - 1
                run_range(stats.work(stream), stats.url, f"{stream} {block}", start, end)
        with stats.connect() as connection:
            apply_queue(connection)


def behind(demo: DemoStack) -> int:
    """How many sequences the stream that is more behind has to do."""
    return max((one.head or 0) - (one.cursor or 0) for one in demo.standing().streams.values())


def longest_waits(demo: DemoStack, over: Callable[[], bool], what: str) -> dict[str, float]:
    """Look every second until it is over; for how long each stream let a sequence wait at most, in seconds."""
    appeared: dict[str, dict[int, float]] = {stream: {} for stream in STREAMS}
    longest = dict.fromkeys(STREAMS, 0.0)

    def look() -> bool:
        time.sleep(1)
        for stream, found in demo.standing().streams.items():
            now, seen = time.monotonic(), appeared[stream]
            assert found.cursor is not None
            assert found.head is not None
            for sequence in range(max(seen, default=found.cursor) + 1, found.head + 1):
                seen[sequence] = now
            if found.cursor < found.head:
                longest[stream] = max(longest[stream], now - seen[found.cursor + 1])
        return over()

    demo.until(look, what, BACKFILLS)
    return {str(stream): round(seconds, 1) for stream, seconds in longest.items()}


def launch(demo: DemoStack, keys: Sequence[str]) -> str:
    """Backfill these partitions of the augmented diffs; the backfill's id."""
    params = {
        "assetSelection": [{"path": ["augmented_diffs"]}, {"path": ["changeset_edits"]}],
        "partitionNames": list(keys),
    }
    launched = demo.graphql(LAUNCH, {"params": params})["launchPartitionBackfill"]
    return str(launched["backfillId"])


def finish(demo: DemoStack, backfill: str) -> None:
    """Wait until it has ended, well."""
    demo.until(lambda: is_over(demo, backfill), "the backfill to end", BACKFILLS)


def is_over(demo: DemoStack, backfill: str) -> bool:
    """Whether it has ended, well."""
    said = demo.graphql(STATUS, {"id": backfill})["partitionBackfillOrError"]["status"]
    assert said in ("REQUESTED", "COMPLETING", "COMPLETED", "COMPLETED_SUCCESS"), said
    return bool(said == "COMPLETED_SUCCESS")


def keys_of(demo: DemoStack) -> list[str]:
    """The stream's partitions, the newest included, without one that begins below the origin: nobody knows the truth
    of what is there."""
    stream = demo.standing().streams["augmented_diffs"]
    assert stream.origin is not None
    assert stream.head is not None
    blocks = {block_of(sequence) for sequence in range(stream.origin, stream.head + 1)}
    return [key_of(block) for block in sorted(blocks) if block >= stream.origin]


def not_done_since(demo: DemoStack, moment: float, first: int, last: int) -> int:
    """How many sequences of first..last that are done have not been done again since."""
    with demo.connect() as connection:
        row = connection.execute(
            "SELECT count(*) FROM ledger WHERE stream = 'augmented_diffs' AND sequence BETWEEN %s AND %s"
            " AND done_at < to_timestamp(%s)",
            (first, last, moment),
        ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.timeout(2 * BACKFILLS)
def test_live_streams_do_not_wait_for_a_backfill(demo: DemoStack, capsys: pytest.CaptureFixture[str]) -> None:
    quiet = time.monotonic() + 45
    before = longest_waits(demo, lambda: time.monotonic() > quiet, "some minutes without a backfill")
    keys = keys_of(demo)
    assert len(keys) >= BLOCKS
    began = time.time()
    backfill = launch(demo, keys)
    during = longest_waits(demo, lambda: is_over(demo, backfill), "the backfill to end")
    seconds = time.time() - began
    after = is_exact(demo)
    with capsys.disabled():
        print(f"\n  {len(keys)} blocks backfilled in {seconds:.0f} s, exact at {after}")
        print(f"  longest wait of a sequence, in seconds: {before} before, {during} meanwhile")
    assert not_done_since(demo, began, int(keys[0]), int(keys[-1]) + BLOCK - 1) == 0
    assert max(during.values()) < WAIT_LIMIT


@pytest.mark.timeout(2 * BACKFILLS)
def test_backfills_that_overlap_and_repeat_change_nothing(demo: DemoStack) -> None:
    keys = keys_of(demo)[-9:]
    began = time.time()
    for backfill in [launch(demo, keys[:6]), launch(demo, keys[3:])]:
        finish(demo, backfill)
    is_exact(demo)
    assert not_done_since(demo, began, int(keys[0]), int(keys[-1]) + BLOCK - 1) == 0
