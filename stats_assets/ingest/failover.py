"""A feed of several addresses: who is asked how far it is, and which address the stream is read from then.

The decisions are address_choice.py's, what is known of each address is database/ledger/addresses.py's. One address goes
the same way, and is always the one in use.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from stats_assets.database.connection import Connection, clock
from stats_assets.database.ledger import addresses, asked
from stats_assets.database.ledger.heads import head_of
from stats_assets.feeds.outcomes import HeadUnknown
from stats_assets.feeds.source import Source
from stats_assets.ingest.address_choice import BEHIND, NOT_ASKED, Choice, choose, to_ask
from stats_assets.ingest.feed_head import Feed
from stats_assets.ingest.head_time import AHEAD, contradiction, time_of
from stats_assets.streams import TABLE, Followed, Stream
from stats_assets.words import at


class Addressed(Protocol):
    """What is at an address."""

    url: str


At = TypeVar("At", bound=Addressed)


def in_use(connection: Connection, stream: Followed, sources: Sequence[At]) -> At:
    """The source that the stream is read from, as the last tick has said; else the first."""
    if len(sources) > 1 and (used := addresses.in_use(connection, stream)) is not None:
        return next((source for source in sources if source.url == used.url), sources[0])
    return sources[0]


def is_of_several(connection: Connection, stream: Stream, sources: Sequence[Source]) -> bool:
    """Whether the stream's feed is known to have several addresses: by the setting, or, of minutes, by another setting
    before. A head that is far below the cursor is then one that is behind, and no other numbering.
    """
    if len(sources) > 1 or not TABLE[stream].numbers_are_minutes:
        return len(sources) > 1
    return addresses.any_other(connection, stream, sources[0].url)


def attend(
    connection: Connection, sources: Sequence[Source], stream: Stream, used: Source, feed: Feed
) -> tuple[Source, str | None]:
    """After the one in use was asked: note what it said, ask others where that is of use, and choose.

    Returns the source to use from now on, and, where it is another one, what to say of that. For ticks, outside of
    their transaction: it asks, and writes down.
    """
    _note(connection, stream, used, feed)
    now = clock(connection)
    late = feed.time is not None and now - feed.time >= BEHIND
    furthest = max(now, feed.time or now)
    return turn(
        connection,
        stream,
        sources,
        used,
        lambda other: _ask(connection, stream, other, furthest),
        late=late,
    )


def turn(
    connection: Connection,
    stream: Followed,
    sources: Sequence[At],
    used: At,
    ask: Callable[[At], object],
    *,
    late: bool,
) -> tuple[At, str | None]:
    """Ask others how far they are, where that is of use, and choose. Returns what `attend` does.

    ask: asks one, and notes what it said. late: the one in use is behind the clock.
    """
    urls = [source.url for source in sources]
    if len(sources) > 1:
        for url in to_ask(addresses.of(connection, stream, urls), used.url, late=late):
            ask(next(source for source in sources if source.url == url))
    before = addresses.in_use(connection, stream)
    choice = choose(addresses.of(connection, stream, urls), before and before.url)
    addresses.note_well(connection, stream, choice.well, [url for url in urls if url not in choice.well])
    chosen = next(source for source in sources if source.url == choice.url)
    why = _why(choice, urls)
    if before is None or (before.url, before.why) != (choice.url, why):
        left = before is not None and before.url in choice.why_not
        if not addresses.use(connection, stream, choice.url, why, left=left):
            return used, None
    if before is None or before.url == choice.url:
        return chosen, None
    return (
        chosen,
        f"{stream} is read from {choice.url} now, no longer from {before.url}. {_said(choice)}".strip(),
    )


class Place(NamedTuple):
    """An address as who looks sees it."""

    url: str
    in_use: bool
    since: datetime | None
    """Since when it is in use."""
    why_not: str | None
    """Why it is not used, or what is wrong with the one that is; None: nothing, or nobody has asked it."""
    first: int | None
    """The first sequence that it can answer, as found out."""


def look(connection: Connection, stream: Followed, sources: Sequence[Addressed]) -> list[Place]:
    """What is known of a stream's addresses. Nothing is asked, and nothing written down."""
    said = addresses.in_use(connection, stream)
    used = in_use(connection, stream, sources).url
    known = addresses.of(connection, stream, [one.url for one in sources])
    why_not = choose(known, used).why_not
    return [
        Place(
            one.url,
            one.url == used,
            said.since if said and said.url == used == one.url else None,
            None if why_not.get(one.url) == NOT_ASKED else why_not.get(one.url),
            one.first,
        )
        for one in known
    ]


def in_words(places: Sequence[Place]) -> str | None:
    """Which address a stream of several is read from, and why another is not; None: it has but one."""
    if len(places) < 2:
        return None
    used = next(place for place in places if place.in_use)
    since = f" since {at(used.since)}" if used.since else ""
    others = [f"{place.url}: {place.why_not.rstrip('.')}" for place in places if place.why_not]
    return ". ".join([f"read from {used.url}{since}", *others])


def _why(choice: Choice, urls: Sequence[str]) -> str | None:
    """Why it is not the first one."""
    return None if choice.url == urls[0] else choice.why_not.get(urls[0])


def _said(choice: Choice) -> str:
    return " ".join(f"{url}: {why.rstrip('.')}." for url, why in choice.why_not.items())


def _note(connection: Connection, stream: Stream, used: Source, feed: Feed) -> None:
    known = head_of(connection, stream)
    if feed.error is not None:
        addresses.failed(connection, stream, used.url, str(feed.error))
    elif known.source == used.url and known.head is not None and known.failed_at is None:
        (before,) = addresses.of(connection, stream, [used.url])
        if before.answered_at is None or (known.asked_at and known.asked_at > before.answered_at):
            addresses.saw(connection, stream, used.url, known.head, known.feed_time)


def _ask(connection: Connection, stream: Stream, source: Source, furthest: datetime) -> None:
    """One question. An address that is further than all time can't be is not believed."""
    asked.count(connection, stream, "head", url=source.url)
    try:
        state = source.ask()
        reached = time_of(stream, state)
        why = contradiction(stream, state, None)
        if why is None and reached is not None and reached - furthest > AHEAD:
            why = f"its time is {at(reached)}, which is still to come"
        if why is not None:
            raise HeadUnknown(source.url, f"a head of {state.sequence} is not believed: {why}")
    except HeadUnknown as error:
        asked.heed(connection, stream, error, url=source.url)
        addresses.failed(connection, stream, source.url, str(error))
        return
    addresses.saw(connection, stream, source.url, state.sequence, reached and min(reached, furthest))
