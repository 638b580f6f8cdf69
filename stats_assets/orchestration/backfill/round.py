"""What a backfill is asked for, and how far it is: a round is all that was tried for one range until it is complete.

How far it is, is read from the ledger (database/ledger/progress.py) and from Dagster's records of its runs. What does
the rest is backfill.py, or by_daemon.py.
"""

import logging
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus, PartitionBackfill

from stats_assets.database.connection import Connection, DatabaseUnreachable, clock
from stats_assets.database.ledger import progress
from stats_assets.database.ledger.ledger import BLOCK, block_of
from stats_assets.ingest.run_result import BEFORE_HISTORY
from stats_assets.ingest.sequence_loop import MOST_BEFORE_HISTORY
from stats_assets.orchestration.partitions import key_of, sequences_of
from stats_assets.streams import Stream
from stats_assets.system import Stats

# Where Dagster writes a run's partition: on a job's run, and on one of its daemon's backfills.
PARTITION_TAG, ASSET_PARTITION_TAG = "dagster/partition", "dagster/asset_partition_range_start"
RANGE_TAG, ROUND_TAG = "stats_assets/backfill", "stats_assets/backfill_round"
SHOWN = 20
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """Sequences start..end of a stream, both included."""

    stream: Stream
    start: int
    end: int
    from_feed: bool = False
    """Never from the archive."""

    def __str__(self) -> str:
        # One from the feed is another backfill: what was done from the archive is no part of it.
        return f"{self.stream}:{self.start}-{self.end}" + (":from-feed" if self.from_feed else "")

    @property
    def size(self) -> int:
        """How many sequences."""
        return self.end - self.start + 1

    @property
    def keys(self) -> list[str]:
        """The partitions that it touches."""
        return [key_of(block) for block in range(block_of(self.start), self.end + 1, BLOCK)]

    @property
    def config(self) -> dict[str, object]:
        """The config of its runs, the same for all: each takes its own block's part of the range."""
        config = {"start": self.start, "end": self.end, "from_feed": self.from_feed}
        return {"ops": {self.stream: {"config": config}}}

    def part(self, key: str) -> int:
        """How many of its sequences are in a partition."""
        block = sequences_of(key)
        return min(block.stop - 1, self.end) - max(block.start, self.start) + 1


@dataclass(frozen=True)
class Outcome:
    """How a backfill ended."""

    committed: int
    """Sequences of the range that are committed now."""
    blocks_left: int
    """Blocks in which something is left to do."""
    troubles: list[progress.Trouble]
    """The first sequences whose last try failed."""


class Round:
    """One round of a range. It is taken up again where it stopped, as long as it is not complete.

    advance(n) hears how many of its sequences are done by now.
    """

    def __init__(
        self, instance: DagsterInstance, stats: Stats, wanted: Wanted, advance: Callable[[int], None]
    ) -> None:
        self.instance, self.stats, self.wanted = instance, stats, wanted
        self._hears = advance
        self.tags = self._tags()
        """What all its runs carry."""
        done = self.done_keys()
        self._before = sum(wanted.part(key) for key in done)
        if done:
            log.info(f"It goes on with an earlier one: {len(done)} of {len(wanted.keys)} blocks are done.")
        with stats.connect() as connection:
            self._since = clock(connection)

    def _tags(self) -> dict[str, str]:
        """Those of the last round of this range, unless that one is complete: then of a new one."""
        running = self.at_daemon()
        last = self.instance.get_runs(RunsFilter(tags={RANGE_TAG: str(self.wanted)}), limit=1)
        known = running.tags if running is not None else last[0].tags if last else {}
        new = {RANGE_TAG: str(self.wanted), ROUND_TAG: uuid.uuid4().hex[:8]}
        earlier = new | {ROUND_TAG: known.get(ROUND_TAG, "")}
        return earlier if known and len(self.done_keys(earlier)) < len(self.wanted.keys) else new

    def at_daemon(self) -> PartitionBackfill | None:
        """The backfill of the same range that Dagster's daemon is at work on, of this round or another."""
        wanted = BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED], tags={RANGE_TAG: str(self.wanted)})
        return next(iter(self.instance.get_backfills(filters=wanted, limit=1)), None)

    def done_keys(self, tags: Mapping[str, str] | None = None) -> set[str]:
        """Partitions that a run of this round (or of the one with these tags) has done, with nothing failed in them."""
        with self.stats.connect() as connection:
            clean = progress.clean_blocks(connection, self.wanted.stream, self.wanted.start, self.wanted.end)
        runs = self.instance.get_runs(RunsFilter(tags=tags or self.tags, statuses=[DagsterRunStatus.SUCCESS]))
        keys = {run.tags.get(PARTITION_TAG) or run.tags[ASSET_PARTITION_TAG] for run in runs}
        return {key for key in keys if clean.get(int(key), 0) == self.wanted.part(key)}

    def advance(self) -> int:
        """Say how many of its sequences are done by now, and return that."""
        done = self._asked(progress.done_since)
        if done is None:
            return 0
        reached = min(self._before + done, self.wanted.size)
        self._hears(reached)
        return reached

    def is_before_history(self) -> bool:
        """Whether runs have found so many of it before the server's history that the rest is left, too."""
        found = self._asked(progress.left_as_they_were_since)
        if found is None or found < MOST_BEFORE_HISTORY:
            return False
        log.info(f"{BEFORE_HISTORY.format(found)}.")
        return True

    def _asked(self, count: Callable[[Connection, str, int, int, datetime], int]) -> int | None:
        """How many of the range by now; None: a database that is away for a moment ends nothing here."""
        try:
            with self.stats.connect() as connection:
                return count(connection, self.wanted.stream, self.wanted.start, self.wanted.end, self._since)
        except (DatabaseUnreachable, psycopg.Error):
            return None

    def cancel(
        self, tags: Mapping[str, str], statuses: Sequence[DagsterRunStatus], but: Collection[str] = ()
    ) -> None:
        """End the runs with these tags that are in these states; `but`: not those with these ids."""
        for run in self.instance.get_runs(RunsFilter(tags=tags, statuses=statuses)):
            if run.run_id in but:
                continue
            self.instance.report_run_canceling(run, "The backfill was ended.")
            self.instance.report_run_canceled(run)

    def outcome(self) -> Outcome:
        """How it stands now."""
        of = (self.wanted.stream, self.wanted.start, self.wanted.end)
        with self.stats.connect() as connection:
            clean = sum(progress.clean_blocks(connection, *of).values())
            troubles = progress.troubles(connection, *of, SHOWN)
        left = set(self.wanted.keys) - self.done_keys()
        return Outcome(clean, len(left), troubles)
