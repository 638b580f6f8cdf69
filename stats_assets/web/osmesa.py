"""The routes of OSMesa's stat-server, by their old paths, for the front ends that ask it.

Its JSON, its status codes, its texts where there is nothing. What it asks the database is database/answers/osmesa.py's.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, Request, Response

from stats_assets.database.answers.osmesa import ONES, PAGES, Row, refreshed, rows
from stats_assets.questions.exact_json import written
from stats_assets.web.serving import Serving

INT, LONG = (1 << 31) - 1, (1 << 63) - 1
EMPTY_TILE = b""
"""A vector tile without a layer: as OSMesa's is, of no bytes."""
KEPT = {"Cache-Control": "public, max-age=10, stale-while-revalidate=30"}
PERSON = {"X-Robots-Tag": "noindex"}
NOT_FOUND = "Not found"
"""For what is no route of its, as http4s says it."""


def router(serving: Serving) -> APIRouter:
    """Its routes, but for `/`, which is our page."""
    routes = APIRouter(include_in_schema=False)
    old = _StatServer(serving)
    answers: dict[str, Callable[..., Response]] = {
        "/users": old.users,
        "/users/{user}": old.user,
        "/changesets": old.changesets,
        "/changesets/{changeset}": old.changeset,
        "/campaigns": old.campaigns,
        "/campaigns/{rest:path}": old.campaign,
        "/countries": old.countries,
        "/countries/{country}": old.country,
        "/country-stats/{rest:path}": old.country_stats,
        "/changesets-countries": old.changesets_countries,
        "/changesets-countries/{changeset}/{country}": old.changeset_country,
        "/status": old.status,
        "/tiles/{rest:path}": old.tile,
    }
    for path, answer in answers.items():
        routes.add_api_route(path, answer, response_class=Response)
    return routes


class _StatServer:
    def __init__(self, serving: Serving) -> None:
        self._pool = serving.pool
        self._people = serving.people

    def users(self, request: Request) -> Response:
        return _of_persons(self._page("users", request, shown=self._people == "full"))

    def user(self, user: str) -> Response:
        uid = _whole(user, LONG)
        if uid is None:
            return _text(NOT_FOUND)
        return _of_persons(self._one("user", _missing("user", uid), shown=self._people == "full", id=uid))

    def changesets(self, request: Request) -> Response:
        return self._page("changesets", request)

    def changeset(self, changeset: str) -> Response:
        number = _whole(changeset, LONG)
        if number is None:
            return _text(NOT_FOUND)
        return self._one("changeset", _missing("changeset", number), id=number)

    def campaigns(self, request: Request) -> Response:
        return self._page("campaigns", request)

    def campaign(self, request: Request) -> Response:
        """One, or its users, or one of these: a name may hold a slash, percent-encoded."""
        tag, *more = _parts(request, "/campaigns/")
        if not tag or len(more) > 1 or "\0" in tag:
            return _text(NOT_FOUND)
        if not more:
            return self._one("campaign", _missing("hashtag_statistics", tag), tag=tag)
        shown = self._people != "none"
        if more == ["users"]:
            return _of_persons(self._page("campaign_users", request, shown=shown, tag=tag))
        uid = _whole(more[0], LONG)
        if uid is None:
            return _text(NOT_FOUND)
        missing = _missing("hashtag_user_statistics", tag)
        return _of_persons(self._one("campaign_user", missing, shown=shown, tag=tag, id=uid))

    def countries(self, request: Request) -> Response:
        return self._page("countries", request)

    def country(self, country: str) -> Response:
        number = _whole(country, INT)
        if number is None:
            return _text(NOT_FOUND)
        return self._one("country", _missing("country", number), id=number)

    def country_stats(self, request: Request) -> Response:
        code, *more = _parts(request, "/country-stats/")
        if not code or more or "\0" in code:
            return _text(NOT_FOUND)
        return self._one("country_stats", _missing("country", code), code=code)

    def changesets_countries(self, request: Request) -> Response:
        return self._page("changesets_countries", request)

    def changeset_country(self, changeset: str, country: str) -> Response:
        number, place = _whole(changeset, LONG), _whole(country, INT)
        if number is None or place is None:
            return _text(NOT_FOUND)
        missing = _missing("changesetCountry", f"({number},{place})")
        return self._one("changeset_country", missing, id=number, country=place)

    def status(self) -> Response:
        """Three times, of which each is null where it is not known: an empty table is no failure."""
        with self._pool.connection() as connection:
            return _json(refreshed(connection))

    def tile(self, request: Request) -> Response:
        """None is kept here: an empty one, as there where none was made."""
        kind, *more = _parts(request, "/tiles/")
        if (
            kind not in ("user", "hashtag")
            or len(more) != 4
            or None in (_whole(one, INT) for one in more[1:3])
        ):
            return _text(NOT_FOUND)
        return Response(EMPTY_TILE, media_type="application/vnd.mapbox-vector-tile", headers=KEPT)

    def _page(self, kind: str, request: Request, *, shown: bool = True, **given: object) -> Response:
        number = _whole(request.query_params.get("page", "1"), INT)
        if number is None or number < 1:
            return _text(NOT_FOUND)
        found: list[Row] = []
        if shown:
            with self._pool.connection() as connection:
                found = rows(connection, PAGES[kind], page=number, **given)
        return _json({"results": [self._told(row) for row in found], "page": number})

    def _one(self, kind: str, missing: str, *, shown: bool = True, **given: object) -> Response:
        found: list[Row] = []
        if shown:
            with self._pool.connection() as connection:
                found = rows(connection, ONES[kind], **given)
        return _json(self._told(found[0])) if found else _text(missing)

    def _told(self, row: Row) -> Row:
        if self._people != "none":
            return row
        nobody: Row = {"user_id": None, "user_changesets": {}, "user_edits": {}}
        return {key: nobody.get(key, value) for key, value in row.items()}


def _parts(request: Request, before: str) -> list[str]:
    """What follows in the path as it was sent, cut at its slashes: one that is percent-encoded is a name's own."""
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
    return Response(written(_plain(value)), media_type="application/json", headers=KEPT)


def _text(text: str) -> Response:
    return Response(text, 404, media_type="text/plain", headers={"Cache-Control": "no-store"})


def _of_persons(response: Response) -> Response:
    response.headers.update(PERSON)
    return response


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(
        value, datetime
    ):  # as circe writes an Instant: in UTC, with Z, and no more digits than there are
        text = value.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00")
        whole, _, fraction = text.partition(".")
        return f"{whole}{_fraction(fraction)}Z"
    return value


def _fraction(digits: str) -> str:
    """Java's: none, three or six digits."""
    if digits == "000000":
        return ""
    return f".{digits[:3]}" if digits.endswith("000") else f".{digits}"
