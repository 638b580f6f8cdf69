"""/api/v1 over HTTP: forms, caching, refusals, and what it says of itself."""

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from stats_assets.questions.parameters import OF_KIND
from stats_assets.web.app import application
from tests.answers.asking import Asked


class Client:
    """The application, asked as over HTTP."""

    def __init__(self, asked: Asked) -> None:
        self._app: Any = application(asked.serving)

    def __call__(self, address: str, method: str = "GET", **headers: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
                given = {name.replace("_", "-"): value for name, value in headers.items()}
                return await client.request(method, address, headers=given)

        return asyncio.run(ask())


@pytest.fixture(scope="module")
def get(asked: Asked) -> Iterator[Client]:
    yield Client(asked)


def refused(response: httpx.Response, status: int) -> dict[str, Any]:
    """The problem, which says all that it should."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    said: dict[str, Any] = response.json()
    assert said["type"].startswith("/problems/")
    assert said["status"] == status
    assert said["title"] and said["detail"] and said["request_id"]
    assert said["request_id"] == response.headers["x-request-id"]
    return said


def test_every_kind_answers_as_json(get: Client) -> None:
    for kind, query in {
        "search": "?q=missing",
        "newcomers": "?hashtag=missingmaps",
        "badges": None,
    }.items() | {
        (kind, "")
        for kind in ("totals", "series", "leaderboard", "changesets", "trending", "coverage", "definitions")
    }:
        response = get(f"/api/v1/{kind}/1101" if query is None else f"/api/v1/{kind}{query}")
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "application/json"
        assert "etag" in response.headers


def test_numbers_are_exact_decimals(get: Client, asked: Asked) -> None:
    said = json.loads(get("/api/v1/totals").text, parse_float=Decimal)
    row = asked.connection.execute(
        "SELECT sum((measurements->>'road_km_added')::numeric) FROM changeset_edits"
    ).fetchone()
    assert row is not None
    assert said["totals"]["measurements"]["road_km_added"] == row[0]


def test_what_a_client_has_is_not_sent_again(get: Client) -> None:
    address = "/api/v1/totals?hashtag=missingmaps"
    first = get(address)
    assert first.headers["cache-control"] == "public, max-age=10, stale-while-revalidate=30"
    assert {"accept", "accept-language"} <= {one.strip().lower() for one in first.headers["vary"].split(",")}
    again = get(address, If_None_Match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert get(address, If_None_Match='"other"').status_code == 200
    assert get("/api/v1/totals?hashtag=youthmappers").headers["etag"] != first.headers["etag"]


def test_what_is_settled_is_kept_for_longer(get: Client, asked: Asked) -> None:
    asked.connection.execute("UPDATE ledger SET settled_at = now()")
    asked.connection.execute("UPDATE heads SET feed_time = feed_time + interval '3 hours'")
    asked.serving.kept.clear()
    end = f"{asked.begin.replace(minute=45):%Y-%m-%dT%H:%M}Z"
    response = get(f"/api/v1/totals?from={asked.begin:%Y-%m-%dT%H:%M}Z&to={end}")
    asked.connection.execute("UPDATE heads SET feed_time = feed_time - interval '3 hours'")
    assert response.json()["about"]["state"] == "settled"
    assert response.headers["cache-control"] == "public, max-age=300, stale-while-revalidate=30"


def test_head_is_get_without_a_body(get: Client) -> None:
    response = get("/api/v1/totals", "HEAD")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["etag"] == get("/api/v1/totals").headers["etag"]


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 200),
        ("application/*;q=0.1", 200),
        ("text/plain, application/json", 200),
        ("image/x-none", 406),
        ("application/json;q=0", 406),
    ],
)
def test_accept(get: Client, accept: str, status: int) -> None:
    response = get("/api/v1/definitions", Accept=accept)
    if status == 200:
        assert response.status_code == 200
    else:
        assert get(refused(response, 406)["try"], Accept=accept).status_code == 200


def test_suffixes(get: Client) -> None:
    assert get("/api/v1/totals.json?last=1h").status_code == 200
    assert get("/api/v1/badges/1101.json").status_code == 200
    assert get(refused(get("/api/v1/totals.exe?last=1h"), 404)["try"]).status_code == 200
    refused(get("/api/v1/nothing"), 404)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("hashtag=%00", 400),
        ("hashtag=%ff%fe", 400),
        ("user=%C3%28", 400),
        ("hashtag=" + quote("'; DROP TABLE changesets; --"), 400),
        ("user=" + quote("' OR ''='"), 404),
        ("user=" + quote("<script>alert(1)</script>"), 404),
        ("user=99999999999999999999999999", 404),
        ("country=%27", 400),
        ("country=ZZZ", 404),
        ("editor=" + quote("JOSM' OR 1=1"), 200),
        ("from=" + "9" * 290, 400),
        ("from=9999-12-31T23:59Z", 200),
        ("last=999999w", 400),
        ("user=" + "x" * 301, 400),
        ("&".join(f"hashtag=a{n}" for n in range(900)), 400),
        ("hashtag=a&" * 5_000, 400),
        ("=&=&==", 400),
        ("hashtag[]=a", 400),
    ],
)
def test_hostile_input_is_a_problem_and_nothing_else(get: Client, query: str, status: int) -> None:
    response = get(f"/api/v1/totals?{query}")
    if status == 200:
        assert response.status_code == 200, response.text
    else:
        refused(response, status)


def test_a_try_works(get: Client) -> None:
    for address in (
        "/api/v1/totals?user=nobody&last=0d",
        "/api/v1/leaderboard?country=ZZZ&limit=0&user=nobody",
        "/api/v1/changesets?user=nobody&country=ZZZ&colour=red",
        "/api/v1/newcomers?limit=0",
        "/api/v1/newcomers?last=0d&user=nobody",
        "/api/v1/newcomers?period=0001&tz=Nowhere",
        "/api/v1/series?from=9999-12-31T23:59&to=2025-02-20T02:30",
        "/api/v1/series?from=1970-01-01&to=2400-01-01&by=month",
        "/api/v1/series?to=2400-01-01&by=day&country=KEN",
        "/api/v2/totals",
        "/api/v1/totals?country=KEN&country=UGA&combine=together",
        "/api/v1/series?from=2013-01-01&to=2025-02-20&by=15min",
        "/api/v1/totals?from=2025-02-20T14:00:00",
        "/api/v1/newcomers?last=1h",
        "/api/v1/totals?user=nobody",
        "/api/v1/totals?country=ZZZ&last=1h",
    ):
        said = get(address).json()
        assert get(said["try"]).status_code == 200, said


def test_openapi_says_every_parameter(get: Client) -> None:
    said = get("/openapi.json").json()
    for kind, names in OF_KIND.items():
        if kind in ("badges", "live"):
            continue
        found = {one["name"]: one for one in said["paths"][f"/api/v1/{kind}"]["get"]["parameters"]}
        assert set(found) == set(names)
        assert all(one["description"] for one in found.values())
    assert said["paths"]["/api/v1/badges/{uid}"]["get"]["parameters"][0]["name"] == "uid"
    page = get("/api/v1")
    assert page.headers["content-type"].startswith("text/html")
    assert "http" not in page.text.replace("http-equiv", "")  # no other host
