"""In which form an answer is sent: by its path's suffix, else by Accept. JSON is here, files are exports.py's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from stats_assets.questions.exact_json import written
from stats_assets.questions.problem import Problem
from stats_assets.web import exports, pictures
from stats_assets.web.caching import cached
from stats_assets.web.queries import Asked
from stats_assets.web.serving import Serving


@dataclass(frozen=True)
class Format:
    """A form of an answer."""

    media_type: str
    send: Callable[[Serving, Asked, Request], Response]
    """The whole response to a question, with what caches may do with it. Raises Problem."""


JSON = "application/json"


def _json(serving: Serving, asked: Asked, request: Request) -> Response:
    answer = serving.answer(*asked)
    return cached(request, Response(written(answer.content), media_type=JSON), answer, JSON)


FORMATS: dict[str, Format] = {
    "json": Format(JSON, _json),
    "csv": Format(exports.CSV, exports.csv),
    "ndjson": Format(exports.NDJSON, exports.ndjson),
    "parquet": Format(exports.PARQUET, exports.parquet),
    "svg": Format(pictures.SVG, pictures.svg),
    "png": Format(pictures.PNG, pictures.as_png),
}
"""By their suffixes; the first one is sent to who takes anything."""


def format_of(request: Request, suffix: str | None) -> Format:
    """What is sent. Raises Problem: 404 for a suffix that is not known, 406 where nothing is accepted."""
    if suffix is not None:
        if suffix not in FORMATS:
            raise Problem(
                "no-such-form",
                "This form is not known",
                f"Answers end in {', '.join(f'.{name}' for name in FORMATS)}, or in nothing.",
                status=404,
                attempt=_without(request, suffix),
            )
        return FORMATS[suffix]
    best = best_of(
        request.headers.get("accept", "*/*"), {name: one.media_type for name, one in FORMATS.items()}
    )
    if best is None:
        raise Problem(
            "not-acceptable",
            "Nothing of what is accepted can be sent",
            f"There are {', '.join(one.media_type for one in FORMATS.values())}. Send another Accept, or a suffix.",
            status=406,
            parameter="Accept",
            attempt=f"{request.url.path}.json" + (f"?{request.url.query}" if request.url.query else ""),
        )
    return FORMATS[best]


def best_of(accept: str, known: Mapping[str, str]) -> str | None:
    """Which of these media types, by their names, is accepted best; of equal ones the first."""
    wanted = _accepted(accept)
    found = max(
        (
            (quality, -place, name)
            for place, (name, media_type) in enumerate(known.items())
            if (quality := _quality(media_type, wanted)) > 0
        ),
        default=None,
    )
    return found and found[2]


def _without(request: Request, suffix: str) -> str:
    path = request.url.path.removesuffix(f".{suffix}")
    return path + (f"?{request.url.query}" if request.url.query else "")


def _accepted(header: str) -> list[tuple[str, float]]:
    found = []
    for part in header.lower().split(",")[:50]:
        kind, *options = (piece.strip() for piece in part.split(";"))
        quality = 1.0
        for option in options:
            name, _, value = option.partition("=")
            if name.strip() == "q":
                try:
                    quality = max(0.0, min(1.0, float(value)))
                except ValueError:
                    quality = 0.0
        if kind:
            found.append((kind, quality))
    return found or [("*/*", 1.0)]


def _quality(media_type: str, wanted: list[tuple[str, float]]) -> float:
    """Of a media type: by the most exact of those that name it."""
    family = media_type.partition("/")[0] + "/*"
    for name in (media_type, family, "*/*"):
        given = [quality for kind, quality in wanted if kind == name]
        if given:
            return max(given)
    return 0.0
