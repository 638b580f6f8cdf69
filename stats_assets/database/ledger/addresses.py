"""Where a stream's feed can be read from, what is known of each place, and which one is in use.

Which one should be is ingest/address_choice.py's. Of the address in use quiet and refusals are in the stream's row
(pauses.py), those of the others here: they change places when the address does, so that each server keeps its own.
"""

# ruff: noqa: S608 - SQL is made of constants

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from psycopg.rows import class_row

from stats_assets.database.connection import Connection
from stats_assets.feeds.limits import ASKED_MOST, QUIET
from stats_assets.feeds.manners import server_of
from stats_assets.streams import Followed

AGAIN = timedelta(days=1)  # so often an address of other numbers is compared anew
SETTLED_IN = timedelta(hours=1)  # used for so long, an address is no longer taken for one that comes and goes


@dataclass(frozen=True)
class Address:
    """What is known of an address; of one that was never asked only what it is called."""

    url: str
    now: datetime
    """By the database's clock."""
    head: int | None = None
    reached: datetime | None = None
    """The feed's own time at the head."""
    answered_at: datetime | None = None
    failed_at: datetime | None = None
    """When it did not say its head, after that."""
    failure: str | None = None
    failures: int = 0
    """In a row."""
    bad_at: datetime | None = None
    """When its bodies could not be used."""
    bad: str | None = None
    well_since: datetime | None = None
    left_at: datetime | None = None
    leaves: int = 0
    """How often it was left in a row, without being used for long in between."""
    first: int | None = None
    """The first sequence that it can answer, as found out."""
    numbering: int | None = None
    """The stream's numbering that its numbers were found to be of."""
    other_numbering: str | None = None
    """Why its numbers are not the stream's."""
    quiet_until: datetime | None = None
    quiet_reason: str | None = None


_QUIET = """
LEFT JOIN LATERAL (
    SELECT q.quiet_until, q.quiet_reason FROM (
        SELECT s.quiet_until, s.quiet_reason FROM addresses AS o
        WHERE o.id = s.in_use AND o.server = a.server
        UNION ALL
        SELECT o.quiet_until, o.quiet_reason FROM addresses AS o
        WHERE o.stream = a.stream AND o.server = a.server AND o.id IS DISTINCT FROM s.in_use
    ) AS q WHERE q.quiet_until > clock_timestamp() ORDER BY q.quiet_until DESC LIMIT 1
) AS q ON true
"""  # a server's limit holds for all its addresses


def known(connection: Connection, stream: Followed, url: str) -> int:
    """The address's id; it is written down when it is new."""
    found = connection.execute(
        "SELECT id FROM addresses WHERE stream = %s AND url = %s", (stream, url)
    ).fetchone()
    if found is None:
        connection.execute(
            "INSERT INTO addresses (stream, url, server) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (stream, url, server_of(url)),
        )
        found = connection.execute(
            "SELECT id FROM addresses WHERE stream = %s AND url = %s", (stream, url)
        ).fetchone()
    assert found is not None  # noqa: S101 - it is there now
    return int(found[0])


def of(connection: Connection, stream: Followed, urls: Sequence[str]) -> list[Address]:
    """What is known of the addresses, in this order."""
    with connection.cursor(row_factory=class_row(Address)) as cursor:
        return cursor.execute(
            "SELECT given.url, clock_timestamp() AS now, head, reached, answered_at, failed_at, failure,"
            " coalesce(failures, 0) AS failures, bad_at, bad, well_since, left_at, coalesce(leaves, 0) AS leaves,"
            " first, CASE WHEN other_numbering IS NULL THEN a.numbering END AS numbering,"
            " CASE WHEN a.numbering = s.numbering AND a.compared_at > now() - %(again)s THEN other_numbering END"
            " AS other_numbering, q.quiet_until, q.quiet_reason"
            " FROM unnest(%(urls)s::text[]) WITH ORDINALITY AS given(url, place)"
            " LEFT JOIN streams AS s ON s.stream = %(stream)s"
            " LEFT JOIN addresses AS a ON a.stream = %(stream)s AND a.url = given.url"
            f" {_QUIET} ORDER BY place".encode(),
            {"stream": stream, "urls": list(urls), "again": AGAIN},
        ).fetchall()


