"""What a feed is asked, known to all runs: so that together they are good guests of it.

Whether it may be asked now is decided here, by what was asked and what it refused; how long it wants quiet is kept in
stream_rows.py, and what its answers mean is the runs' matter.
"""

import time
from datetime import timedelta
from typing import NamedTuple

from psycopg.pq import TransactionStatus

from stats_assets.database.connection import Connection
from stats_assets.database.ledger import pauses
from stats_assets.feeds.manners import Manners
from stats_assets.feeds.outcomes import (
    AskedJustNow,
    BadAnswer,
    DuplicateQueryRefused,
    FeedError,
    FeedQuiet,
    FeedRefused,
    HeadUnknown,
)
from stats_assets.feeds.source import Source
from stats_assets.streams import Stream
from stats_assets.words import at, in_words

TIMES = 2  # so often at most an id is asked for within three gaps: others may ask for it, too
# So long after a duplicate's refusal the server's cache may give 0 bytes (docs/feeds.md, section 6.2).
POISONED = timedelta(hours=1)
ASKED_KEPT = timedelta(hours=2)
REQUESTS_KEPT = timedelta(days=7)


class Request(NamedTuple):
    """A request for a body that was begun."""

    sequence: int
    number: int | None
    """Its row's; None: of many files it is written down when the answer is there."""


def begin(connection: Connection, stream: Stream, source: Source, sequence: int) -> Request:
    """Called before a body is asked for: waits for its turn, and counts it. Returns what `end` needs.

    Of a serial source only the holder of its lock calls this. Raises FeedQuiet, AskedJustNow.
    """
    if source.serial:  # the clock was set back: what was asked "in the future" was asked just now
        connection.execute(
            "UPDATE asked SET asked_at = clock_timestamp() WHERE stream = %s AND asked_at > clock_timestamp()",
            (stream,),
        )
    _pace(connection, stream, source.manners)
    if left := pauses.quiet(connection, stream):
        raise FeedQuiet(source.url, _quiet(*left), retry_after=left[0])
    _ration(connection, stream, source, sequence)
    if not source.serial:  # it is counted when the answer is there: one write for each of many files
        return Request(sequence, None)
    count(connection, stream, "body")
    _forget(connection, stream)
    row = connection.execute(
        "INSERT INTO asked (stream, sequence) VALUES (%s, %s) RETURNING id", (stream, sequence)
    ).fetchone()
    assert row is not None  # noqa: S101 - an INSERT returns its row
    return Request(sequence, row[0])


def end(connection: Connection, stream: Stream, request: Request, size: int, error: FeedError | None) -> None:
    """Called after the answer: notes what it was, for all runs to know."""
    heed(connection, stream, error)
    counted = request.number is not None
    if size or not counted:
        count(connection, stream, "body", number=0 if counted else 1, size=size)
    answer = "good" if error is None else "duplicate" if isinstance(error, DuplicateQueryRefused) else "bad"
    if counted:
        connection.execute(
            "UPDATE asked SET answer = %s, asked_at = clock_timestamp() WHERE id = %s",
            (answer, request.number),
        )
    elif isinstance(error, BadAnswer):  # of many files only these, for `fails`
        _forget(connection, stream)
        connection.execute(
            "INSERT INTO asked (stream, sequence, answer) VALUES (%s, %s, %s)",
            (stream, request.sequence, answer),
        )


def _forget(connection: Connection, stream: Stream) -> None:
    connection.execute("DELETE FROM asked WHERE stream = %s AND asked_at < now() - %s", (stream, ASKED_KEPT))


def heed(connection: Connection, stream: Stream, error: FeedError | None) -> None:
    """An error that names a limit keeps all of the stream away from the feed, for as long as it says.

    error: None: the feed answered well, which ends a row of refusals.
    """
    if error is None:
        pauses.not_refused(connection, stream)
    elif isinstance(error, FeedQuiet):  # nothing was asked
        return
    elif isinstance(error, FeedRefused):
        pauses.be_quiet(connection, stream, error.retry_after or 0.0, str(error))
    elif isinstance(error, HeadUnknown) and error.retry_after:  # else the next tick would ask again
        pauses.rest(connection, stream, error.retry_after, str(error))


