"""Whether an answer is a whole, fault-free document of a feed: one rule, used on two kinds of evidence.

`judge_body` looks at a fetched body's head and tail; `judge_envelope` is also given what the parser (another
package's) saw of the document. Neither asks a server anything, and neither says what is to be done about it.
"""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from stats_assets.feeds.body import GZIP_MAGIC, Body, open_body, refuse_foreign
from stats_assets.feeds.limits import names_a_limit, quiet_for
from stats_assets.feeds.outcomes import (
    BadAnswer,
    BrokenGeometryRemark,
    DuplicateQueryRefused,
    FeedError,
    FeedRefused,
    HeadMissing,
    HeadRefused,
    HeadUnknown,
    SequenceMissing,
    SequenceNotYetAvailable,
)
from stats_assets.words import in_words

_END_SIZE = 1 << 16
_PROLOG = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s++|<\?.*?\?>|<!--.*?-->|<!DOCTYPE(?:[^\[>]++|\[.*?\])*+>)*+", re.DOTALL
)
_ROOT = re.compile(rb"<([A-Za-z_][\w.:-]*)")
_END = re.compile(
    rb"(?:</(osm|osmChange)\s*>|<(osm|osmChange)(?:\s[^<]*)?/>)(?:\s++|<!--.*?-->|<\?.*?\?>)*+\Z", re.DOTALL
)
_OSM_BASE = re.compile(rb"<meta\s[^<>]*?\bosm_base=[\"']([^\"'<>]*)")
_REMARK = re.compile(rb"<remark\b[^>]*>(.*?)</remark>", re.DOTALL)
_PARAGRAPH = re.compile(r"<p\b[^>]*>(.*?)</p>", re.DOTALL)
_TITLES = re.compile(r"<(h1|title|Message)\b[^>]*>(.*?)</\1>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
_BROKEN_GEOMETRY = "cannot be expanded"


class Envelope(Protocol):
    """What a document says of itself. The parser's own type fits; so does `Glance`."""

    @property
    def root(self) -> str | None: ...  # the root element's name; None: empty, or no XML
    @property
    def osm_base(self) -> datetime | None: ...
    @property
    def remarks(self) -> tuple[str, ...]: ...
    @property
    def complete(self) -> bool: ...  # the root's closing tag was seen
    @property
    def error(self) -> str | None: ...  # the XML parser's complaint


class Glance(NamedTuple):
    """An Envelope from a document's first and last 64 KiB; `head` is the first."""

    root: str | None
    osm_base: datetime | None
    remarks: tuple[str, ...]
    complete: bool
    error: str | None
    head: bytes


def glance_at(path: Path, *, url: str) -> Glance:
    """Looks at both ends of a file; a gzip is decompressed once to its end, which shows whether it is whole.

    Raises BadAnswer and BodyTooLarge as `open_body` does.
    """
    with path.open("rb") as file:
        if file.read(2) != GZIP_MAGIC:
            file.seek(0)
            head = file.read(_END_SIZE)
            file.seek(max(0, path.stat().st_size - _END_SIZE))
            tail = file.read(_END_SIZE)
            return _glance(head, tail)
    with open_body(path, url=url) as stream:
        head = tail = stream.read(_END_SIZE)
        while chunk := stream.read(_END_SIZE):
            tail = (tail + chunk)[-_END_SIZE:]
    return _glance(head, tail)


def _glance(head: bytes, tail: bytes) -> Glance:
    root = _root(head)
    end = _END.search(tail)
    base = _OSM_BASE.search(head)
    return Glance(
        root=root.decode() if root else None,
        osm_base=_time(base[1].decode(errors="replace")) if base else None,
        remarks=tuple(_text(remark.decode(errors="replace")) for remark in _REMARK.findall(tail)),
        complete=root is not None and end is not None and root in end.groups(),
        error=None,
        head=head,
    )


def _root(head: bytes) -> bytes | None:
    prolog = _PROLOG.match(head)
    found = _ROOT.match(head, prolog.end() if prolog else 0)
    return found[1] if found else None


def judge_body(
    body: Body,
    *,
    until: datetime | None,
    status: int = 200,
    retry_after: float | None = None,
    remarks: bool = True,
    root: str = "osm",
) -> None:
    """Raises what the status and the body's two ends show to be wrong, with the body in the error.

    root: the feed's documents'.

    A page of Overpass or S3 in a document's place raises DuplicateQueryRefused, SequenceMissing, FeedRefused, or
    BadAnswer with the page's own message; the rest is `judge_envelope`'s. But a remark of a broken geometry passes:
    such a body may be accepted, so a fetch hands it out, and the parser's envelope brings it up again.
    """
    try:
        glance = glance_at(body.path, url=body.url)
        if status == 200:
            refuse_foreign(glance.head, body.url)
        if status != 200 or (glance.root != root and body.size > 0):
            raise _page_outcome(glance, body.url, status, retry_after, root)
        if body.size == 0:
            raise BadAnswer(body.url, "an empty answer (0 bytes): the server has nothing usable")
        judge_envelope(glance, url=body.url, until=until, remarks=remarks, root=root)
    except BrokenGeometryRemark:
        return
    except FeedError as error:
        error.body = body
        raise


def judge_envelope(
    envelope: Envelope,
    *,
    url: str,
    until: datetime | None,
    unreadable: int = 0,
    of: int = 0,
    example: str = "",
    remarks: bool = True,
    root: str = "osm",
) -> None:
    """Raises what is wrong with a document: the rule before a commit (docs/feeds.md, sections 1 and 6).

    until: the end of the sequence's minute, which the server's data must have reached; None: not asked.
    unreadable, of: how many of its actions (changesets) could not be read, of how many: at most half may;
    example: what was wrong with one.
    remarks: False where the server's remarks are somebody else's to judge.
    SequenceNotYetAvailable, BadAnswer, or, if that is all, BrokenGeometryRemark.
    """
    if envelope.root is None:
        raise BadAnswer(url, f"no XML document ({envelope.error or 'no root element'})")
    if envelope.root != root:
        what = f"<{envelope.root}> in the place of <{root}>: not this feed's document, or a server in trouble"
        raise BadAnswer(url, what)
    # Before all else: what else is wrong with a sequence that is not there yet will have gone when it is.
    if until and envelope.osm_base and envelope.osm_base < until:
        raise SequenceNotYetAvailable(
            url,
            f"the server's data ends at {envelope.osm_base:%FT%TZ}, the sequence at {until:%FT%TZ}",
        )
    if envelope.error:
        raise BadAnswer(url, f"the XML can't be read to its end ({envelope.error}): cut off or damaged")
    if not envelope.complete:
        raise BadAnswer(url, f"the document is cut off: no </{root}> at its end")
    remarked = envelope.remarks if remarks else ()
    for remark in remarked:
        if _BROKEN_GEOMETRY not in remark:
            if "rate_limited" in remark:
                what = f"the server remarks {_short(remark)!r}: asked too often"
                raise FeedRefused(url, what, retry_after=quiet_for(None))
            raise BadAnswer(url, f"the server remarks {_short(remark)!r}: the document is incomplete")
    if 2 * unreadable > of:
        what = f"{unreadable} of {of} actions or changesets can't be read"
        raise BadAnswer(url, f"{what} ({_short(example)}): another dialect, or another kind of document")
    if until and not envelope.osm_base:
        raise BadAnswer(url, "the document does not say how far the server's data reaches (no osm_base)")
    if remarked:
        raise BrokenGeometryRemark(url, f"{_short(remarked[0])!r}: one geometry is broken")


def _page_outcome(glance: Glance, url: str, status: int, retry_after: float | None, root: str) -> FeedError:
    text = glance.head.decode(errors="replace")
    if _is_missing(status, text):
        return SequenceMissing(url, f"status {status}, {page_message(text)!r}: no such file")
    documents = (glance.root or "").startswith("osm")  # what people wrote into the map is no server's word
    limited = names_a_limit(status, "" if documents else text)
    if limited:
        meaning = "asked too often"
    elif status >= 500:
        meaning = "the server can't answer now"
    elif status >= 400:
        meaning = "the server refuses this address"
    else:
        meaning = f"{f'<{glance.root}>' if glance.root else 'no XML'} in the place of <{root}>, of no use"
    if retry_after is not None:
        meaning += f", and asks to wait {in_words(retry_after)}"
    what = f"status {status}, {page_message(text)!r}: {meaning}"
    if limited:
        return FeedRefused(url, what, retry_after=quiet_for(retry_after))
    kind = DuplicateQueryRefused if "duplicate_query" in text else BadAnswer
    return kind(url, what, retry_after=retry_after)


def judge_head_page(url: str, status: int, text: str, retry_after: float | None) -> None:
    """Raises HeadUnknown, HeadMissing, HeadRefused, where another page came in a head's place."""
    limited = names_a_limit(status, text)
    if status == 200 and not limited:
        return
    what = f"status {status}, {page_message(text)!r}: no head"
    if limited:
        raise HeadRefused(url, f"{what}, asked too often", retry_after=quiet_for(retry_after))
    missing = status in (404, 410) or _is_missing(status, text)
    raise (HeadMissing if missing else HeadUnknown)(url, what, retry_after=retry_after)


def _is_missing(status: int, text: str) -> bool:
    """What S3 says of a key that is not there; to those who may not list 403 (docs/feeds.md, section 3.5)."""
    return _root(text.encode()) == b"Error" and ("<Code>NoSuchKey<" in text or status == 403)


def page_message(text: str) -> str:
    """What an error page says, in one short line: Overpass's first error, else a title, else all its text."""
    text = text[:8192]
    if "\0" in text or "\ufffd" in text:
        return "binary data"
    errors = [paragraph for paragraph in _PARAGRAPH.findall(text) if "Error" in paragraph]
    title = _TITLES.search(text)
    return _short(_text(errors[0] if errors else title[2] if title else text)) or "no message"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 200 else f"{text[:199]}…"


def _text(markup: str) -> str:
    return " ".join(html.unescape(_TAG.sub("", markup)).split())


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
