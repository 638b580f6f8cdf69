"""What becomes of a sequence that could not be committed: one table, from what was raised to what is booked. Pure.

Why each is so is docs/states.md, section 2. The booking is sequence_loop.py's; what can be raised, feeds/outcomes.py's.
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
    "end",  # the feed has no more: the run ends well
    "feed",  # the feed's failure: the run ends, or waits
    "wait",  # tried again after a pause; no attempt
    "miss",  # the feed lacks it: a hole, if it has others
    "charge",  # the sequence's own failure: an attempt
    "decline",  # never tried again by itself: another try would end the same
    "refuse",  # not counted while something else is away; no attempt
    "ask next",  # whose failure it is, the next answers decide
]
# Overpass refuses a query for 180 s, and answers it with nothing for up to an hour then (docs/feeds.md, sections 6.1
# and 6.2).
DUPLICATE_PAUSE = timedelta(seconds=200)
POISONED_PAUSE = timedelta(minutes=10)


@dataclass(frozen=True)
class Rule:
    """What is done about it."""

    action: Action
    acquits_feed: bool = False
    """Whether it shows that the feed works: then what failed before was the sequences' own failure."""
    fails: bool = True
    """Whether the run reports the sequence as failed."""


Raised = FeedError | FactsAway | Poison
RULES: Final[tuple[tuple[type[Raised], Rule], ...]] = (
    # the first that fits
    (SequenceNotYetAvailable, Rule("end", fails=False)),
    (FeedRefused, Rule("feed", fails=False)),
    (AskedJustNow, Rule("wait", fails=False)),
    (DuplicateQueryRefused, Rule("wait")),
    (SequenceMissing, Rule("miss")),
    (BeforeHistory, Rule("charge", acquits_feed=True)),
    (BrokenGeometryRemark, Rule("charge", acquits_feed=True)),
    (FeedError, Rule("ask next", fails=False)),
    (FactsAway, Rule("refuse")),
    (Poison, Rule("charge")),
)


def rule_for(error: Raised, mode: Mode) -> Rule:
    """What becomes of the sequence. What is raised otherwise is nobody's attempt, and ends the run."""
    if isinstance(error, BeforeHistory) and mode.by_hand:
        return Rule("decline", acquits_feed=True)
    return next(rule for kind, rule in RULES if isinstance(error, kind))


def pause_for(error: FeedError) -> timedelta:
    """How long a sequence that waits is left alone."""
    if isinstance(error, DuplicateQueryRefused):
        return DUPLICATE_PAUSE if error.body is None or error.body.size else POISONED_PAUSE
    return timedelta(seconds=error.retry_after or 0.0)
