"""What the demo feed answers: both protocols over a world or a folder of real diffs. Sockets are in `feed`.

Overpass as docs/feeds.md, sections 1 and 6, has it; directories as the planet server has them (docs/feeds.md,
section 3.1: off by one). Where its files come from is sources.py's.
"""

import gzip
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs, urlsplit

from stats_assets.demo.answers.augmented_diff import write_augmented_diff
from stats_assets.demo.answers.changeset_file import write_state
from stats_assets.demo.answers.faults import LOOP, Answer, Request, no_such_key, page
from stats_assets.demo.answers.overpass import Overpass
from stats_assets.demo.answers.sources import FolderSource, Source
from stats_assets.demo.world.minute import until

_XML = "application/osm3s+xml"
_GZIP = "application/gzip"
_TEXT = "text/plain; charset=utf-8"
_FILE = re.compile(
    r"/(augmented_diffs|changesets|osmchange)/(\d{3})/(\d{3})/(\d{3})"
    r"\.(adiff\.xml\.gz|osm\.gz|osc\.gz|state\.txt)"
)
_SUFFIX = {"augmented_diffs": "adiff.xml.gz", "changesets": "osm.gz", "osmchange": "osc.gz"}


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
        prefixes = {"augmented_diff": "augmented_diffs", "changeset": "changesets", "osmchange": "osmchange"}
        return Request(target, next((stream for prefix, stream in prefixes.items() if prefix in path), None))

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
        match = _FILE.fullmatch(path)
        if not match:
            return self._whole(path) or no_such_key()
        stream, sequence, suffix = match[1], int(match[2] + match[3] + match[4]), match[5]
        if stream == "osmchange":
            return self._osmchange(sequence, suffix)
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
        return Answer(200, _GZIP, body, headers)

    def _whole(self, path: str) -> Answer | None:
        """What has no number: how far each feed is, and the planet."""
        if path == "/augmented_diffs/state.yaml":
            head = self._source.head()
            return Answer(200, "text/yaml", write_state(head, until(head)))
        if path == "/changesets/state.yaml":
            state = self._source.changeset_state()
            return state and Answer(200, "text/yaml", write_state(state.said, state.last_run))
        if path == "/osmchange/state.txt":
            return self._osmchange(None, "state.txt")
        planet = self._source.planet() if path == "/planet.osm.gz" else None
        return None if planet is None else Answer(200, _GZIP, planet)

    def _osmchange(self, sequence: int | None, suffix: str) -> Answer:
        file = self._source.osmchange(sequence)
        if file is None or suffix not in ("osc.gz", "state.txt"):
            return no_such_key()
        if suffix == "state.txt":
            return Answer(200, _TEXT, file.state)
        made = {"Last-Modified": format_datetime(file.time, usegmt=True)}
        return Answer(200, _GZIP, file.packed, made)

    def _index(self) -> Iterable[str]:
        head, state = self._source.head(), self._source.changeset_state()
        yield "An OpenStreetMap feed for demonstrations. It serves:"
        yield f"/api/augmented_diff?id={head}  augmented diffs, as Overpass has them"
        yield f"/api/augmented_diff_status  the newest: {head}"
        yield "/augmented_diffs/AAA/BBB/CCC.adiff.xml.gz  the same as files; /augmented_diffs/state.yaml"
        if state is not None:
            yield f"/changesets/AAA/BBB/CCC.osm.gz  changesets, to {state.newest}; /changesets/state.yaml"
        newest = self._source.osmchange(None)
        if newest is not None:
            yield f"/osmchange/AAA/BBB/CCC.osc.gz  OsmChange, to {newest.sequence}; /osmchange/state.txt"
            yield "/planet.osm.gz  the map before the first minute"
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
