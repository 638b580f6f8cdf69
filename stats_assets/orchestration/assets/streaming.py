"""What the assets of both streams share: how they are made, and which ranges a run does.

The work itself is ingest/run.py's; what a run says of itself in the UI, run_metadata.py's.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    AssetsDefinition,
    AssetSpec,
    BackfillPolicy,
    Config,
    DagsterExecutionInterruptedError,
    Failure,
    MaterializeResult,
    multi_asset,
)
from pydantic import Field

from stats_assets.database.connection import DatabaseUnreachable
from stats_assets.database.failures import named
from stats_assets.database.ledger.ledger import BLOCK, LeaseLost, block_of
from stats_assets.embedded_postgres.access import EmbeddedServerError
from stats_assets.feeds.archive import ArchiveError
from stats_assets.ingest.mode import Mode
from stats_assets.ingest.run import run_range
from stats_assets.ingest.run_result import Report, RunFailed
from stats_assets.orchestration import wakes
from stats_assets.orchestration.assets.about import described
from stats_assets.orchestration.assets.freshness import FRESHNESS
from stats_assets.orchestration.assets.run_metadata import block_metadata, lag_metadata, metadata_of
from stats_assets.orchestration.current_system import current_stats
from stats_assets.orchestration.markdown import escaped
from stats_assets.orchestration.partitions import (
    BACKFILL,
    BACKFILL_TAG,
    BLOCKS,
    BY_HAND,
    KIND_TAG,
    is_by_hand,
    key_of,
    sequences_of,
)
from stats_assets.osm.categories import CategoriesError
from stats_assets.osm.regions import RegionsError
from stats_assets.streams import END_TAG, START_TAG, STREAM_TAG, TABLE, Stream
from stats_assets.system import Stats

GREEN = (
    " A partition is a block of 100 sequences; it turns green with its first committed sequence. How much of it is"
    " done is in each materialization's metadata (`block_done`)."
)

MOST = 999_999_999  # no sequence is beyond it
WAIT_FOR_FEED = 3600.0  # so long in all a backfill's run waits for a feed that fails, before it fails too


class RangeConfig(Config):
    """Which sequences, both ends included; without them the partition's whole block, as far as the feed has it.

    For example partition 007464500 with start 7464510 and end 7464519: these ten alone.
    """

    # With defaults that are numbers, so that the launchpad's scaffold has them.
    start: int | None = Field(
        0,
        ge=0,
        description="First sequence, for example 7464510. What is before the partition's first (0, say) means that one:"
        " leave it for the whole block.",
    )
    end: int | None = Field(
        MOST,
        ge=0,
        description="Last sequence, included, for example 7464519. What is beyond the partition's last means that one:"
        " leave it for the whole block.",
    )
    from_feed: bool = Field(
        False,
        description="false: take bodies from the archive where it has them, without asking the feed. true: fetch"
        " all anew from the feed, for example where an archived body is doubted.",
    )
    late: bool = Field(
        False,
        description="Leave it false. The sensor's own runs set it: only what is due once more (given up a day ago, or"
        " settled by now) is done.",
    )


def ranges_of(keys: Sequence[str], config: RangeConfig) -> list[range]:
    """The sequences to do, a range a block. Raises Failure when the config's range is outside the partitions."""
    found = []
    try:
        blocks = [sequences_of(key) for key in sorted(keys)]
    except ValueError as error:
        raise Failure(str(error), allow_retries=False) from None
    for block in blocks:
        start = block.start if config.start is None else max(block.start, config.start)
        end = block.stop - 1 if config.end is None else min(block.stop - 1, config.end)
        if start <= end:
            found.append(range(start, end + 1))
    if not found:
        raise Failure(
            f"Nothing to do: start {config.start} and end {config.end} of the config leave no sequence of partition"
            f" {', '.join(keys)}. A partition {keys[0]} holds {int(keys[0])}..{int(keys[0]) + BLOCK - 1}.",
            allow_retries=False,
        )
    return found


def stream_assets(stream: Stream, raw: AssetSpec, facts: AssetSpec, description: str) -> AssetsDefinition:
    """A stream's two assets, bodies and facts: one op, as a body is fetched, counted and committed before the next."""

    @multi_asset(
        name=stream,
        description=description,
        specs=[
            described(raw, "raw", run_range, document="feeds.md").replace_attributes(
                description=(raw.description or "") + GREEN
            ),
            described(
                facts, "facts", run_range, document="how-it-works.md", is_table=True
            ).replace_attributes(description=(facts.description or "") + GREEN, freshness_policy=FRESHNESS),
        ],
        check_specs=[
            AssetCheckSpec("run_complete", asset=facts.key, description="No sequence of the run failed.")
        ],
        partitions_def=BLOCKS[stream],
        backfill_policy=BackfillPolicy.multi_run(),
        group_name=stream,
        pool=stream,
    )
    def materialize(
        context: AssetExecutionContext, config: RangeConfig
    ) -> Iterator[MaterializeResult[Any] | AssetCheckResult]:
        yield from materialize_stream(context, config, current_stats(), stream, raw.key, facts.key)

    return materialize


