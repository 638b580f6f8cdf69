"""A changeset feed whose numbering began again: the same files under lower numbers. What is in them is another's."""

from datetime import datetime

from stats_assets.demo.answers.faults import Answer
from stats_assets.demo.answers.replication import OsmChange
from stats_assets.demo.answers.sources import ChangesetState, Source


class Renumbered:
    """Another source, whose changeset file `old` is number `new` now, and so on. A Source.

    What was before `old` is gone.
    """

    def __init__(self, source: Source, old: int, new: int) -> None:
        self._source = source
        self._old = old
        self._new = new

    def head(self) -> int:
        return self._source.head()

    def diff(self, sequence: int) -> bytes | None:
        return self._source.diff(sequence)

    def changesets(self, sequence: int) -> bytes | None:
        return self._source.changesets(self._before(sequence)) if sequence >= self._new else None

    def changeset_state(self) -> ChangesetState | None:
        state, down = self._source.changeset_state(), self._old - self._new
        return state and ChangesetState(state.newest - down, state.said - down, state.last_run)

    def last_run(self, sequence: int) -> datetime | None:
        return self._source.last_run(self._before(sequence)) if sequence >= self._new else None

    def osmchange(self, sequence: int | None) -> OsmChange | None:
        return self._source.osmchange(sequence)

    def planet(self) -> bytes | None:
        return self._source.planet()

    def truth(self, augmented_diffs: int | None, changesets: int | None) -> Answer:
        """changesets: by the new numbers."""
        return self._source.truth(augmented_diffs, None if changesets is None else self._before(changesets))

    def _before(self, sequence: int) -> int:
        return sequence + self._old - self._new
