"""What a feed is asked, known to all runs: so that together they are good guests of it.

Whether it may be asked now is decided here, by what was asked and what it refused; how long it wants quiet is kept in
stream_rows.py, and what its answers mean is the runs' matter.
"""

import time
from datetime import timedelta
from typing import NamedTuple

from psycopg.pq import TransactionStatus

from stats_assets.database.connection import Connection
from stats_assets.database.ledger import addresses, pauses
from stats_assets.feeds.manners import Manners, server_of
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
from stats_assets.streams import Followed, Stream
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
    url: str
    """The address that is asked."""
    in_use: bool
    """Whether the stream is read from there."""


def begin(connection: Connection, stream: Stream, source: Source, sequence: int) -> Request:
    """Called before a body is asked for: waits for its turn, and counts it. Returns what `end` needs.

    Of a serial source only the holder of its lock calls this. Raises FeedQuiet, AskedJustNow.
    """
    server = server_of(source.url)
    if source.serial:  # the clock was set back: what was asked "in the future" was asked just now
        connection.execute(
            "UPDATE asked SET asked_at = clock_timestamp() WHERE stream = %s AND asked_at > clock_timestamp()",
            (stream,),
        )
    _pace(connection, stream, server, source.manners)
    may = addresses.quiet(connection, stream, source.url)
    if left := may.left:
        raise FeedQuiet(source.url, _quiet(*left), retry_after=left[0])
    _ration(connection, stream, server, source, sequence)
    if not source.serial:  # it is counted when the answer is there: one write for each of many files
        return Request(sequence, None, source.url, may.in_use)
    count(connection, stream, "body", url=source.url)
    _forget(connection, stream)
    row = connection.execute(
        "INSERT INTO asked (stream, sequence, server) VALUES (%s, %s, %s) RETURNING id",
        (stream, sequence, server),
    ).fetchone()
    assert row is not None  # noqa: S101 - an INSERT returns its row
    return Request(sequence, row[0], source.url, may.in_use)


def end(connection: Connection, stream: Stream, request: Request, size: int, error: FeedError | None) -> None:
    """Called after the answer: notes what it was, for all runs to know."""
    if error is not None or request.in_use:
        heed(connection, stream, error, url=request.url)
    counted = request.number is not None
    if size or not counted:
        count(connection, stream, "body", number=0 if counted else 1, size=size, url=request.url)
    answer = "good" if error is None else "duplicate" if isinstance(error, DuplicateQueryRefused) else "bad"
    if counted:
        connection.execute(
            "UPDATE asked SET answer = %s, asked_at = clock_timestamp() WHERE id = %s",
            (answer, request.number),
        )
    elif isinstance(error, BadAnswer):  # of many files only these, for `fails`
        _forget(connection, stream)
        connection.execute(
            "INSERT INTO asked (stream, sequence, answer, server) VALUES (%s, %s, %s, %s)",
            (stream, request.sequence, answer, server_of(request.url)),
        )


def _forget(connection: Connection, stream: Stream) -> None:
    connection.execute("DELETE FROM asked WHERE stream = %s AND asked_at < now() - %s", (stream, ASKED_KEPT))


def heed(
    connection: Connection, stream: Followed, error: FeedError | None, *, url: str | None = None
) -> None:
    """An error that names a limit keeps all of the stream away from the server, for as long as it says.

    error: None: the feed answered well, which ends a row of refusals. url: the address that was asked; None: the one in
    use.
    """
    if error is None:
        return pauses.not_refused(connection, stream)
    if isinstance(error, FeedQuiet) or not isinstance(
        error, FeedRefused | HeadUnknown
    ):  # or nothing was asked
        return None
    if url is not None and not addresses.quiet(connection, stream, url).in_use:
        if error.retry_after:
            addresses.be_quiet(connection, stream, url, error.retry_after, str(error))
    elif isinstance(error, FeedRefused):
        pauses.be_quiet(connection, stream, error.retry_after or 0.0, str(error))
    elif error.retry_after:  # else the next tick would ask again
        pauses.rest(connection, stream, error.retry_after, str(error))
    return None


def fails(connection: Connection, stream: Stream, url: str | None = None) -> bool:
    """Whether the last two answers were bad, and are of just now: then what is not urgent can wait.

    url: of that address's server alone; None: whoever answered.
    """
    row = connection.execute(
        "SELECT count(*) = 2 FROM (SELECT answer, asked_at FROM asked WHERE stream = %(stream)s"
        " AND (%(server)s::text IS NULL OR server IN (%(server)s, '')) ORDER BY asked_at DESC LIMIT 2) AS a"
        " WHERE answer IN ('bad', 'duplicate') AND asked_at > clock_timestamp() - make_interval(secs => %(most)s)",
        {"stream": stream, "server": None if url is None else server_of(url), "most": pauses.PAUSE_MOST},
    ).fetchone()
    return row == (True,)


