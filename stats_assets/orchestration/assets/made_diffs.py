"""Augmented diffs of our own making, there where OSMCHANGE_URL is set: the feed, the documents, their job.

The work itself is ingest/diff_making.py's; the sensor is made_diffs_sensor.py's, the checks are made_diffs_checks.py's.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    AssetsDefinition,
    AssetSpec,
    BackfillPolicy,
    Failure,
    JobDefinition,
    MaterializeResult,
    define_asset_job,
    multi_asset,
)

from stats_assets.database.ledger.ledger import BLOCK, block_of
from stats_assets.feeds.osmchange import OsmChangeDirectory
from stats_assets.ingest.diff_making import MakingFailed, make
from stats_assets.ingest.diff_making_result import summary
from stats_assets.orchestration import wakes
from stats_assets.orchestration.assets.about import described
from stats_assets.orchestration.assets.failing import failing
from stats_assets.orchestration.assets.freshness import FRESHNESS
from stats_assets.orchestration.current_system import current_stats
from stats_assets.orchestration.partitions import BLOCKS, BY_HAND, KIND_TAG, key_of
from stats_assets.settings import Settings
from stats_assets.streams import MAKER_JOB, MAKER_SENSOR, TABLE

MADE: Final = AssetKey("made_augmented_diffs")
POOL: Final = "made_augmented_diffs"
FEED: Final = AssetKey("osmchange_feed")
_PARTITIONS = BLOCKS["augmented_diffs"]

osmchange_feed = described(
    AssetSpec(
        FEED,
        description=(
            "OsmChange as the planet's server, or a regional one, publishes it: what was edited, without what was"
            " before. Others make it; its checks say how we follow it, and what to do."
        ),
        group_name="augmented_diffs",
        kinds={"openstreetmap"},
    ),
    "source",
    OsmChangeDirectory.state,
    document="feeds.md",
)


@multi_asset(
    name="made_augmented_diffs",
    description="Read OsmChange on, and make the augmented diffs of the minutes that are over.",
    specs=[
        described(
            AssetSpec(
                MADE,
                deps=[FEED],
                description=(
                    "Augmented diffs of our own making, as Overpass would answer them: from a planet and OsmChange. A"
                    " partition is a block of 100 minutes, which turns green with its first one. A run goes on from"
                    " where the store is, whichever partition it was started for."
                ),
                kinds={"openstreetmap", "xml"},
                skippable=True,
                freshness_policy=FRESHNESS,
            ),
            "raw",
            make,
            document="sources.md",
        )
    ],
    partitions_def=_PARTITIONS,
    backfill_policy=BackfillPolicy.single_run(),
    group_name="augmented_diffs",
    pool=POOL,
)
def made_augmented_diffs(context: AssetExecutionContext) -> Iterator[MaterializeResult[Any]]:
    """One run at a time: the store is open in one process only."""
    stats = current_stats()
    work = stats.making_work()
    if work is None:
        raise Failure("OSMCHANGE_URL is not set, so no augmented diffs are made here.", allow_retries=False)
    green: dict[str, Any] = {}
    try:
        with failing("What was made stays; the next run goes on."):
            done = make(
                work,
                stats.url,
                context.run.run_id,
                told=context.log.info,
                made=partial(_turn_green, context, green),
            )
    except MakingFailed as error:
        raise Failure(
            f"{str(error).rstrip('.')}. What was made stays; the next run goes on.", allow_retries=False
        ) from None
    shown = summary(done)
    if done.trouble:
        context.log.warning(f"{done.trouble.rstrip('.')}. The next run goes on from there.")
    elif done.last is not None:
        wakes.wake(context.instance, MAKER_SENSOR, wakes.RUN)
    if done.last is not None:
        wakes.wake(context.instance, TABLE["augmented_diffs"].sensor, wakes.FEED)
    own = [key for key in context.partition_keys if key in green]
    for key in green:
        if key not in own:
            context.log_event(AssetMaterialization(MADE, partition=key, metadata=shown | green[key]))
    if own:
        yield MaterializeResult(asset_key=MADE, metadata=shown)
    else:  # nothing of it is new, and an observation makes nothing green
        for key in context.partition_keys:
            context.log_event(AssetObservation(MADE, partition=key, metadata=shown))


def _turn_green(context: AssetExecutionContext, green: dict[str, Any], first: int, last: int) -> None:
    """The blocks of these minutes: those that are over at once, so that what dies after that leaves its green."""
    keys = {
        key_of(block): {"from": max(block, first), "to": min(block + BLOCK - 1, last)}
        for block in range(block_of(first), last + 1, BLOCK)
    }
    name = _PARTITIONS.name or ""
    new = [key for key in keys if not context.instance.has_dynamic_partition(name, key)]
    if new:
        context.instance.add_dynamic_partitions(name, new)
    for key, minutes in keys.items():
        if minutes["to"] < last and key not in context.partition_keys:
            context.log_event(AssetMaterialization(MADE, partition=key, metadata=minutes))
            green.pop(key, None)
        else:
            green[key] = minutes


maker_job = define_asset_job(
    MAKER_JOB,
    selection=[MADE],
    tags={KIND_TAG: BY_HAND},
    description="Reads OsmChange on, and makes the augmented diffs of the minutes that are over. The sensor starts it;"
    " by hand: any partition, as it goes on from where it is.",
)


def maker_assets(settings: Settings) -> list[AssetsDefinition | AssetSpec]:
    """The feed and the documents, or none where none are made."""
    return [osmchange_feed, made_augmented_diffs] if settings.osmchange_url else []


def maker_jobs(settings: Settings) -> list[JobDefinition | Any]:
    """Their job, likewise."""
    return [maker_job] if settings.osmchange_url else []


def made_of(assets: AssetsDefinition, settings: Settings) -> AssetsDefinition:
    """The augmented diffs, which are made of these documents where such are made."""
    if not settings.osmchange_url:
        return assets
    bodies = AssetKey(TABLE["augmented_diffs"].bodies)

    def with_made(spec: AssetSpec) -> AssetSpec:
        return spec.merge_attributes(deps=[MADE]) if spec.key == bodies else spec

    return assets.map_asset_specs(with_made)
