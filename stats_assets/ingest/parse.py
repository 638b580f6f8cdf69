"""What a stream's body becomes: counted by `osm`, and written by `database`, behind one shape for both streams.

Where bodies come from is fetch.py's; what a failing body means for the run is sequence_loop.py's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal

from stats_assets.database.connection import Connection
from stats_assets.database.facts.changesets import save_changesets
from stats_assets.database.facts.edits import save_facts
from stats_assets.feeds.body import open_body
from stats_assets.osm import definitions_hash
from stats_assets.osm.canonical import canonical_hash
from stats_assets.osm.categories import Categories
from stats_assets.osm.changesets import read_changesets
from stats_assets.osm.creations import Creations
from stats_assets.osm.diff import count_diff
from stats_assets.osm.document import Envelope
from stats_assets.osm.regions import Regions
from stats_assets.osm.statistics import unreadable


@dataclass(frozen=True)
class Reading:
    """A body as read: what it says of itself, what identifies its actions, and how to write its facts."""

    envelope: Envelope
    content_hash: str
    actions: int
    """How many a diff has, or changesets a changeset file; those that could not be read are among them."""
    features: int
    changesets: int
    errors: int
    bytes: int
    write: Callable[[Connection, int], None]
    """Writes the facts of this sequence, inside the commit."""
    tallies: Mapping[str, int] = field(default_factory=dict)
    flags: Mapping[str, int] = field(default_factory=dict)
    """Why the sequence is flagged, by reason."""
    examples: tuple[str, ...] = ()
    """A few of what is flagged."""
    creations: Creations = field(default_factory=Creations)

    @property
    def doubt(self) -> str | None:
        """Why the body is doubtful, as a person reads it; None: it isn't."""
        if not self.flags:
            return None
        reasons = ", ".join(f"{reason.replace('_', ' ')} {number}" for reason, number in self.flags.items())
        lost = f"{self.unreadable} of {self.actions} could not be read: " if self.unreadable else ""
        return "; ".join([lost + reasons, *self.examples])[:2000]

    @property
    def unreadable(self) -> int:
        """How many of its actions could not be read."""
        return unreadable(self.flags)


@dataclass(frozen=True)
class Reader:
    """How a stream's bodies are read."""

    read: Callable[[BinaryIO, datetime], Reading]
    """From a document, and the newest time that it can know of."""
    definitions: str
    """The hash of what the numbers depend on beside the body."""
    child: Literal["action", "changeset"] = "action"
    """What a body is a list of."""

    def canonical(self, path: Path) -> str:
        """The hash of what a body says in one form. Raises FeedError as `open_body` does."""
        with open_body(path) as document:
            return canonical_hash(document, self.child)


def diff_reader(categories: Categories, regions: Regions) -> Reader:
    """Augmented diffs: features counted into facts per changeset and country."""
    read = partial(_read_diff, categories=categories, regions=regions)
    return Reader(read, definitions_hash.of_diffs(categories.hash, regions.hash))


def changeset_reader() -> Reader:
    """Changeset files: metadata, which depends on no definitions but the code's."""
    return Reader(_read_changesets, definitions_hash.of_changesets(), "changeset")


def _read_diff(body: BinaryIO, limit: datetime, categories: Categories, regions: Regions) -> Reading:
    diff = count_diff(body, categories=categories, regions=regions, limit=limit)
    return Reading(
        envelope=diff.envelope,
        content_hash=diff.content_hash,
        actions=diff.actions,
        features=diff.features,
        changesets=len(diff.changesets),
        errors=len(diff.errors),
        bytes=diff.bytes,
        write=lambda connection, sequence: save_facts(connection, sequence, diff),
        tallies=diff.tallies,
        flags=diff.flags,
        examples=diff.examples,
        creations=diff.creations,
    )


def _read_changesets(body: BinaryIO, limit: datetime) -> Reading:
    file = read_changesets(body, limit=limit)
    return Reading(
        envelope=file.envelope,
        content_hash=file.content_hash,
        actions=len(file.changesets) + file.unreadable,
        features=0,
        changesets=len(file.changesets),
        errors=0,
        bytes=file.bytes,
        write=lambda connection, sequence: save_changesets(connection, sequence, file),
        flags=file.flags,
        examples=file.examples,
    )
