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
    """Times are in seconds."""

    late: LateEdits = field(default_factory=LateEdits)
    behind: float = 10.0
    """So long after a minute's end the database has it."""
    catches_up: float = 5.0
    """So long each minute's file takes after an outage."""
    cached: int = 60
    """The newest so many minutes are kept on disk as they were first made; 0: there is no such cache."""
    duplicates: int = 3
    """So many identical queries within `duplicate_window` are answered."""
    duplicate_window: float = 180.0
    poisoned: float = 3600.0
    """So long the cache has an empty file where its own query was refused as a duplicate."""
    most: int = 0
    """Requests within `most_window`; 0: any number. One more is a ban."""
    most_window: float = 60.0
    ban_seconds: float = 60.0
    """How long a ban is; whoever asks while banned is banned for so long from then on."""
    retry_after: bool = True
    """Whether a ban says how long it is."""
    proxied: float = 0.0
    """So long a proxy in front of the server keeps every body; 0: there is none."""


class Asked(NamedTuple):
    """A request. sequence: of a body; None: the head was asked."""

    at: datetime
    sequence: int | None
    answered: Answered
