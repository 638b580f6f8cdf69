"""A folder of a feed's files by its address: by HTTP, on disk, in a bucket. What the files mean is not known here.

The feeds that lie in such folders: directory.py (`state.yaml`), osmchange.py (`state.txt`).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from stats_assets.feeds.body import Body
from stats_assets.feeds.http_client import Http
from stats_assets.feeds.outcomes import BadAnswer, HeadMissing, HeadUnknown, SequenceMissing, masked
from stats_assets.feeds.source import head_page
from stats_assets.feeds.storage import Place, fetch, is_web, place_of, read, trouble
from stats_assets.feeds.validation import judge_body

STATE_MAX = 16_384  # characters of a state; YAML of any length could take minutes to read


class Folder:
    """A folder by its web address, path, file: or s3: URI. Raises ValueError for any other."""

    def __init__(self, uri: str, http: Http) -> None:
        self.uri = uri.rstrip("/")
        self.url = masked(self.uri)
        self._http = http
        self._place = None if is_web(uri) else place_of(uri)

    def text(self, name: str) -> str:
        """A small file that tells a head, its first STATE_MAX characters and one.

        Raises HeadUnknown; HeadMissing where there is no such file.
        """
        url = f"{self.uri}/{name}"
        if self._place is None:
            return head_page(self._http, url)[: STATE_MAX + 1]
        file = self._place / name
        try:
            return read(file, self._http.head_timeout)[: STATE_MAX + 1].decode(errors="replace")
        except Exception as error:  # each store's client has errors of its own
            kind = HeadMissing if _is_missing(error, file) else HeadUnknown
            raise kind(url, f"{trouble(error, file)}: no head") from error

    def fetch(self, sequence: int, name: str, target: Path, *, root: str = "osm") -> Body:
        """A file, copied to `target` (its folder is made) and judged by its status, encoding and two ends.

        root: of its document. Raises the outcomes in outcomes.py.
        """
        url = f"{self.uri}/{name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        fetched_at = datetime.now(UTC)
        if self._place is None:
            answer = self._http.download(url, target)
            # Where our clock is behind the server's, what was made there is still not from the future.
            fetched_at = max(fetched_at, answer.modified or fetched_at)
            body = Body(sequence, target, masked(url), answer.size, fetched_at, answer.seconds)
            if answer.status in (404, 410):
                raise SequenceMissing(url, f"status {answer.status}: no such file", body=body)
            judge_body(body, until=None, status=answer.status, retry_after=answer.retry_after, root=root)
            return body
        begun = time.monotonic()
        _copy(self._place / name, target, url)
        took = time.monotonic() - begun
        body = Body(sequence, target, masked(url), target.stat().st_size, fetched_at, took)
        judge_body(body, until=None, root=root)
        return body


def _copy(source: Place, target: Path, url: str) -> None:
    try:
        fetch(source, target)
    except Exception as error:  # each store's client has errors of its own
        if _is_missing(error, source):
            raise SequenceMissing(url, trouble(error, source)) from error
        raise BadAnswer(url, f"{trouble(error, source)}: the file can't be read") from error


def _is_missing(error: Exception, file: Place) -> bool:
    # S3 says 403 for a missing key to those who may not list (docs/feeds.md, section 3.5).
    in_bucket = not isinstance(file, Path)
    return isinstance(error, FileNotFoundError) or (in_bucket and isinstance(error, PermissionError))
