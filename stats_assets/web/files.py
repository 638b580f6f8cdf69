"""What is behind a page, as a file: `/h/TAG.csv`, or `/h/TAG` for who accepts that rather than a page.

A known last suffix is the form, whatever comes before it. A person whose name ends in one has `/u/NAME.html`.
"""

from collections.abc import Callable
from functools import partial

from fastapi import APIRouter, HTTPException, Request
from fastapi.routing import APIRoute
from starlette.convertors import Convertor, register_url_convertor
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match
from starlette.types import Scope

from stats_assets.pages.events import read_events
from stats_assets.pages.person import identity
from stats_assets.pages.visit import Visit, user_path
from stats_assets.questions.answer import Given, Kind
from stats_assets.questions.parameters import MOST_ROWS, OF_KIND
from stats_assets.questions.problem import Problem
from stats_assets.texts.language import wanted
from stats_assets.web.formats import FORMATS, best_of, format_of
from stats_assets.web.pictures import subject_of
from stats_assets.web.queries import Asked, given_of
from stats_assets.web.rss import rss
from stats_assets.web.serving import Serving

HTML = "text/html"
PATHS = ("/h/{tags}", "/uid/{user_id}", "/u/{name:path}", "/c/{code}")
OTHERS: dict[str, Kind] = {"/quality": "coverage", "/search": "search", "/index": "trending"}
"""Pages that are of one answer; the world's is `/`, as a file `/index.csv`."""
VIEWS: tuple[Kind, ...] = ("totals", "series", "leaderboard", "changesets", "newcomers")
"""What `view` may say; without it tables have the leaderboard, all else the totals."""
TABLES = ("csv", "ndjson", "parquet")
_OF_A_PAGE = frozenset(
    {"lang", "team", "target", "title", "view", "metric", "by", "columns", "limit", "after", "of"}
)
"""Parameters that a page has for itself: a file takes those that its kind knows."""


class _Form(Convertor[str]):
    """A last suffix that is a form."""

    regex = "|".join(FORMATS)

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


class _Picture(_Form):
    regex = "svg|png"


class _Beside(_Form):
    """What a page has beside it."""

    regex = f"{_Form.regex}|rss"


register_url_convertor("form", _Form())
register_url_convertor("beside", _Beside())
register_url_convertor("picture", _Picture())


class _Accepted(APIRoute):
    """Stands before the pages, and takes only who does not want a page."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found, inside = super().matches(scope)
        wants = Headers(scope=scope).get("accept", "*/*") if found is Match.FULL else ""
        known = {"html": HTML, **{name: one.media_type for name, one in FORMATS.items()}}
        if found is Match.FULL and best_of(wants, known) == "html":
            return Match.NONE, {}
        return found, inside


def router(serving: Serving) -> APIRouter:
    """Its routes. Raises EventsError."""
    events = read_events(serving.settings.events_file)
    routes = APIRouter(include_in_schema=False)
    accepted = APIRouter(include_in_schema=False, route_class=_Accepted)

    def add(to: APIRouter, path: str, endpoint: Callable[[Request], Response]) -> None:
        to.add_api_route(path, endpoint, methods=["GET"], response_model=None)

    def file(request: Request) -> Response:
        form = request.path_params.get("form")
        found = format_of(request, form)
        name = form or next(name for name, one in FORMATS.items() if one is found)
        return found.send(serving, asked_of(serving, request, name), request)

    def event(request: Request) -> Response:
        found = events.get(request.path_params["event"])
        if found is None:
            raise HTTPException(404)
        return RedirectResponse(found.address(given_of(request), f".{request.path_params['form']}"), 302)

    def named(request: Request) -> Response:
        return _lasting(serving, request)

    def feed(request: Request) -> Response:
        return rss(serving, subject_of(request), request)

    add(routes, "/u/{name:path}.html", named)
    add(routes, "/e/{event}.{form:beside}", event)
    for path, kind in OTHERS.items():
        add(routes, f"{path}.{{form:form}}", partial(_other, serving, kind))
    for path in PATHS:
        add(routes, f"{path}.{{form:form}}", file)
        add(routes, f"{path}.rss", feed)
        add(accepted, path, file)
    routes.include_router(accepted)
    return routes


def _other(serving: Serving, kind: Kind, request: Request) -> Response:
    form = request.path_params["form"]
    given = [pair for pair in given_of(request) if pair[0] in OF_KIND[kind] or pair[0] not in _OF_A_PAGE]
    return format_of(request, form).send(serving, Asked(kind, given), request)


def asked_of(serving: Serving, request: Request, form: str) -> Asked:
    """The question whose answer a page's file is. Raises Problem."""
    given, subject = given_of(request), subject_of(request)
    kind = _view(serving, given, form, request)
    own = ("dialect", "lang") if form == "csv" else ()
    rest = [
        (name, value)
        for name, value in given
        if name in OF_KIND[kind] or name in own or name not in _OF_A_PAGE
    ]
    if (
        kind in ("leaderboard", "newcomers")
        and form in TABLES
        and not any(name == "limit" for name, _ in rest)
    ):
        rest.append(("limit", str(MOST_ROWS)))
    return Asked(kind, [*subject, *rest])


def _view(serving: Serving, given: Given, form: str, request: Request) -> Kind:
    chosen = [value for name, value in given if name == "view" and value != "card"]
    if not chosen:
        return "leaderboard" if form in TABLES and serving.people != "none" else "totals"
    for one in VIEWS:
        if chosen == [one]:
            return one
    raise Problem(
        "bad-value",
        "This view is not known",
        f"view is one of {', '.join(VIEWS)}.",
        parameter="view",
        attempt=f"{request.url.path}?view=totals",
    )


def _lasting(serving: Serving, request: Request) -> Response:
    """To the page of whose name could be taken for a file's. Raises Problem."""
    who = request.path_params["name"]
    visit = Visit(
        ask=serving.answer,
        language=wanted(request.query_params.get("lang"), None),
        path=f"/u/{who}",
        query=given_of(request),
    )
    visit.content("totals", ("user", who))
    user_id, _ = identity(visit, who)
    if user_id is None:
        raise Problem(
            "unknown-user", "Nobody here is called this", "There is nobody of this name.", status=404
        )
    return RedirectResponse(visit.link(user_path(user_id, None)), 302)
