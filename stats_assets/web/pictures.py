"""Pictures over HTTP: posters of an answer (SVG, PNG), badges, codes, and cards for other sites.

What they look like is pictures/, charts/ and pages/. None of them names a person who was not asked for.
"""

from hashlib import sha256
from urllib.parse import quote

from fastapi import APIRouter, Request
from segno import DataOverflowError
from starlette.responses import Response

from stats_assets.charts.code import code
from stats_assets.pages import blocks, shown
from stats_assets.pages.filters import filters
from stats_assets.pages.hashtag import tags_of
from stats_assets.pages.page import Numbers, Page, numbers_of
from stats_assets.pages.person import FOUR as OF_A_PERSON
from stats_assets.pages.visit import SHARED, Visit
from stats_assets.pictures.badge import badge
from stats_assets.pictures.png import png
from stats_assets.pictures.poster import curve_size, poster
from stats_assets.questions.addresses import instead
from stats_assets.questions.answer import Given
from stats_assets.questions.problem import Problem
from stats_assets.texts import places
from stats_assets.texts.language import Language, wanted
from stats_assets.web.caching import kept_so
from stats_assets.web.pages import page
from stats_assets.web.queries import Asked, given_of
from stats_assets.web.serving import Serving

SVG, PNG = "image/svg+xml", "image/png"
DRAWN = ("totals", "series", "leaderboard")
"""Kinds whose question a picture can answer."""
SHOWS = {"edits": "edits", "people": "users", "buildings": "buildings_added", "roads": "road_km_added"}
QR_PIXELS = 600
MOST_IN_CODE = 1_000
"""Signs of an address that a code can hold and a telephone still reads."""
SECURITY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors *"


def svg(serving: Serving, asked: Asked, request: Request) -> Response:
    """A poster as SVG. Raises Problem."""
    found, drawn = poster_of(serving, asked, _language(request))
    return _sent(request, drawn.encode(), SVG, found)


def as_png(serving: Serving, asked: Asked, request: Request) -> Response:
    """A poster as PNG. Raises Problem."""
    found, drawn = poster_of(serving, asked, _language(request))
    return _sent(request, png(drawn), PNG, found)


def router(serving: Serving) -> APIRouter:
    """Its routes."""
    routes = APIRouter(include_in_schema=False)

    def add_badge(request: Request) -> Response:
        return _badge(serving, subject_of(request), request)

    def add_card(request: Request) -> Response:
        return page(
            request, serving, lambda visit: card(visit, subject_of(request), _behind(request, "/card"))
        )

    for prefix, endpoint, suffix in (("/badge", add_badge, ".svg"), ("/card", add_card, "")):
        for path in ("/h/{tags}", "/uid/{user_id}", "/u/{name:path}", "/c/{code}"):
            routes.add_api_route(f"{prefix}{path}{suffix}", endpoint, methods=["GET"], response_model=None)

    @routes.get("/qr/{path:path}.{form:picture}")
    def qr(request: Request) -> Response:
        there = f"/{request.path_params['path']}"
        query = f"?{request.url.query}" if request.url.query else ""
        address = f"{str(request.base_url).rstrip('/')}{quote(there, safe='/;,:@~*+')}{query}"
        drawn = _code(address)
        if request.path_params["form"] == "png":
            return _sent(request, png(drawn, QR_PIXELS), PNG, None)
        return _sent(request, drawn.encode(), SVG, None)

    return routes


def subject_of(request: Request) -> Given:
    """What a page's path is of, as parameters."""
    path = request.path_params
    if "tags" in path:
        tags, together = tags_of(path["tags"])
        combine = [("combine", "together" if together else "apart")] if len(tags) > 1 else []
        return [*(("hashtag", tag) for tag in tags), *combine]
    if "code" in path:
        return [("country", path["code"])]
    return [("user", path["user_id"] if "user_id" in path else path["name"])]


def card(visit: Visit, subject: Given, behind: str) -> Page:
    """A card of what a page is of. Raises Problem."""
    found = numbers_of(visit, *_together(subject))
    told = {
        "four": blocks.four(found.content, visit.language, columns=_columns(subject)),
        "window": found.window,
        "numbers": found,
        "filters": filters(visit),
        "here": visit.origin + visit.link(behind),
    }
    return Page(
        "card.html",
        title_of(visit.language, subject, people=True),
        told,
        of_a_person=True,
        window=found.window,
    )


