"""Reading a changeset replication file (feed facts, 3.2).

Here: what each changeset says of itself. Not here: which version of it wins, and hashtags' rules (hashtags).
"""

import math
from collections import Counter
from datetime import datetime
from typing import BinaryIO, NamedTuple

from lxml import etree

from stats_assets.osm.document import Document, Envelope
from stats_assets.osm.elements import read_tags
from stats_assets.osm.hashtags import hashtags_of
from stats_assets.osm.statistics import unreadable
from stats_assets.osm.values import (
    UnreadableError,
    moment,
    read_degrees,
    read_name,
    read_number,
    read_time,
    storable,
)

_BOX = ("min_lon", "min_lat", "max_lon", "max_lat")


class Changeset(NamedTuple):
    """A changeset's metadata; the box is in degrees, and there wholly or not at all."""

    id: int
    created_at: datetime
    closed_at: datetime | None
    open: bool
    num_changes: int
    uid: int | None
    user: str | None
    min_lon: float | None
    min_lat: float | None
    max_lon: float | None
    max_lat: float | None
    comments_count: int
    editor: str | None
    comment: str | None
    hashtags: tuple[str, ...]


class ChangesetFile(NamedTuple):
    """A file's changesets in its order; `newest` is the newest time in it, comments' included. `flags` and `examples`
    say what of it could not be read or had to be mended, as DiffStatistics' do."""

    envelope: Envelope
    changesets: tuple[Changeset, ...]
    newest: datetime | None
    content_hash: str
    bytes: int
    tallies: dict[str, int]
    flags: dict[str, int] = {}  # noqa: RUF012 - never changed
    examples: tuple[str, ...] = ()

    @property
    def unreadable(self) -> int:
        return unreadable(self.flags)


def read_changesets(body: BinaryIO, *, limit: datetime | None = None) -> ChangesetFile:
    """Read a changeset file (decompressed XML). Never raises for what it holds: see the envelope and the tallies.

    limit: when it was fetched, beyond which no time in it is believed; None: not known.
    """
    document = Document(body, "changeset")
    changesets: list[Changeset] = []
    tallies: Counter[str] = Counter()
    newest: int | None = None
    for batch in document.batches():
        for element in batch:
            try:
                changesets.append(_changeset(element))
            except UnreadableError as what:
                tallies[f"unreadable_{what}"] += 1
                continue
            for time in _times(element):
                newest = time if newest is None else max(newest, time)
    return ChangesetFile(
        document.envelope,
        tuple(changesets),
        None if newest is None else moment(newest),
        document.content_hash,
        document.bytes,
        dict(sorted(tallies.items())),
    )


def _changeset(element: etree._Element) -> Changeset:
    get = element.get
    tags = read_tags(element)
    closed_at, uid = get("closed_at"), get("uid")
    comment, hashtags = tags.get("comment"), tags.get("hashtags")
    return Changeset(
        read_number(get("id"), "id"),
        moment(read_time(get("created_at"))),
        moment(read_time(closed_at)) if closed_at else None,
        get("open") == "true" if get("open") is not None else not closed_at,
        _count(get("num_changes")),
        (read_number(uid, "uid") or None) if uid else None,
        read_name(get("user")),
        *_box(element),
        _count(get("comments_count")),
        _text(tags.get("created_by")),
        _text(comment),
        tuple(hashtags_of(comment, hashtags)),
    )


def _box(element: etree._Element) -> tuple[float | None, float | None, float | None, float | None]:
    west, south, east, north = (read_degrees(element.get(name)) for name in _BOX)
    if not all(map(math.isfinite, (west, south, east, north))):
        return None, None, None, None
    return west, south, east, north


def _count(text: str | None) -> int:
    """How many; what is absent or unreadable is 0: it says nothing that statistics rest on."""
    try:
        return read_number(text, "count")
    except UnreadableError:
        return 0


def _text(text: str | None) -> str | None:
    return storable(text) if text else None


def _times(element: etree._Element) -> list[int]:
    texts = [element.get("created_at"), element.get("closed_at")]
    texts += [comment.get("date") for comment in element.iter("comment")]
    times = []
    for text in texts:
        try:
            times.append(read_time(text))
        except UnreadableError:
            continue
    return times
