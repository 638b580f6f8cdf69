"""The jobs that sensors start: a stream's assets with the statistics last, and the statistics alone.

The streams' checks are not part of them: the tick reports those, also when no run is ever started.
"""

from dagster import AssetCheckKey, AssetKey, AssetSelection, define_asset_job

from stats_assets.assets.statistics import VIEWS

STATISTICS = AssetSelection.assets(*VIEWS)


def _stream_assets(raw: str, facts: str) -> AssetSelection:
    complete = AssetSelection.checks(AssetCheckKey(AssetKey(facts), "run_complete"))
    return AssetSelection.assets(raw, facts).without_checks() | complete | STATISTICS


augmented_diffs_job = define_asset_job(
    "augmented_diffs_job",
    selection=_stream_assets("augmented_diffs", "changeset_edits"),
    description="A range of augmented diffs: fetched, counted, and brought into the statistics.",
)
changesets_job = define_asset_job(
    "changesets_job",
    selection=_stream_assets("changeset_updates", "changeset_metadata"),
    description="A range of changeset files: fetched, read, and brought into the statistics.",
)
statistics_job = define_asset_job(
    "statistics_job",
    selection=STATISTICS,
    description="The statistics of what a backfill or a run by hand has left in the queue.",
)
