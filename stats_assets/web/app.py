"""The web application put together. Each router is a module beside this one; running it is running.py's."""

from fastapi import FastAPI, HTTPException, Request
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response

from stats_assets import __version__
from stats_assets.questions.problem import Problem
from stats_assets.web import api, files, health, live, oembed, osmesa, pages, pictures
from stats_assets.web.envelope import Envelope
from stats_assets.web.serving import Serving


def application(serving: Serving) -> FastAPI:
    """All that is served, over one pool."""
    app = FastAPI(title="stats-assets", version=__version__, docs_url=None, redoc_url=None)
    for module in (
        health,
        live,
        api,
        osmesa,
        pictures,
        oembed,
        files,
        pages,
    ):  # api takes what is left of /api/v1, and pages all that is left
        app.include_router(module.router(serving))
    app.add_exception_handler(HTTPException, _nothing_there)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(Envelope, settings=serving.settings)  # the outermost
    return app


async def _nothing_there(request: Request, error: Exception) -> Response:
    """What no route answers, outside of the pages; the envelope says it. Raises Problem."""
    raise Problem(
        "nothing-there",
        "There is nothing at this address",
        "The server answers /api/v1, and shows pages from / on.",
        status=404,
        attempt="/api/v1/totals?last=24h",
    ) from None
