"""What a web server's routes share: the pool of connections, the settings, and the way to an answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from threading import BoundedSemaphore, Event

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from stats_assets.database.answers.answering import answer, content
from stats_assets.questions import people
from stats_assets.questions.answer import Answer, Given, Kind, Value
from stats_assets.settings import Settings
from stats_assets.web.counting import counting_of
from stats_assets.web.kept import Kept

STREAMS = 3
"""So many exports are streamed at once, or the pool would be theirs."""


@dataclass(frozen=True)
class Serving:
    """All that answers need."""

    settings: Settings
    pool: ConnectionPool[Connection[TupleRow]]
    """Read-only connections with a statement timeout."""
    ending: Event = field(default_factory=Event)
    """Set when the server is to end."""
    kept: Kept = field(default_factory=Kept)
    streams: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(STREAMS))
    """Exports that hold a connection."""

    def answer(self, kind: Kind, given: Given, path: Mapping[str, str] | None = None) -> Answer:
        """What `/api/v1/KIND` says of these parameters (`path`: those in its path). Raises Problem."""
        inside = path or {}
        people.check(self.people, kind, given)
        key = (kind, tuple(map(tuple, given)), tuple(sorted(inside.items())))
        return self.kept.get(key, lambda: self._shown(kind, given, inside))

    def live(self, given: Given) -> Mapping[str, Value]:
        """The whole state of a running window, found anew each time. Raises Problem."""
        people.check(self.people, "live", given)
        return people.shown(
            self.people, "live", content(self.pool, counting_of(self.settings), "live", given, {})
        )

    @property
    def people(self) -> people.People:
        """What is shown of persons."""
        return self.settings.people or "full"

    def _shown(self, kind: Kind, given: Given, path: Mapping[str, str]) -> Answer:
        found = answer(self.pool, counting_of(self.settings), kind, given, path)
        return replace(found, content=people.shown(self.people, kind, found.content))
