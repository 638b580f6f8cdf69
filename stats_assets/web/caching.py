"""What caches may keep of an answer, and for how long: by its state, and by what it says."""

import hashlib
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from stats_assets.questions.answer import Answer, Given, Kind, Value
from stats_assets.questions.exact_json import written
from stats_assets.questions.people import tells_of_people

FRESH, SETTLED, STALE = 10, 300, 30  # seconds
VARY = "Accept, Accept-Language"
_PASSING = ("as_of", "lag_seconds", "left_seconds")
"""What changes though nothing does."""


def etag_of(answer: Answer, form: str) -> str:
    """Of the query, the numbers and how far they reach; a weak one, as the time of asking is not in it."""
    said = f"{form} {answer.kind} {written(_lasting(answer.content))}"
    return f'W/"{hashlib.sha256(said.encode()).hexdigest()[:24]}"'


def _lasting(value: Value) -> Value:
    if isinstance(value, dict):
        return {key: _lasting(part) for key, part in value.items() if key not in _PASSING}
    return value


def kept_so(kind: Kind, given: Given, about: Value) -> dict[str, str]:
    """Headers that say how long an answer may be kept, and by whom not."""
    of_people = tells_of_people(kind, given)
    settled = not of_people and isinstance(about, Mapping) and about.get("state") == "settled"
    seconds = SETTLED if settled else FRESH
    return {
        "Cache-Control": f"public, max-age={seconds}, stale-while-revalidate={STALE}",
        "Vary": VARY,
        **({"X-Robots-Tag": "noindex"} if of_people else {}),
    }


def cached(request: Request, response: Response, answer: Answer, form: str) -> Response:
    """The response with its headers; 304 without a body for who has it."""
    headers = {
        "ETag": etag_of(answer, form),
        **kept_so(answer.kind, answer.given, answer.content.get("about")),
    }
    if _has(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    for name, value in headers.items():
        response.headers.setdefault(name, value)
    return response


def _has(given: str | None, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in (given or "").split(",")]
    return "*" in tags or etag.removeprefix("W/") in tags
