"""Whether the server lives, and whether it can answer: for balancers and supervisors."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from stats_assets import __version__
from stats_assets.web.costs import SPENDING
from stats_assets.web.serving import Serving


def router(serving: Serving) -> APIRouter:
    """`/health` asks nothing of the database; `/ready` is 503 with words where no answer can be given."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/health")
    async def health() -> JSONResponse:
        return JSONResponse(
            {"status": "lives", "version": __version__}, headers={"Cache-Control": "no-store"}
        )

    @routes.get("/ready")
    def ready() -> JSONResponse:
        SPENDING.set(None)
        with serving.pool.connection() as connection:
            connection.execute("SELECT 1 FROM streams, heads, changesets LIMIT 1")
        return JSONResponse({"status": "ready"}, headers={"Cache-Control": "no-store"})

    return routes
