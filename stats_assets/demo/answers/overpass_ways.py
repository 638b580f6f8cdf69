"""An Overpass server's ways, as a genuine 0.7.62 had them (docs/feeds.md, section 6), and what may befall one.

All times are by the server's own clock, which may be an invented one. The server itself is overpass.py's.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, NamedTuple, get_args

from stats_assets.demo.world.late_edits import LateEdits

Outage = Literal["stopped", "crashed", "unreachable"]
"""Of the dispatcher: stopped properly, or crashed. Unreachable: so says the proxy in front of it."""
Refusal = Literal["duplicate", "poisoned", "too many", "banned"]
"""What comes of asking too often."""
Answered = Literal["head", "whole", "early", "from disk", "from proxy", Refusal, Outage]
"""What a request came to. early: the database was not there yet."""
REFUSALS: Final[tuple[Refusal, ...]] = get_args(Refusal)


@dataclass(frozen=True)
class Ways:
    """Times are in seconds.

    behind: so long after a minute's end the database has it. catches_up: so long each minute's file takes after an
    outage. cached: the newest so many minutes are kept on disk as they were first made; 0: there is no such cache.
    duplicates: so many identical queries within duplicate_window are answered. poisoned: so long the cache has an empty
    file where its own query was refused as a duplicate. most: requests within most_window, 0: any number; one more is a
    ban of ban_seconds, and whoever asks while banned is banned for ban_seconds from then on. retry_after: whether a ban
    says how long it is. proxied: so long a proxy in front of the server keeps every body; 0: there is none.
    """

    late: LateEdits = field(default_factory=LateEdits)
    behind: float = 10.0
    catches_up: float = 5.0
    cached: int = 60
    duplicates: int = 3
    duplicate_window: float = 180.0
    poisoned: float = 3600.0
    most: int = 0
    most_window: float = 60.0
    ban_seconds: float = 60.0
    retry_after: bool = True
    proxied: float = 0.0


class Asked(NamedTuple):
    """A request. sequence: of a body; None: the head was asked."""

    at: datetime
    sequence: int | None
    answered: Answered
