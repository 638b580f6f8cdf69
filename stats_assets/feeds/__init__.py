"""The feeds: sources, heads, sequences, archive, HTTP. Knows nothing of Dagster, SQL or statistics."""

from stats_assets.feeds.archive import Archive, ArchiveError
from stats_assets.feeds.body import Body, decompressed, open_body
from stats_assets.feeds.directory import DirectorySource, read_state
from stats_assets.feeds.history import judge_history
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.manners import Manners, manners_at
from stats_assets.feeds.outcomes import (
    AskedJustNow,
    BadAnswer,
    BeforeHistory,
    BodyTooLarge,
    BrokenGeometryRemark,
    DuplicateQueryRefused,
    FeedError,
    FeedQuiet,
    FeedRefused,
    HeadQuiet,
    HeadRefused,
    HeadUnknown,
    SequenceMissing,
    SequenceNotYetAvailable,
    masked,
)
from stats_assets.feeds.overpass import OverpassSource
from stats_assets.feeds.sequences import Window, covers, path_of, sequence_at, sequence_of
from stats_assets.feeds.source import Source, State
from stats_assets.feeds.validation import Envelope, Glance, glance_at, judge_body, judge_envelope

__all__ = [
    "Archive",
    "ArchiveError",
    "AskedJustNow",
    "BadAnswer",
    "BeforeHistory",
    "Body",
    "BodyTooLarge",
    "BrokenGeometryRemark",
    "DirectorySource",
    "DuplicateQueryRefused",
    "Envelope",
    "FeedError",
    "FeedQuiet",
    "FeedRefused",
    "Glance",
    "HeadQuiet",
    "HeadRefused",
    "HeadUnknown",
    "Http",
    "Manners",
    "OverpassSource",
    "SequenceMissing",
    "SequenceNotYetAvailable",
    "Source",
    "State",
    "Window",
    "covers",
    "decompressed",
    "glance_at",
    "judge_body",
    "judge_envelope",
    "judge_history",
    "manners_at",
    "masked",
    "open_body",
    "path_of",
    "read_state",
    "sequence_at",
    "sequence_of",
]
