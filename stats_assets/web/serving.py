"""What a web server's routes share: the pool of connections, the settings, and the way to an answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from stats_assets.database.answers.answering import answer
from stats_assets.questions.answer import Answer, Given, Kind
from stats_assets.settings import Settings
from stats_assets.web.counting import counting_of


@dataclass(frozen=True)
class Serving:
    """`pool`: read-only connections with a statement timeout. `ending`: set when the server is to end."""

    settings: Settings
    pool: ConnectionPool[Connection[TupleRow]]
    ending: Event = field(default_factory=Event)

    def answer(self, kind: Kind, given: Given, path: Mapping[str, str] | None = None) -> Answer:
        """What `/api/v1/KIND` says of these parameters (`path`: those in its path). Raises Problem."""
        return answer(self.pool, counting_of(self.settings), kind, given, path or {})
