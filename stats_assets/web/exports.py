"""Answers as files over HTTP: CSV, NDJSON, Parquet; of changesets all of them, as a stream.

What is in the files is exports/. Which form is sent is formats.py's.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import chain, islice
from urllib.parse import parse_qsl, quote, urlsplit

import anyio
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from stats_assets.database.answers.every_changeset import Stream, every_changeset
from stats_assets.exports import csv_form
from stats_assets.exports import ndjson as lines
from stats_assets.exports import parquet as blocks
from stats_assets.exports.columns import asked_of, left_out
from stats_assets.exports.csv_form import Dialect
from stats_assets.exports.table import Table, stream_of, table_of
from stats_assets.questions import people
from stats_assets.questions.addresses import address, instead, query_of
from stats_assets.questions.answer import Answer, Value
from stats_assets.questions.problem import Problem
from stats_assets.texts.language import wanted
from stats_assets.web.caching import cached, kept_so
from stats_assets.web.counting import counting_of
from stats_assets.web.queries import Asked, given_of
from stats_assets.web.serving import Serving

CSV = "text/csv"
NDJSON = "application/x-ndjson"
PARQUET = "application/vnd.apache.parquet"
LONGEST = 600.0
"""Seconds that a stream may take: then it is cut off, which its reader sees."""
DIALECTS = ("excel",)
Pieces = Iterator[str] | Iterator[bytes]
Written = Callable[[Table], Pieces]


def csv(serving: Serving, asked: Asked, request: Request) -> Response:
    """As CSV; `dialect=excel` as a spreadsheet of the language opens it. Raises Problem."""
    dialect, asked = _dialect(asked, request)
    return _sent(
        serving, asked, request, partial(csv_form.written, dialect=dialect), f"{CSV}; charset=utf-8", "csv"
    )


def ndjson(serving: Serving, asked: Asked, request: Request) -> Response:
    """As lines of JSON. Raises Problem."""
    return _sent(serving, asked, request, lines.written, NDJSON, "ndjson")


def parquet(serving: Serving, asked: Asked, request: Request) -> Response:
    """As Parquet. Raises Problem."""
    return _sent(serving, asked, request, blocks.written, PARQUET, "parquet")


def _sent(
    serving: Serving, asked: Asked, request: Request, written: Written, media_type: str, suffix: str
) -> Response:
    question = asked._replace(given=asked_of(asked.kind, asked.given))
    headers = {"Content-Disposition": f"attachment; {_named(asked, suffix)}", "Link": _described(asked)}
    if asked.kind == "changesets" and not any(name in ("limit", "after") for name, _ in asked.given):
        return _streamed(serving, asked, question, written, media_type, headers)
    answer = serving.answer(*question)
    following = _following(answer, request)
    if following:
        headers["Link"] += f', <{following}>; rel="next"'
    pieces = written(table_of(answer, left_out(asked.kind, asked.given)))
    body = b"".join(part.encode() if isinstance(part, str) else part for part in pieces)
    form = f"{media_type} {sorted(left_out(asked.kind, asked.given))} {written}"
    response = Response(body, headers=headers, media_type=media_type)
    return cached(request, response, answer, form)


def _dialect(asked: Asked, request: Request) -> tuple[Dialect, Asked]:
    given = [(name, value) for name, value in asked.given if name not in ("dialect", "lang")]
    chosen = [value for name, value in asked.given if name == "dialect"]
    if not chosen:
        return csv_form.PLAIN, asked._replace(given=given)
    if len(chosen) > 1 or chosen[0] not in DIALECTS:
        raise Problem(
            "bad-value",
            "A dialect that is not known",
            f"{chosen[0][:60]!r} is no dialect of CSV: excel, or none.",
            parameter="dialect",
            attempt=f"{request.url.path}?{query_of(instead(asked.given, dialect='excel'))}",
        )
    language = wanted(request.query_params.get("lang"), request.headers.get("accept-language"))
    return csv_form.excel(language.locale), asked._replace(given=given)


def _streamed(
    serving: Serving,
    asked: Asked,
    question: Asked,
    written: Written,
    media_type: str,
    headers: dict[str, str],
) -> Response:
    people.check(serving.people, asked.kind, asked.given)
    with ExitStack() as opened:
        if not serving.streams.acquire(blocking=False):
            raise Problem(
                "busy",
                "Too many exports at once",
                "As many exports are sent as this server can. Try again in 30 s.",
                status=503,
                retry_after=30,
            )
        opened.callback(serving.streams.release)
        stream = opened.enter_context(
            every_changeset(serving.pool, counting_of(serving.settings), question.given)
        )
        rows = _shown(serving, stream, time.monotonic() + LONGEST)
        first = list(islice(rows, 1))  # what is refused is refused before it begins
        table = stream_of(stream.about, stream.columns, chain(first, rows), left_out(asked.kind, asked.given))
        headers |= kept_so(asked.kind, asked.given, stream.about)
        return _Streamed(written(table), opened.pop_all(), headers, media_type)
    raise AssertionError  # nothing above is suppressed


def _shown(serving: Serving, stream: Stream, until: float) -> Iterator[dict[str, Value]]:
    for row in stream.rows:
        if time.monotonic() > until:
            raise Problem(
                "too-slow", "This takes too long", f"An export ends after {LONGEST:g} s.", status=503
            )
        shown = people.shown(serving.people, "changesets", {"row": row})["row"]
        assert isinstance(shown, dict)  # noqa: S101 - as it was
        yield shown


class _Streamed(StreamingResponse):
    """`opened`: what is closed at the end, whoever ends it."""

    def __init__(self, pieces: Pieces, opened: ExitStack, headers: dict[str, str], media_type: str) -> None:
        super().__init__(pieces, headers=headers, media_type=media_type)
        self._opened = opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._opened.close)


def _described(asked: Asked) -> str:
    """Where the whole answer is, with how complete it is: a table has no room for that."""
    return f'<{address(_path(asked), asked.given)}>; rel="describedby"; type="application/json"'


def _path(asked: Asked) -> str:
    return f"{asked.kind}/{asked.path['uid']}" if "uid" in asked.path else asked.kind


def _following(answer: Answer, request: Request) -> str | None:
    """The next rows in the same form: `next` is of the question behind it."""
    link = answer.content.get("next")
    if not isinstance(link, str):
        return None
    after = [value for name, value in parse_qsl(urlsplit(link).query) if name == "after"]
    return (
        f"{quote(request.url.path)}?{query_of(instead(given_of(request), {'after': after}))}"
        if after
        else None
    )


def _named(asked: Asked, suffix: str) -> str:
    """A file's name: whose numbers, which, of when."""
    names = ("hashtag", "user", "country", "q", "last", "period", "from", "to")
    said = [value for name in names for key, value in asked.given if key == name][:4]
    text = re.sub(r"[^\w.+-]+", "_", "-".join([*said, asked.kind]))[-80:].lstrip(".-")
    return f"filename=\"{asked.kind}.{suffix}\"; filename*=UTF-8''{quote(f'{text}.{suffix}')}"