def poisoned(connection: Connection, stream: Stream, sequence: int, url: str) -> bool:
    """Whether an empty answer of the address for that id is only what is left of a duplicate's refusal."""
    row = connection.execute(
        "SELECT 1 FROM asked WHERE stream = %s AND sequence = %s AND server IN (%s, '') AND answer = 'duplicate'"
        " AND asked_at > now() - %s",
        (stream, sequence, server_of(url), POISONED),
    ).fetchone()
    return row is not None


def count(
    connection: Connection,
    stream: Followed,
    kind: str,
    number: int = 1,
    size: int = 0,
    *,
    url: str | None = None,
) -> None:
    """Requests, and bytes of bodies, of this hour: of the stream, and of the address's server.

    Alone it does not wait for the disk: a crash may cost the last.
    """
    # what else is committed with it must be waited for
    alone = connection.info.transaction_status is TransactionStatus.IDLE
    made = connection.execute(
        """
        WITH of_server AS (
            INSERT INTO server_requests AS r (stream, server, hour, kind, number, bytes)
            SELECT %(stream)s, %(server)s, date_trunc('hour', now()), %(kind)s, %(number)s, %(size)s
            WHERE %(server)s::text IS NOT NULL
            ON CONFLICT (stream, server, hour, kind)
            DO UPDATE SET number = r.number + %(number)s, bytes = r.bytes + %(size)s
        )
        INSERT INTO requests AS r (stream, hour, kind, number, bytes)
        VALUES (%(stream)s, date_trunc('hour', now()), %(kind)s, %(number)s, %(size)s)
        ON CONFLICT (stream, hour, kind) DO UPDATE SET number = r.number + %(number)s, bytes = r.bytes + %(size)s
        RETURNING r.number = %(number)s,
            CASE WHEN %(alone)s THEN set_config('synchronous_commit', 'off', true) END
        """,
        {"stream": stream, "kind": kind, "number": number, "size": size, "alone": alone}
        | {"server": None if url is None else server_of(url)},
    ).fetchone()
    if made is not None and made[0]:
        for table in ("requests", "server_requests"):
            connection.execute(
                f"DELETE FROM {table} WHERE stream = %s AND hour < now() - %s".encode(),  # noqa: S608 - constants
                (stream, REQUESTS_KEPT),
            )


class Requests(NamedTuple):
    """What a feed was asked: heads, bodies, and these bodies' bytes as sent."""

    heads: int = 0
    bodies: int = 0
    bytes: int = 0


def lately(connection: Connection, stream: Followed) -> tuple[Requests, Requests]:
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


def of_servers(connection: Connection, stream: Followed) -> dict[str, Requests]:
    """The same of 24 hours, by server."""
    rows = connection.execute(
        """
        SELECT server, coalesce(sum(number) FILTER (WHERE kind = 'head'), 0),
            coalesce(sum(number) FILTER (WHERE kind = 'body'), 0), coalesce(sum(bytes), 0)
        FROM server_requests
        WHERE stream = %s AND hour > date_trunc('hour', now()) - interval '1 day' AND hour <= now()
        GROUP BY server ORDER BY server
        """,
        (stream,),
    ).fetchall()
    return {server: Requests(int(heads), int(bodies), int(size)) for server, heads, bodies, size in rows}


def _quiet(seconds: float, reason: str) -> str:
    return f"not asked, as the feed wants quiet for {in_words(seconds)} more: {reason}"


def _pace(connection: Connection, stream: Stream, server: str, manners: Manners) -> None:
    if not manners.pause:
        return
    row = connection.execute(
        "SELECT extract(epoch FROM clock_timestamp() - max(asked_at))::float8 FROM asked WHERE stream = %s"
        " AND server IN (%s, '')",
        (stream, server),
    ).fetchone()
    if row is not None and row[0] is not None:
        time.sleep(max(0.0, manners.pause - row[0]))


def _ration(connection: Connection, stream: Stream, server: str, source: Source, sequence: int) -> None:
    gap = source.manners.gap
    if not gap:
        return
    last = connection.execute(
        "SELECT extract(epoch FROM clock_timestamp() - asked_at)::float8, answer = 'good', clock_timestamp()"
        " FROM asked WHERE stream = %s AND sequence = %s AND server IN (%s, '') ORDER BY asked_at DESC LIMIT %s",
        (stream, sequence, server, TIMES),
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
