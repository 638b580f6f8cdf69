"""A request's parameters as they stand in its address, strictly: what is no text is refused, not mended."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import Request

from stats_assets.questions.answer import Given, Kind
from stats_assets.questions.problem import Problem

MOST = 1_000
"""Parameters: more are refused before they are read."""


class Asked(NamedTuple):
    """What a request asks: a kind, its parameters, and those in its path."""

    kind: Kind
    given: Given
    path: Mapping[str, str] = {}


def given_of(request: Request) -> Given:
    """In order, a name as often as it is given. Raises Problem."""
    raw: bytes = request.scope["query_string"]
    if raw.count(b"&") >= MOST:
        raise Problem(
            "too-many",
            "Too many parameters",
            f"More than {MOST:,} parameters: 200 hashtags are the most for one question.",
        )
    try:
        return parse_qsl(raw.decode(), keep_blank_values=True, errors="strict")
    except ValueError:
        raise Problem(
            "not-text",
            "The address is not text",
            "Something in the address is not UTF-8, percent-encoded. Encode it anew.",
        ) from None
