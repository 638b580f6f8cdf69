"""Answers as files over HTTP: CSV, NDJSON and Parquet say what the JSON says, and of changesets all."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from psycopg import ServerCursor
from pyarrow import parquet

from stats_assets.database.answers import every_changeset
from stats_assets.questions.exact_json import plain
from stats_assets.web.counting import counting_of
from tests.answers.asking import Asked
from tests.telling import telling
from tests.web.test_api import Client, refused

QUESTIONS = {
    "totals": "",
    "series": "by=15min",
    "leaderboard": "metric=buildings_added&limit=7",
    "changesets": "columns=edits,road_km_added,buildings_added&limit=1000",
    "newcomers": "hashtag=missingmaps",
    "search": "q=missing",
    "trending": "",
    "coverage": "",
    "definitions": "",
}


@pytest.fixture(scope="module")
def get(asked: Asked) -> Iterator[Client]:
    yield Client(asked)


def read(text: str, separator: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator))


def rows_of(kind: str, content: Any) -> list[dict[str, Any]]:
    """The JSON's rows, flat."""
    if kind == "totals":
        one = content["totals"]
        query = content["about"]["query"]
        return [one | one["counts"] | one["measurements"] | {"from": query["from"], "to": query["to"]}]
    if kind == "coverage":
        window = content["window"]
        return [
            {"what": what, **one}
            for what in ("missing", "flagged", "older_definitions")
            for one in window[what]
        ]
    rows: list[dict[str, Any]] = content[
        {"series": "series", "search": "results", "definitions": "columns"}.get(kind, "rows")
    ]
    return rows


def said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ";".join(value)
    return plain(value) if isinstance(value, Decimal) else str(value)


@pytest.mark.parametrize("kind", telling(QUESTIONS, "series", "changesets", "search", "coverage"))
def test_each_form_has_the_json_s_numbers_to_their_last_digit(get: Client, kind: str) -> None:
    query = QUESTIONS[kind]
    content = json.loads(get(f"/api/v1/{kind}?{query}").text, parse_float=Decimal)
    expected = rows_of(kind, content)
    assert expected or kind == "coverage"
    table = read(get(f"/api/v1/{kind}.csv?{query}").text)
    lines = get(f"/api/v1/{kind}.ndjson?{query}").text.splitlines()
    objects = [json.loads(line, parse_float=Decimal) for line in lines]
    blocks = parquet.read_table(io.BytesIO(get(f"/api/v1/{kind}.parquet?{query}").content)).to_pylist()
    assert len(table) == len(objects) == len(blocks) == len(expected)
    for row, one, block, known in zip(table, objects, blocks, expected, strict=True):
        shared = [name for name in row if name in known]
        assert len(shared) >= min(3, len(known))
        for name in shared:
            text = said(known[name])
            assert row[name].removeprefix("'") == text
            assert one[name] == known[name]
            assert block[name] == known[name] or block[name] == datetime.fromisoformat(text)


def test_columns_are_those_that_were_promised(get: Client) -> None:
    board = get("/api/v1/leaderboard.csv").text.splitlines()[0].split(",")
    assert board[:6] == ["rank", "user_id", "name", "changesets", "edits", "roads_added"]
    assert {"buildings_deleted", "road_km_added", "landuse_km2_added"} < set(board)
    assert not {"users", "days", "tied"} & set(board)
    series = get("/api/v1/series.csv").text.splitlines()[0]
    assert series.startswith("from,to,missing_minutes,running,changesets,edits,users,roads_added,")
    chosen = "/api/v1/leaderboard.csv?columns=road_km_added"
    assert get(chosen).text.splitlines()[0] == "rank,user_id,name,changesets,edits,road_km_added"
    of = {"hashtags": "rank,hashtag,", "countries": "rank,country,name,", "editors": "rank,editor,"}
    for one, begin in of.items():
        line = get(f"/api/v1/leaderboard.csv?of={one}").text.splitlines()[0]
        assert line.startswith(f"{begin}changesets,edits,users,")
    apart = read(get("/api/v1/leaderboard.csv?hashtag=missingmaps&hashtag=youthmappers&combine=apart").text)
    assert {row["hashtag"] for row in apart} == {"missingmaps", "youthmappers"}
    same = get("/api/v1/leaderboard.csv?of=hashtags&hashtag=missingmaps&hashtag=youthmappers&combine=apart")
    assert same.text.startswith("of_hashtag,rank,hashtag,")
    refused(get("/api/v1/leaderboard.csv?columns=nonsense"), 400)


def test_the_last_row_is_no_total_and_the_next_rows_are_linked(get: Client) -> None:
    response = get("/api/v1/leaderboard.csv?limit=2")
    assert len(read(response.text)) == 2
    links = response.links
    following = read(get(links["next"]["url"]).text)
    assert following == read(get("/api/v1/leaderboard.csv?limit=4").text)[2:]
    about = get(links["describedby"]["url"]).json()["about"]
    assert about["query"]["metric"] == "edits"


