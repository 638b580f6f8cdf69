"""The changeset feed: raw files in the archive, and each changeset's metadata read from them."""

from collections.abc import Iterator
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetSpec,
    BackfillPolicy,
    MaterializeResult,
    multi_asset,
)

from stats_assets.assets.streaming import GREEN, RangeConfig, materialize_stream
from stats_assets.partitions import changesets_blocks
from stats_assets.resources import current_stats

changesets_feed = AssetSpec(
    "changesets_feed",
    description="The planet's changeset replication, or a copy of it. Its checks say how the stream stands.",
    group_name="changesets",
    kinds={"openstreetmap"},
)


@multi_asset(
    name="changesets",
    specs=[
        AssetSpec(
            "changeset_updates",
            deps=["changesets_feed"],
            description="Changeset replication files as fetched: what was opened, closed or commented."
            + GREEN,
            kinds={"xml"},
        ),
        AssetSpec(
            "changeset_metadata",
            deps=["changeset_updates"],
            description="Each changeset's newest version: user, times, editor, comment, hashtags." + GREEN,
            kinds={"postgres"},
        ),
    ],
    check_specs=[
        AssetCheckSpec(
            "run_complete", asset="changeset_metadata", description="No sequence of the run failed."
        )
    ],
    partitions_def=changesets_blocks,
    backfill_policy=BackfillPolicy.multi_run(),
    group_name="changesets",
    pool="changesets",
)
def changesets(
    context: AssetExecutionContext, config: RangeConfig
) -> Iterator[MaterializeResult[Any] | AssetCheckResult]:
    """Fetch each file, read its changesets, and save them with the ledger in one transaction."""
    yield from materialize_stream(
        context, config, current_stats(), "changesets", raw="changeset_updates", facts="changeset_metadata"
    )
