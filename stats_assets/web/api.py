"""/api/v1: each kind of answer, by its parameters."""

from typing import Any, get_args

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from stats_assets.questions.answer import Kind
from stats_assets.questions.problem import Problem
from stats_assets.web import openapi
from stats_assets.web.formats import FORMATS, format_of
from stats_assets.web.queries import Asked, given_of
from stats_assets.web.serving import Serving

KINDS: tuple[Kind, ...] = get_args(Kind)


def router(serving: Serving) -> APIRouter:
    """Its routes. Plain functions: each is answered in a thread."""
    routes = APIRouter(prefix="/api/v1")

    def send(request: Request, kind: Kind, suffix: str | None, path: dict[str, str]) -> Response:
        return format_of(request, suffix).send(serving, Asked(kind, given_of(request), path), request)

    def add(kind: Kind) -> None:
        def plain(request: Request) -> Response:
            return send(request, kind, None, {})

        def suffixed(request: Request, suffix: str) -> Response:
            return send(request, kind, suffix, {})

        extra: Any = openapi.operation(kind)
        routes.add_api_route(
            f"/{kind}",
            plain,
            operation_id=kind,
            openapi_extra=extra,
            responses=openapi.RESPONSES,
            tags=["v1"],
        )
        routes.add_api_route(f"/{kind}.{{suffix}}", suffixed, include_in_schema=False)

    for kind in KINDS:
        if kind != "badges":
            add(kind)

    @routes.get(
        "/badges/{uid}",
        operation_id="badges",
        openapi_extra=openapi.operation("badges"),
        responses=openapi.RESPONSES,
        tags=["v1"],
    )
    def badges(request: Request) -> Response:
        uid, dot, suffix = request.path_params["uid"].rpartition(".")
        if dot and suffix in FORMATS:
            return send(request, "badges", suffix, {"uid": uid})
        return send(request, "badges", None, {"uid": request.path_params["uid"]})

    @routes.get("", include_in_schema=False)
    def page() -> Response:
        return HTMLResponse(openapi.page(), headers={"Cache-Control": "public, max-age=300"})

    @routes.get("/{rest:path}", include_in_schema=False)
    def unknown(rest: str) -> Response:
        raise Problem(
            "no-such-question",
            "There is no such question",
            f"/api/v1 answers {', '.join(KINDS)} and live.",
            status=404,
            attempt="/api/v1/totals?last=24h",
        )

    return routes
