"""The streams' partitions: blocks of 100 sequences, keyed by their first, zero-padded to 9 digits."""

from collections.abc import Mapping
from typing import Final

from dagster import DynamicPartitionsDefinition

from stats_assets.database.ledger.ledger import BLOCK, block_of
from stats_assets.streams import STREAM_TAG, TABLE

BLOCKS: Final = {name: DynamicPartitionsDefinition(name=stream.blocks) for name, stream in TABLE.items()}

LATE_TAG = "stats_assets/late"  # a run for what is due once more though it is done
KIND_TAG = "stats_assets/kind"
BACKFILL_TAG = "dagster/backfill"  # Dagster's own, on the runs of a backfill
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
