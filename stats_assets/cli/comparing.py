"""What `verify` and `rebuild` both say: where a long pass is, and what it could not look at."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from stats_assets.cli.messages import say
from stats_assets.cli.progress import Progress
from stats_assets.database.connection import Connection
from stats_assets.database.facts.ranges import WHAT_TO_DO, away
from stats_assets.database.statistics.passes import Passed
from stats_assets.database.statistics.shares import extents, share

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


def as_facts(passed: Passed) -> dict[str, Any]:
    """What a pass has found, for --json."""
    return passed._asdict() | {"differences": [one._asdict() for one in passed.differences]}


@contextmanager
def comparing(connection: Connection) -> Iterator[Callable[[str, int], None]]:
    """Where a long pass is, and how long it takes yet: what `passes` tells of it, to people."""
    parts = extents(connection)
    with Progress("comparing") as shown:
        yield lambda part, first: shown.at(share(parts, part, first), f"comparing {part} from {first} on")
