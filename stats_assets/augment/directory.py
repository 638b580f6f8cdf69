"""Where made documents go: `AAA/BBB/CCC.adiff.xml.gz` and `state.yaml`, on disk or in a bucket, whole or not there.

How such a directory is read is feeds/directory.py's; what a document holds, document.py's.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path

from stats_assets.augment.document import same_actions
from stats_assets.feeds.directory import read_state
from stats_assets.feeds.outcomes import HeadUnknown, masked
from stats_assets.feeds.sequences import path_of
from stats_assets.feeds.source import State
from stats_assets.feeds.storage import FILE_SECONDS, PLACES, fetch, is_web, place_of, read, trouble, upload
from stats_assets.linux import LockFile, holder
from stats_assets.mendable import Mendable
from stats_assets.streams import TABLE

SUFFIX = TABLE["augmented_diffs"].suffix
LOCK = ".making"


class DirectoryFailed(Mendable, OSError):
    """The directory can't be read or written to: the disk is full, the bucket is out of reach."""


class DirectoryInUse(DirectoryFailed):
    """Another process writes into it."""


class Directory:
    """A directory by its path, file: or s3: URI. Raises ValueError for another, for http(s) too."""

    def __init__(self, uri: str) -> None:
        if is_web(uri):
            raise ValueError(f"{masked(uri)!r} can't be written to, as it is on the web. Take {PLACES}")
        self.url = masked(uri)
        self._place = place_of(uri)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other maker of this machine writes into it meanwhile. Of a bucket that can't be known.

        Raises DirectoryInUse.
        """
        if not isinstance(self._place, Path):
            yield
            return
        with self._blaming():
            _make(self._place)
            held = LockFile(self._place / LOCK)
        try:
            if not held.try_lock():
                raise DirectoryInUse(
                    f"Another maker writes into the directory {self.url}:"
                    f" {held.text().strip() or 'another process'}. One at a time does: end that one first, or give"
                    " another directory."
                )
            held.write(holder())
            yield
        finally:
            held.close()

    def put(self, sequence: int, document: Path) -> None:
        """Keep a document, in place of what was there. On disk it is there for good when this returns."""
        self._put(document, path_of(sequence) + SUFFIX)

    def has(self, sequence: int, document: Path) -> bool:
        """Whether the document that is there has the same actions; False also where there is none, or half a one."""
        there = self._place / (path_of(sequence) + SUFFIX)
        with self._blaming():
            try:
                if isinstance(there, Path):
                    return same_actions(document, there)
                copy = document.with_name(f"{document.name}.there")
                fetch(there, copy)
                return same_actions(document, copy)
            except FileNotFoundError:
                return False

    def has_any(self, sequence: int) -> bool:
        """Whether a document of this minute is there, whatever is in it."""
        with self._blaming():
            return (self._place / (path_of(sequence) + SUFFIX)).exists()

    def state(self) -> State | None:
        """None: it has none, or one that can't be read."""
        with self._blaming():
            try:
                text = read(self._place / "state.yaml", FILE_SECONDS).decode(errors="replace")
            except FileNotFoundError:
                return None
        try:
            return read_state(text, url=self.url)
        except HeadUnknown:
            return None

    def put_state(self, state: State, folder: Path) -> None:
        """folder: for a copy on its way."""
        assert state.last_run is not None  # noqa: S101 - whoever makes documents knows how far the data was
        text = f"---\nlast_run: {state.last_run.astimezone(UTC).isoformat(' ')}\nsequence: {state.sequence}\n"
        if state.settled is not None:
            text += f"settled: {state.settled}\n"
        copy = folder / "state.yaml"
        copy.write_text(text)
        self._put(copy, "state.yaml")

    def _put(self, source: Path, name: str) -> None:
        target = self._place / name
        with self._blaming():
            if not isinstance(target, Path):
                upload(source, target)
                return
            _make(target.parent)
            unfinished = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
            try:
                with source.open("rb") as content, unfinished.open("wb") as copy:
                    shutil.copyfileobj(content, copy)
                    copy.flush()
                    os.fsync(copy.fileno())
                unfinished.replace(target)
                _sync(target.parent)
            finally:
                unfinished.unlink(missing_ok=True)

    @contextmanager
    def _blaming(self) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, DirectoryFailed):
            raise
        except Exception as error:  # each store's client has errors of its own
            raise DirectoryFailed(
                f"The directory {self.url} can't be used: {trouble(error, self._place)}."
                " May this user write there, and is there room?"
            ) from error


def _make(folder: Path) -> None:
    """A new folder is as lasting as what is in it."""
    if not folder.exists():
        _make(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync(folder.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
