"""The jobs that sensors start: a stream's assets with the statistics last, and the statistics alone."""

from dagster import AssetSelection, define_asset_job

from stats_assets.assets.statistics import VIEWS

FACTS = {
    "augmented_diffs": ("augmented_diffs", "changeset_edits"),
    "changesets": ("changeset_updates", "changeset_metadata"),
}
"""A stream's assets: bodies, and the facts read from them."""
STATISTICS = AssetSelection.assets(*VIEWS)

augmented_diffs_job = define_asset_job(
    "augmented_diffs_job",
    selection=AssetSelection.assets(*FACTS["augmented_diffs"]) | STATISTICS,
    description="A range of augmented diffs: fetched, counted, and brought into the statistics.",
)
changesets_job = define_asset_job(
    "changesets_job",
    selection=AssetSelection.assets(*FACTS["changesets"]) | STATISTICS,
    description="A range of changeset files: fetched, read, and brought into the statistics.",
)
statistics_job = define_asset_job(
    "statistics_job",
    selection=STATISTICS,
    description="The statistics of what a backfill or a run by hand has left in the queue.",
)
