"""The books of the alert hooks: what each was told, and whether it works. The database's is database/alert_book.py's.

Here is what a book is, and the one in a file, for what has to be told while the database is away.
"""

import errno
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Sequence
from contextlib import suppress
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
    """In the data directory. A file that can't be read counts as none: what stands is told once more.

    Where nothing can be written there, it is kept in a folder of this user's for what is temporary, and where that
    can't be, in this process: a hook has to be told all the same, and not each minute.
    """

    trouble: str | None = None
    """Why it is not kept where it should be."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        try:
            kept = json.loads(_content(self._path))
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
        path = folder / NAME
        # exists of pathlib raises where a folder on the way is closed
        return path in _held or any(os.path.exists(one) for one in (path, _instead(path)))  # noqa: PTH110

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
        alerts = {hook: [asdict(one) for one in entries.values()] for hook, entries in self._entries.items()}
        hooks = [asdict(one) for one in self._states.values()]
        text = json.dumps({"alerts": alerts, "hooks": hooks}, default=datetime.isoformat, indent=1)
        _held.pop(self._path, None)
        instead = _instead(self._path)
        try:
            if any(self._entries.values()):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(self._path, text)
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            where = f" in {instead} meanwhile"
            try:
                _make_private(instead.parent)
                write_whole(instead, text)
            except OSError:
                _held[self._path], where = text, ", for as long as this process lives"
            self.trouble = (
                f"What the alert hooks were told can't be kept in {self._path} ({error.strerror}): it is kept{where}."
                " Let this user write there, or make room"
            )
        else:
            self.trouble = None
            with suppress(OSError):
                instead.unlink(missing_ok=True)


_held: dict[Path, str] = {}  # a book's content, by where it should be


def _instead(path: Path) -> Path:
    """Where it is kept meanwhile: of this user, and of this data directory."""
    digest = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"stats-assets-{os.getuid()}" / f"{digest}-{path.name}"


def _make_private(folder: Path) -> None:
    """Raises OSError, also where it is another user's, or others may write there."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if not _is_private(folder):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(folder))


def _is_private(folder: Path) -> bool:
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022


def _content(path: Path) -> str:
    """As it was kept last. Raises OSError, ValueError."""
    if path in _held:
        return _held[path]
    instead = _instead(path)
    with suppress(OSError):
        # It is removed when the right place can be written again.
        if _is_private(instead.parent):
            return instead.read_text()
    return path.read_text()


def _read(kind: type[T], kept: dict[str, Any]) -> T:
    """Raises TypeError, ValueError for what is no such thing."""
    times = {one.name for one in fields(kind) if "datetime" in str(one.type)}  # type: ignore[arg-type]
    return kind(
        **{k: datetime.fromisoformat(v) if k in times and v is not None else v for k, v in kept.items()}
    )
