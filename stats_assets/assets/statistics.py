"""The statistics: per user, hashtag, country and user within a hashtag, kept up to date by difference."""

from collections.abc import Iterator
from time import monotonic
from typing import Any

from dagster import AssetExecutionContext, AssetSpec, MaterializeResult, multi_asset

from stats_assets.database.leases import end_lease, heartbeat
from stats_assets.database.statistics import apply_queue
from stats_assets.resources import current_stats

VIEWS = {
    "user_statistics": "Each user's changesets, edits, counts and measures, by editor, day, country and hashtag.",
    "hashtag_statistics": "Each hashtag's, with its most active users.",
    "country_statistics": "Each country's (what lies in it), with its most active users and hashtags.",
    "hashtag_user_statistics": "Each user's within each hashtag.",
}


@multi_asset(
    name="statistics",
    specs=[
        AssetSpec(
            view, deps=["changeset_edits", "changeset_metadata"], description=description, kinds={"postgres"}
        )
        for view, description in VIEWS.items()
    ],
    group_name="statistics",
)
def statistics(context: AssetExecutionContext) -> Iterator[MaterializeResult[Any]]:
    """Apply what the changed changesets contribute now, less what they contributed before."""
    began = monotonic()
    parts = current_stats()
    with parts.connect() as connection, heartbeat(parts.url, context.run.run_id):
        applied = apply_queue(connection, lambda left: context.log.info(f"{left} entries left in the queue"))
        end_lease(connection, context.run.run_id)
    for view in VIEWS:
        yield MaterializeResult(
            asset_key=view,
            metadata={
                "queue_entries": applied.entries,
                "changesets": applied.changesets,
                "batches": applied.batches,
                "seconds": round(monotonic() - began, 3),
            },
        )
