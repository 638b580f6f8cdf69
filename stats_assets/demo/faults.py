"""What can go wrong: each fault turns a good answer into a bad one; `Faults` says which answers.

To add one, write a function that returns a `Fault`. The answers imitate real ones (feed facts, 1, 3.5 and 6).
"""

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from threading import Lock
from typing import NamedTuple

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
    """`stream`: augmented_diffs or changesets. `sequence`: of the one file that is asked for, else `None`."""

    path: str
    stream: str | None = None
    sequence: int | None = None


@dataclass(frozen=True)
class Answer:
    """`body` before any Content-Encoding.

    `delay`: seconds of silence first. `dropped`: the connection just ends.
    """

    status: int
    kind: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    dropped: bool = False


Fault = Callable[[Answer], Answer]


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

    def fault(answer: Answer) -> Answer:
        packed = answer.body[:2] == b"\x1f\x8b"
        body = gzip.decompress(answer.body) if packed else answer.body
        body = body.replace(b"\n</osm>", f"\n<remark> {text} </remark>\n\n</osm>".encode())
        return Answer(answer.status, answer.kind, gzip.compress(body, mtime=0) if packed else body)

    return fault


def stall(seconds: float) -> Fault:
    """Silence before the answer (it ends early when the feed is stopped)."""
    return lambda answer: Answer(answer.status, answer.kind, answer.body, answer.headers, delay=seconds)


def drop() -> Fault:
    """The connection ends without an answer."""
    return lambda answer: Answer(answer.status, answer.kind, b"", dropped=True)


@dataclass(eq=False)
class Rule:
    """Which answers a fault befalls, and how many more of them (`times`; `None`: all)."""

    fault: Fault
    path: str
    stream: str | None
    sequence: int | None
    times: int | None

    def befalls(self, request: Request) -> bool:
        return (
            self.times != 0
            and fnmatchcase(request.path, self.path)
            and self.stream in (None, request.stream)
            and self.sequence in (None, request.sequence)
        )


class Faults:
    """The faults that are in force. Safe to change while the feed serves."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._lock = Lock()

    def put(
        self,
        fault: Fault,
        *,
        path: str = "*",
        stream: str | None = None,
        sequence: int | None = None,
        times: int | None = None,
    ) -> Rule:
        """`path`: a pattern with `*`, compared with the request's path and query."""
        rule = Rule(fault, path, stream, sequence, times)
        with self._lock:
            self._rules.append(rule)
        return rule

    def remove(self, rule: Rule) -> None:
        with self._lock:
            self._rules.remove(rule)

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def spoil(self, request: Request, answer: Answer) -> Answer:
        with self._lock:
            for rule in self._rules:
                if rule.befalls(request):
                    rule.times = None if rule.times is None else rule.times - 1
                    answer = rule.fault(answer)
        return answer
