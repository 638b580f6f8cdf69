"""Answers as files over HTTP: CSV, NDJSON, Parquet; of changesets all of them, as a stream.

What is in the files is exports/. Which form is sent is formats.py's.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

import anyio
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from stats_assets.exports import csv_form
from stats_assets.exports import ndjson as lines
from stats_assets.exports import parquet as blocks
from stats_assets.exports.csv_form import Dialect
from stats_assets.exports.table import Table
from stats_assets.questions.addresses import address, instead, query_of
from stats_assets.questions.answer import Answer
from stats_assets.questions.problem import Problem
from stats_assets.texts.language import wanted
from stats_assets.web.caching import cached, kept_so
from stats_assets.web.queries import Asked, given_of
from stats_assets.web.serving import Serving
from stats_assets.web.tables import is_stream, streamed, whole

CSV = "text/csv"
NDJSON = "application/x-ndjson"
PARQUET = "application/vnd.apache.parquet"
LONGEST = 600.0
"""Seconds that a stream may take: then it is cut off, which its reader sees."""
DIALECTS = ("excel",)
Pieces = Iterator[str] | Iterator[bytes]


def csv(serving: Serving, asked: Asked, request: Request) -> Response:
    """As CSV; `dialect=excel` as a spreadsheet of the language opens it. Raises Problem."""
    dialect, asked = _dialect(asked, request)
    form = _Form("csv", f"{CSV}; charset=utf-8", partial(csv_form.written, dialect=dialect), str(dialect))
    return _sent(serving, asked, request, form)


def ndjson(serving: Serving, asked: Asked, request: Request) -> Response:
    """As lines of JSON. Raises Problem."""
    return _sent(serving, asked, request, _Form("ndjson", NDJSON, lines.written))


def parquet(serving: Serving, asked: Asked, request: Request) -> Response:
    """As Parquet. Raises Problem."""
    return _sent(serving, asked, request, _Form("parquet", PARQUET, blocks.written))


class _Form(NamedTuple):
    suffix: str
    media_type: str
    written: Callable[[Table], Pieces]
    dialect: str = ""


def _sent(serving: Serving, asked: Asked, request: Request, form: _Form) -> Response:
    headers = {"Content-Disposition": f"attachment; {_named(asked, form.suffix)}", "Link": _described(asked)}
    if is_stream(asked):
        with ExitStack() as opened:
            table = opened.enter_context(streamed(serving, asked, LONGEST))
            headers |= kept_so(asked.kind, asked.given, table.about)
            return _Streamed(form.written(table), opened.pop_all(), headers, form.media_type)
        raise AssertionError  # nothing above is suppressed
    table, answer = whole(serving, asked)
    following = _following(answer, request)
    if following:
        headers["Link"] += f', <{following}>; rel="next"'
    body = b"".join(part.encode() if isinstance(part, str) else part for part in form.written(table))
    response = Response(body, headers=headers, media_type=form.media_type)
    return cached(request, response, answer, f"{form.suffix} {form.dialect} {table.columns}")


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
