"""The books of the alert hooks: what each was told, and whether it works. The database's is database/alert_book.py's.

Here is what a book is, and the one in a file, for what has to be told while the database is away.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from stats_assets.database.alert_book import Entry, HookState
from stats_assets.files import write_whole

NAME = "alerts.json"
T = TypeVar("T")


class Book(Protocol):
    """What is kept between two rounds; a change is kept at once."""

    def entries(self, hook: str) -> dict[str, Entry]:
        """By key."""

    def put(self, hook: str, key: str, entry: Entry | None) -> None:
        """None: forget it."""

    def states(self) -> dict[str, HookState]:
        """By hook."""

    def put_state(self, state: HookState) -> None: ...

    def keep_only(self, hooks: Sequence[str]) -> None:
        """Forget the hooks that are not set any more: one that is set again is told what stands then."""


class FileBook:
    """In the data directory. A file that can't be read counts as none: what stands is told once more."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        try:
            kept = json.loads(self._path.read_bytes())
            self._entries = {
                hook: {one["key"]: _read(Entry, one) for one in entries}
                for hook, entries in kept["alerts"].items()
            }
            self._states = {one["hook"]: _read(HookState, one) for one in kept["hooks"]}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            self._entries, self._states = {}, {}

    @staticmethod
    def is_there(folder: Path) -> bool:
        """Whether something is to be told from it."""
        return (folder / NAME).exists()

    def entries(self, hook: str) -> dict[str, Entry]:
        return dict(self._entries.get(hook, {}))

    def put(self, hook: str, key: str, entry: Entry | None) -> None:
        entries = self._entries.setdefault(hook, {})
        if entry is None:
            entries.pop(key, None)
        else:
            entries[key] = entry
        self._write()

    def states(self) -> dict[str, HookState]:
        return dict(self._states)

    def put_state(self, state: HookState) -> None:
        # That it was looked at is no news: while nothing is wrong there is no file.
        before = self._states.get(state.hook)
        self._states[state.hook] = state
        if before is None or replace(before, looked_at=state.looked_at) != state:
            self._write()

    def keep_only(self, hooks: Sequence[str]) -> None:
        gone = {*self._entries, *self._states} - set(hooks)
        for hook in gone:
            self._entries.pop(hook, None)
            self._states.pop(hook, None)
        if gone:
            self._write()

    def _write(self) -> None:
        if not any(self._entries.values()):
            self._path.unlink(missing_ok=True)
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        alerts = {hook: [asdict(one) for one in entries.values()] for hook, entries in self._entries.items()}
        hooks = [asdict(one) for one in self._states.values()]
        write_whole(
            self._path, json.dumps({"alerts": alerts, "hooks": hooks}, default=datetime.isoformat, indent=1)
        )


def _read(kind: type[T], kept: dict[str, Any]) -> T:
    """Raises TypeError, ValueError for what is no such thing."""
    times = {one.name for one in fields(kind) if "datetime" in str(one.type)}  # type: ignore[arg-type]
    return kind(
        **{k: datetime.fromisoformat(v) if k in times and v is not None else v for k, v in kept.items()}
    )
