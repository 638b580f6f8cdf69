"""Reading a changeset replication file (docs/feeds.md, section 3.2).

Here: what each changeset says of itself. Not here: which version of it wins, and hashtags' rules (hashtags).
"""

import math
from collections.abc import Callable
from datetime import datetime
from typing import BinaryIO, NamedTuple, TypeVar

from lxml import etree

from stats_assets.osm import discussions
from stats_assets.osm.caching import LONGEST
from stats_assets.osm.document import Document, Envelope
from stats_assets.osm.elements import read_tags
from stats_assets.osm.flags import Flags
from stats_assets.osm.hashtags import hashtags_of
from stats_assets.osm.statistics import UNREADABLE, unreadable
from stats_assets.osm.values import (
    UnreadableError,
    moment,
    read_degrees,
    read_name,
    read_number,
    read_time,
    storable,
)

EXAMPLE_LENGTH = 60
_BOX = ("min_lon", "min_lat", "max_lon", "max_lat")
_T = TypeVar("_T")


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
    """A file's changesets in its order."""

    envelope: Envelope
    changesets: tuple[Changeset, ...]
    newest: datetime | None
    """The newest time in it that can be believed, comments' included."""
    content_hash: str
    bytes: int
    flags: dict[str, int] = {}  # noqa: RUF012 - never changed
    """What of it could not be read or had to be mended, by reason: `unreadable_…` counts changesets (and what else
    stands among them), `character_replaced` characters, `value_left_out` values of absurd size, `time_cut` times beyond
    the limit, `ignored_…` values that can't be read and are as if they were not there, `editor_too_long`,
    `hashtag_too_long` and `user_too_long` what OSM can't hold.
    """
    examples: tuple[str, ...] = ()
    """A few of what is flagged, each a line."""

    @property
    def unreadable(self) -> int:
        return unreadable(self.flags)


def read_changesets(body: BinaryIO, *, limit: datetime | None = None) -> ChangesetFile:
    """Read a changeset file (decompressed XML). Never raises for what it holds: see the envelope and the flags.

    limit: when it was fetched, beyond which no time in it is believed; None: not known. Memory is bounded by the
    number of changesets and their tags, not by their discussions.
    """
    document = Document(body, "changeset")
    reader = _Reader(document.flags, limit)
    for batch in document.batches(reader.thin_out):
        for element in batch:
            reader.read(element)  # type: ignore[arg-type]  # without a grammar all are lxml's
    return ChangesetFile(
        document.envelope,
        tuple(reader.changesets),
        reader.newest,
        document.content_hash,
        document.bytes,
        dict(sorted(document.flags.counts.items())),
        document.flags.examples,
    )


