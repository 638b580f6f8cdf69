"""The web application put together. Each router is a module beside this one; running it is running.py's."""

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from stats_assets import __version__
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
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(Envelope, settings=serving.settings)  # the outermost
    return app
