"""The web application put together. Each router is a module beside this one; running it is cli/serve.py."""

from fastapi import FastAPI

from stats_assets import __version__
from stats_assets.web import api, health, live, osmesa, pages, pictures
from stats_assets.web.serving import Serving


def application(serving: Serving) -> FastAPI:
    """All that is served, over one pool."""
    app = FastAPI(title="stats-assets", version=__version__, docs_url=None, redoc_url=None)
    for module in (
        health,
        api,
        live,
        osmesa,
        pictures,
        pages,
    ):  # pages last: they take the paths that are left
        app.include_router(module.router(serving))
    return app