def materialize_stream(
    context: AssetExecutionContext,
    config: RangeConfig,
    stats: Stats,
    stream: Stream,
    raw: AssetKey,
    facts: AssetKey,
) -> Iterator[MaterializeResult[Any] | AssetCheckResult]:
    """Fetch, count and commit the run's ranges; what was done becomes the assets' metadata."""
    live = not is_by_hand(context.run.tags)
    ranges = _of_sensor(config) if live else ranges_of(context.partition_keys, config)
    reports = [Report(found.start, found.stop - 1) for found in ranges]
    if not live:
        _tag(context, stream, reports)
    try:
        with named():
            work = stats.work(stream)
        mode = Mode(
            "late" if config.late else "live" if live else "by hand",
            config.from_feed,
            WAIT_FOR_FEED if BACKFILL_TAG in context.run.tags else 0,
        )
        for report in reports:
            run_range(
                *(work, stats.url, context.run.run_id, report.start, report.end, mode),
                report=report,
                after_block=partial(_turn_green, context, stats, stream, (raw, facts), report),
            )
    except DagsterExecutionInterruptedError:
        said = "; ".join(report.so_far() for report in reports)
        goes_on = (
            "the sensor starts a run for the rest by itself"
            if live
            else "to do the rest, materialize the partition again (start in the config says from where)"
        )
        context.log.warning(f"The run was terminated. {said}. What was committed stays; {goes_on}.")
        for partition in context.partition_keys:
            context.log_event(AssetObservation(facts, partition=partition, metadata=metadata_of(*reports)))
        raise
    except (CategoriesError, RegionsError) as error:
        raise Failure(f"{error} Nothing is counted until that is mended.", allow_retries=False) from None
    except (ArchiveError, DatabaseUnreachable, EmbeddedServerError, LeaseLost) as error:
        rest = "the rest is done again by itself" if live else "the same again does the rest"
        raise Failure(f"{error} What was committed stays; {rest}.") from None
    context.log.info("; ".join(report.in_words() for report in reports))
    failed = {str(n): reason for report in reports for n, reason in report.failed.items()}
    shown: dict[str, Any] = {
        "url": " ".join(dict.fromkeys(report.url for report in reports if report.url)) or work.source.url,
        **block_metadata(stats, stream, reports),
        **metadata_of(*reports),
    }
    try:
        for report in reports:
            report.raise_if_failed()
    except RunFailed as error:
        for partition in context.partition_keys:  # an observation makes nothing green
            context.log_event(AssetObservation(facts, partition=partition, metadata=shown))
        raise Failure(str(error), metadata=shown) from None
    if live:
        shown |= lag_metadata(stats, stream)
        if any(report.head is not None and report.head > report.end for report in reports):
            wakes.wake(context.instance, TABLE[stream].sensor, wakes.RUN)
    yield MaterializeResult(asset_key=raw, metadata=shown)
    yield MaterializeResult(asset_key=facts, metadata=shown)
    yield AssetCheckResult(
        asset_key=facts,
        check_name="run_complete",
        passed=not failed,
        severity=AssetCheckSeverity.WARN,
        description=escaped("; ".join(f"{n}: {reason}" for n, reason in list(failed.items())[:5])) or None,
        metadata={"failed": failed},
    )


def _of_sensor(config: RangeConfig) -> list[range]:
    """A run of the sensor's has exactly the range that was decided, over several blocks where it is far behind."""
    assert config.start is not None and config.end is not None  # noqa: S101 - the sensor has set them
    return [range(config.start, config.end + 1)]


def _turn_green(
    context: AssetExecutionContext,
    stats: Stats,
    stream: Stream,
    assets: Sequence[AssetKey],
    report: Report,
    block: int,
) -> None:
    """Of a run over several blocks each is told when the run is over it: what dies after that leaves its green.

    The first is the run's own partition, and told once more when the run ends.
    """
    done = [n for n in report.done if block_of(n) == block]
    if not done or block_of(report.start) == block_of(report.end):
        return
    key = key_of(block)
    here = Report(max(report.start, block), min(report.end, block + BLOCK - 1))
    shown: dict[str, Any] = {"start": here.start, "end": here.end, "sequences": len(done)}
    shown |= block_metadata(stats, stream, [here])
    for asset in assets:
        context.log_event(AssetMaterialization(asset, partition=key, metadata=shown))


def _tag(context: AssetExecutionContext, stream: Stream, reports: Sequence[Report]) -> None:
    """A person's runs get the tags that the sensor's have: by them the UI finds all runs of a stream."""
    tags = {
        STREAM_TAG: stream,
        KIND_TAG: BACKFILL if BACKFILL_TAG in context.run.tags else BY_HAND,
        START_TAG: str(reports[0].start),
        END_TAG: str(reports[-1].end),
    }
    context.instance.add_run_tags(context.run.run_id, tags)
