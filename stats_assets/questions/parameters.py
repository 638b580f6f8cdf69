"""The parameters of each kind of question: what they are called, whether they repeat, and what they mean.

parsing.py reads them, `/openapi.json` describes them, and docs/api.md lists them: from here.
"""

from dataclasses import dataclass

from stats_assets.questions.steps import LENGTHS

APART, TOGETHER, ALSO, USERS, COUNTRIES = 20, 200, 5, 200, 20
"""How many hashtags side by side, and in one union; further hashtags; users; countries."""
MOST_ROWS, USUAL_ROWS = 1_000, 50
LETTERS = 3
"""At least so many before a `*`."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter as people and programs are told of it."""

    name: str
    says: str
    example: str
    """A value that works."""
    most: int = 1
    """How often it may be given."""
    choices: tuple[str, ...] = ()
    """All that it can be; none: that is not a list."""
    default: str | None = None


_ALL = (
    Parameter(
        "hashtag",
        "Changesets with this hashtag, without #; `x*` (at least three letters) for all that begin so. Repeated:"
        f" together up to {TOGETHER}, apart up to {APART}.",
        "missingmaps",
        TOGETHER,
    ),
    Parameter("also", "A hashtag that they must carry, too.", "osmnepal", ALSO),
    Parameter(
        "combine",
        "Several hashtags or users together (the union: each changeset once), or apart (side by side). Several"
        " countries are only apart.",
        "together",
        choices=("together", "apart"),
        default="together",
    ),
    Parameter("user", "A user by id, or by name (of several the one who edited last).", "mapper-1101", USERS),
    Parameter("country", "Only what lies in this country or region, by its code.", "KEN", COUNTRIES),
    Parameter(
        "clock",
        "By the minute of upload, or by the changeset's time (when it was closed).",
        "upload",
        choices=("upload", "changeset"),
        default="upload",
    ),
    Parameter("editor", "A family of editors: `JOSM/1.5 (18513 en)` is JOSM.", "JOSM", 20),
    Parameter("category", "Only features of this category.", "buildings", 50),
    Parameter("kind", "Only this kind of change.", "added", 3, choices=("added", "modified", "deleted")),
    Parameter(
        "from",
        "Begin of the window, which it does not include: a minute, local in `tz` or with an offset.",
        "2025-02-20T14:00",
    ),
    Parameter("to", "End of the window, which it includes: likewise.", "2025-02-20T17:30"),
    Parameter("last", "The window up to now: 30min, 24h, 7d, 4w.", "7d"),
    Parameter("period", "day, week, month, year, 2025, 2025-02, 2025-W08 or 2025-02-20, in `tz`.", "week"),
    Parameter("tz", "Time zone by its IANA name.", "Africa/Nairobi", default="UTC"),
    Parameter(
        "by", "A series' step; by default the finest with a hundred steps.", "hour", choices=tuple(LENGTHS)
    ),
    Parameter(
        "of",
        "Of whom or what a leaderboard is.",
        "users",
        choices=("users", "hashtags", "countries", "editors"),
        default="users",
    ),
    Parameter("metric", "The column that ranks.", "edits", default="edits"),
    Parameter(
        "columns",
        "The columns of each row, up to 12: repeated or with commas; or `all`.",
        "edits,changesets",
        60,
    ),
    Parameter("limit", f"How many rows, up to {MOST_ROWS:,}.", "10", default=str(USUAL_ROWS)),
    Parameter("after", "Where the page before ended: its `next`.", ""),
    Parameter(
        "names",
        "`0`: people by their ids alone, for a screen in a school.",
        "0",
        choices=("0", "1"),
        default="1",
    ),
    Parameter("q", "What is looked for: the beginning or all of a hashtag, user or country.", "missing"),
)
ALL = {one.name: one for one in _ALL}
_FILTERS = ("hashtag", "also", "combine", "user", "country", "clock", "editor", "category", "kind", "names")
_WINDOW = ("from", "to", "last", "period", "tz")
OF_KIND: dict[str, tuple[str, ...]] = {
    "totals": (*_FILTERS, *_WINDOW),
    "series": (*_FILTERS, *_WINDOW, "by", "columns"),
    "leaderboard": (*_FILTERS, *_WINDOW, "of", "metric", "columns", "limit", "after"),
    "changesets": (*_FILTERS, *_WINDOW, "columns", "limit", "after"),
    "newcomers": (*_FILTERS, *_WINDOW, "columns", "limit", "after"),
    "search": ("q", "limit"),
    "trending": ("country", "clock", *_WINDOW, "limit"),
    "coverage": _WINDOW,
    "definitions": (),
    "badges": (),
    "live": (*_FILTERS, *_WINDOW, "metric", "columns", "limit"),
}
WITH_APART = ("totals", "series", "leaderboard")
"""Kinds that answer side by side."""
