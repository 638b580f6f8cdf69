"""What is counted: from feed documents to statistics. Pure: no I/O beyond a file object, no Dagster, no SQL."""

from stats_assets.osm.categories import Categories, CategoriesError
from stats_assets.osm.changesets import Changeset, ChangesetFile, read_changesets
from stats_assets.osm.diff import COUNTING_VERSION, count_diff
from stats_assets.osm.document import Envelope
from stats_assets.osm.hashtags import hashtags_in_comment, hashtags_of
from stats_assets.osm.regions import Regions, RegionsError
from stats_assets.osm.statistics import ChangesetStatistics, DiffStatistics, FeatureError, RegionStatistics

__all__ = [
    "COUNTING_VERSION",
    "Categories",
    "CategoriesError",
    "Changeset",
    "ChangesetFile",
    "ChangesetStatistics",
    "DiffStatistics",
    "Envelope",
    "FeatureError",
    "RegionStatistics",
    "Regions",
    "RegionsError",
    "count_diff",
    "hashtags_in_comment",
    "hashtags_of",
    "read_changesets",
]
