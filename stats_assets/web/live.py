"""Server-sent events of a running window."""

from fastapi import APIRouter

from stats_assets.web.serving import Serving


def router(serving: Serving) -> APIRouter:
    """Its routes."""
    return APIRouter()
