"""Pictures, badges and cards."""

from fastapi import APIRouter

from stats_assets.web.serving import Serving


def router(serving: Serving) -> APIRouter:
    """Its routes."""
    return APIRouter()