def test_the_form_is_the_suffix_s_else_what_is_accepted(get: Client) -> None:
    types = {"csv": "text/csv", "ndjson": "application/x-ndjson", "parquet": "application/vnd.apache.parquet"}
    for suffix, media_type in types.items():
        by_suffix = get(f"/api/v1/totals.{suffix}", Accept="application/json")
        by_accept = get("/api/v1/totals", Accept=media_type)
        assert by_suffix.headers["content-type"].startswith(media_type)
        assert by_suffix.headers["content-type"] == by_accept.headers["content-type"]
        assert "Accept" in by_accept.headers["vary"]
        assert get(f"/api/v1/totals.{suffix}", If_None_Match=by_suffix.headers["etag"]).status_code == 304
        assert by_suffix.headers["etag"] != get("/api/v1/totals").headers["etag"]
        name = by_suffix.headers["content-disposition"]
        assert name.startswith("attachment") and f"totals.{suffix}" in name
    assert "text/csv" in refused(get("/api/v1/totals", Accept="image/webp"), 406)["detail"]
    refused(get("/api/v1/totals.xlsx"), 404)


def test_excel_opens_it_in_the_language_s_way(get: Client) -> None:
    query = "columns=edits,road_km_added&metric=road_km_added&limit=3"
    plainly = read(get(f"/api/v1/leaderboard.csv?{query}").text)
    french = get(f"/api/v1/leaderboard.csv?{query}&dialect=excel&lang=fr").content
    assert french.startswith(b"\xef\xbb\xbfrank;user_id;name;") and french.count(b"\r\n") == 4
    there = read(french.decode("utf-8-sig"), ";")
    assert [row["road_km_added"].replace(",", ".") for row in there] == [
        row["road_km_added"] for row in plainly
    ]
    assert any("," in row["road_km_added"] for row in there)
    english = get(f"/api/v1/leaderboard.csv?{query}&dialect=excel", Accept_Language="en").content
    assert read(english.decode("utf-8-sig")) == plainly
    refused(get("/api/v1/leaderboard.csv?dialect=lotus"), 400)
    refused(get("/api/v1/leaderboard.json?dialect=excel"), 400)


def test_parquet_has_exact_types_and_says_what_it_is_of(get: Client) -> None:
    found = parquet.read_table(io.BytesIO(get("/api/v1/series.parquet?by=30min").content))
    types = {field.name: str(field.type) for field in found.schema}
    assert types["edits"] == types["buildings_added"] == "int64"
    assert types["road_km_added"] == "decimal128(38, 9)"
    assert types["from"] == "timestamp[us, tz=UTC]"
    assert found.column("from")[0].as_py().tzinfo is not None
    assert json.loads(found.schema.metadata[b"about"])["query"]["by"] == "30min"


def test_all_changesets_are_one_stream_however_many_pages_they_are(
    get: Client, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    walked, link = [], "/api/v1/changesets?columns=edits&limit=40"
    while link:
        page = get(link).json()
        walked += page["rows"]
        link = page["next"]
    monkeypatch.setattr(every_changeset, "AT_ONCE", 20)
    lines = get("/api/v1/changesets.ndjson?columns=edits").text.splitlines()
    assert [json.loads(line) for line in lines] == walked
    assert len(walked) > 40
    table = read(get("/api/v1/changesets.csv?columns=edits").text)
    assert [row["changeset_id"] for row in table] == [str(row["changeset_id"]) for row in walked]
    assert all(
        one in row["hashtags"].split(";")
        for row, known in zip(table, walked, strict=True)
        for one in known["hashtags"]
    )
    blocks = parquet.read_table(io.BytesIO(get("/api/v1/changesets.parquet").content))
    assert blocks.num_rows == len(walked)
    assert blocks.column("created_at")[0].as_py() <= datetime.now(UTC).replace(year=9999)


def test_a_stream_reads_no_more_than_is_taken(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(every_changeset, "AT_ONCE", 10)
    counting, fetched = counting_of(asked.serving.settings), []
    plainly = ServerCursor.fetchmany

    def fetchmany(cursor: Any, size: int = 0) -> Any:
        rows = plainly(cursor, size)
        fetched.append(len(rows))
        return rows

    monkeypatch.setattr(ServerCursor, "fetchmany", fetchmany)
    with every_changeset.every_changeset(asked.serving.pool, counting, []) as stream:
        taken = [next(stream.rows) for _ in range(25)]
    assert len({row["changeset_id"] for row in taken}) == 25
    assert sum(fetched) == 30


def test_too_many_streams_wait_and_one_that_ends_makes_room(get: Client, asked: Asked) -> None:
    streams = asked.serving.streams
    taken = [streams.acquire(blocking=False) for _ in range(10)]
    try:
        assert refused(get("/api/v1/changesets.csv"), 503)["type"] == "/problems/busy"
    finally:
        for one in taken:
            if one:
                streams.release()
    for _ in range(10):
        assert get("/api/v1/changesets.csv?last=1h", "HEAD").status_code == 200
        refused(get("/api/v1/changesets.csv?user=nobody-of-this-name"), 404)
    assert get("/api/v1/changesets.csv?last=1h").status_code == 200


def test_people_in_no_export_of_a_server_that_shows_none(asked: Asked) -> None:
    from dataclasses import replace

    settings = asked.serving.settings.model_copy(update={"people": "none"})
    get = Client(Asked(replace(asked.serving, settings=settings), asked.connection, asked.first, asked.last))
    refused(get("/api/v1/leaderboard.csv"), 404)
    rows = read(get("/api/v1/changesets.csv").text)
    assert rows and not any(row["name"] or row["user_id"] for row in rows)
