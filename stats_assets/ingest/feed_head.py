"""A feed's head for ticks, runs and looks: the known one while it is good, else one question; and what is believed.

One unconfirmed answer decides nothing for ever. When a tick asks is polling.py's; what is kept, ledger/heads.py's.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from stats_assets.database.connection import Connection
from stats_assets.database.ledger import addresses, asked, heads
from stats_assets.database.ledger.heads import A_LITTLE, Head, head_of
from stats_assets.feeds.outcomes import HeadQuiet, HeadUnknown
from stats_assets.feeds.sequences import TO_COME
from stats_assets.feeds.source import Source, State
from stats_assets.ingest.head_time import contradiction, time_of
from stats_assets.ingest.polling import asks, due_in, learned
from stats_assets.streams import Stream
from stats_assets.words import at

FRESH = 120.0  # seconds: a head that was asked for since then is known
CONFIRM_SECONDS = 0.2  # between two questions
FEW = 5  # sequences, by which two answers may differ
Ask = Callable[[], State]


@dataclass(frozen=True)
class Feed:
    """How far a feed reaches."""

    head: int | None
    """None: it is not known."""
    trouble: str
    """Why it is not known; else the feed's address."""
    time: datetime | None = None
    """The feed's own time at the head, or at the last one known."""
    last: int | None = None
    """The last head known."""
    highest: int | None = None
    """The highest that was seen in this numbering."""
    moved_at: datetime | None = None
    """When the head was first seen, if that is known."""
    due_in: float | None = None
    """Seconds until there can be another."""
    settled: int | None = None
    """The newest sequence whose body is final, as the feed says, or said last; None: it does not say."""
    several: bool = False
    """It has several addresses: one that is far behind is no other numbering, but the best that there is."""
    error: HeadUnknown | None = None
    """What asking just now ended in."""


def of_tick(
    connection: Connection,
    source: Source,
    stream: Stream,
    cursor: int | None,
    *,
    decides: bool = False,
    keep: bool = True,
) -> Feed:
    """The head for a tick: asked when the next one can be there. cursor: how far the stream is.

    decides: where the stream begins is decided by it. keep: store what was asked; a preview stores nothing.
    """
    known = head_of(connection, stream)
    if known.quiet:
        return _known(known, source)
    if not (decides or asks(known, source.url, cursor)):
        return _known(known, source, known.failure)
    return _asked(connection, source, known, cursor, decides=decides, keep=keep)


def of_run(connection: Connection, source: Source, stream: Stream, end: int) -> Feed:
    """The head for a run to `end`: asked once where what is known is old, or does not reach so far.

    Raises HeadUnknown.
    """
    known = head_of(connection, stream)
    if known.quiet:
        raise _quiet(known, source)
    if _is_fresh(known, source) and (known.head or 0) >= end:
        feed = _known(known, source)
    else:
        # One that was left meanwhile says nothing of the stream's head.
        keep = addresses.quiet(connection, stream, source.url).in_use
        feed = _asked(connection, source, known, None, keep=keep)
    if feed.head is None:
        raise feed.error or HeadUnknown(source.url, feed.trouble)
    return feed


def known_of(connection: Connection, source: Source, stream: Stream) -> Feed:
    """What is known of the source; nothing is asked."""
    return _known(head_of(connection, stream), source)


def of_look(connection: Connection, source: Source, stream: Stream) -> Feed:
    """The head for those who only look: asked once where what is known is old; nothing is stored."""
    known = head_of(connection, stream)
    if known.quiet or _is_fresh(known, source):
        return _known(known, source)
    return _asked(connection, source, known, None, keep=False)


def of_limit(connection: Connection, source: Source, stream: Stream, *, decides: bool) -> int:
    """A head that a second question confirms: what a person asks for must not lie beyond it. Raises HeadUnknown."""
    known = head_of(connection, stream)
    if known.quiet:
        raise _quiet(known, source)
    try:
        return _confirmed(_counted(connection, source, stream), source, known, decides=decides).sequence
    except HeadUnknown as error:
        asked.heed(connection, stream, error, url=source.url)
        raise


def _is_fresh(known: Head, source: Source) -> bool:
    age = known.since(known.asked_at)
    return known.source == source.url and known.failed_at is None and age is not None and 0 <= age <= FRESH


def _why_quiet(known: Head) -> str:
    why = (known.quiet_reason or "It refused to be asked").rstrip(".")
    until = "" if known.quiet_until is None else f" until {at(known.quiet_until, known.now)}"
    return f"{why}. It is not asked{until}"


