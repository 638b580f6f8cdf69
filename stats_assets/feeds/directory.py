"""A directory of replication files: `state.yaml` and `AAA/BBB/CCC<suffix>`, by HTTP, on disk, in a bucket.

Planet's changesets, republished diffs, and our own archive are all such directories. Writing one: archive.py.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import yaml

from stats_assets.feeds.body import Body
from stats_assets.feeds.folder import STATE_MAX, Folder
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.manners import NO_MANNERS
from stats_assets.feeds.outcomes import HeadUnknown
from stats_assets.feeds.sequences import path_of
from stats_assets.feeds.source import State
from stats_assets.feeds.validation import page_message
from stats_assets.streams import TABLE

_STREAMS = {stream.suffix: name for name, stream in TABLE.items()}
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
        self._folder = Folder(uri, http)
        self.url = self._folder.url
        self._suffix = suffix

    def ask(self) -> State:
        # Of planet's changesets one more file exists than state.yaml says; it is read a minute later
        # (docs/feeds.md, section 3.1).
        return read_state(self._folder.text("state.yaml"), url=f"{self._folder.uri}/state.yaml")

    def head(self) -> int:
        return self.ask().sequence

    def fetch(self, sequence: int, folder: Path) -> Body:
        name = path_of(sequence) + self._suffix
        return self._folder.fetch(sequence, name, folder / f"{sequence:09d}{self._suffix}")

    def until(self, sequence: int) -> None:
        return None
