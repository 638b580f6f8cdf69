"""/api/v1: each kind of answer, by its parameters."""

from fastapi import APIRouter

from stats_assets.web.serving import Serving


def router(serving: Serving) -> APIRouter:
    """Its routes."""
    return APIRouter(prefix="/api/v1")
