"""The pages over HTTP, with answers of content.py in the place of a database."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from stats_assets.settings import Settings
from stats_assets.web import pages
from stats_assets.web.serving import Serving
from tests.pages import content

EVENTS = """
events:
  nepal2025:
    title: Mapathon <b>Kathmandu</b>
    hashtags: [OsmNepal, missingmaps]
    from: 2025-02-20T14:00
    to: 2025-02-20 17:30
    tz: Asia/Kathmandu
    people: [mapper-1101]
    teams: {Red: [mapper-1101, 1103], Blue: "1107"}
    targets: {buildings_added: 2_000, road_km_added: 41.2}
"""


def client_of(answer: Any, **settings: Any) -> TestClient:
    app = FastAPI()
    serving = SimpleNamespace(settings=Settings(_env_file=None, **settings), answer=answer)
    app.include_router(pages.router(cast(Serving, serving)))
    return TestClient(app, follow_redirects=False)


@pytest.fixture(scope="package")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    events: Path = tmp_path_factory.mktemp("pages") / "events.yaml"
    events.write_text(EVENTS)
    yield client_of(content.answer, events_file=events, contact="ops@stats.example")
