"""Whether a running demo's statistics are exactly the truth, at a moment when nothing is pending."""

import requests

from stats_assets.database.connection import Connection
from stats_assets.database.ledger.ledger import Work
from stats_assets.database.ledger.stream_rows import troubled
from stats_assets.database.statistics.applier import queued
from stats_assets.streams import STREAMS, Stream
from tests.drills.stack import DemoStack
from tests.drills.waiting import PATIENCE
from tests.truth import differences, statistics_of


def is_exact(stack: DemoStack) -> str:
    """Wait for a moment when no work is pending, and compare the statistics with the truth; how far they are."""

    def compared() -> str | None:
        with (
            stack.connect() as connection,
            connection.transaction(),
        ):
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            if queued(connection):
                return None
            ends = [contiguous_end(connection, stream) for stream in STREAMS]
            if None in ends:
                return None
            wanted = "&".join(f"{stream}={end}" for stream, end in zip(STREAMS, ends, strict=True))
            truth = requests.get(f"{stack.feed}/truth.json?{wanted}", timeout=30).json()
            assert differences(truth, statistics_of(connection)) == []
            return wanted

    return stack.until(compared, "a moment with nothing pending", PATIENCE)


def contiguous_end(connection: Connection, stream: Stream) -> int | None:
    """The last committed sequence, when all from the origin to it are; None: there are gaps. Nothing has failed."""
    failures: tuple[Work, ...] = ("quarantined", "hole")
    for work in failures:
        assert troubled(connection, stream, work) == []
    row = connection.execute(
        "SELECT min(l.sequence) = s.origin AND max(l.sequence) - s.origin + 1 = count(*), max(l.sequence)"
        " FROM streams AS s JOIN ledger AS l USING (stream) WHERE stream = %s AND result = 'committed'"
        " GROUP BY s.origin",
        (stream,),
    ).fetchone()
    return row[1] if row and row[0] else None
