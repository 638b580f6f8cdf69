"""What can go wrong: each fault turns a good answer into a bad one. Which answers, and when, is fault_rules.py's.

To add one, write a function that returns a `Fault`, and name it in `KINDS`. The answers imitate real ones
(docs/feeds.md, sections 1, 3.5 and 6).
"""

import gzip
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

_XHTML = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN"
    "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
<head>
  <meta http-equiv="content-type" content="text/html; charset=utf-8" lang="en"/>
  <title>OSM3S Response</title>
</head>
<body>

<p>The data included in this document is from www.openstreetmap.org. \
The data is made available under ODbL.</p>
<p><strong style="color:#FF0000">Error</strong>: {what} </p>

</body>
</html>
"""
_DISPATCHER = "runtime error: open64: 0 Success /osm3s_osm_base Dispatcher_Client::request_read_and_idx::"
_NO_SUCH_KEY = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>\n"
)


class Request(NamedTuple):
    """`stream`: augmented_diffs, changesets, osmchange. `sequence`: of the one file that is asked for, else `None`."""

    path: str
    stream: str | None = None
    sequence: int | None = None


@dataclass(frozen=True)
class Answer:
    """What the feed answers."""

    status: int
    kind: str
    body: bytes
    """Before any Content-Encoding."""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds of silence."""
    delay_at: float = 0.0
    """After this share of the body."""
    dropped: bool = False
    """The connection just ends."""
    garbled: bool = False
    """Some of the bytes that are sent are wrong."""
    missing: int = 0
    """So many bytes less come than Content-Length says."""
    reset_at: float | None = None
    """After this share of what is sent the connection is reset."""


Fault = Callable[[Answer], Answer]
LOOP: Final = "/redirected"  # a path that leads to itself
_ACTION = re.compile(rb"\s*<action\b.*?</action>", re.DOTALL)
_CHANGESET = re.compile(rb"\s*<changeset\b(?:[^>]*/>|.*?</changeset>)", re.DOTALL)


def page(status: int, what: str, *, retry_after: int | None = None) -> Answer:
    """Overpass's error page."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Answer(status, "text/html; charset=utf-8", _XHTML.format(what=what).encode(), headers)


def no_such_key() -> Answer:
    """What object storage says of a missing file."""
    return Answer(404, "application/xml", _NO_SUCH_KEY)


def status(code: int, *, retry_after: int | None = None) -> Fault:
    return lambda _: page(
        code, f"{_DISPATCHER}timeout. The server is probably too busy.", retry_after=retry_after
    )


def html(what: str = f"{_DISPATCHER}protocol_error") -> Fault:
    """Status 200 with a page instead of data."""
    return lambda _: page(200, what)


def duplicate_query() -> Fault:
    return html(f"{_DISPATCHER}duplicate_query")


def missing() -> Fault:
    return lambda _: no_such_key()


def empty() -> Fault:
    """Status 200, 0 bytes."""
    return lambda answer: Answer(200, answer.kind, b"")


def cut(share: float = 0.5) -> Fault:
    """The first part of the body alone, with a Content-Length that fits it."""
    return lambda answer: Answer(answer.status, answer.kind, answer.body[: int(len(answer.body) * share)])


def remark(text: str = 'runtime error: Query timed out in "query" at line 1 after 180 seconds.') -> Fault:
    """A `<remark>` before the end of a diff, which is otherwise whole."""
    return rewritten(
        lambda body: body.replace(b"\n</osm>", f"\n<remark> {text} </remark>\n\n</osm>".encode())
    )


def broken_geometry() -> Fault:
    """The remark of one way whose nodes Overpass can't find; the rest of the diff is whole."""
    return remark("runtime error: Way 1 cannot be expanded at timestamp 2026-11-22T00:00:00Z.")


def plain_html() -> Fault:
    """Status 200 with a page that is no XML, as a proxy's is."""
    text = (
        b"<!DOCTYPE html><html><head><meta charset=utf-8><title>503</title><body><p>Busy&nbsp;now<br></html>"
    )
    return lambda _: Answer(200, "text/html", text)


def broken_gzip() -> Fault:
    """The packed bytes are garbled on the way."""
    return lambda answer: replace(answer, garbled=True)


def wrong_length(missing: int = 100) -> Fault:
    """Content-Length promises so many bytes more than come."""
    return lambda answer: replace(answer, missing=missing)


def reset(share: float = 0.5) -> Fault:
    """The connection is reset in the middle of the body."""
    return lambda answer: replace(answer, reset_at=share)


def redirect_loop() -> Fault:
    return lambda _: Answer(302, "text/plain", b"", {"Location": LOOP})


def early_base(seconds: int = 60) -> Fault:
    """A diff of a server that has not got so far yet: `osm_base` is too early."""

    def earlier(match: re.Match[bytes]) -> bytes:
        time = datetime.fromisoformat(match[1].decode()) - timedelta(seconds=seconds)
        return f'osm_base="{time:%Y-%m-%dT%H:%M:%SZ}"'.encode()

    return rewritten(lambda body: re.sub(rb'osm_base="([^"]*)"', earlier, body, count=1))


def behind(sequences: int = 10) -> Fault:
    """The head goes back: for Overpass's status, and for `state.yaml`."""

    def less(match: re.Match[bytes]) -> bytes:
        return match[1] + str(max(int(match[2]) - sequences, 0)).encode()

    return lambda answer: replace(answer, body=re.sub(rb"(?m)^(sequence: |)(\d+)$", less, answer.body))


def thinner(share: float = 0.5) -> Fault:
    """Only the first actions of a diff, in a document that is whole: the file is swapped for a fuller one later."""

    def thinned(body: bytes) -> bytes:
        actions = _ACTION.findall(body)
        kept = iter(range(int(len(actions) * share)))
        return _ACTION.sub(lambda match: match[0] if next(kept, None) is not None else b"", body)

    return rewritten(thinned)


def shuffled(seed: int = 1) -> Fault:
    """A changeset file whose changesets come in any order, some of them twice."""

    def mixed(body: bytes) -> bytes:
        chance = random.Random(seed)  # noqa: S311 - not for secrets
        found = [match[0] for match in _CHANGESET.finditer(body)]
        wanted = iter(chance.sample(found, len(found)))
        return _CHANGESET.sub(lambda _: (one := next(wanted)) + (one if chance.random() < 0.5 else b""), body)

    return rewritten(mixed)


def stall(seconds: float, at: float = 0.0) -> Fault:
    """Silence before the answer, or after a share of its body (it ends early when the feed is stopped)."""
    return lambda answer: replace(answer, delay=seconds, delay_at=at)


def drop() -> Fault:
    """The connection ends without an answer."""
    return lambda answer: Answer(answer.status, answer.kind, b"", dropped=True)


def rewritten(rewrite: Callable[[bytes], bytes]) -> Fault:
    """Another document in place of the answer's, packed as that was. What is no document stays as it is."""

    def fault(answer: Answer) -> Answer:
        packed = answer.body[:2] == b"\x1f\x8b"
        body = rewrite(gzip.decompress(answer.body) if packed else answer.body)
        return replace(answer, body=gzip.compress(body, mtime=0) if packed else body)

    return fault


KINDS: Final[Mapping[str, Callable[..., Fault]]] = {
    kind.__name__: kind
    for kind in (
        *(
            status,
            html,
            plain_html,
            duplicate_query,
            missing,
            empty,
            cut,
            remark,
            broken_geometry,
            broken_gzip,
        ),
        *(wrong_length, reset, redirect_loop, early_base, behind, thinner, shuffled, stall, drop),
    )
}
