"""The routes of OSMesa's stat-server, by their old paths, for the front ends that ask it.

Its JSON, its status codes, its texts where there is nothing. What it asks the database is osmesa_rows.py's.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, LiteralString

from fastapi import APIRouter, Request, Response

from stats_assets.web.osmesa_rows import ONES, PAGES, Row, refreshed, rows
from stats_assets.web.serving import Serving

INT, LONG = (1 << 31) - 1, (1 << 63) - 1
EMPTY_TILE = b""
"""A vector tile without a layer: as OSMesa's is, of no bytes."""
KEPT = {"Cache-Control": "public, max-age=10, stale-while-revalidate=30"}
PERSON = {"X-Robots-Tag": "noindex"}
NOT_FOUND = "Not found"
"""For what is no route of its, as http4s says it."""

Given = dict[str, object]


def router(serving: Serving) -> APIRouter:
    """Its routes, but for `/`, which is our page."""
    routes = APIRouter(include_in_schema=False)
    people = serving.settings.people or "full"

    def page(kind: str, request: Request, *, shown: bool = True, **given: object) -> Response:
        number = _whole(request.query_params.get("page", "1"), INT)
        if number is None or number < 1:
            return _text(NOT_FOUND)
        with serving.pool.connection() as connection:
            found = rows(connection, PAGES[kind], page=number, **given) if shown else []
        return _json({"results": [told(row) for row in found], "page": number})

    def one(kind: str, missing: str, *, shown: bool = True, **given: object) -> Response:
        with serving.pool.connection() as connection:
            found = rows(connection, ONES[kind], **given) if shown else []
        return _json(told(found[0])) if found else _text(missing)

    def told(row: Row) -> Row:
        if people != "none":
            return row
        none = {"user_id": None, "user_changesets": {}, "user_edits": {}}
        return {key: none.get(key, value) for key, value in row.items()}

    @routes.get("/users")
    def users(request: Request) -> Response:
        return _of_persons(page("users", request, shown=people == "full"))

    @routes.get("/users/{user}")
    def user(user: str) -> Response:
        uid = _whole(user, LONG)
        if uid is None:
            return _text(NOT_FOUND)
        return _of_persons(one("user", _missing("user", uid), shown=people == "full", id=uid))

    @routes.get("/changesets")
    def changesets(request: Request) -> Response:
        return page("changesets", request)

    @routes.get("/changesets/{changeset}")
    def changeset(changeset: str) -> Response:
        number = _whole(changeset, LONG)
        if number is None:
            return _text(NOT_FOUND)
        return one("changeset", _missing("changeset", number), id=number)

    @routes.get("/campaigns")
    def campaigns(request: Request) -> Response:
        return page("campaigns", request)

    @routes.get("/campaigns/{rest:path}")
    def campaign(rest: str, request: Request) -> Response:
        tag, *more = _parts(request, "/campaigns/")
        if not tag or len(more) > 1 or "\0" in tag:
            return _text(NOT_FOUND)
        if not more:
            return one("campaign", _missing("hashtag_statistics", tag), tag=tag)
        if more == ["users"]:
            return _of_persons(page("campaign_users", request, shown=people != "none", tag=tag))
        uid = _whole(more[0], LONG)
        if uid is None:
            return _text(NOT_FOUND)
        missing = _missing("hashtag_user_statistics", tag)
        return _of_persons(one("campaign_user", missing, shown=people != "none", tag=tag, id=uid))

    @routes.get("/countries")
    def countries(request: Request) -> Response:
        return page("countries", request)

    @routes.get("/countries/{country}")
    def country(country: str) -> Response:
        number = _whole(country, INT)
        return _text(NOT_FOUND) if number is None else one("country", _missing("country", number), id=number)

    @routes.get("/country-stats/{rest:path}")
    def country_stats(rest: str, request: Request) -> Response:
        code, *more = _parts(request, "/country-stats/")
        if not code or more or "\0" in code:
            return _text(NOT_FOUND)
        return one("country_stats", _missing("country", code), code=code)

    @routes.get("/changesets-countries")
    def changesets_countries(request: Request) -> Response:
        return page("changesets_countries", request)

    @routes.get("/changesets-countries/{changeset}/{country}")
    def changeset_country(changeset: str, country: str) -> Response:
        number, place = _whole(changeset, LONG), _whole(country, INT)
        if number is None or place is None:
            return _text(NOT_FOUND)
        missing = _missing("changesetCountry", f"({number},{place})")
        return one("changeset_country", missing, id=number, country=place)

    @routes.get("/status")
    def status() -> Response:
        with serving.pool.connection() as connection:
            return _json(refreshed(connection))

    @routes.get("/tiles/{kind}/{name}/{z}/{x}/{y}")
    def tile(kind: str, z: str, x: str) -> Response:
        if kind not in ("user", "hashtag") or _whole(z, INT) is None or _whole(x, INT) is None:
            return _text(NOT_FOUND)
        return Response(EMPTY_TILE, media_type="application/vnd.mapbox-vector-tile")

    return routes


def _parts(request: Request, before: str) -> list[str]:
    """What follows in the path as it was sent, cut at its slashes: one that is percent-encoded is a name's own."""
    from urllib.parse import unquote

    sent = request.scope["raw_path"].decode("ascii").partition("?")[0]
    return [unquote(part) for part in sent.removeprefix(before).split("/")]


def _whole(text: str, most: int) -> int | None:
    """A whole number as Scala reads one; None: none, or beyond what it can be."""
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 25:
        return None
    number = int(text)
    return number if -most <= number <= most else None


def _missing(what: str, key: object) -> str:
    return f"Unable to retrieve {what} record at {key}"


def _json(value: Row) -> Response:
    return Response(json.dumps(value, ensure_ascii=False, default=_plain), media_type="application/json", headers=KEPT)


def _text(text: str) -> Response:
    return Response(text, 404, media_type="text/plain", headers={"Cache-Control": "no-store"})


def _of_persons(response: Response) -> Response:
    response.headers.update(PERSON)
    return response


def _plain(value: object) -> object:
    if isinstance(value, datetime):  # as circe writes an Instant: in UTC, with Z, and no more digits than there are
        text = value.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00")
        whole, _, fraction = text.partition(".")
        return f"{whole}{_fraction(fraction)}Z"
    raise TypeError(type(value).__name__)


def _fraction(digits: str) -> str:
    """Java's: none, three or six digits."""
    if digits == "000000":
        return ""
    return f".{digits[:3]}" if digits.endswith("000") else f".{digits}"
