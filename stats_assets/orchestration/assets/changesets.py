"""The changeset feed: raw files in the archive, and each changeset's metadata read from them."""

from dagster import AssetSpec

from stats_assets.orchestration.assets.streaming import stream_assets

changesets_feed = AssetSpec(
    "changesets_feed",
    description="The planet's changeset replication, or a copy of it. Its checks say how the stream stands.",
    group_name="changesets",
    kinds={"openstreetmap"},
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
        description="Each changeset's newest version: user, times, editor, comment, hashtags.",
        kinds={"postgres"},
    ),
    description="Fetch each file, read its changesets, and save them with the ledger in one transaction.",
)
