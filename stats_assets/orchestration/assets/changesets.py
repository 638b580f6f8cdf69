"""The changeset feed: raw files in the archive, and each changeset's metadata read from them."""

from dagster import AssetSpec

from stats_assets.ingest.feed_head import of_tick
from stats_assets.orchestration.assets.about import described
from stats_assets.orchestration.assets.streaming import stream_assets

changesets_feed = described(
    AssetSpec(
        "changesets_feed",
        description=(
            "The planet's changeset replication, or a copy of it: who opened and closed which changeset, with which"
            " comment. Others make it; its checks say how we follow it, and what to do."
        ),
        group_name="changesets",
        kinds={"openstreetmap"},
    ),
    "source",
    of_tick,
    document="feeds.md",
)
changesets = stream_assets(
    "changesets",
    raw=AssetSpec(
        "changeset_updates",
        deps=["changesets_feed"],
        description="Changeset replication files as fetched: what was opened, closed or commented.",
        kinds={"xml"},
    ),
    facts=AssetSpec(
        "changeset_metadata",
        deps=["changeset_updates"],
        description=(
            "Each changeset's newest version: user, times, editor, comment, hashtags. By it edits get their hashtags."
        ),
        kinds={"postgres", "table"},
    ),
    description="Fetch each file, read its changesets, and save them with the ledger in one transaction.",
)
