"""A question as it is understood: plain values, checked, with its window in UTC. How it is read is parsing.py's."""

from dataclasses import dataclass, field
from typing import Literal
from zoneinfo import ZoneInfo

from stats_assets.questions.answer import Given, Kind, Value
from stats_assets.questions.windows import Window, in_utc

Asked = Kind | Literal["live"]
Combine = Literal["together", "apart"]
Clock = Literal["upload", "changeset"]
Of = Literal["users", "hashtags", "countries", "editors"]


@dataclass(frozen=True, slots=True)
class Tag:
    """A hashtag as changesets have it, or the beginning of many (`hotosm-*`)."""

    text: str
    wildcard: bool = False

    def __str__(self) -> str:
        return f"{self.text}*" if self.wildcard else self.text


@dataclass(frozen=True, slots=True)
class After:
    """Where the page before ended: its last row's value and key."""

    value: str
    key: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question, all of it."""

    kind: Asked
    given: Given = ()
    hashtags: tuple[Tag, ...] = ()
    also: tuple[Tag, ...] = ()
    combine: Combine = "together"
    users: tuple[str, ...] = ()
    """Ids or names as they stand there: who they are is the database's to say."""
    countries: tuple[str, ...] = ()
    clock: Clock = "upload"
    editors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    """Of `added`, `modified`, `deleted`: the parameter `kind`."""
    window: Window = field(default_factory=Window)
    length: str | None = None
    """What `last` or `period` said."""
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    by: str | None = None
    of: Of = "users"
    metric: str = "edits"
    columns: tuple[str, ...] = ()
    limit: int = 50
    after: After | None = None
    q: str = ""
    names: bool = True
    """Whether people are named."""
    notes: tuple[str, ...] = ()
    """What is to be said of how it was understood."""

    @property
    def restricted(self) -> bool:
        """Whether only some categories or kinds of change count."""
        return bool(self.categories or self.changes)

    @property
    def needs_changesets(self) -> bool:
        """Whether what the changeset feed says decides what counts: hashtags, editors, times of closing."""
        tags = self.hashtags or self.also or self.editors
        told = self.kind == "trending" or self.of in ("hashtags", "editors")
        return bool(tags) or self.clock == "changeset" or told

    @property
    def as_json(self) -> dict[str, Value]:
        """`about.query`: all that was understood, with what stands for what was not given."""
        said: dict[str, Value] = {}
        for name, values in (
            ("hashtag", self.hashtags),
            ("also", self.also),
            ("user", self.users),
            ("country", self.countries),
            ("editor", self.editors),
            ("category", self.categories),
            ("kind", self.changes),
        ):
            if values:
                said[name] = [str(value) for value in values]
        said["combine"] = self.combine
        said["clock"] = self.clock
        if self.length is not None:
            said["last" if self.length[:1].isdigit() and self.length[-1:] in "nhdw" else "period"] = (
                self.length
            )
        said["from"] = None if self.window.since is None else in_utc(self.window.since)
        said["to"] = None if self.window.until is None else in_utc(self.window.until)
        said["tz"] = self.zone.key
        if self.kind == "series":
            said["by"] = self.by
        if self.kind == "leaderboard":
            said["of"], said["metric"] = self.of, self.metric
        if self.columns:
            said["columns"] = list(self.columns)
        if self.notes:
            said["notes"] = list(self.notes)
        return said
