"""Events of a YAML file (EVENTS_FILE): hashtags, window, teams and targets under a short name, `/e/NAME`.

Without a file the same stands in a link's parameters: an event is nothing but a page's address with a name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from stats_assets.lined_yaml import Reader, text_of
from stats_assets.mendable import Mendable
from stats_assets.pages.visit import address, hashtag_path
from stats_assets.questions.answer import Given

MOST_BYTES = 1 << 20
KEYS = ("title", "hashtags", "from", "to", "tz", "teams", "targets", "people")
_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_MINUTE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")


class EventsError(Mendable, ValueError):
    """An events file that can't be used: `file:line: reason`."""


@dataclass(frozen=True)
class Event:
    """What a short name stands for."""

    title: str
    hashtags: tuple[str, ...]
    query: tuple[tuple[str, str], ...]
    """The parameters that its page has."""

    def address(self, given: Given, end: str = "") -> str:
        """Where it stands: its page, with `end` what is below or beside that (`/live`, `.csv`); `given` wins.

        The room's people are the live page's alone: elsewhere they would restrict the numbers.
        """
        own = [(key, value) for key, value in self.query if end == "/live" or key != "user"]
        names = {key for key, _ in given}
        return address(
            hashtag_path(self.hashtags) + end,
            [*((key, value) for key, value in own if key not in names), *given],
        )


def read_events(path: Path | None) -> Mapping[str, Event]:
    """The events of a file; none without one. Raises EventsError."""
    if path is None:
        return {}
    text = text_of(path, "the events file", MOST_BYTES, "no file of events", EventsError)
    reader = _Reader(str(path))
    return reader.events(reader.root(text))


class _Reader(Reader):
    error = EventsError

    def events(self, node: yaml.Node | None) -> Mapping[str, Event]:
        if node is None:
            return {}
        inner = self.mapping(node, "the file", ("events",)).get("events", node)
        entries = self.mapping(inner, "`events`")
        found: dict[str, Event] = {}
        for (name, value), (at, _) in zip(entries.items(), self.pairs(inner, "`events`"), strict=True):
            if not _KEY.fullmatch(name):
                self.refuse(at, f"{name!r} can't stand in an address; take a to z, 0 to 9, - and _")
            found[name] = self._event(name, value, at)
        return found

    def _event(self, name: str, node: yaml.Node, at: yaml.Node) -> Event:
        given = self.mapping(node, f"`{name}`", KEYS)
        hashtags = self._texts(given["hashtags"]) if "hashtags" in given else []
        if not hashtags:
            self.refuse(given.get("hashtags", at), f"{name} has no hashtags")
        query: list[tuple[str, str]] = []
        if "title" in given:
            query.append(("title", self.text(given["title"])))
        query += [(key, self._time(given[key])) for key in ("from", "to") if key in given]
        if "tz" in given:
            query.append(("tz", self._zone(given["tz"])))
        query += [("user", one) for one in (self._texts(given["people"]) if "people" in given else ())]
        if "teams" in given:
            for team, value in self.mapping(given["teams"], "`teams`").items():
                query.append(("team", f"{team}:{','.join(self._texts(value))}"))
        if "targets" in given:
            for column, value in self.mapping(given["targets"], "`targets`").items():
                query.append(("target", f"{column}:{self.number(value)}"))
        title = next((value for key, value in query if key == "title"), name)
        return Event(title, tuple(tag.removeprefix("#").lower() for tag in hashtags), tuple(query))

    def text(self, node: yaml.Node) -> str:
        """A title may be a block of lines."""
        return super().text(node).strip()

    def is_text(self, value: str) -> bool:
        """A title may be in any writing."""
        return bool(value.strip())

    def _texts(self, node: yaml.Node) -> list[str]:
        if isinstance(node, yaml.SequenceNode):
            return [self.text(one) for one in node.value]
        return [self.text(node)]

    def _time(self, node: yaml.Node) -> str:
        text = self.text(node)
        try:
            datetime.fromisoformat(text) if _MINUTE.match(text) else date.fromisoformat(text)
        except ValueError:
            self.refuse(node, f"{text!r} is no time; write it as 2025-02-20T14:00")
        return text.replace(" ", "T") if _MINUTE.match(text) else f"{text}T00:00"

    def _zone(self, node: yaml.Node) -> str:
        text = self.text(node)
        try:
            ZoneInfo(text)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.refuse(node, f"{text!r} is no time zone; take one such as Africa/Nairobi")
        return text
