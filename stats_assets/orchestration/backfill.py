"""A backfill of an exact range of sequences, through Dagster: its runs are seen in the UI, one a block.

With a daemon alive it is Dagster's own backfill, which this submits and waits for; without one the blocks are run in
this process, on the same instance. What a run does with its block is ingest/run.py's; the command is cli/backfill.py's.
"""

import logging
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from dagster import (
    AssetKey,
    DagsterInstance,
    DagsterRunStatus,
    Definitions,
    ExecuteInProcessResult,
    RunsFilter,
)
from dagster._core.execution.backfill import (
    BULK_ACTION_TERMINAL_STATUSES,
    BulkActionsFilter,
    BulkActionStatus,
    PartitionBackfill,
)

from stats_assets.database.connection import Connection, DatabaseUnreachable, clock
from stats_assets.database.ledger import progress
from stats_assets.database.ledger.leases import leases
from stats_assets.database.ledger.ledger import BLOCK, block_of
from stats_assets.ingest.run_result import BEFORE_HISTORY
from stats_assets.ingest.sequence_loop import MOST_BEFORE_HISTORY
from stats_assets.orchestration.live_runs import UNFINISHED
from stats_assets.orchestration.partitions import BACKFILL_TAG, BLOCKS, key_of, sequences_of
from stats_assets.streams import TABLE, Stream
from stats_assets.system import Stats

PARTITION_TAG, ASSET_PARTITION_TAG = (
    "dagster/partition",
    "dagster/asset_partition_range_start",
)  # a job's, a daemon's
RANGE_TAG, ROUND_TAG = "stats_assets/backfill", "stats_assets/backfill_round"
ALIVE_SECONDS = 75.0  # a daemon's heart beats every 30 s
POLL_SECONDS = 1.0
CANCEL_SECONDS = 60.0
log = logging.getLogger(__name__)
SHOWN = 20
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}  # what happens is said by the bar


@dataclass(frozen=True)
class Wanted:
    """Sequences start..end of a stream, both included."""

    stream: Stream
    start: int
    end: int
    from_feed: bool = False
    """Never from the archive."""

    def __str__(self) -> str:
        # What was done from the archive is no part of it.
        return f"{self.stream}:{self.start}-{self.end}" + (":from-feed" if self.from_feed else "")

    @property
    def size(self) -> int:
        """How many sequences."""
        return self.end - self.start + 1

    @property
    def keys(self) -> list[str]:
        """The partitions that it touches."""
        return [key_of(block) for block in range(block_of(self.start), self.end + 1, BLOCK)]

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


