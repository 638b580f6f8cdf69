"""Where the feed's files come from: the invented world as far as the clock has come, or a folder of real ones.

What is answered to whom is content.py's.
"""

import json
from datetime import datetime
from typing import NamedTuple, Protocol

from stats_assets.demo.answers.faults import Answer
from stats_assets.demo.answers.folder import Folder
from stats_assets.demo.answers.replication import BEFORE, OSMCHANGE_FIRST, OsmChange, Replication
from stats_assets.demo.clock import Clock
from stats_assets.demo.truth.truth import truth
from stats_assets.demo.world.minute import until
from stats_assets.demo.world.world import World

_TEXT = "text/plain; charset=utf-8"


class ChangesetState(NamedTuple):
    """`newest` file, and what `state.yaml` says, which is one less on the planet server."""

    newest: int
    said: int
    last_run: datetime


class Source(Protocol):
    """Where diffs and changeset files come from; `None`: there is no such file now."""

    def head(self) -> int: ...
    def diff(self, sequence: int) -> bytes | None: ...
    def changesets(self, sequence: int) -> bytes | None: ...
    def changeset_state(self) -> ChangesetState | None: ...
    def last_run(self, sequence: int) -> datetime | None: ...
    def osmchange(self, sequence: int | None) -> OsmChange | None: ...
    def planet(self) -> bytes | None: ...
    def truth(self, augmented_diffs: int | None, changesets: int | None) -> Answer: ...


class WorldSource:
    """The world as far as the clock has come."""

    def __init__(self, world: World, clock: Clock, replication: Replication) -> None:
        self._world = world
        self._clock = clock
        self._replication = replication

    def head(self) -> int:
        return self._clock.head()

    def diff(self, sequence: int) -> bytes | None:
        return self._world.augmented_diff(sequence) if self._world.first <= sequence <= self.head() else None

    def changesets(self, sequence: int) -> bytes | None:
        known = self._world.changesets_first <= sequence <= self._newest()
        return self._world.changeset_file(sequence).packed if known else None

    def changeset_state(self) -> ChangesetState | None:
        newest = self._newest()
        last_run = self.last_run(newest)
        return None if last_run is None else ChangesetState(newest, newest - 1, last_run)

    def last_run(self, sequence: int) -> datetime | None:
        if not self._world.changesets_first <= sequence <= self._newest():
            return None
        return self._world.changeset_file(sequence).file.last_run

    def osmchange(self, sequence: int | None) -> OsmChange | None:
        """A file, or the newest one."""
        newest = self._replication.newest(self._clock.time())
        wanted = newest if sequence is None else sequence
        return self._replication.file(wanted) if OSMCHANGE_FIRST - BEFORE <= wanted <= newest else None

    def planet(self) -> bytes | None:
        return self._replication.planet()

    def truth(self, augmented_diffs: int | None, changesets: int | None) -> Answer:
        """By default when all was applied that both feeds tell of: changesets to what `state.yaml` says."""
        head, newest = self.head(), self._newest()
        diffs = head if augmented_diffs is None else augmented_diffs
        files = newest - 1 if changesets is None else changesets
        if not (
            self._world.first - 1 <= diffs <= head and self._world.changesets_first - 1 <= files <= newest
        ):
            return Answer(
                400, _TEXT, f"There are diffs to {head} and changeset files to {newest}.\n".encode()
            )
        found = truth(self._world, augmented_diffs=diffs, changesets=files)
        return Answer(200, "application/json", json.dumps(found, ensure_ascii=False).encode())

    def _newest(self) -> int:
        return self._world.newest_changeset_file(self.head())


class FolderSource:
    """Real files. `state.yaml` tells of the last changeset file too: there is no later one to wait for."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def head(self) -> int:
        return self._folder.head()

    def diff(self, sequence: int) -> bytes | None:
        return self._folder.diff(sequence)

    def changesets(self, sequence: int) -> bytes | None:
        return self._folder.changesets(sequence)

    def changeset_state(self) -> ChangesetState | None:
        newest = self._folder.newest_changesets()
        return None if newest is None else ChangesetState(newest, newest, until(self.head()))

    def last_run(self, sequence: int) -> datetime | None:
        return None if self._folder.changesets(sequence) is None else until(self.head())

    def osmchange(self, sequence: int | None) -> OsmChange | None:
        return None

    def planet(self) -> bytes | None:
        return None

    def truth(self, augmented_diffs: int | None, changesets: int | None) -> Answer:
        return Answer(404, _TEXT, b"Of real diffs the demo knows no truth.\n")