class InUse(NamedTuple):
    """The address in use."""

    url: str
    since: datetime
    why: str | None
    """Why it is not the first one; None: it is."""


def in_use(connection: Connection, stream: Followed) -> InUse | None:
    """The address that the stream is read from; None: no tick has said so yet."""
    found = connection.execute(
        "SELECT url, in_use_since, in_use_why FROM streams AS s JOIN addresses AS a ON a.id = s.in_use"
        " WHERE s.stream = %s",
        (stream,),
    ).fetchone()
    return None if found is None else InUse(*found)


def any_other(connection: Connection, stream: Followed, url: str) -> bool:
    """Whether the stream was read from any other address than this one."""
    found = connection.execute(
        "SELECT EXISTS (SELECT FROM addresses WHERE stream = %s AND url <> %s AND head IS NOT NULL)",
        (stream, url),
    ).fetchone()
    return found == (True,)


def saw(connection: Connection, stream: Followed, url: str, head: int, reached: datetime | None) -> None:
    """The address said its head, and is believed."""
    known(connection, stream, url)
    connection.execute(
        "UPDATE addresses SET head = %s, reached = %s, answered_at = clock_timestamp(), failed_at = NULL,"
        " failure = NULL, failures = 0 WHERE stream = %s AND url = %s",
        (head, reached, stream, url),
    )


def failed(connection: Connection, stream: Followed, url: str, why: str) -> None:
    """The address did not say its head, or is not believed."""
    known(connection, stream, url)
    connection.execute(
        "UPDATE addresses SET failed_at = clock_timestamp(), failure = %s, failures = failures + 1"
        " WHERE stream = %s AND url = %s",
        (why.replace("\0", "\ufffd")[:2000], stream, url),
    )


def bad(connection: Connection, stream: Followed, url: str, why: str) -> None:
    """The address's bodies could not be used, whatever it says of its head."""
    known(connection, stream, url)
    connection.execute(
        "UPDATE addresses SET bad_at = clock_timestamp(), bad = %s WHERE stream = %s AND url = %s",
        (why.replace("\0", "\ufffd")[:2000], stream, url),
    )


def good(connection: Connection, stream: Followed, url: str) -> None:
    """A body of the address was counted."""
    connection.execute(
        "UPDATE addresses SET bad_at = NULL, bad = NULL WHERE stream = %s AND url = %s AND bad_at IS NOT NULL",
        (stream, url),
    )


def note_well(connection: Connection, stream: Followed, well: Sequence[str], not_well: Sequence[str]) -> None:
    """Which addresses have nothing wrong with them now, and which have."""
    connection.execute(
        "UPDATE addresses SET well_since = CASE WHEN url = ANY (%(well)s) THEN clock_timestamp() END"
        " WHERE stream = %(stream)s AND (url = ANY (%(well)s) AND well_since IS NULL"
        " OR url = ANY (%(not_well)s) AND well_since IS NOT NULL)",
        {"stream": stream, "well": list(well), "not_well": list(not_well)},
    )


