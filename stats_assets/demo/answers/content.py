"""What the demo feed answers: both protocols over a world or a folder of real diffs. Sockets are in `feed`.

Overpass as docs/feeds.md, sections 1 and 6, has it; directories as the planet server has them (docs/feeds.md,
section 3.1: off by one).
"""

import gzip
import json
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import NamedTuple, Protocol
from urllib.parse import parse_qs, urlsplit

from stats_assets.demo.answers.augmented_diff import write_augmented_diff
from stats_assets.demo.answers.changeset_file import write_state
from stats_assets.demo.answers.faults import LOOP, Answer, Request, no_such_key, page
from stats_assets.demo.answers.folder import Folder
from stats_assets.demo.answers.overpass import Overpass
from stats_assets.demo.clock import Clock
from stats_assets.demo.truth.truth import truth
from stats_assets.demo.world.minute import until
from stats_assets.demo.world.world import World

_XML = "application/osm3s+xml"
_TEXT = "text/plain; charset=utf-8"
_FILE = re.compile(
    r"/(augmented_diffs|changesets)/(\d{3})/(\d{3})/(\d{3})\.(adiff\.xml\.gz|osm\.gz|state\.txt)"
)
_SUFFIX = {"augmented_diffs": "adiff.xml.gz", "changesets": "osm.gz"}


class ChangesetState(NamedTuple):
    """`newest` file, and what `state.yaml` says, which is one less on the planet server."""

    newest: int
    said: int
    last_run: datetime


class Source(Protocol):
    """Where diffs and changeset files come from; `None`: there is no such file now."""

    def head(self) -> int: ...
    def diff(self, sequence: int) -> bytes | None: ...
    def changesets(self, sequence: int) -> bytes | None: ...
    def changeset_state(self) -> ChangesetState | None: ...
    def last_run(self, sequence: int) -> datetime | None: ...
    def truth(self, augmented_diffs: int | None, changesets: int | None) -> Answer: ...


class WorldSource:
    """The world as far as the clock has come."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._world = world
        self._clock = clock

    def head(self) -> int:
        return self._clock.head()

    def diff(self, sequence: int) -> bytes | None:
        return self._world.augmented_diff(sequence) if self._world.first <= sequence <= self.head() else None

    def changesets(self, sequence: int) -> bytes | None:
        known = self._world.changesets_first <= sequence <= self._newest()
        return self._world.changeset_file(sequence).packed if known else None

    def changeset_state(self) -> ChangesetState | None:
        newest = self._newest()
        last_run = self.last_run(newest)
        return None if last_run is None else ChangesetState(newest, newest - 1, last_run)

    def last_run(self, sequence: int) -> datetime | None:
        if not self._world.changesets_first <= sequence <= self._newest():
            return None
        return self._world.changeset_file(sequence).file.last_run

    def truth(self, augmented_diffs: int | None, changesets: int | None) -> Answer:
        """By default when all was applied that both feeds tell of: changesets to what `state.yaml` says."""
        head, newest = self.head(), self._newest()
        diffs = head if augmented_diffs is None else augmented_diffs
        files = newest - 1 if changesets is None else changesets
        if not (
            self._world.first - 1 <= diffs <= head and self._world.changesets_first - 1 <= files <= newest
        ):
            return Answer(
                400, _TEXT, f"There are diffs to {head} and changeset files to {newest}.\n".encode()
            )
        found = truth(self._world, augmented_diffs=diffs, changesets=files)
        return Answer(200, "application/json", json.dumps(found, ensure_ascii=False).encode())

    def _newest(self) -> int:
        return self._world.newest_changeset_file(self.head())


class FolderSource:
    """Real files. `state.yaml` tells of the last changeset file too: there is no later one to wait for."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def head(self) -> int:
        return self._folder.head()

    def diff(self, sequence: int) -> bytes | None:
        return self._folder.diff(sequence)

    def changesets(self, sequence: int) -> bytes | None:
        return self._folder.changesets(sequence)

    def changeset_state(self) -> ChangesetState | None:
        newest = self._folder.newest_changesets()
        return None if newest is None else ChangesetState(newest, newest, until(self.head()))

    def last_run(self, sequence: int) -> datetime | None:
        return None if self._folder.changesets(sequence) is None else until(self.head())

    def truth(self, augmented_diffs: int | None, changesets: int | None) -> Answer:
        return Answer(404, _TEXT, b"Of real diffs the demo knows no truth.\n")


