"""The routes of OSMesa's stat-server, by their old paths."""

from fastapi import APIRouter

from stats_assets.web.serving import Serving


def router(serving: Serving) -> APIRouter:
    """Its routes."""
    return APIRouter()
