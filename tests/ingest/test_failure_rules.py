"""What becomes of a failure, by the table: no database, no feed (docs/states.md, section 2)."""

from datetime import timedelta

import pytest

from stats_assets.database.facts.ranges import FactsAway
from stats_assets.feeds import outcomes
from stats_assets.feeds.outcomes import FeedError
from stats_assets.ingest.failure_rules import RULES, Action, Raised, pause_for, rule_for
from stats_assets.ingest.fetch import Poison
from stats_assets.ingest.mode import BY_HAND, LATE, LIVE

URL = "https://example.org/feed"
EXPECTED: dict[str, tuple[Action, bool, bool]] = {
    # action, shows that the feed works, is reported as failed
    "SequenceNotYetAvailable": ("end run", False, False),
    "SequenceMissing": ("wait or hole", False, True),
    "BadAnswer": ("ask next", False, False),
    "BeforeHistory": ("count attempt", True, True),
    "BodyTooLarge": ("ask next", False, False),
    "FeedRefused": ("blame feed", False, False),
    "FeedQuiet": ("blame feed", False, False),
    "AskedJustNow": ("wait", False, False),
    "DuplicateQueryRefused": ("wait", False, True),
    "BrokenGeometryRemark": ("count attempt", True, True),
    "HeadMissing": ("wait or hole", False, True),  # of a state, which no run of a stream asks for
    "HeadUnknown": ("ask next", False, False),
    "HeadRefused": ("blame feed", False, False),
    "HeadQuiet": ("blame feed", False, False),
}


def outcome(kind: type[FeedError]) -> FeedError:
    if kind is outcomes.AskedJustNow:
        return outcomes.AskedJustNow(URL, "what", retry_after=7, answered=True)
    return kind(URL, "what")


def outcomes_of(kind: type[FeedError] = FeedError) -> list[type[FeedError]]:
    return [found for sub in kind.__subclasses__() for found in (sub, *outcomes_of(sub))]


@pytest.mark.parametrize("kind", sorted(set(outcomes_of()), key=str))
def test_each_outcome_of_a_feed_has_its_rule(kind: type[FeedError]) -> None:
    for mode in (LIVE, LATE, BY_HAND):
        rule = rule_for(outcome(kind), mode)
        expected = EXPECTED[kind.__name__]
        if kind is outcomes.BeforeHistory and mode.by_hand:
            expected = ("leave as it was", True, True)
        assert (rule.action, rule.shows_feed_works, rule.fails) == expected


@pytest.mark.parametrize(
    ("error", "action"),
    [(FactsAway("they are away"), "wait for facts"), (Poison("ValueError: x"), "count attempt")],
)
def test_so_have_the_failures_of_facts_and_of_our_code(error: Raised, action: Action) -> None:
    rule = rule_for(error, LIVE)
    assert (rule.action, rule.shows_feed_works, rule.fails) == (action, False, True)


def test_no_rule_hides_behind_a_wider_one() -> None:
    kinds = [kind for kind, _ in RULES]
    assert not [
        (kind, wider) for n, kind in enumerate(kinds) for wider in kinds[:n] if issubclass(kind, wider)
    ]


def test_how_long_a_sequence_waits() -> None:
    assert pause_for(outcome(outcomes.AskedJustNow)) == timedelta(seconds=7)
    assert pause_for(outcome(outcomes.DuplicateQueryRefused)) == timedelta(seconds=200)
