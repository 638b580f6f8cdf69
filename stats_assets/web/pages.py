"""The pages for people, over HTTP: their paths, languages, headers, what stands there when there is no answer.

What is on them is pages/.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from stats_assets.pages import about, country, hashtag, person, quality, rendering, world
from stats_assets.pages.events import Event, read_events
from stats_assets.pages.page import Page
from stats_assets.pages.visit import Visit, address
from stats_assets.questions.problem import Problem
from stats_assets.texts.language import wanted
from stats_assets.web.serving import Serving

SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors *"
)
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain"}
YEAR = 31_536_000
LONGEST = 16_384
"""Bytes of a page's address: it stands in each of the page's links."""
TOO_LONG = Problem(
    "address-too-long",
    "The address is too long",
    f"A page's address has more than {LONGEST >> 10} KB. Ask for fewer hashtags or people at a time.",
    status=414,
)
AGAIN = 20
"""Seconds after which one tries again, where nobody says."""
Make = Callable[..., Page | str | None]
"""From a visit and what the path holds: a page, another address, or nothing."""


def router(serving: Serving) -> APIRouter:
    """Its routes. Raises EventsError."""
    routes = APIRouter(include_in_schema=False)
    events = read_events(serving.settings.events_file)
    contact = serving.settings.contact
    pages: Mapping[str, Make] = {
        "/": lambda visit: world.world(visit, events),
        "/search": world.search,
        "/h/{tags}": hashtag.asked,
        "/h/{tags}/live": hashtag.live,
        "/uid/{user_id}": person.person,
        "/u/{name:path}": person.person,
        "/c/{code}": country.country,
        "/quality": quality.quality,
        "/about": about.about,
        "/about/{part}": lambda visit, part: about.about(visit, part, contact),
        "/e/{event}": lambda visit, event: _event(visit, events.get(event)),
        "/e/{event}/live": lambda visit, event: _event(visit, events.get(event), "/live"),
        "/{path:path}": _nothing_else,
    }
    routes.add_api_route("/static/{file}", _static, methods=["GET", "HEAD"])
    for path, make in pages.items():
        routes.add_api_route(path, _endpoint(serving, make), methods=["GET", "HEAD"], response_model=None)
    return routes


def _endpoint(serving: Serving, make: Make) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        return page(request, serving, lambda visit: make(visit, *request.path_params.values()))

    return endpoint


def _static(file: str) -> Response:
    try:
        content = rendering.content_of(file)
    except FileNotFoundError:
        raise HTTPException(404) from None
    kept = {"Cache-Control": f"public, max-age={YEAR}, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=TYPES[PurePosixPath(file).suffix], headers=kept)


def _event(visit: Visit, event: Event | None, end: str = "") -> str | None:
    return None if event is None else event.address(visit.query, end)


def _nothing_else(_: Visit, path: str) -> None:
    if path.startswith("api/"):
        raise HTTPException(404)


def page(request: Request, serving: Serving, make: Callable[[Visit], Page | str | None]) -> Response:
    """What stands at an address: the page, or why there is none."""
    if len(request.scope["raw_path"]) + len(request.scope["query_string"]) > LONGEST:
        raise TOO_LONG
    given = request.query_params.multi_items()
    if any(not value for _, value in given):  # fields of a form that were left empty
        return RedirectResponse(
            address(request.scope["path"], [(key, value) for key, value in given if value]), 303
        )
    visit = Visit(
        ask=serving.answer,
        language=wanted(request.query_params.get("lang"), request.headers.get("accept-language")),
        path=request.scope["path"],
        query=given,
        origin=str(request.base_url).rstrip("/"),
        people=serving.settings.people in (None, "full"),
    )
    try:
        made = make(visit) or _nothing(visit)
        if isinstance(made, str):
            return RedirectResponse(made, 302)
        if visit.first("view") == "card" and "four" in made.told:
            made = hashtag.card(visit, made)
    except Problem as problem:
        made = _refused(visit, problem, getattr(request.state, "request_id", None))
    return _sent(request, visit, made)


def _sent(request: Request, visit: Visit, made: Page) -> Response:
    body = rendering.rendered(made, visit).encode()
    settled = made.window is not None and made.window.state == "settled"
    headers = {
        "Content-Security-Policy": SECURITY,
        "Content-Language": visit.language.code,
        "Vary": "Accept, Accept-Language",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "Cache-Control": "no-store"
        if made.status >= 400
        else f"public, max-age={300 if settled else 10}, stale-while-revalidate=30",
    }
    if made.of_a_person or made.status >= 400:
        headers["X-Robots-Tag"] = "noindex"
    if made.status == 200:
        headers["ETag"] = f'W/"{sha256(body).hexdigest()[:24]}"'
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
    if "retry_after" in made.told:
        headers["Retry-After"] = str(made.told["retry_after"])
    return Response(body, made.status, headers, "text/html; charset=utf-8")


def _nothing(visit: Visit) -> Page:
    say = visit.language.say
    told = {"said": say("not_found_text"), "attempt": None, "again": False, "request_id": None}
    return Page("problem.html", str(say("not_found")), told, status=404)


def _refused(visit: Visit, problem: Problem, request_id: str | None) -> Page:
    say = visit.language.say
    told: dict[str, Any] = {"attempt": None, "again": False, "request_id": request_id}
    if problem.status == 404:  # of people the same for who is hidden and who is not known
        said = "nobody_here" if visit.path.startswith(("/u/", "/uid/")) else "not_found_text"
        return Page("problem.html", str(say("not_found")), {**told, "said": say(said)}, status=404)
    if problem.status in (429, 503):
        seconds = problem.retry_after or AGAIN
        told |= {"said": say("error_counted", n=seconds), "again": True, "retry_after": seconds}
        return Page("problem.html", str(say("error")), told, status=problem.status)
    told |= {"said": problem.detail, "attempt": visit.elsewhere(visit.path) if visit.query else None}
    return Page("problem.html", str(say("error_query")), told, status=problem.status)