class Backfill:
    """One backfill. A range whose last backfill was not completed is taken up where that one stopped.

    advance(n) hears how many of its sequences are done by now. What a person should know is logged.
    """

    def __init__(
        self,
        defs: Definitions,
        instance: DagsterInstance,
        stats: Stats,
        wanted: Wanted,
        advance: Callable[[int], None],
    ) -> None:
        self.defs, self.instance, self.stats, self.wanted = defs, instance, stats, wanted
        self.advance = advance
        self.tags = self._round_tags()
        self.before = 0

    def run(self) -> Outcome:
        """Do it, to the end. KeyboardInterrupt leaves nothing queued behind."""
        self.instance.add_dynamic_partitions(BLOCKS[self.wanted.stream].name or "", self.wanted.keys)
        done = self._done_keys()
        self.before = sum(self.wanted.part(key) for key in done)
        if done:
            log.info(
                f"It goes on with an earlier one: {len(done)} of {len(self.wanted.keys)} blocks are done."
            )
        with self.stats.connect() as connection:
            self.since = clock(connection)
        if not (self._daemon_is_alive() and self._by_daemon()):
            self._in_process()
        return self._outcome()

    def _round_tags(self) -> dict[str, str]:
        """What all attempts at one backfill of this range share: the last one's, unless that is complete."""
        running = self._running()
        last = self.instance.get_runs(RunsFilter(tags={RANGE_TAG: str(self.wanted)}), limit=1)
        known = running.tags if running is not None else last[0].tags if last else {}
        new = {RANGE_TAG: str(self.wanted), ROUND_TAG: uuid.uuid4().hex[:8]}
        earlier = new | {ROUND_TAG: known.get(ROUND_TAG, "")}
        return earlier if known and len(self._done_keys(earlier)) < len(self.wanted.keys) else new

    def _done_keys(self, tags: Mapping[str, str] | None = None) -> set[str]:
        """Partitions that a run of this round (or of the one with these tags) has done, with nothing failed in them."""
        with self.stats.connect() as connection:
            clean = progress.clean_blocks(connection, self.wanted.stream, self.wanted.start, self.wanted.end)
        runs = self.instance.get_runs(RunsFilter(tags=tags or self.tags, statuses=[DagsterRunStatus.SUCCESS]))
        keys = {run.tags.get(PARTITION_TAG) or run.tags[ASSET_PARTITION_TAG] for run in runs}
        return {key for key in keys if clean.get(int(key), 0) == self.wanted.part(key)}

    def _running(self) -> PartitionBackfill | None:
        wanted = BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED], tags={RANGE_TAG: str(self.wanted)})
        return next(iter(self.instance.get_backfills(filters=wanted, limit=1)), None)

    def _config(self) -> dict[str, object]:
        # Each run takes its own block's part of the range.
        wanted = self.wanted
        config = {"start": wanted.start, "end": wanted.end, "from_feed": wanted.from_feed}
        return {"ops": {self.wanted.stream: {"config": config}}}

    def _daemon_is_alive(self) -> bool:
        beats = [beat.timestamp for beat in self.instance.get_daemon_heartbeats().values()]
        return bool(beats) and time.time() - max(beats) < ALIVE_SECONDS

    def _by_daemon(self) -> bool:
        """Submit and wait for the end; False when the daemon is gone before it."""
        running = self._running()
        if running is not None and running.tags[ROUND_TAG] != self.tags[ROUND_TAG]:
            running = None  # complete, though Dagster does not know it yet
        if running is not None:
            log.info(f"Backfill {running.backfill_id} of the same range is at work already: waiting for it.")
        backfill_id = running.backfill_id if running is not None else self._submit()
        try:
            while True:
                found = self.instance.get_backfill(backfill_id)
                if found is None or found.status in BULK_ACTION_TERMINAL_STATUSES:
                    return True
                if self._before_history():
                    self._withdraw(backfill_id)
                    return True
                # Dagster itself sees the end up to a minute later.
                if self._advance() == self.wanted.size and len(self._done_keys()) == len(self.wanted.keys):
                    return True
                if not self._daemon_is_alive():
                    log.info("Dagster's daemon is gone: what it has not begun is run here.")
                    self._withdraw(backfill_id)
                    return False
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            log.info("Cancelling what is queued and running; what was committed stays.")
            self._withdraw(backfill_id)
            raise

    def _submit(self) -> str:
        done, stream = self._done_keys(), TABLE[self.wanted.stream]
        backfill = PartitionBackfill.from_asset_partitions(
            backfill_id=uuid.uuid4().hex[:8],
            asset_graph=self.defs.resolve_asset_graph(),
            partition_names=[key for key in self.wanted.keys if key not in done],
            asset_selection=[AssetKey(name) for name in (stream.bodies, stream.facts)],
            backfill_timestamp=time.time(),
            tags=self.tags,
            dynamic_partitions_store=self.instance,
            all_partitions=False,
            title=f"{self.wanted.stream} {self.wanted.start}..{self.wanted.end}",
            description=None,
            run_config=self._config(),
        )
        self.instance.add_backfill(backfill)
        log.info(
            f"Backfill {backfill.backfill_id} is submitted to Dagster's daemon, which begins within half a minute."
        )
        return backfill.backfill_id

    def _withdraw(self, backfill_id: str) -> None:
        found = self.instance.get_backfill(backfill_id)
        if found is None or found.status in BULK_ACTION_TERMINAL_STATUSES:
            return
        self._set(found, BulkActionStatus.CANCELING)
        until = time.monotonic() + (CANCEL_SECONDS if self._daemon_is_alive() else 0)
        while True:
            self._cancel({BACKFILL_TAG: backfill_id}, [DagsterRunStatus.QUEUED])
            found = self.instance.get_backfill(backfill_id)
            if found is None or found.status in BULK_ACTION_TERMINAL_STATUSES:
                return
            if time.monotonic() > until:
                self._set(found, BulkActionStatus.CANCELED)
                return
            time.sleep(POLL_SECONDS)

    def _set(self, backfill: PartitionBackfill, status: BulkActionStatus) -> None:
        self.instance.update_backfill(backfill.with_status(status))  # type: ignore[no-untyped-call]

    def _in_process(self) -> None:
        job = self.defs.resolve_job_def(TABLE[self.wanted.stream].job)
        own = self.tags | {BACKFILL_TAG: self.tags[ROUND_TAG]}
        self._cancel(own, UNFINISHED, but=self._at_work())  # of an earlier process that was killed
        done = self._done_keys()
        for key in self.wanted.keys:
            if key in done:
                continue
            try:
                result = job.execute_in_process(
                    instance=self.instance,
                    partition_key=key,
                    run_config=self._config() | QUIET,
                    tags=own,
                    raise_on_error=False,
                )
            except KeyboardInterrupt:
                self._cancel(own, UNFINISHED)
                raise
            self._advance()
            if not result.success:
                log.info(f"Block {key}: {_why(result)}")
            if self._before_history():
                return

    def _before_history(self) -> bool:
        """Whether the range is before the server's history, as a run has found, which asked a few: then all is left."""
        refused = self._asked(progress.refused_since)
        if refused is None or refused < MOST_BEFORE_HISTORY:
            return False
        log.info(f"{BEFORE_HISTORY.format(refused)}.")
        return True

    def _asked(self, count: Callable[[Connection, str, int, int, datetime], int]) -> int | None:
        """How many of the range by now; None: a database that is away for a moment ends nothing here."""
        try:
            with self.stats.connect() as connection:
                return count(connection, self.wanted.stream, self.wanted.start, self.wanted.end, self.since)
        except (DatabaseUnreachable, psycopg.Error):
            return None

    def _at_work(self) -> set[str]:
        """Runs whose hearts beat: of the same command in another terminal."""
        limit = self.stats.settings.lease_stale_seconds
        with self.stats.connect() as connection:
            return {
                one.run_id for one in leases(connection, self.wanted.stream) if one.silent_seconds <= limit
            }

    def _cancel(
        self, tags: Mapping[str, str], statuses: Sequence[DagsterRunStatus], but: Collection[str] = ()
    ) -> None:
        for run in self.instance.get_runs(RunsFilter(tags=tags, statuses=statuses)):
            if run.run_id in but:
                continue
            self.instance.report_run_canceling(run, "The backfill was ended.")
            self.instance.report_run_canceled(run)

    def _advance(self) -> int:
        done = self._asked(progress.done_since)
        if done is None:
            return 0
        reached = min(self.before + done, self.wanted.size)
        self.advance(reached)
        return reached

    def _outcome(self) -> Outcome:
        of = (self.wanted.stream, self.wanted.start, self.wanted.end)
        with self.stats.connect() as connection:
            clean = sum(progress.clean_blocks(connection, *of).values())
            troubles = progress.troubles(connection, *of, SHOWN)
        left = set(self.wanted.keys) - self._done_keys()
        return Outcome(clean, len(left), troubles)


def _why(result: ExecuteInProcessResult) -> str:
    for event in result.get_step_failure_events():
        error = event.step_failure_data.user_failure_data
        if error is not None and error.description:
            return error.description
    return "the run failed; its page in the UI says why"
