"""What every answer says of itself: how it was understood, how far it reaches, and how sure it is."""

from datetime import timedelta

from stats_assets.database.answers.asked import Asking
from stats_assets.database.answers.standing import BEHIND
from stats_assets.questions.addresses import address
from stats_assets.questions.answer import Value
from stats_assets.questions.windows import in_utc, to_the_second

ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0"
COUNTING = "/about/counting"


def about(asking: Asking) -> dict[str, Value]:
    """The answer's `about`."""
    question, minutes = asking.question, asking.minutes
    until = question.window.until
    final_at = None if until is None else until + timedelta(seconds=asking.counting.settle_seconds)
    window = [
        (name, in_utc(end))
        for name, end in (("from", question.window.since), ("to", until))
        if end is not None
    ]
    return {
        "query": question.as_json,
        "as_of": to_the_second(asking.standing.as_of),
        "complete_to": None if asking.complete_to is None else in_utc(asking.complete_to),
        "state": state(asking),
        "final_at": None if final_at is None else in_utc(final_at),
        "minutes": {
            "expected": minutes.expected,
            "missing": minutes.missing_number,
            "flagged": minutes.flagged,
            "older_definitions": minutes.older_definitions,
        },
        "coverage": address("coverage", window),
        "counting": COUNTING,
        "attribution": ATTRIBUTION,
    }


def state(asking: Asking) -> str:
    """The worst of what is true of a window: gaps, behind, running, settling, settled."""
    now, until, complete_to = asking.standing.as_of, asking.question.window.until, asking.complete_to
    if asking.minutes.missing:
        return "gaps"
    if complete_to is None or (now - complete_to > BEHIND and (until is None or until > complete_to)):
        return "behind"
    if until is None or until > now:
        return "running"
    final = until + timedelta(seconds=asking.counting.settle_seconds)
    return "settled" if asking.minutes.settled and now >= final and until <= complete_to else "settling"
