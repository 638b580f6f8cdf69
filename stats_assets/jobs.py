"""The jobs that sensors and schedules start: a stream's assets with the statistics last, the statistics alone, and
the verification of them all.
"""

from dagster import AssetSelection, DefaultScheduleStatus, ScheduleDefinition, define_asset_job

from stats_assets.assets.statistics import VIEWS
from stats_assets.assets.verification import all_is_exact

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
verification_job = define_asset_job(
    "verification_job",
    selection=AssetSelection.checks(all_is_exact),
    description="A step of the verification of everything: every row and key against the facts.",
    tags={"dagster/priority": "-20"},  # below every backfill's
)
verification_schedule = ScheduleDefinition(
    name="verification",
    job=verification_job,
    cron_schedule="41 * * * *",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Each hour a step of some minutes: a big database is verified in about a week, a small one each hour.",
)