class _Reader:
    """Reads changesets one by one; what can't be read of them is said."""

    def __init__(self, flags: Flags, limit: datetime | None) -> None:
        self._flags = flags
        self._limit = limit
        self._too_long = False  # the unfinished changeset, which is the next to be read
        self.changesets: list[Changeset] = []
        self._newest: datetime | None = None
        self._cut = False

    def thin_out(self, element: etree._Element) -> bool:
        """For `Document.batches`: a discussion has no bound."""
        if element.tag != "changeset":
            return False
        gone = discussions.thin_out(element, lambda comment: self._see(element, comment))
        if discussions.has_too_many_tags(element):
            discussions.empty(element)
            gone = self._too_long = True
        return gone

    def read(self, element: etree._Element) -> None:
        for comment in element.iter("comment"):
            self._see(element, comment)
        too_long, self._too_long = self._too_long, False
        if too_long:
            megabytes = discussions.TAGS_LIMIT >> 20
            self._say(element, f"{UNREADABLE}size", f"more than {megabytes} MB of tags were not read")
            return
        try:
            self.changesets.append(self._changeset(element))
        except UnreadableError as what:
            name = "created_at" if str(what) == "timestamp" else str(what)
            value = element.get(name)
            said = f"{name} {_quoted(value)} can't be read" if value else f"it has no {name}"
            self._say(element, f"{UNREADABLE}{what}", said)

    def _changeset(self, element: etree._Element) -> Changeset:
        get = element.get
        number, created = read_number(get("id"), "id"), read_time(get("created_at"))
        uid = read_number(get("uid"), "uid") if get("uid") else 0
        open_, closed_at = self._state(element)
        tags = read_tags(element)
        comment, hashtags = tags.get("comment"), tags.get("hashtags")
        return Changeset(
            number,
            self._time(element, "created_at", created),
            closed_at,
            open_,
            self._count(element, "num_changes"),
            uid or None,
            self._user(element, get("user")),
            *self._box(element),
            self._count(element, "comments_count"),
            self._editor(element, tags.get("created_by")),
            storable(comment) if comment else None,
            self._hashtags(element, hashtags_of(comment, hashtags)),
        )

    def _state(self, element: etree._Element) -> tuple[bool, datetime | None]:
        """Whether it is open, and when it was closed: an open one never was, whatever it says."""
        said = element.get("open")
        if said == "true":
            return True, None
        if said and said != "false":
            self._ignore(element, "open", said)
        time = self._value(element, "closed_at", read_time)
        closed_at = None if time is None else self._time(element, "closed_at", time)
        return said != "false" and not element.get("closed_at"), closed_at

    def _see(self, changeset: etree._Element, comment: etree._Element) -> None:
        """The comment's time: evidence of when the file's names were so."""
        try:
            self._time(changeset, "a comment's date", read_time(comment.get("date")))
        except UnreadableError:
            self._ignore(changeset, "comment_date", comment.get("date"))

    def _time(self, element: etree._Element, name: str, microseconds: int) -> datetime:
        """The time, or the limit where it is beyond that."""
        time = moment(microseconds)
        if self._limit is not None and time > self._limit:
            said = (
                f"{name} {time:%FT%TZ} is later than the file itself, and was taken as {self._limit:%FT%TZ}"
            )
            self._say(element, "time_cut", said)
            self._cut = True
            return self._limit
        self._newest = time if self._newest is None else max(self._newest, time)
        return time

    @property
    def newest(self) -> datetime | None:
        """A time that was cut is no evidence: else names would be as new as the fetch, which may be years later."""
        return self._limit if self._cut and self._newest is None else self._newest

    def _box(self, element: etree._Element) -> tuple[float | None, float | None, float | None, float | None]:
        west, south, east, north = (read_degrees(element.get(name)) for name in _BOX)
        if all(map(math.isfinite, (west, south, east, north))):
            return west, south, east, north
        texts = [element.get(name) for name in _BOX]
        if any(texts):
            self._ignore(element, "box", " ".join(text or "-" for text in texts))
        return None, None, None, None

    def _count(self, element: etree._Element, name: str) -> int:
        return self._value(element, name, lambda text: read_number(text, name)) or 0

    def _user(self, element: etree._Element, text: str | None) -> str | None:
        if text and len(text) > LONGEST:
            self._say(element, "user_too_long", f"its user's name, of {len(text):,} characters, was cut")
        return read_name(text)

    def _editor(self, element: etree._Element, text: str | None) -> str | None:
        editor = storable(text or "").strip()
        if len(editor) > LONGEST:
            self._say(
                element, "editor_too_long", f"its editor's name, of {len(editor):,} characters, was cut"
            )
        return editor[:LONGEST].rstrip() or None

    def _hashtags(self, element: etree._Element, hashtags: list[str]) -> tuple[str, ...]:
        for tag in hashtags:
            if len(tag) > LONGEST:
                said = f"the hashtag {_quoted(tag)}, of {len(tag):,} characters, was left out"
                self._say(element, "hashtag_too_long", said)
        return tuple(tag for tag in hashtags if len(tag) <= LONGEST)

    def _value(self, element: etree._Element, name: str, read: Callable[[str], _T]) -> _T | None:
        """What the attribute says; None where it is absent or empty, or can't be read."""
        text = element.get(name)
        if not text:
            return None
        try:
            return read(text)
        except UnreadableError:
            self._ignore(element, name, text)
            return None

    def _ignore(self, element: etree._Element, name: str, value: str | None) -> None:
        self._say(element, f"ignored_{name}", f"{name} {_quoted(value)} can't be read, and was left out")

    def _say(self, element: etree._Element, flag: str, what: str) -> None:
        number = (element.get("id") or "without id")[:EXAMPLE_LENGTH]
        self._flags.add(flag, storable(f"changeset {number}: {what}"))


def _quoted(text: str | None) -> str:
    text = text or ""
    return repr(text if len(text) <= EXAMPLE_LENGTH else f"{text[:EXAMPLE_LENGTH]}…")
