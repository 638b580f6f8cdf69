"""A directory of replication files: `state.yaml` and `AAA/BBB/CCC<suffix>`, by HTTP, on disk, in a bucket.

Planet's changesets, republished diffs, and our own archive are all such directories. Writing one: archive.py.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from pathlib import Path

import yaml

from stats_assets.feeds.body import Body
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.manners import NO_MANNERS
from stats_assets.feeds.outcomes import BadAnswer, HeadUnknown, SequenceMissing, masked
from stats_assets.feeds.sequences import path_of
from stats_assets.feeds.source import State, head_page
from stats_assets.feeds.storage import Place, fetch, is_web, place_of, read, trouble
from stats_assets.feeds.validation import judge_body, page_message
from stats_assets.streams import TABLE

_STREAMS = {stream.suffix: name for name, stream in TABLE.items()}
STATE_MAX = 16_384  # characters of a state; YAML of any length could take minutes to read
_NUMBERED = re.compile(r"""^\s*["']?(sequence|settled)["']?\s*:""", re.MULTILINE)
_LAST_RUN = re.compile(r"([0-9-]{10})[ T]([0-9:]{8})(?:\.([0-9]*))?\s*(Z|[+-][0-9]{2}:?[0-9]{2})?")


def read_state(text: str, *, url: str) -> State:
    """Reads a state.yaml, with `Z` or an offset and any number of decimals (docs/feeds.md, sections 3.1 and 3.6).

    Raises HeadUnknown for any other content: also for one that is cut, where a number would be only its beginning.
    """
    came = repr(page_message(text)) if text[:STATE_MAX].strip() else "0 bytes"
    if len(text) > STATE_MAX:
        raise HeadUnknown(url, f"{came} and more: too long for a state")
    if text and not text.endswith("\n"):
        raise HeadUnknown(url, f"{came} without an end of line: cut off, so its number may be too")
    try:
        # Only strings, lists and mappings: the nanoseconds of these times are not for YAML's own reading.
        fields = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 (it has less power than SafeLoader)
        sequence = fields["sequence"]
        found = _NUMBERED.findall(text)
        if len(found) > len(set(found)):
            raise ValueError("more than one sequence")
        if not re.fullmatch("[0-9]{1,9}", sequence):
            raise ValueError(f"sequence {sequence!r}")
        settled = fields.get("settled")
        if settled is not None and not re.fullmatch("-1|[0-9]{1,9}", settled):
            raise ValueError(f"settled {settled!r}")
        last_run = _last_run(fields.get("last_run", ""))
        return State(int(sequence), last_run, None if settled is None else min(int(settled), int(sequence)))
    except (
        yaml.YAMLError,
        LookupError,
        TypeError,
        ValueError,
        OverflowError,
        AttributeError,
        RecursionError,
    ) as error:
        raise HeadUnknown(url, f"{came} in place of a state with a sequence: not to be used") from error


def _last_run(text: str) -> datetime | None:
    match = _LAST_RUN.fullmatch(text.strip())
    if not match:
        return None
    day, clock, fraction, zone = match.groups()
    return datetime.fromisoformat(f"{day}T{clock}.{(fraction or '')[:6]:0<6}{zone or 'Z'}").astimezone(UTC)


class DirectorySource:
    """A directory by its URI. A Source; osm_base is not asked of its files.

    suffix: one of the streams'; it says which stream this is. Raises ValueError for another.
    """

    serial = False
    manners = NO_MANNERS

    def __init__(self, uri: str, suffix: str, http: Http) -> None:
        if suffix not in _STREAMS:
            raise ValueError(f"{suffix!r} is no stream's suffix: {', '.join(_STREAMS)} are")
        self.stream = _STREAMS[suffix]
        self._uri = uri.rstrip("/")
        self.url = masked(self._uri)
        self._suffix = suffix
        self._http = http
        self._place = None if is_web(uri) else place_of(uri)

    def ask(self) -> State:
        # Of planet's changesets one more file exists than state.yaml says; it is read a minute later
        # (docs/feeds.md, section 3.1).
        url = f"{self._uri}/state.yaml"
        return read_state(head_page(self._http, url) if self._place is None else self._in_place(url), url=url)

    def _in_place(self, url: str) -> str:
        assert self._place is not None  # noqa: S101 (the caller has looked)
        file = self._place / "state.yaml"
        try:
            return read(file, self._http.head_timeout)[: STATE_MAX + 1].decode(errors="replace")
        except Exception as error:  # each store's client has errors of its own
            raise HeadUnknown(url, f"{trouble(error, file)}: no head") from error

    def head(self) -> int:
        return self.ask().sequence

    def fetch(self, sequence: int, folder: Path) -> Body:
        name = path_of(sequence) + self._suffix
        url = f"{self._uri}/{name}"
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{sequence:09d}{self._suffix}"
        fetched_at = datetime.now(UTC)
        if self._place is None:
            answer = self._http.download(url, target)
            # Where our clock is behind the server's, what was made there is still not from the future.
            fetched_at = max(fetched_at, answer.modified or fetched_at)
            body = Body(sequence, target, masked(url), answer.size, fetched_at, answer.seconds)
            if answer.status in (404, 410):
                raise SequenceMissing(url, f"status {answer.status}: no such file", body=body)
            judge_body(body, until=None, status=answer.status, retry_after=answer.retry_after)
            return body
        begun = time.monotonic()
        _copy(self._place / name, target, url)
        body = Body(
            sequence, target, masked(url), target.stat().st_size, fetched_at, time.monotonic() - begun
        )
        judge_body(body, until=None)
        return body

    def until(self, sequence: int) -> None:
        return None


def _copy(source: Place, target: Path, url: str) -> None:
    try:
        fetch(source, target)
    except Exception as error:  # each store's client has errors of its own
        # S3 says 403 for a missing key to those who may not list (docs/feeds.md, section 3.5).
        in_bucket = not isinstance(source, Path)
        if isinstance(error, FileNotFoundError) or (in_bucket and isinstance(error, PermissionError)):
            raise SequenceMissing(url, trouble(error, source)) from error
        raise BadAnswer(url, f"{trouble(error, source)}: the file can't be read") from error
