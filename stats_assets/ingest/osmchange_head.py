"""How far OsmChange is, by each of its addresses that is asked, and which of them is read from then.

Which one that is, is decided by address_choice.py; what is known of each address is database/ledger/addresses.py's. One
address goes the same way, and is always the one in use.
"""

from collections.abc import Sequence
from typing import NamedTuple

from stats_assets.database.connection import Connection, clock
from stats_assets.database.ledger import addresses, asked
from stats_assets.database.made_diffs import (
    MadeDiffs,
    made_diffs,
    save_feed_trouble,
    save_head,
    save_no_pause,
    save_tick,
)
from stats_assets.feeds.osmchange import OsmChangeDirectory, State
from stats_assets.feeds.outcomes import HeadQuiet, HeadUnknown
from stats_assets.ingest import failover
from stats_assets.ingest.address_choice import BEHIND
from stats_assets.ingest.diff_making_tick import asks
from stats_assets.ingest.head_time import AHEAD
from stats_assets.ingest.osmchange_numbers import NUMBERING, contradiction
from stats_assets.streams import OSMCHANGE
from stats_assets.words import at, in_words


class Attended(NamedTuple):
    """What a tick knows of the feed."""

    row: MadeDiffs
    feed: OsmChangeDirectory
    """The address in use from now on."""
    changed: str | None
    """What to say of it where it is another one than before."""


def attend(connection: Connection, feeds: Sequence[OsmChangeDirectory], *, keep: bool = True) -> Attended:
    """Ask the address in use how far it is, if that is due, others where that is of use, and choose.

    keep: not for a preview, which asks no other, and chooses none.
    """
    save_tick(connection)
    used = failover.in_use(connection, OSMCHANGE, feeds)
    if asks(made_diffs(connection), used.url):
        _see(connection, feeds, used)
    row = made_diffs(connection)
    if not keep:
        return Attended(row, used, None)
    late = row.feed == used.url and row.head_time is not None and row.now - row.head_time >= BEHIND

    def see_other(other: OsmChangeDirectory) -> None:
        _asked(connection, feeds, other)

    chosen, changed = failover.turn(connection, OSMCHANGE, feeds, used, see_other, late=late)
    if chosen.url != used.url:
        save_no_pause(connection)
        _see(connection, feeds, chosen)
    return Attended(made_diffs(connection), chosen, changed)


def ask(connection: Connection, feed: OsmChangeDirectory) -> State:
    """How far the address is. What it says, wants and costs is noted. Raises HeadUnknown.

    A time that is still to come is not believed: it would make all others look behind.
    """
    if left := addresses.quiet(connection, OSMCHANGE, feed.url).left:
        seconds, why = left
        raise HeadQuiet(
            feed.url,
            f"not asked, as it wants quiet for {in_words(seconds)} more: {why}",
            retry_after=seconds,
        )
    asked.count(connection, OSMCHANGE, "head", url=feed.url)
    try:
        state = feed.state()
        if state.time - clock(connection) > AHEAD:
            raise HeadUnknown(
                feed.url, f"file {state.sequence} is said to be of {at(state.time)}, which is still to come"
            )
    except HeadUnknown as error:
        asked.heed(connection, OSMCHANGE, error, url=feed.url)
        addresses.failed(connection, OSMCHANGE, feed.url, str(error))
        raise
    if addresses.quiet(connection, OSMCHANGE, feed.url).in_use:
        asked.heed(connection, OSMCHANGE, None)
    addresses.saw(connection, OSMCHANGE, feed.url, state.sequence, state.time)
    return state


def _see(connection: Connection, feeds: Sequence[OsmChangeDirectory], used: OsmChangeDirectory) -> None:
    """What the address in use says goes into the row, too."""
    said = _asked(connection, feeds, used)
    if isinstance(said, State):
        save_head(connection, used.url, said.sequence, said.time)
    else:
        left = addresses.quiet(connection, OSMCHANGE, used.url).left
        save_feed_trouble(connection, used.url, str(said), left[0] if left else said.retry_after)


def _asked(
    connection: Connection, feeds: Sequence[OsmChangeDirectory], feed: OsmChangeDirectory
) -> State | HeadUnknown:
    try:
        state = ask(connection, feed)
    except HeadUnknown as error:
        return error
    row = made_diffs(connection)
    if len(feeds) > 1 and (why := contradiction(state, row.sequence, row.reached)):
        addresses.is_of(connection, OSMCHANGE, feed.url, NUMBERING, why)
    return state
