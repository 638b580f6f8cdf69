"""Whether an address numbers its files as the store has read them: proved by a file that was read, before it is used.

Each server counts its files for itself, and two areas may have the same numbers and times: so it is what is in a file
that proves it. States alone decide where it is not known what was in one.
"""

from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from stats_assets.augment.content import content_of
from stats_assets.augment.intake import FileState, OsmChange, Reader
from stats_assets.augment.unreadable import Unreadable
from stats_assets.database.connection import Connection
from stats_assets.database.ledger import addresses
from stats_assets.database.made_diffs import MadeDiffs
from stats_assets.feeds.outcomes import FeedError
from stats_assets.streams import OSMCHANGE

NUMBERING: Final = 0
"""The store's, in the table `addresses`: with another store all is forgotten that was found out."""
KEPT: Final = 20
"""Files of which it is kept what was in them: who is so far behind is left anyway."""
_TO_FOLLOW = "If it is to be followed, move the store away and begin with a new planet (PLANET_FILE)"


def prove(
    connection: Connection,
    feed: OsmChange,
    read: Reader,
    row: MadeDiffs,
    sequence: int | None,
    reached: datetime,
    *,
    several: bool,
) -> None:
    """Compare one of the address's files with the one that was read, where that was not done yet.

    row: of the same store. sequence, reached: the store's. several: it is one of several addresses; of one alone it is
    looked anew each time. Raises FeedError: it is not proved, and must not be used.
    """
    (known,) = addresses.of(connection, OSMCHANGE, [feed.url])
    if several and known.other_numbering:
        raise FeedError(feed.url, known.other_numbering)
    if sequence is not None and known.numbering != NUMBERING and not _was_read_from(row, feed.url):
        if row.contents:
            why = _by_content(connection, feed, read, row.contents)
        else:
            why = disagreement(feed, sequence, reached)
        if why:
            addresses.is_of(connection, OSMCHANGE, feed.url, NUMBERING, why)
            raise FeedError(feed.url, why)
    addresses.is_of(connection, OSMCHANGE, feed.url, NUMBERING, None)


def disagreement(feed: OsmChange, sequence: int | None, reached: datetime) -> str | None:
    """Why the feed is not the one that the store has read; None: as far as its states tell, it is.

    Its file of that number is not later than what was reached, and its next one is not earlier. Raises HeadUnknown.
    """
    if sequence is None:
        return None
    read = feed.state_of(sequence)
    if read is not None and read.time > reached:
        return _otherwise(read, sequence, reached)
    following = feed.state_of(sequence + 1)
    return None if following is None else contradiction(following, sequence, reached)


def contradiction(state: FileState, sequence: int | None, reached: datetime | None) -> str | None:
    """Why a file of that time can't be in a feed of which the store has read `sequence`, to `reached`; None: it can.

    Of the same number it can: while nothing is edited, a feed may let its newest file's time rise.
    """
    if sequence is None or reached is None:
        return None
    is_later = state.sequence < sequence and state.time > reached
    is_earlier = state.sequence > sequence and state.time < reached
    return _otherwise(state, sequence, reached) if is_later or is_earlier else None


def _otherwise(state: FileState, sequence: int, reached: datetime) -> str:
    return (
        f"file {state.sequence} is of {state.time:%FT%TZ}, and the store has read {sequence}, to {reached:%FT%TZ}: it"
        f" numbers its files otherwise. Nothing is read of it. {_TO_FOLLOW}"
    )


def _was_read_from(row: MadeDiffs, url: str) -> bool:
    return url in (row.read_from, *(one["url"] for one in row.contents))


def _by_content(
    connection: Connection, feed: OsmChange, read: Reader, contents: list[dict[str, Any]]
) -> str | None:
    """Why not, by the newest file that was read and that it has. Raises FeedError: it can't be seen."""
    head = feed.state().sequence
    kept = [one for one in contents if one["sequence"] <= head]
    if not kept:
        raise FeedError(
            feed.url,
            f"its newest file is {head}, too far behind what was read to see whether its numbers are the store's",
        )
    sequence = kept[-1]["sequence"]
    try:
        with TemporaryDirectory() as folder:
            same = content_of(read(feed.fetch(sequence, Path(folder)))) == kept[-1]["content"]
    except (FeedError, Unreadable) as error:
        why = f"{error}: whether its numbers are the store's could not be seen by {sequence}, which was read"
        addresses.bad(connection, OSMCHANGE, feed.url, why)
        raise FeedError(feed.url, why) from error
    if same:
        return None
    return (
        f"its file {sequence} is another than the one that was read, so that its numbers are not the store's, or its"
        f" area is not. Nothing is read of it. {_TO_FOLLOW}"
    )
