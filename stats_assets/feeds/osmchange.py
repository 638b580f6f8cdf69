"""A replication directory of OsmChange: `state.txt`, `AAA/BBB/CCC.osc.gz` and, mostly, `AAA/BBB/CCC.state.txt`.

Planet's minutely files, regional ones, OpenHistoricalMap's (docs/feeds.md, section 7). What is in a file is augment/'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from stats_assets.feeds.folder import STATE_MAX, Folder
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.outcomes import HeadMissing, HeadUnknown, SequenceMissing
from stats_assets.feeds.sequences import path_of
from stats_assets.feeds.validation import page_message

SUFFIX = ".osc.gz"
ROOT = "osmChange"
_LOOKED_AT = 8  # numbers around one that has no state
_FIELD = re.compile(r"\s*(sequenceNumber|timestamp)\s*[=:]\s*(.*?)\s*")
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]*)?Z")


class State(NamedTuple):
    """A file of the directory, and what the data reach with it."""

    sequence: int
    time: datetime
    """UTC. What was committed until then is in this file or in one before it; timestamps may be earlier, and are
    seldom later."""


def read_state(text: str, *, url: str) -> State:
    r"""Reads a state.txt: `key=value` lines with `\:` for a colon, comments and other keys (docs/feeds.md, section 7).

    Raises HeadUnknown for any other content: also for one that is cut, where a number would be only its beginning.
    """
    came = repr(page_message(text)) if text[:STATE_MAX].strip() else "0 bytes"
    if len(text) > STATE_MAX:
        raise HeadUnknown(url, f"{came} and more: too long for a state")
    if text and not text.endswith(("\n", "\r")):
        raise HeadUnknown(url, f"{came} without an end of line: cut off, so its number may be too")
    fields: dict[str, str] = {}
    for line in text.splitlines():
        if found := _FIELD.fullmatch(line):
            if found[1] in fields:
                raise HeadUnknown(url, f"{came} has {found[1]} twice: not to be used")
            fields[found[1]] = found[2].replace("\\", "")
    time = _TIME.fullmatch(fields.get("timestamp", ""))
    if not re.fullmatch("[0-9]{1,9}", fields.get("sequenceNumber", "")) or not time:
        raise HeadUnknown(
            url, f"{came} in place of a state with sequenceNumber and timestamp: not to be used"
        )
    try:
        at = datetime.fromisoformat(f"{time[1]}T{time[2]}").replace(tzinfo=UTC)
    except ValueError as error:
        raise HeadUnknown(url, f"{came} has no time in its timestamp ({error}): not to be used") from error
    return State(int(fields["sequenceNumber"]), at)


class OsmChangeDirectory:
    """A directory by its web address, path, file: or s3: URI. Raises ValueError for any other."""

    def __init__(self, uri: str, http: Http) -> None:
        self._folder = Folder(uri, http)
        self.url = self._folder.url
        """For people: without credentials."""

    def state(self) -> State:
        """How far the feed is. Quick, one try. Raises HeadUnknown; may go backwards.

        In a quiet feed its time rises while no file is written, so freshness is this time's, not the files'.
        """
        return self._read("state.txt")

    def state_of(self, sequence: int) -> State | None:
        """A file's own state; None: the feed has none, which says nothing of the file. Raises HeadUnknown."""
        name = f"{path_of(sequence)}.state.txt"
        try:
            state = self._read(name)
        except HeadMissing:
            return None
        if state.sequence != sequence:
            raise HeadUnknown(
                f"{self._folder.uri}/{name}", f"the state of {state.sequence} in place of {sequence}'s"
            )
        return state

    def fetch(self, sequence: int, folder: Path) -> Path:
        """The file, mostly gzip, in the folder (made if absent), judged by its status, encoding and two ends.

        Raises the outcomes in outcomes.py.
        """
        target = folder / f"{sequence:09d}{SUFFIX}"
        return self._folder.fetch(sequence, path_of(sequence) + SUFFIX, target, root=ROOT).path

    def find(self, time: datetime, *, at_latest: datetime | None = None) -> int:
        """The first file to read for all that came after a time: each file before it reaches `time` at most.

        By few states, as of numbers no time can be told; where states are missing, it may be some files too early.
        Above the newest file where that reaches `time` at most. Raises HeadUnknown; SequenceMissing where the oldest
        state that the feed has is later than `at_latest` (by default `time`), unless it is of file 0 or 1.
        """
        newest = self.state()
        if newest.time <= time:
            return newest.sequence + 1
        low, high = (
            -1,
            newest.sequence,
        )  # the first that reaches beyond `time` is above `low`, and at most `high`
        before: State | None = None  # the newest that is known to reach `time` at most
        oldest = newest
        tried = max(0, high - int((newest.time - time).total_seconds()) // 60 - 2)  # most feeds: one a minute
        step = 4
        while high - low > 1:
            state = self._near(tried, low, high)
            if state is None:  # below the oldest, or a hole: what is known already is early enough
                low = min(tried + _LOOKED_AT // 2, high - 1)
            elif state.time <= time:
                low, before = state.sequence, state
            else:
                high, oldest = state.sequence, min(oldest, state)
            tried = (low + high) // 2
            if before:  # near by at first
                tried, step = min(low + step, tried), 4 * step
        if before:
            return before.sequence + 1
        if oldest.sequence > 1 and oldest.time > (at_latest or time):
            raise SequenceMissing(
                f"{self._folder.uri}/{path_of(oldest.sequence)}.state.txt",
                f"the oldest state that is there is of {oldest.time:%FT%TZ}, later than"
                f" {at_latest or time:%FT%TZ}: what came between is not there",
            )
        return oldest.sequence

    def _near(self, tried: int, low: int, high: int) -> State | None:
        """The state of a number or of one of its neighbours, between the two."""
        for sequence in _outwards(tried, low, high):
            if state := self.state_of(sequence):
                return state
        return None

    def _read(self, name: str) -> State:
        return read_state(self._folder.text(name), url=f"{self._folder.uri}/{name}")


def _outwards(middle: int, low: int, high: int) -> Iterator[int]:
    for away in range(_LOOKED_AT // 2 + 1):
        for sequence in dict.fromkeys((middle + away, middle - away)):
            if low < sequence < high:
                yield sequence
