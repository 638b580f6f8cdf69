"""What becomes of a sequence that could not be committed: one table, from what was raised to what is booked. Pure.

Why each is so is docs/states.md, section 2. The booking is failure_booking.py's; what can be raised,
feeds/outcomes.py's.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from stats_assets.database.facts.ranges import FactsAway
from stats_assets.feeds.outcomes import (
    AskedJustNow,
    BeforeHistory,
    BrokenGeometryRemark,
    DuplicateQueryRefused,
    FeedError,
    FeedRefused,
    SequenceMissing,
    SequenceNotYetAvailable,
)
from stats_assets.ingest.fetch import Poison
from stats_assets.ingest.mode import Mode

Action = Literal[
    "end run",  # the feed has no more: the run ends well
    "blame feed",  # the feed's failure: the run ends, or waits
    "ask next",  # whose failure it is, the next answers decide
    "count attempt",  # the sequence's own failure: it waits, and is quarantined after too many attempts
    "wait",  # tried again after a pause; no attempt
    "wait for facts",  # facts of its range are away: tried again after a pause; no attempt, and a result stands
    "wait or hole",  # the feed lacks it: tried again, until it counts as a hole; no attempt
    "leave as it was",  # another try would end the same: nothing waits for one; no attempt
]
# Overpass refuses a query for 180 s, and answers it with nothing for up to an hour then (docs/feeds.md, sections 6.1
# and 6.2).
DUPLICATE_PAUSE = timedelta(seconds=200)
POISONED_PAUSE = timedelta(minutes=10)
AWAY_PAUSE = timedelta(minutes=5)


@dataclass(frozen=True)
class Rule:
    """What is done about it."""

    action: Action
    shows_feed_works: bool = False
    """Whether it shows that the feed works: then what failed before was the sequences' own failure."""
    fails: bool = True
    """Whether the run reports the sequence as failed."""


Raised = FeedError | FactsAway | Poison
RULES: Final[tuple[tuple[type[Raised], Rule], ...]] = (
    # the first that fits
    (SequenceNotYetAvailable, Rule("end run", fails=False)),
    (FeedRefused, Rule("blame feed", fails=False)),
    (AskedJustNow, Rule("wait", fails=False)),
    (DuplicateQueryRefused, Rule("wait")),
    (SequenceMissing, Rule("wait or hole")),
    (BeforeHistory, Rule("count attempt", shows_feed_works=True)),
    (BrokenGeometryRemark, Rule("count attempt", shows_feed_works=True)),
    (FeedError, Rule("ask next", fails=False)),
    (FactsAway, Rule("wait for facts")),
    (Poison, Rule("count attempt")),
)


def rule_for(error: Raised, mode: Mode) -> Rule:
    """What becomes of the sequence. What is raised otherwise is nobody's attempt, and ends the run."""
    if isinstance(error, BeforeHistory) and mode.by_hand:
        return Rule("leave as it was", shows_feed_works=True)
    return next(rule for kind, rule in RULES if isinstance(error, kind))


def pause_for(error: FeedError) -> timedelta:
    """How long a sequence that waits is left alone."""
    if isinstance(error, DuplicateQueryRefused):
        return DUPLICATE_PAUSE if error.body is None or error.body.size else POISONED_PAUSE
    return timedelta(seconds=error.retry_after or 0.0)
