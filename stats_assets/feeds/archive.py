"""Bodies kept as they were fetched, in a directory that can itself be followed as a feed (directory.py).

On disk a file appears whole or not at all, whoever else writes. Which bodies to keep is the caller's choice.
"""

from __future__ import annotations

import fcntl
import gzip
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stats_assets.feeds.body import GZIP_MAGIC, Body
from stats_assets.feeds.directory import DirectorySource, read_state
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.outcomes import FeedError, HeadUnknown, SequenceMissing, masked
from stats_assets.feeds.sequences import covers, path_of
from stats_assets.feeds.storage import (
    FILE_SECONDS,
    PLACES,
    Place,
    is_web,
    modified,
    place_of,
    read,
    trouble,
    upload,
)
from stats_assets.streams import TABLE, Stream

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
REPLACED = "replaced"


class ArchiveError(OSError):
    """The archive can't be used: the disk is full, the bucket is out of reach. No sequence's fault, and no feed's."""


@contextmanager
def _blaming(place: Place, url: str) -> Iterator[None]:
    try:
        yield
    except (FeedError, ArchiveError):
        raise
    except Exception as error:  # each store's client has errors of its own
        raise ArchiveError(f"The archive {masked(url)} can't be used: {trouble(error, place)}.") from error


class Archive:
    """One stream's folder below a URI (a path, file:, s3:, ...). An empty URI: keeps nothing, has nothing.

    The folder is a DirectorySource: `DirectorySource(archive.url, TABLE[stream].suffix, http)`.
    Raises ValueError for http(s), which can't be written to.
    """

    def __init__(self, uri: str, stream: Stream) -> None:
        if is_web(uri):
            raise ValueError(f"{masked(uri)!r} can't be an archive: http can't be written to. Take {PLACES}")
        self.stream = stream
        self._suffix = TABLE[stream].suffix
        folder = f"{uri.rstrip('/')}/{stream}" if uri else ""
        self.url = masked(folder)
        self._place = place_of(folder) if uri else None
        self._folder = folder
        self._at_least = -1

    def put(self, body: Body) -> str:
        """Keeps a body in its sequence's place, gzipped if it is plain; where it is kept. state.yaml rises.

        What was there is replaced. A body that came from here is there already, also when this folder is followed
        as the feed itself.
        """
        if self._place is None:
            return ""
        name = path_of(body.sequence) + self._suffix
        if not body.from_archive and not _is_at(body.url, self._place / name):
            with _blaming(self._place, self.url):
                self._store(body, name)
                self._raise_state(body)
        return f"{self.url}/{name}"

    def put_aside(self, body: Body, reason: str) -> str:
        """Keeps a rejected body for study, with the reason in a text beside it; where it is kept."""
        if self._place is None:
            return ""
        name = f"rejected/{path_of(body.sequence)}-{body.fetched_at:%Y%m%dT%H%M%S}"
        with _blaming(self._place, self.url):
            self._store(body, name + self._suffix)
            self._write(f"{body.url}\n{body.fetched_at.isoformat()}\n{reason}\n".encode(), name + ".txt")
        return f"{self.url}/{name}{self._suffix}"

    def put_replaced(self, sequence: int, folder: Path) -> str:
        """Keeps the kept body of a sequence once more in `replaced/`, before another takes its place; where, or "".

        prune_replaced goes by when that was.
        """
        try:
            body = self.get(sequence, folder / "replaced")
        except FeedError:  # there is none, or it is spoiled
            return ""
        name = f"{REPLACED}/{path_of(sequence)}-{body.fetched_at:%Y%m%dT%H%M%S}{self._suffix}"
        assert self._place is not None  # noqa: S101 (it had a body)
        with _blaming(self._place, self.url):
            self._store(body._replace(fetched_at=datetime.now(UTC)), name)
        return f"{self.url}/{name}"

    def get(self, sequence: int, folder: Path) -> Body:
        """The kept body, judged as by a source, with the time of its first fetch. SequenceMissing, BadAnswer.

        In a bucket that time is the object's own, which is a little later.
        """
        if self._place is None:
            raise SequenceMissing("the archive", f"there is none, so no sequence {sequence}")
        with _blaming(self._place, self.url):
            body = DirectorySource(self._folder, self._suffix, Http("")).fetch(sequence, folder)
            kept = self._place / (path_of(sequence) + self._suffix)
            if isinstance(kept, Path):
                fetched_at = _EPOCH + kept.stat().st_mtime_ns // 1000 * _MICROSECOND
            else:
                fetched_at = modified(kept)
        return body._replace(fetched_at=fetched_at, from_archive=True)

    def prune(self, before: datetime) -> int:
        """Deletes what was fetched before then; how many files. In a bucket that is a lifecycle rule's work."""
        return self._prune(before, "")

    def prune_replaced(self, before: datetime) -> int:
        """Deletes what was replaced before then; how many files. In a bucket likewise."""
        return self._prune(before, REPLACED)

    def _prune(self, before: datetime, below: str) -> int:
        if not isinstance(self._place, Path):
            return 0
        kept = ("state.yaml", ".state.lock")
        pruned = 0
        for file in list((self._place / below).rglob("*")):
            with suppress(FileNotFoundError):  # others prune, and put, at the same time
                if file.is_file() and file.name not in kept and file.stat().st_mtime < before.timestamp():
                    file.unlink()
                    pruned += 1
        return pruned

    def _store(self, body: Body, name: str) -> None:
        with body.path.open("rb") as source:
            if source.read(2) == GZIP_MAGIC:
                self._place_file(body.path, name, body.fetched_at)
                return
            source.seek(0)
            with tempfile.TemporaryDirectory() as folder:
                packed = Path(folder) / "body.gz"
                with gzip.GzipFile(packed, "wb", compresslevel=6, mtime=0) as target:
                    shutil.copyfileobj(source, target)
                self._place_file(packed, name, body.fetched_at)

    def _write(self, text: bytes, name: str) -> None:
        with tempfile.NamedTemporaryFile() as file:
            file.write(text)
            file.flush()
            self._place_file(Path(file.name), name, datetime.now(UTC))

    def _place_file(self, source: Path, name: str, time: datetime) -> None:
        assert self._place is not None  # noqa: S101 (callers have looked)
        target = self._place / name
        if not isinstance(target, Path):
            upload(source, target)
            return
        self._make_folder(target.parent)
        unfinished = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        try:
            shutil.copyfile(source, unfinished)
            stamp = (time - _EPOCH) // _MICROSECOND * 1000
            os.utime(unfinished, ns=(stamp, stamp))
            self._give(unfinished)
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)

    def _make_folder(self, folder: Path) -> None:
        if folder.exists():
            return
        self._make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        self._give(folder)

    def _give(self, path: Path) -> None:
        """What root puts into somebody's archive is theirs, who go on with it."""
        if os.geteuid() == 0:
            owner = path.parent.stat()
            with suppress(PermissionError):  # not on every disk, nor in every container
                os.chown(path, owner.st_uid, owner.st_gid)

    def _raise_state(self, body: Body) -> None:
        # Of minutes their own time: an archive of long ago must not look like a feed whose number was cut.
        ended = covers(body.sequence).until if TABLE[self.stream].numbers_are_minutes else body.fetched_at
        last_run = min(body.fetched_at, ended)
        state = f"---\nlast_run: {last_run.isoformat(' ')}\nsequence: {body.sequence}\n".encode()
        if not isinstance(self._place, Path):
            # No lock in a bucket: of two writers at once the lower may win, until the next body is put.
            # It only rises, so what it was is asked only for a body above that.
            if self._at_least < body.sequence:
                self._at_least = self._newest()
            if self._at_least < body.sequence:
                self._write(state, "state.yaml")
            return
        with (self._place / ".state.lock").open("a") as lock:
            self._give(self._place / ".state.lock")
            _lock(lock.fileno(), FILE_SECONDS)
            if self._newest() < body.sequence:
                self._write(state, "state.yaml")

    def _newest(self) -> int:
        assert self._place is not None  # noqa: S101 (callers have looked)
        try:
            text = read(self._place / "state.yaml", FILE_SECONDS).decode(errors="replace")
            return read_state(text, url=self.url).sequence
        except (FileNotFoundError, HeadUnknown):  # a broken state is written anew
            return -1


def _lock(descriptor: int, seconds: float) -> None:
    """Raises TimeoutError when another process holds it for so long."""
    limit = time.monotonic() + seconds
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > limit:
                raise TimeoutError from None
            time.sleep(0.01)


def _is_at(url: str, file: Place) -> bool:
    """Whether a body came from this very file, however its URL says so."""
    return not is_web(url) and place_of(url).resolve() == file.resolve()
