"""The augmented diffs: raw bodies in the archive, and the facts counted from them."""

from dagster import AssetSpec

from stats_assets.orchestration.assets.streaming import stream_assets

augmented_diffs_feed = AssetSpec(
    "augmented_diffs_feed",
    description="Overpass, or a directory of augmented diffs: where minutes come from. Its checks say how it goes.",
    group_name="augmented_diffs",
    kinds={"overpass"},
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
        description="What each changeset did in each diff: counts and measures, in all and by country.",
        kinds={"postgres"},
    ),
    description="Fetch each diff, count its features, and save the facts with the ledger in one transaction.",
)