class Content:
    """`overpass`: a server with ways of its own, which answers Overpass's addresses."""

    def __init__(self, source: Source, overpass: Overpass | None = None) -> None:
        self._source = source
        self._server = overpass

    def request(self, target: str) -> Request:
        """What a request is for: its stream and sequence, for the faults and the log."""
        path, query = _split(target)
        if path == "/api/augmented_diff":
            wanted = query.get("id", "")
            return Request(target, "augmented_diffs", int(wanted) if _plain(wanted) else None)
        match = _FILE.fullmatch(path)
        if match:
            return Request(target, match[1], int(match[2] + match[3] + match[4]))
        stream = next((name for name in ("augmented_diff", "changeset") if name in path), None)
        return Request(target, None if stream is None else f"{stream}s")

    def answer(self, target: str) -> Answer:
        path, query = _split(target)
        if path == "/api/augmented_diff":
            return self._overpass(query.get("id", "0"))
        if path == "/api/augmented_diff_status" and self._server is not None:
            return self._server.answer_status()
        if path == "/api/augmented_diff_status":
            return Answer(200, _TEXT, f"{self._source.head()}\n".encode())
        if path == "/truth.json":
            wanted = [query.get(name, "") for name in ("augmented_diffs", "changesets")]
            return self._source.truth(*(int(value) if _plain(value) else None for value in wanted))
        if path == LOOP:
            return Answer(302, _TEXT, b"", {"Location": LOOP})
        if path == "/":
            return Answer(200, _TEXT, "".join(f"{line}\n" for line in self._index()).encode())
        return self._file(path)

    def _overpass(self, wanted: str) -> Answer:
        """Beyond the head: no actions, an early `osm_base`. Words count as 0 (docs/feeds.md, section 6.11)."""
        head = self._source.head()
        if not _plain(wanted) and wanted[:1].isdigit():
            return page(
                400, "line 1: static error: The attribute &quot;since&quot; must contain a timestamp."
            )
        sequence = int(wanted) if _plain(wanted) else 0
        if self._server is not None:
            return self._server.answer_diff(sequence)
        packed = self._source.diff(sequence) if sequence <= head else None
        if packed is not None:
            diff = gzip.decompress(packed)
            if not isinstance(self._source, FolderSource):  # real ones come as they are
                diff = _as_of(diff, until(head) + timedelta(seconds=2))
            return Answer(200, _XML, diff)
        return Answer(200, _XML, write_augmented_diff((), until(head) + timedelta(seconds=2)))

    def _file(self, path: str) -> Answer:
        if path == "/augmented_diffs/state.yaml":
            head = self._source.head()
            return Answer(200, "text/yaml", write_state(head, until(head)))
        if path == "/changesets/state.yaml":
            state = self._source.changeset_state()
            return (
                no_such_key()
                if state is None
                else Answer(200, "text/yaml", write_state(state.said, state.last_run))
            )
        match = _FILE.fullmatch(path)
        if not match:
            return no_such_key()
        stream, sequence, suffix = match[1], int(match[2] + match[3] + match[4]), match[5]
        if (stream, suffix) == ("changesets", "state.txt"):
            last_run = self._source.last_run(sequence)
            return (
                no_such_key() if last_run is None else Answer(200, _TEXT, write_state(sequence - 1, last_run))
            )
        read = self._source.diff if stream == "augmented_diffs" else self._source.changesets
        body = read(sequence) if suffix == _SUFFIX[stream] else None
        if body is None:
            return no_such_key()
        # An invented world that is faster than the clock runs ahead of it, and says so.
        made = until(sequence) if stream == "augmented_diffs" else self._source.last_run(sequence)
        headers = {} if made is None else {"Last-Modified": format_datetime(made, usegmt=True)}
        return Answer(200, "application/gzip", body, headers)

    def _index(self) -> Iterable[str]:
        head, state = self._source.head(), self._source.changeset_state()
        yield "An OpenStreetMap feed for demonstrations. It serves:"
        yield f"/api/augmented_diff?id={head}  augmented diffs, as Overpass has them"
        yield f"/api/augmented_diff_status  the newest: {head}"
        yield "/augmented_diffs/AAA/BBB/CCC.adiff.xml.gz  the same as files; /augmented_diffs/state.yaml"
        if state is not None:
            yield f"/changesets/AAA/BBB/CCC.osm.gz  changesets, to {state.newest}; /changesets/state.yaml"
        yield "/faults  what goes wrong: POST a rule as JSON to put one, DELETE to clear (docs/reliability.md)"
        yield "/truth.json?augmented_diffs=N&changesets=M  the statistics after these (invented world only)"


def _as_of(diff: bytes, reached: datetime) -> bytes:
    """The document as a server says it whose data reach so far: never less far than it says already."""

    def later(match: re.Match[bytes]) -> bytes:
        base = f'osm_base="{reached:%Y-%m-%dT%H:%M:%SZ}"'.encode()
        return max(match[0], base)

    return re.sub(rb'osm_base="[^"]*"', later, diff, count=1)


def _split(target: str) -> tuple[str, dict[str, str]]:
    url = urlsplit(target)
    query = parse_qs(url.query, keep_blank_values=True)
    return url.path, {name: values[-1] for name, values in query.items()}


def _plain(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
