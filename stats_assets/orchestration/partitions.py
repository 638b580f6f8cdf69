"""The streams and their partitions: blocks of 100 sequences, keyed by their first, zero-padded to 9 digits."""

from collections.abc import Mapping
from typing import Final

from dagster import DynamicPartitionsDefinition

from stats_assets.database.ledger.ledger import BLOCK, block_of

augmented_diffs_blocks = DynamicPartitionsDefinition(name="augmented_diffs_blocks")
changesets_blocks = DynamicPartitionsDefinition(name="changesets_blocks")
BLOCKS: Final = {"augmented_diffs": augmented_diffs_blocks, "changesets": changesets_blocks}

STREAM_TAG, START_TAG, END_TAG = "stats_assets/stream", "stats_assets/start", "stats_assets/end"
LATE_TAG = "stats_assets/late"  # a run for what is due once more though it is done
KIND_TAG = "stats_assets/kind"
LIVE, LATE, BY_HAND, BACKFILL = "live", "late", "by hand", "backfill"
"""Kinds of runs: the sensor's two, a person's, a backfill's."""


def is_by_hand(tags: Mapping[str, str]) -> bool:
    """Whether a run with these tags is a person's or a backfill's, not the sensor's."""
    return STREAM_TAG not in tags or tags.get(KIND_TAG) in (BY_HAND, BACKFILL)


def key_of(sequence: int) -> str:
    """The partition that the sequence is in."""
    return f"{block_of(sequence):09d}"


def sequences_of(key: str) -> range:
    """The partition's sequences. Raises ValueError for a key that is no block's."""
    if not key.isdecimal() or key != key_of(int(key)):
        raise ValueError(
            f"{key!r} is no partition: keys are the first of {BLOCK} sequences in 9 digits, like {key_of(6543200)}."
        )
    return range(int(key), int(key) + BLOCK)
