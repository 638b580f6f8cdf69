"""Whether an address numbers its files as the stream does: proved by a file that was counted, before it is used.

Minutes are numbered by their time, whoever serves them; files are counted by each server for itself, so that a list of
addresses could be of two. What a run does without a proof is run.py's.
"""

from contextlib import suppress
from typing import NamedTuple

from stats_assets.database.connection import Connection
from stats_assets.database.ledger import addresses
from stats_assets.feeds.archive import ArchiveError
from stats_assets.feeds.outcomes import BadAnswer, FeedError
from stats_assets.ingest.failure_booking import FeedFailed
from stats_assets.ingest.fetch import Bodies
from stats_assets.streams import TABLE, Stream


class _CountedFile(NamedTuple):
    sequence: int
    content_hash: str
    address: int | None


def prove(bodies: Bodies) -> None:
    """Compare one of its files with the counted one, where the address in use was not compared yet.

    The newest that holds anything: an empty file proves nothing. Where nothing is counted, its numbers are the
    stream's. Raises FeedFailed: it is not proved, and must not be used.
    """
    work, connection, url = bodies.work, bodies.connection, bodies.used.url
    stream, numbering = work.stream, bodies.numbering.count
    if len(work.sources) == 1 or TABLE[stream].numbers_are_minutes:
        return None
    (known,) = addresses.of(connection, stream, [url])
    if known.other_numbering:
        raise FeedFailed(BadAnswer(url, known.other_numbering))
    if known.numbering == numbering:
        return None
    counted = _newest_counted(connection, stream, bodies.report.head, numbering)
    if counted is None or counted.address == addresses.known(connection, stream, url):
        return addresses.is_of(connection, stream, url, numbering, None)
    try:
        same = _is_same(bodies, counted)
    except FeedError as error:
        why = (
            f"whether its numbers are the stream's could not be seen by {counted.sequence}, which was counted"
        )
        addresses.bad(connection, stream, url, f"{error}: {why}")
        raise FeedFailed(error) from error
    finally:
        bodies.discard(counted.sequence)
    if not same:
        why = (
            f"its file {counted.sequence} is another than the one that was counted, so that its numbers are not the"
            " stream's: it is not used"
        )
        addresses.is_of(connection, stream, url, numbering, why)
        raise FeedFailed(BadAnswer(url, why))
    return addresses.is_of(connection, stream, url, numbering, None)


def _newest_counted(
    connection: Connection, stream: Stream, head: int | None, numbering: int
) -> _CountedFile | None:
    found = connection.execute(
        "SELECT sequence, content_hash, address FROM ledger WHERE stream = %s AND result = 'committed' AND actions > 0"
        " AND numbering = %s AND (%s::bigint IS NULL OR sequence <= %s) ORDER BY sequence DESC LIMIT 1",
        (stream, numbering, head, head),
    ).fetchone()
    return None if found is None else _CountedFile(*found)


def _is_same(bodies: Bodies, counted: _CountedFile) -> bool:
    """Whether the address's file says the same as the counted one. Raises FeedError."""
    body = bodies.fetch(counted.sequence)
    reader = bodies.work.reader
    if bodies.count(body).reading.content_hash == counted.content_hash:
        return True
    said = reader.canonical(body.path)
    with suppress(FeedError, ArchiveError):  # without an archive only the bytes tell
        kept = bodies.work.archive.get(counted.sequence, bodies.folder_of(counted.sequence) / "counted")
        return reader.canonical(kept.path) == said
    return False
