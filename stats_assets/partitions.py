"""The streams and their partitions: blocks of 100 sequences, keyed by their first, zero-padded to 9 digits."""

from typing import Final

from dagster import DynamicPartitionsDefinition

from stats_assets.database.ledger import BLOCK, block_of

augmented_diffs_blocks = DynamicPartitionsDefinition(name="augmented_diffs_blocks")
changesets_blocks = DynamicPartitionsDefinition(name="changesets_blocks")
BLOCKS: Final = {"augmented_diffs": augmented_diffs_blocks, "changesets": changesets_blocks}

STREAM_TAG, START_TAG, END_TAG = "stats_assets/stream", "stats_assets/start", "stats_assets/end"
LATE_TAG = "stats_assets/late"  # a run for what is due once more though it is done


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
