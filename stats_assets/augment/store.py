"""What the maker asks of its store. What is kept, and how, is lmdb_store.py's.

All times are epoch seconds. The settled state is what is effective until `Place.settled_to`; what is later is pending,
and until the first minute is settled also what came since the planet, however old it is.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from stats_assets.augment.versions import Kind, Pending, Users, Version


class Place(NamedTuple):
    """How far the store is. Written with what it tells of, in one transaction."""

    begins: int
    """The beginning of the first minute that can be made; what is effective until then has no document."""
    settled_to: int
    """The end of the newest settled minute; at the beginning it is `begins`."""
    reached: int
    """The feed's time of the newest file that was read."""
    sequence: int | None = None
    """That file's number; None: none was read yet."""
    made: int | None = None
    """The newest minute (an augmented diff's number) whose document was made, or which needs none."""


class Noted(NamedTuple):
    """A version about which something has to be said."""

    what: str
    """Which list it stands on: late, held, ... (window.py)."""
    kind: Kind
    id: int
    version: int
    timestamp: int
    sequence: int | None
    """The number of the OsmChange file that it came in."""
    belongs: int | None = None
    """The minute that it was put into, if any."""


class Snapshot(Protocol):
    """A consistent look into the store."""

    def place(self) -> Place: ...

    def settled(self, kind: Kind, id: int) -> Version | None:
        """The newest settled version; None: never seen. A deleted one has no tags, refs or members (but a node its
        last position).
        """
        ...

    def users(self, kind: Kind, id: int) -> Users:
        """Whose newest settled, visible version names it."""
        ...

    def chain(self, kind: Kind, id: int) -> tuple[Pending, ...]:
        """Its pending versions, ascending."""
        ...

    def pending_users(self, kind: Kind, id: int) -> Users:
        """Of whom any pending version names it."""
        ...

    def changed(self, since: int, until: int) -> Iterator[tuple[Kind, int]]:
        """What has a pending version that is effective in (since, until]: nodes, ways, relations, each by id, once."""
        ...

    def noted(self, what: str) -> Iterator[Noted]:
        """A list, oldest first."""
        ...

    def tallies(self) -> dict[str, int]:
        """How often what happened, since the store was made."""
        ...


class Change(Snapshot, Protocol):
    """A transaction; it sees what it has written."""

    def settle(self, version: Version) -> None:
        """It is its element's newest settled version now. Who names whom follows; a node that is deleted without a
        position keeps the one that it had.
        """
        ...

    def keep(self, pending: Pending) -> None:
        """Among the pending ones, in place of the same version if that is there (also at another time)."""
        ...

    def drop(self, kind: Kind, id: int, version: int) -> None:
        """No longer among the pending ones."""
        ...

    def put_place(self, place: Place) -> None: ...

    def note(self, noted: Noted) -> None:
        """On its list. The newest 1,000 of each list are kept."""
        ...

    def tally(self, what: str, count: int = 1) -> None: ...


class Store(Protocol):
    """One process has it open."""

    def reading(self) -> AbstractContextManager[Snapshot]: ...

    def changing(self) -> AbstractContextManager[Change]:
        """All of it is kept, synced, when the block ends; nothing of it when that raises."""
        ...

    def close(self) -> None: ...
