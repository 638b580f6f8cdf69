"""The two streams, and all that differs between them: names, files, numbering, assets. A table, from which all else is
made; what is done with a stream is the same for both. Pure.
"""

from dataclasses import dataclass
from typing import Final, Literal, get_args

Stream = Literal["augmented_diffs", "changesets"]
STREAMS: Final[tuple[Stream, ...]] = get_args(Stream)
OSMCHANGE: Final = "osmchange"
"""What the maker of augmented diffs reads. It is no stream: nothing is counted of it."""
Followed = Stream | Literal["osmchange"]
"""What is read from an address, or from one of several: of each of these it is known what it says, and wants."""

STREAM_TAG, START_TAG, END_TAG = "stats_assets/stream", "stats_assets/start", "stats_assets/end"
"""Tags of the runs of a stream: whose they are, and their first and last sequence."""

MAKER_SENSOR, MAKER_JOB = "osmchange_stream", "made_augmented_diffs_job"
MAKER_CHECK_JOB = "made_augmented_diffs_check_job"
"""Of the maker of augmented diffs."""


@dataclass(frozen=True)
class StreamSpec:
    """What one stream is called, and how it differs from the other."""

    name: Stream
    """As it is called in the database, in tags and in commands."""
    proc_name: str
    """What OSMesa, and the table `checkpoints`, call it."""
    suffix: str
    """Of its files in a directory of replication files."""
    numbers_are_minutes: bool
    """Whether a number says which minute it is, whoever serves it; else it counts files, and may begin again."""
    does: str
    """What a run of it does, for people."""
    bodies: str
    """The asset of its bodies as they were fetched."""
    facts: str
    """The asset of the facts read from them."""
    has_fact_partitions: bool
    """Whether its facts are kept in partitions of their own, which can be away."""

    @property
    def feed(self) -> str:
        """The asset that stands for where it comes from; its checks hang there."""
        return f"{self.name}_feed"

    @property
    def sensor(self) -> str:
        """The sensor that follows it."""
        return f"{self.name}_stream"

    @property
    def job(self) -> str:
        """The job of its runs."""
        return f"{self.name}_job"

    @property
    def blocks(self) -> str:
        """Its partitions."""
        return f"{self.name}_blocks"

    @property
    def start_setting(self) -> str:
        """The setting of the first sequence to do, as settings.py has it."""
        return f"{self.name}_start"


TABLE: Final[dict[Stream, StreamSpec]] = {
    "augmented_diffs": StreamSpec(
        name="augmented_diffs",
        proc_name="ChangesetStatsUpdater",
        suffix=".adiff.xml.gz",
        numbers_are_minutes=True,
        does="A range of augmented diffs: fetched, counted, and brought into the statistics.",
        bodies="augmented_diffs",
        facts="changeset_edits",
        has_fact_partitions=True,
    ),
    "changesets": StreamSpec(
        name="changesets",
        proc_name="ChangesetMetadataUpdater",
        suffix=".osm.gz",
        numbers_are_minutes=False,
        does="A range of changeset files: fetched, read, and brought into the statistics.",
        bodies="changeset_updates",
        facts="changeset_metadata",
        has_fact_partitions=False,
    ),
}
