"""oEmbed: what a site that was given a page's address shows in its place (https://oembed.com)."""

from urllib.parse import unquote, urlsplit

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from stats_assets.pages.embedding import HEIGHT, PATHS, WIDTH, frame
from stats_assets.questions.answer import Value
from stats_assets.questions.exact_json import written
from stats_assets.questions.problem import Problem
from stats_assets.web.serving import Serving

KEPT = 3600
LEAST = 100
"""Pixels: below them a card says nothing."""


def router(serving: Serving) -> APIRouter:
    """Its route. Nothing is counted for it: the card does that."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/oembed")
    def oembed(request: Request, url: str = "", format: str = "json") -> Response:
        if format != "json":
            raise Problem("no-such-form", "There is no XML", "oEmbed is answered as JSON.", status=501)
        there, own = urlsplit(url), urlsplit(str(request.base_url))
        path = unquote(there.path).removesuffix("/live")
        if there.netloc.lower() != own.netloc.lower() or not path.startswith(PATHS):
            raise Problem(
                "not-ours",
                "This is no page of numbers here",
                "url is the address of a hashtag's, a person's or a country's page of this server.",
                status=404,
                parameter="url",
                attempt="/oembed?url=" + str(request.base_url) + "h/missingmaps",
            )
        width, height = (
            min(usual, _pixels(request.query_params.get(name), usual))
            for name, usual in (("maxwidth", WIDTH), ("maxheight", HEIGHT))
        )
        query = f"?{there.query}" if there.query else ""
        origin = str(request.base_url).rstrip("/")
        title = path.split("/", 2)[2]
        title = f"#{title}" if path.startswith("/h/") else title
        plain = there.path.removesuffix("/live")
        found: dict[str, Value] = {
            "version": "1.0",
            "type": "rich",
            "provider_name": "stats-assets",
            "provider_url": f"{origin}/",
            "title": title,
            "html": frame(f"{origin}/card{plain}{query}", title, width, height),
            "width": width,
            "height": height,
            "cache_age": KEPT,
            "thumbnail_url": f"{origin}{plain}.png{query}",
            "thumbnail_width": 1200,
            "thumbnail_height": 630,
        }
        return Response(
            written(found),
            media_type=JSONResponse.media_type,
            headers={"Cache-Control": f"public, max-age={KEPT}"},
        )

    return routes


def _pixels(text: str | None, usual: int) -> int:
    return max(LEAST, int(text)) if text and text.isascii() and text.isdigit() and len(text) < 6 else usual
