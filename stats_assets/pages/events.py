"""Events of a YAML file (EVENTS_FILE): hashtags, window, teams and targets under a short name, `/e/NAME`.

Without a file the same stands in a link's parameters: an event is nothing but a page's address with a name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from stats_assets.lined_yaml import root_of, text_of
from stats_assets.mendable import Mendable
from stats_assets.pages.visit import address, hashtag_path
from stats_assets.questions.answer import Given

MOST_BYTES = 1 << 20
KEYS = frozenset({"title", "hashtags", "from", "to", "tz", "teams", "targets", "people"})
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
    return _Reading(path).events(root_of(text, str(path), EventsError))


class _Reading:
    def __init__(self, path: Path) -> None:
        self._path = path

    def events(self, node: yaml.Node | None) -> Mapping[str, Event]:
        if node is None:
            return {}
        top = self._mapping(node, "the file")
        for key, (at, _) in top.items():
            if key != "events":
                raise self._wrong(at, f"there is no {key!r} here; all stands below `events:`")
        _, inner = top.get("events", (node, node))
        found: dict[str, Event] = {}
        for key, (at, value) in self._mapping(inner, "events").items():
            if not _KEY.fullmatch(key):
                raise self._wrong(at, f"{key!r} can't stand in an address; take a to z, 0 to 9, - and _")
            found[key] = self._event(key, self._mapping(value, key), at)
        return found

    def _event(self, name: str, given: Mapping[str, tuple[yaml.Node, yaml.Node]], at: yaml.Node) -> Event:
        for key, (where, _) in given.items():
            if key not in KEYS:
                raise self._wrong(where, f"{key!r} is none of {', '.join(sorted(KEYS))}")
        if "hashtags" not in given:
            raise self._wrong(at, f"{name} has no hashtags")
        hashtags = self._texts(given["hashtags"][1])
        if not hashtags:
            raise self._wrong(given["hashtags"][0], f"{name} has no hashtags")
        query: list[tuple[str, str]] = []
        if "title" in given:
            query.append(("title", self._text(given["title"][1])))
        query += [(key, self._time(given[key][1])) for key in ("from", "to") if key in given]
        if "tz" in given:
            query.append(("tz", self._zone(given["tz"][1])))
        query += [("user", one) for one in (self._texts(given["people"][1]) if "people" in given else ())]
        if "teams" in given:
            for team, (_, value) in self._mapping(given["teams"][1], "teams").items():
                query.append(("team", f"{team}:{','.join(self._texts(value))}"))
        if "targets" in given:
            for column, (_, value) in self._mapping(given["targets"][1], "targets").items():
                query.append(("target", f"{column}:{self._number(value)}"))
        title = next((value for key, value in query if key == "title"), name)
        return Event(title, tuple(tag.removeprefix("#").lower() for tag in hashtags), tuple(query))

    def _mapping(self, node: yaml.Node, what: str) -> Mapping[str, tuple[yaml.Node, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            raise self._wrong(node, f"{what} must hold names with a colon and values")
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            name = self._text(key)
            if name in found:
                raise self._wrong(key, f"{name!r} stands there twice")
            found[name] = (key, value)
        return found

    def _text(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            raise self._wrong(node, "a text is expected")
        return str(node.value).strip()

    def _texts(self, node: yaml.Node) -> list[str]:
        if isinstance(node, yaml.SequenceNode):
            return [self._text(one) for one in node.value]
        return [self._text(node)]

    def _time(self, node: yaml.Node) -> str:
        text = self._text(node)
        try:
            datetime.fromisoformat(text) if _MINUTE.match(text) else date.fromisoformat(text)
        except ValueError:
            raise self._wrong(node, f"{text!r} is no time; write it as 2025-02-20T14:00") from None
        return text.replace(" ", "T") if _MINUTE.match(text) else f"{text}T00:00"

    def _zone(self, node: yaml.Node) -> str:
        text = self._text(node)
        try:
            ZoneInfo(text)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise self._wrong(node, f"{text!r} is no time zone; take one such as Africa/Nairobi") from None
        return text

    def _number(self, node: yaml.Node) -> Decimal:
        text = self._text(node).replace("_", "")
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal(0)
        if not number.is_finite() or number <= 0:
            raise self._wrong(node, f"{text!r} is no number above 0")
        return number

    def _wrong(self, node: Any, reason: str) -> EventsError:
        return EventsError(f"{self._path}:{node.start_mark.line + 1}: {reason}")
