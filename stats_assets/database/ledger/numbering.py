"""A feed's numbering: how often its numbers began again, and what that means for archived bodies and for order.

That they began again only a person can say (`seek --from-feed`); it is written down by seeking.py.
"""

from dataclasses import dataclass
from datetime import datetime

from stats_assets.database.connection import Connection
from stats_assets.streams import TABLE, Stream

SPAN = 10**10  # above all sequences


@dataclass(frozen=True)
class Numbering:
    """Which numbering a stream's sequences are of."""

    stream: Stream
    count: int = 0
    """How often the feed's numbers have begun again."""
    not_above: int | None = None
    """Above this, what was fetched before `since` is another numbering's."""
    since: datetime | None = None

    def knows(self, sequence: int, fetched_at: datetime) -> bool:
        """Whether a body fetched then is of this numbering."""
        return (
            self.not_above is None
            or self.since is None
            or sequence <= self.not_above
            or fetched_at >= self.since
        )

    def of(self, sequence: int) -> int:
        """The numbering of a sequence; augmented diffs are numbered by their minutes, whoever serves them."""
        if TABLE[self.stream].numbers_are_minutes or not self.count:
            return 0
        return self.count if self.not_above is None or sequence > self.not_above else self.count - 1

    def order(self, sequence: int) -> int:
        """A number that is higher for later files than for earlier ones, in whichever numbering they are."""
        return self.of(sequence) * SPAN + sequence


def numbering(connection: Connection, stream: Stream) -> Numbering:
    """The stream's, as it is now."""
    row = connection.execute(
        "SELECT numbering, archive_not_above, archive_since FROM streams WHERE stream = %s", (stream,)
    ).fetchone()
    return Numbering(stream, *row) if row else Numbering(stream)
