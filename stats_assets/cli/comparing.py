"""What `verify` and `rebuild` both say: where a long pass is, and what it could not look at."""

import sys
import time

from stats_assets.cli.messages import say
from stats_assets.database.connection import Connection
from stats_assets.database.facts.ranges import WHAT_TO_DO, away
from stats_assets.database.statistics.passes import Passed

SAY_SECONDS = 5.0
SHOWN = 1_000
"""Lines of a kind that are said."""


def say_unseen(connection: Connection, passed: Passed) -> bool:
    """Says what could not be looked at; whether there is some of it that nobody said is meant to be away."""
    ranges = away(connection)
    for one in ranges[:SHOWN]:
        say(f"{one}{' It is meant so.' if one.accepted else ''}", style="yellow")
    if passed.away:
        say(
            f"{passed.away} changesets rest on facts that are away: their sums were not looked at, and stay."
            f" {WHAT_TO_DO}",
            style="yellow",
        )
    return any(not one.accepted for one in ranges) or (passed.away > 0 and not ranges)


class Progress:
    """Where a long pass is, now and then, on stderr."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def __call__(self, part: str, first: int) -> None:
        if time.monotonic() - self._said >= SAY_SECONDS:
            self._said = time.monotonic()
            say(f"comparing {part} from {first} on")
            sys.stderr.flush()
