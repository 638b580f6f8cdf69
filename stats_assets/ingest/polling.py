"""When a tick asks the feed for its head, and what the answers teach of when the next one can be there. Pure.

Who asks, and what is believed, is feed_head.py's. A server is asked for a head, a body and a second read a minute:
under 5,000 requests a day are left only if heads are not asked again and again before the next minute can be there.
"""

from datetime import datetime

from stats_assets.database.ledger.heads import Head
from stats_assets.streams import TABLE

MINUTE = 60.0
STILL = 600.0  # a feed that has not moved for so long is asked once a minute
ONCE_A_MINUTE = 55.0  # ticks are not punctual
REAL_PACE = 45.0  # seconds between two minutes' heads: what comes no faster keeps time
ODD_PACE = 10.0  # the same of a feed that is known to keep time, and may be catching up
CLOSELY = 90.0  # so long at most a head is waited for closely
FAR_BEHIND = 100  # sequences: with so much to do, the head can wait
OVERDUE = 4.0  # a head that is late is asked for again after a quarter of the time by which it is
LATER = 2.0  # a head that was not there yet is expected so much later the next time
INSTANT = 0.5  # the answer by which a head moved, and when that is noted
SOONER = 0.5  # a minute: so a server that is faster now is noticed


def asks(known: Head, source: str, cursor: int | None) -> bool:
    """Whether a tick asks now, or takes the head that is known. source: the address that would be asked."""
    if known.quiet:
        return False
    age = known.since(known.asked_at)
    if known.head is None or age is None or age < 0 or known.source != source:
        return True
    failed = known.since(known.failed_at)
    tried = age if failed is None else min(age, failed)
    learned = known.delay_seconds
    behind = learned is not None and cursor is not None and known.head - cursor > FAR_BEHIND
    if behind or (known.since(known.moved_at) or 0) > STILL:
        return not 0 <= tried < ONCE_A_MINUTE
    if failed is not None:
        return True
    passed = known.since(known.feed_time)  # below 0: a feed that runs ahead of the clock
    if passed is None:
        return True
    if learned is None:  # of a minute that is not over the next one is not there
        return not TABLE[known.stream].numbers_are_minutes or not 0 <= passed < MINUTE
    return passed < min(0.0, learned) or passed >= MINUTE + learned


def due_in(known: Head) -> float | None:
    """Seconds until the feed can have its next head, or is asked again if that was not there in time.

    None: it keeps no time, or is asked seldom. While it is not learned how late its heads are, one minute is waited for
    closely, so that the first that is learned is right.
    """
    passed, moved, age = (known.since(then) for then in (known.feed_time, known.moved_at, known.asked_at))
    if known.quiet or passed is None or moved is None or age is None or known.failed_at is not None:
        return None
    if moved > (CLOSELY if known.delay_seconds is None else STILL):
        return None
    left = REAL_PACE - moved if known.delay_seconds is None else MINUTE + known.delay_seconds - passed
    # the later it is, the more seldom it is asked: one that stands still costs its server no request each two seconds
    return left if left > 0 else max(0.0, max(LATER, -left / OVERDUE) - age)


def learned(known: Head, head: int, feed_time: datetime | None) -> float | None:
    """After how many seconds past its own time a head like this can be seen; None: the feed keeps no time.

    A feed keeps time when its minutes come a real minute apart, however late they are, and whichever clock is wrong.
    Below 0: by our clock the minute has yet to end. Each head that is there when it is asked for first lowers what is
    known by a little, one that is not there raises it.
    """
    passed, moved, answered = (known.since(then) for then in (feed_time, known.moved_at, known.asked_at))
    highest = known.highest if known.highest is not None else known.head
    if passed is None or moved is None or answered is None or highest is None:
        return None
    before = known.delay_seconds
    if head <= highest:
        return before
    if moved < (REAL_PACE if before is None else ODD_PACE) * (head - highest):
        return None
    if moved > answered + INSTANT:  # when it was asked last, this head was not there: it came in between
        delay = passed - min(answered / 2, max(0.0, answered - LATER))
    else:
        delay = (passed if before is None else min(before, passed)) - SOONER
    return max(min(0.0, passed - SOONER), delay)