def _quiet(known: Head, source: Source) -> HeadQuiet:
    assert known.quiet_until is not None  # noqa: S101 - it is quiet
    return HeadQuiet(source.url, _why_quiet(known), retry_after=-(known.since(known.quiet_until) or 0.0))


def _known(known: Head, source: Source, failure: str | None = None) -> Feed:
    """What is known of this source; `failure`: it is not good any more."""
    same = known.source == source.url
    last = known.head if same else None
    return Feed(
        head=last if failure is None else None,
        trouble=failure or (_why_quiet(known) if known.quiet else source.url),
        time=known.feed_time if same else None,
        last=last,
        highest=known.highest,
        moved_at=known.moved_at if same else None,
        due_in=due_in(known) if same and failure is None else None,
        settled=known.settled if same else None,
    )


def _asked(
    connection: Connection,
    source: Source,
    known: Head,
    cursor: int | None,
    *,
    keep: bool,
    decides: bool = False,
) -> Feed:
    ask = _counted(connection, source, known.stream) if keep else source.ask
    try:
        state = _believed(ask, source, known, cursor, decides=decides, keep=keep)
    except HeadUnknown as error:
        if keep:
            asked.heed(connection, known.stream, error, url=source.url)
            heads.failed(connection, known.stream, str(error))
        return replace(_known(known, source, str(error)), error=error)
    at = time_of(known.stream, state)
    same = known.source == source.url
    delay = learned(known, state.sequence, at) if same else None
    if keep:
        asked.heed(connection, known.stream, None)
        heads.saw(
            *(connection, known.stream, state.sequence, at),
            source=source.url,
            delay_seconds=delay,
            settled=state.settled,
        )
    stood = same and known.highest is not None and state.sequence <= known.highest
    moved = known.moved_at if stood else known.now
    answered = replace(
        known, feed_time=at, asked_at=known.now, moved_at=moved, delay_seconds=delay, failed_at=None
    )
    return Feed(
        head=state.sequence,
        trouble=source.url,
        time=at,
        last=state.sequence,
        highest=known.highest,
        moved_at=moved,
        due_in=due_in(answered),
        settled=state.settled,
    )


def _counted(connection: Connection, source: Source, stream: Stream) -> Ask:
    def ask() -> State:
        asked.count(connection, stream, "head", url=source.url)
        return source.ask()

    return ask


def _believed(
    ask: Ask, source: Source, known: Head, cursor: int | None, *, decides: bool, keep: bool
) -> State:
    """The feed's answer; asked a second time where much hangs on it, or it is far from what is known.

    The first one that is stored is confirmed, too: later answers are compared with it.
    """
    if decides:
        return _confirmed(ask, source, known, decides=True)
    state = _plausible(ask(), source, known, None)
    seen = [n for n in (known.head, known.highest, cursor) if n is not None]
    if not seen:
        return _confirmed(ask, source, known, state) if keep else state
    minutes = max(0.0, known.since(known.asked_at) or 0.0) / 60
    if min(seen) - A_LITTLE <= state.sequence <= max(seen) + A_LITTLE + 2 * minutes:
        return state
    return _confirmed(ask, source, known, state)


def _confirmed(
    ask: Ask, source: Source, known: Head, state: State | None = None, *, decides: bool = False
) -> State:
    """The second of two answers that agree.

    decides: a stream begins by it, so its number must not contradict the clock either.
    """
    now = known.now if decides else None
    state = _plausible(ask() if state is None else state, source, known, now)
    time.sleep(CONFIRM_SECONDS)
    again = _plausible(ask(), source, known, now)
    if abs(again.sequence - state.sequence) > FEW:
        said = f"a head of {state.sequence} is not believed: asked once more, it was {again.sequence}"
        raise HeadUnknown(source.url, said)
    return again


def _plausible(state: State, source: Source, known: Head, now: datetime | None) -> State:
    """The answer, if it is not in the future, and its number contradicts neither its own time nor `now`, if given."""
    why = contradiction(known.stream, state, now)
    there = max(filter(None, (time_of(known.stream, state), state.last_run)), default=known.now)
    if why is None and there - known.now > TO_COME:
        why = f"its time is {there:%Y-%m-%d %H:%M} UTC, the clock's {known.now:%Y-%m-%d %H:%M}"
    if why is not None:
        raise HeadUnknown(source.url, f"a head of {state.sequence} is not believed: {why}")
    return state
