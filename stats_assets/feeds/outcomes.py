"""What asking a feed can end in, other than with a good body: one exception an outcome.

The streams' rules decide what each does (retry, wait, hole); nothing here decides, and nothing here reads.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stats_assets.feeds.body import Body

_USERINFO = re.compile(r"(?<=://)[^/\s]*@")
_SECRET = re.compile(
    r"([?&][^=&\s]*(?:key|password|secret|sig|signature|token|credential)=)[^&\s]+", re.IGNORECASE
)


def masked(url: str) -> str:
    """The URL as it may be shown and stored: user information and secret-looking parameters replaced."""
    return _SECRET.sub(r"\1***", _USERINFO.sub("***@", url))


class FeedError(Exception):
    """A feed's answer that can't be counted. `str()` is one line: which URL, what came, what it means.

    `retry_after`: seconds that the server asked to wait, if it did. `body`: what came, when something was
    spooled (to be put aside for study); its file lives as long as the folder that the fetch was given.
    """

    def __init__(
        self, url: str, what: str, *, retry_after: float | None = None, body: Body | None = None
    ) -> None:
        self.url = masked(url)
        self.what = masked(" ".join(what.split()))
        self.retry_after = retry_after
        self.body = body
        super().__init__(self.url, self.what)

    def __str__(self) -> str:
        return f"{self.url}: {self.what}"


class SequenceNotYetAvailable(FeedError):
    """The server's data does not reach the sequence's end yet: ask later, nothing is wrong."""


class SequenceMissing(FeedError):
    """The feed has no such file: 404, or the 403 / NoSuchKey that S3 answers for a missing key."""


class BadAnswer(FeedError):
    """Anything but a whole, fault-free document. One bad body says nothing about the next sequence."""


class BeforeHistory(BadAnswer):
    """The server knows nothing of the time before that minute: whole, but wrong. Its other minutes may be right."""


class BodyTooLarge(BadAnswer):
    """Beyond the limits on size or on decompression."""


class FeedRefused(BadAnswer):
    """The feed has had enough of us: 429, or a page that names a limit. `retry_after`: how long to leave it alone."""


class FeedQuiet(FeedRefused):
    """Not asked: the feed refused before, and the time that it wants to be left alone is not over."""


class AskedJustNow(FeedError):
    """Not asked: the id was asked so lately that the server might refuse it. `retry_after`: until it may be.

    answered: whether it was answered well then.
    """

    def __init__(self, url: str, what: str, *, retry_after: float, answered: bool) -> None:
        super().__init__(url, what, retry_after=retry_after)
        self.answered = answered


class DuplicateQueryRefused(FeedError):
    """Overpass refuses the fourth identical query within 180 s, whoever asks (docs/feeds.md, section 6.1)."""


class BrokenGeometryRemark(FeedError):
    """Overpass could not expand one way; all else in the document is usable (docs/feeds.md, section 1.1)."""


class HeadUnknown(FeedError):
    """The feed does not say how far it reaches. Never to be taken for 0."""


class HeadMissing(HeadUnknown, SequenceMissing):
    """There is no such file that would say it."""


class HeadRefused(HeadUnknown, FeedRefused):
    """The question how far the feed reaches was refused by a limit."""


class HeadQuiet(HeadRefused, FeedQuiet):
    """The question was not asked, as for FeedQuiet."""