def poster_of(serving: Serving, asked: Asked, language: Language) -> tuple[Numbers, str]:
    """The numbers of a question, and the poster of them as SVG. Raises Problem."""
    if asked.kind not in DRAWN:
        raise Problem(
            "no-such-form",
            "There is no picture of this",
            f"Pictures are drawn of {', '.join(DRAWN)}. Ask for JSON or CSV.",
            status=404,
            attempt=f"/api/v1/{asked.kind}.json",
        )
    visit, subject = _visit(serving, language, asked.given)
    found = numbers_of(visit, *subject)
    width, height = curve_size()
    curve = None if found.empty else found.curve(found.coverage, width=width, height=height)
    four = blocks.four(found.content, visit.language, columns=_columns(asked.given))
    title = title_of(language, asked.given)
    return found, poster(title, found.window, four, str(curve.svg) if curve else None)


def _language(request: Request) -> Language:
    return wanted(request.query_params.get("lang"), request.headers.get("accept-language"))


def _visit(serving: Serving, language: Language, given: Given) -> tuple[Visit, Given]:
    """The visit that asks so, and whom its questions are of."""
    query = [
        (name, value) for name, value in given if name in (*SHARED, "by") and name not in ("user", "country")
    ]
    subject = [(name, value) for name, value in given if name in ("hashtag", "user", "country")]
    visit = Visit(ask=serving.answer, language=language, path="/", query=query)
    return visit, _together([*subject, *(pair for pair in given if pair[0] == "combine")])


def _together(subject: Given) -> Given:
    """One picture has one set of numbers: the union."""
    return [pair for pair in subject if pair[0] != "combine"] + [("combine", "together")]


def _columns(given: Given) -> tuple[str, ...]:
    return OF_A_PERSON if any(name == "user" for name, _ in given) else blocks.FOUR


def title_of(language: Language, given: Given, *, people: bool = False) -> str:
    """Hashtags, a country, how many people; `people`: their names, where they were asked for."""
    tags = [f"#{value.removeprefix('#')}" for name, value in given if name == "hashtag"]
    countries = [value for name, value in given if name == "country"]
    users = [value for name, value in given if name == "user"]
    said = [" + ".join(tags)] if tags else []
    said += [places.country(one, language.locale, None) for one in countries]
    if users:
        said.append(", ".join(users) if people else language.say("n_of_people", n=len(users)).striptags())
    return " · ".join(said) or str(language.say("world"))


def _badge(serving: Serving, subject: Given, request: Request) -> Response:
    given = given_of(request)
    chosen = [value for name, value in given if name == "show"] or ["edits"]
    if len(chosen) > 1 or chosen[0] not in SHOWS:
        raise Problem(
            "bad-value",
            "This is on no badge",
            f"{chosen[0][:60]!r} is on no badge: {', '.join(SHOWS)}.",
            parameter="show",
            attempt=f"{quote(request.url.path)}?show=edits",
        )
    rest = [(name, value) for name, value in given if name not in ("show", "lang", "label")]
    question = [*_together(subject), *rest]
    answer = serving.answer("totals", question)
    language = _language(request)
    value, column = blocks.value_of(answer.content["totals"], SHOWS[chosen[0]]), SHOWS[chosen[0]]  # type: ignore[arg-type]
    told = shown.number(value, column, language).striptags()
    key = {"users": "people"}.get(column, column)
    said = f"{told} {language.say(f'n_{key}', n=int(value)).striptags()}"
    tags = [f"#{text}" for name, text in subject if name == "hashtag"]
    named = [text for name, text in subject if name in ("user", "country")]
    label = request.query_params.get("label") or " + ".join(tags) or ", ".join(named)
    return _sent(request, badge(label, said).encode(), SVG, None, question, answer.content.get("about"))


def _code(address: str) -> str:
    try:
        if len(address) <= MOST_IN_CODE:
            return code(address, address)
    except DataOverflowError:
        pass
    raise Problem(
        "too-long",
        "The address is too long for a code",
        f"A code of more than {MOST_IN_CODE:,} signs is read by no telephone. Shorten the address.",
        status=422,
    )


def _behind(request: Request, prefix: str) -> str:
    path: str = request.scope["path"]
    return path.removeprefix(prefix)


def _sent(
    request: Request,
    body: bytes,
    media_type: str,
    found: Numbers | None,
    given: Given = (),
    about: object = None,
) -> Response:
    """With what caches may do: pictures of the numbers as these, others as what does not change."""
    if found is not None:
        given, about = [*found.given, *found.visit.query], found.content.get("about")
    kept = kept_so("totals", instead(given), about)  # type: ignore[arg-type]
    etag = f'W/"{sha256(body).hexdigest()[:24]}"'
    headers = {"ETag": etag, "Content-Security-Policy": SECURITY, **kept}
    if etag.removeprefix("W/") in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)
