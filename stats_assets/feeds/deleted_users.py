"""OpenStreetMap's list of deleted users: an id a line, after a comment; some 20 MB, made anew daily.

Whom of them something is known of, and what becomes of it, is database/hidden_people.py's.
"""

from collections.abc import Iterator
from pathlib import Path

from stats_assets.feeds.body import open_body
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.outcomes import BadAnswer

SIZE_MAX = 1 << 30
LONGEST = 20
"""Bytes of a line, with its end: no id has more than 19 digits."""


def fetch(http: Http, url: str, path: Path) -> None:
    """The list as a file. Raises FeedError."""
    answer = http.download(url, path)
    if answer.status != 200:
        raise BadAnswer(
            url, f"HTTP {answer.status} in place of a list of users", retry_after=answer.retry_after
        )


def ids(path: Path, url: str) -> Iterator[int]:
    """The ids in the file, as they stand. Raises FeedError for what is no such list, also after some ids."""
    number = 0
    with open_body(path, url=url, size_max=SIZE_MAX) as file:
        while line := file.readline(200):
            number += 1
            text = line.strip()
            if not text or text.startswith(b"#"):
                continue
            if not text.isdigit() or len(text) >= LONGEST or int(text) >= 1 << 63:
                raise BadAnswer(
                    url, f"line {number} is no user's id: {line[:40].decode(errors='replace').strip()!r}"
                )
            if not line.endswith(b"\n"):
                raise BadAnswer(url, f"line {number} has no end: the list is cut off")
            yield int(text)
