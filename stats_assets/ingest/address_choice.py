"""Which of a feed's addresses a stream is read from now, and which are asked how far they are to know that. Pure.

What is known of each is database/ledger/addresses.py's; who asks and carries it out, failover.py's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stats_assets.database.ledger.addresses import Address
from stats_assets.words import at, in_words

BEHIND = timedelta(minutes=10)
"""An address that is so far behind the furthest one is left."""
FAILURES = 2  # in a row: one head that did not come says little
STEADY, STEADY_MOST = timedelta(minutes=5), timedelta(hours=1)
"""So long an address has to be well before it is used again: doubling with each time that it was left in a row."""
KNOWN_FOR = timedelta(minutes=5)  # what an address said before that says nothing of now
AGAIN, AGAIN_MOST = (
    timedelta(seconds=55),
    timedelta(minutes=5),
)  # between two questions to one that is not in use
NOT_ASKED = "it was not asked just now"


@dataclass(frozen=True)
class Choice:
    """The address to use."""

    url: str
    why_not: dict[str, str] = field(default_factory=dict)
    """Of each other one that is more preferred, or in trouble: why it is not used."""
    well: tuple[str, ...] = ()
    """With which nothing is wrong."""
    in_trouble: bool = False
    """Something is wrong with the chosen one, too: there is no better."""


def choose(addresses: Sequence[Address], in_use: str | None) -> Choice:
    """The address to use, of all in order of preference. in_use: the one that is now; None, or another: none of them.

    The first that is well; but one that was left comes back only when it was well for long enough, while the one in use
    is well. Where none is, it stays as it is.
    """
    furthest = max((one.reached for one in addresses if one.reached and not _down(one)), default=None)
    wrong = {one.url: trouble(one, furthest) for one in addresses}
    well = tuple(url for url, why in wrong.items() if why is None)
    now_used = in_use if in_use in wrong else None
    may_wait = now_used is not None and wrong[now_used] is None
    said = {url: why for url, why in wrong.items() if why is not None}
    for one in addresses:
        if one.url == now_used and may_wait:
            return Choice(one.url, said, well)
        if wrong[one.url] is None:
            left = _steady(one) - (one.now - (one.well_since or one.now))
            if may_wait and one.left_at is not None and left > timedelta(0):
                said[one.url] = (
                    f"it is well again, and is used when it was so for {in_words(left.total_seconds())} more"
                )
                continue
            return Choice(one.url, said, well)
    stays = now_used or addresses[0].url
    return Choice(stays, said, well, in_trouble=True)


def trouble(one: Address, furthest: datetime | None) -> str | None:
    """Why the address can't be used now; None: it can. furthest: how far the furthest one is that could be."""
    if why := _down(one):
        return why
    if furthest is not None and one.reached is not None and furthest - one.reached >= BEHIND:
        return f"it is {in_words((furthest - one.reached).total_seconds())} behind another"
    return None


def to_ask(addresses: Sequence[Address], in_use: str, *, late: bool) -> list[str]:
    """Who is asked for its head beside the one in use: who is preferred to it, or all, when something is wrong with it.

    late: it is behind the clock, and another may be further.
    """
    used = next((one for one in addresses if one.url == in_use), None)
    all_of_them = late or used is None or _down(used) is not None
    asked = []
    for one in addresses:
        if one.url == in_use:
            if not all_of_them:
                break
            continue
        tried = max(filter(None, (one.answered_at, one.failed_at)), default=None)
        if _may_be_asked(one) and (tried is None or not timedelta(0) <= one.now - tried < _again(one)):
            asked.append(one.url)
    return asked


def _down(one: Address) -> str | None:
    if one.other_numbering:
        return one.other_numbering
    if one.quiet_until is not None and one.quiet_until > one.now:
        why = (one.quiet_reason or "it refused to be asked").rstrip(".")
        return f"it wants quiet until {at(one.quiet_until, one.now)}: {why}"
    if one.failures >= FAILURES or (one.failures and one.answered_at is None):
        return one.failure or "it does not answer"
    if one.bad_at is not None and one.now - one.bad_at < _steady(one):
        return one.bad or "its bodies can't be used"
    if one.answered_at is None or one.now - one.answered_at > KNOWN_FOR:
        return NOT_ASKED
    return None


def _may_be_asked(one: Address) -> bool:
    return not one.other_numbering and (one.quiet_until is None or one.quiet_until <= one.now)


def _steady(one: Address) -> timedelta:
    doubled: int = 2 ** min(max(one.leaves - 1, 0), 10)
    return min(STEADY * doubled, STEADY_MOST)


def _again(one: Address) -> timedelta:
    doubled: int = 2 ** min(max(one.failures - 1, 0), 10)
    return min(AGAIN * doubled, AGAIN_MOST)
