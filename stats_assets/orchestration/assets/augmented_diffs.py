"""The augmented diffs: raw bodies in the archive, and the facts counted from them."""

from dagster import AssetSpec

from stats_assets.ingest.feed_head import of_tick
from stats_assets.orchestration.assets.about import described
from stats_assets.orchestration.assets.streaming import stream_assets

augmented_diffs_feed = described(
    AssetSpec(
        "augmented_diffs_feed",
        description=(
            "Overpass, or a directory of augmented diffs: where minutes come from. Others make it; its checks say how"
            " we follow it: whether we are behind, what is missing, set aside or doubtful, and what to do."
        ),
        group_name="augmented_diffs",
        kinds={"overpass"},
    ),
    "source",
    of_tick,
    document="feeds.md",
)
augmented_diffs = stream_assets(
    "augmented_diffs",
    raw=AssetSpec(
        "augmented_diffs",
        deps=["augmented_diffs_feed"],
        description="Augmented diffs as fetched: a minute of OpenStreetMap edits each, with what was before.",
        kinds={"overpass", "xml"},
    ),
    facts=AssetSpec(
        "changeset_edits",
        deps=["augmented_diffs"],
        description=(
            "What each changeset did in each diff: counts and measures, in all and by country (in"
            " `changeset_edits_countries`). All statistics are made of it."
        ),
        kinds={"postgres", "table"},
    ),
    description="Fetch each diff, count its features, and save the facts with the ledger in one transaction.",
)