def use(connection: Connection, stream: Followed, url: str, why: str | None, *, left: bool) -> bool:
    """Read the stream from this address from now on. why: why it is not the first one.

    left: the one before is left because something is wrong with it; else it only gives way. A pause that it has brought
    ends. Whether it was done: not, while another tick has the stream's row.
    """
    new = known(connection, stream, url)
    connection.execute(
        "INSERT INTO streams (stream) SELECT %(stream)s"
        " WHERE NOT EXISTS (SELECT FROM streams WHERE stream = %(stream)s) ON CONFLICT DO NOTHING",
        {"stream": stream},
    )
    with connection.transaction():
        if not connection.execute(
            "SELECT FROM streams WHERE stream = %s FOR UPDATE SKIP LOCKED", (stream,)
        ).rowcount:
            return False
        connection.execute(
            "UPDATE addresses AS a SET quiet_until = s.quiet_until, quiet_reason = s.quiet_reason,"
            " refusals = s.refusals, left_at = now(), leaves = CASE WHEN NOT %(left)s THEN leaves"
            " WHEN now() - s.in_use_since > %(long)s THEN 1 ELSE leaves + 1 END"
            " FROM streams AS s WHERE s.stream = %(stream)s AND a.id = s.in_use AND a.id <> %(new)s",
            {"stream": stream, "new": new, "left": left, "long": SETTLED_IN},
        )
        connection.execute(
            "UPDATE streams AS s SET in_use_since = CASE WHEN s.in_use = a.id THEN s.in_use_since ELSE now() END,"
            " in_use_why = %(why)s, in_use = a.id,"
            " quiet_until = CASE WHEN s.in_use IS NULL OR s.in_use = a.id THEN s.quiet_until ELSE a.quiet_until END,"
            " quiet_reason = CASE WHEN s.in_use IS NULL OR s.in_use = a.id THEN s.quiet_reason ELSE a.quiet_reason END,"
            " refusals = CASE WHEN s.in_use IS NULL OR s.in_use = a.id THEN s.refusals ELSE a.refusals END,"
            " pauses = CASE WHEN s.in_use IS NULL OR s.in_use = a.id THEN s.pauses ELSE 0 END,"
            " paused_until = CASE WHEN s.in_use IS NULL OR s.in_use = a.id THEN s.paused_until END"
            " FROM addresses AS a WHERE s.stream = %(stream)s AND a.id = %(new)s",
            {"stream": stream, "new": new, "why": why},
        )
        return True


class Quiet(NamedTuple):
    """Whether an address may be asked."""

    in_use: bool
    """Whether it is the one in use; also where no tick has said yet which one is."""
    left: tuple[float, str] | None
    """For how many more seconds its server wants quiet, and why."""


def quiet(connection: Connection, stream: Followed, url: str) -> Quiet:
    """Whether its server wants quiet, by whichever of its addresses that was heard."""
    found = connection.execute(
        "SELECT s.in_use IS NULL OR a.url IS NOT DISTINCT FROM given.url AND a.id = s.in_use,"
        " extract(epoch FROM coalesce(q.quiet_until, CASE WHEN s.in_use IS NULL THEN s.quiet_until END)"
        " - clock_timestamp())::float8, coalesce(q.quiet_reason, s.quiet_reason, '')"
        " FROM (SELECT %(url)s::text AS url) AS given JOIN streams AS s ON s.stream = %(stream)s"
        f" LEFT JOIN addresses AS a ON a.stream = %(stream)s AND a.url = given.url {_QUIET}".encode(),
        {"stream": stream, "url": url},
    ).fetchone()
    if found is None:
        return Quiet(True, None)
    mine, left, reason = found
    return Quiet(mine, (left, reason) if left is not None and left > 0 else None)


def be_quiet(connection: Connection, stream: Followed, url: str, seconds: float, reason: str) -> None:
    """An address that is not in use refuses, or says when it is back: it is not asked for so long."""
    known(connection, stream, url)
    connection.execute(
        "UPDATE addresses SET quiet_until = greatest(quiet_until, clock_timestamp() + make_interval(secs => %s)),"
        " quiet_reason = %s, refusals = refusals + 1 WHERE stream = %s AND url = %s",
        (min(max(seconds, QUIET), ASKED_MOST), reason[:2000], stream, url),
    )


def begins_at(connection: Connection, stream: Followed, url: str, first: int) -> None:
    """It was found out that the address knows nothing of what is before that sequence."""
    known(connection, stream, url)
    connection.execute(
        "UPDATE addresses SET first = greatest(first, %s) WHERE stream = %s AND url = %s",
        (first, stream, url),
    )


def is_of(connection: Connection, stream: Followed, url: str, numbering: int, why_not: str | None) -> None:
    """Whether the address's numbers were found to be the stream's; why_not: they are not."""
    known(connection, stream, url)
    connection.execute(
        "UPDATE addresses SET numbering = %s, other_numbering = %s, compared_at = now() WHERE stream = %s AND url = %s",
        (numbering, why_not, stream, url),
    )


def forget_numbers(connection: Connection, stream: Followed) -> None:
    """Nothing is read yet that an address's numbers could be compared with."""
    connection.execute(
        "UPDATE addresses SET numbering = NULL, other_numbering = NULL, compared_at = NULL WHERE stream = %s",
        (stream,),
    )