def fails(connection: Connection, stream: Stream) -> bool:
    """Whether the last two answers were bad, and are of just now: then what is not urgent can wait."""
    row = connection.execute(
        "SELECT count(*) = 2 FROM (SELECT answer, asked_at FROM asked WHERE stream = %s ORDER BY asked_at DESC LIMIT 2)"
        " AS a WHERE answer IN ('bad', 'duplicate') AND asked_at > clock_timestamp() - make_interval(secs => %s)",
        (stream, pauses.PAUSE_MOST),
    ).fetchone()
    return row == (True,)


def poisoned(connection: Connection, stream: Stream, sequence: int) -> bool:
    """Whether an empty answer for that id is only what is left of a duplicate's refusal."""
    row = connection.execute(
        "SELECT 1 FROM asked WHERE stream = %s AND sequence = %s AND answer = 'duplicate' AND asked_at > now() - %s",
        (stream, sequence, POISONED),
    ).fetchone()
    return row is not None


def count(connection: Connection, stream: Stream, kind: str, number: int = 1, size: int = 0) -> None:
    """Requests, and bytes of bodies, of this hour. Alone it does not wait for the disk: a crash may cost the last."""
    # what else is committed with it must be waited for
    alone = connection.info.transaction_status is TransactionStatus.IDLE
    made = connection.execute(
        """
        INSERT INTO requests AS r (stream, hour, kind, number, bytes)
        VALUES (%(stream)s, date_trunc('hour', now()), %(kind)s, %(number)s, %(size)s)
        ON CONFLICT (stream, hour, kind) DO UPDATE SET number = r.number + %(number)s, bytes = r.bytes + %(size)s
        RETURNING r.number = %(number)s,
            CASE WHEN %(alone)s THEN set_config('synchronous_commit', 'off', true) END
        """,
        {"stream": stream, "kind": kind, "number": number, "size": size, "alone": alone},
    ).fetchone()
    if made is not None and made[0]:
        connection.execute(
            "DELETE FROM requests WHERE stream = %s AND hour < now() - %s", (stream, REQUESTS_KEPT)
        )


class Requests(NamedTuple):
    """What a feed was asked: heads, bodies, and these bodies' bytes as sent."""

    heads: int = 0
    bodies: int = 0
    bytes: int = 0


def lately(connection: Connection, stream: Stream) -> tuple[Requests, Requests]:
    """Of this hour, since it began; of 24 hours, this one included."""
    row = connection.execute(
        """
        SELECT sum(number) FILTER (WHERE this AND kind = 'head'), sum(number) FILTER (WHERE this AND kind = 'body'),
            sum(bytes) FILTER (WHERE this), sum(number) FILTER (WHERE kind = 'head'),
            sum(number) FILTER (WHERE kind = 'body'), sum(bytes)
        FROM (SELECT *, hour = date_trunc('hour', now()) AS this FROM requests
            WHERE stream = %s AND hour > date_trunc('hour', now()) - interval '1 day' AND hour <= now()) AS r
        """,
        (stream,),
    ).fetchone()
    numbers = [int(value or 0) for value in row or [0] * 6]
    return Requests(*numbers[:3]), Requests(*numbers[3:])


def _quiet(seconds: float, reason: str) -> str:
    return f"not asked, as the feed wants quiet for {in_words(seconds)} more: {reason}"


def _pace(connection: Connection, stream: Stream, manners: Manners) -> None:
    if not manners.pause:
        return
    row = connection.execute(
        "SELECT extract(epoch FROM clock_timestamp() - max(asked_at))::float8 FROM asked WHERE stream = %s",
        (stream,),
    ).fetchone()
    if row is not None and row[0] is not None:
        time.sleep(max(0.0, manners.pause - row[0]))


def _ration(connection: Connection, stream: Stream, source: Source, sequence: int) -> None:
    gap = source.manners.gap
    if not gap:
        return
    last = connection.execute(
        "SELECT extract(epoch FROM clock_timestamp() - asked_at)::float8, answer = 'good', clock_timestamp()"
        " FROM asked WHERE stream = %s AND sequence = %s ORDER BY asked_at DESC LIMIT %s",
        (stream, sequence, TIMES),
    ).fetchall()
    waits = [gap - ago for ago, *_ in last[:1]] + [(TIMES + 1) * gap - ago for ago, *_ in last[TIMES - 1 :]]
    wait = max(waits, default=0.0)
    if wait > 0:
        raise AskedJustNow(
            source.url,
            # It is stored, and read later: no "in so many seconds".
            f"{sequence} was asked just before, and may be again from {at(last[0][2] + timedelta(seconds=wait))} on:"
            " a server refuses who asks for the same too often",
            retry_after=wait,
            answered=bool(last[0][1]),
        )
