"""The augmented diffs: raw bodies in the archive, and the facts counted from them."""

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
from stats_assets.partitions import augmented_diffs_blocks
from stats_assets.resources import current_stats

augmented_diffs_feed = AssetSpec(
    "augmented_diffs_feed",
    description="Overpass, or a directory of augmented diffs: where minutes come from. Its checks say how it goes.",
    group_name="augmented_diffs",
    kinds={"overpass"},
)


@multi_asset(
    name="augmented_diffs",
    specs=[
        AssetSpec(
            "augmented_diffs",
            deps=["augmented_diffs_feed"],
            description="Augmented diffs as fetched: a minute of OpenStreetMap edits each, with what was before."
            + GREEN,
            kinds={"overpass", "xml"},
        ),
        AssetSpec(
            "changeset_edits",
            deps=["augmented_diffs"],
            description="What each changeset did in each diff: counts and measures, in all and by country."
            + GREEN,
            kinds={"postgres"},
        ),
    ],
    check_specs=[
        AssetCheckSpec("run_complete", asset="changeset_edits", description="No sequence of the run failed.")
    ],
    partitions_def=augmented_diffs_blocks,
    backfill_policy=BackfillPolicy.multi_run(),
    group_name="augmented_diffs",
    pool="augmented_diffs",
)
def augmented_diffs(
    context: AssetExecutionContext, config: RangeConfig
) -> Iterator[MaterializeResult[Any] | AssetCheckResult]:
    """Fetch each diff, count its features, and save the facts with the ledger in one transaction."""
    yield from materialize_stream(
        context, config, current_stats(), "augmented_diffs", raw="augmented_diffs", facts="changeset_edits"
    )
