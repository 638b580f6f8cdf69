"""OSMesa's stat-server's routes, as its clients ask and decode them: paths, keys, types, codes, texts, pages."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from stats_assets.database import hidden_people
from stats_assets.database.connection import Connection
from tests.web.running import Web, served

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6})?Z")
NUMBER, TEXT, OBJECT = (int, Decimal), str, dict
Model = dict[str, Any]
NUMBERS: Model = {"measurements": OBJECT, "counts": OBJECT}
USER: Model = {
    "uid": int,
    "name": (str, None),
    **NUMBERS,
    "last_edit": TIME,
    "updated_at": TIME,
    "changeset_count": int,
    "edit_count": int,
    **{
        f"{of}_{what}": OBJECT
        for of in ("editor", "day", "country", "hashtag")
        for what in ("changesets", "edits")
    },
}
CHANGESET: Model = {
    "id": int,
    **NUMBERS,
    "editor": (str, None),
    "user_id": (int, None),
    "created_at": (TIME, None),
    "closed_at": (TIME, None),
    "augmented_diffs": list,
    "updated_at": TIME,
}
CAMPAIGN: Model = {
    "tag": str,
    **NUMBERS,
    "changeset_count": int,
    "edit_count": int,
    "last_edit": TIME,
    "updated_at": TIME,
    "user_changesets": OBJECT,
    "user_edits": OBJECT,
}
CAMPAIGN_USER: Model = {
    "tag": str,
    "uid": int,
    "name": (str, None),
    **NUMBERS,
    "last_edit": TIME,
    "changeset_count": int,
    "edit_count": int,
}
COUNTRY: Model = {"id": int, "name": (str, None), "code": str}
COUNTRY_STATS: Model = {
    "country_id": int,
    "name": str,
    "code": str,
    **NUMBERS,
    "last_edit": TIME,
    "updated_at": TIME,
    "changeset_count": int,
    "edit_count": int,
    **{f"{of}_{what}": OBJECT for of in ("user", "hashtag") for what in ("changesets", "edits")},
}
LINK: Model = {"changesetId": int, "countryId": int, "editCount": int}


def decoded(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def fits(value: Any, model: Any) -> bool:
    if isinstance(model, tuple):
        return any(fits(value, one) for one in model)
    if model is None:
        return value is None
    if isinstance(model, re.Pattern):
        return isinstance(value, str) and model.fullmatch(value) is not None
    return isinstance(value, model) and not isinstance(value, bool)


def check(row: dict[str, Any], model: Model) -> None:
    assert list(row) == list(model)
    assert {key: value for key, value in row.items() if not fits(value, model[key])} == {}
    for key in ("measurements", "counts"):
        assert all(isinstance(number, NUMBER) for number in row.get(key, {}).values())


def one(connection: Connection, query: str, *given: object) -> Any:
    row = connection.execute(query.encode(), given).fetchone()
    assert row is not None
    return row[0]


@pytest.fixture(scope="module")
def keys(counted: str) -> Iterator[dict[str, Any]]:
    """Something that is there, of each kind."""
    from stats_assets.database.connection import connect

    with connect(counted) as connection:
        tag, uid = connection.execute(
            "SELECT hashtag, user_id FROM hashtag_user_statistics ORDER BY edit_count DESC LIMIT 1"
        ).fetchone() or ("", 0)
        changeset, country, code = connection.execute(
            "SELECT changeset_id, country_id, code FROM changesets_countries JOIN countries ON id = country_id LIMIT 1"
        ).fetchone() or (0, 0, "")
        yield {"tag": tag, "uid": uid, "changeset": changeset, "country": country, "code": code}


LISTS = {
    "/users": USER,
    "/changesets": CHANGESET,
    "/campaigns": CAMPAIGN,
    "/campaigns/{tag}/users": CAMPAIGN_USER,
    "/countries": COUNTRY,
    "/changesets-countries": LINK,
}
ONES = {
    "/users/{uid}": USER,
    "/changesets/{changeset}": CHANGESET,
    "/campaigns/{tag}": CAMPAIGN,
    "/campaigns/{tag}/{uid}": CAMPAIGN_USER,
    "/countries/{country}": COUNTRY,
    "/country-stats/{code}": COUNTRY_STATS,
    "/changesets-countries/{changeset}/{country}": LINK,
}


@pytest.mark.parametrize("path", LISTS)
def test_lists(web: Web, keys: dict[str, Any], path: str) -> None:
    first = web.get(path.format(**keys))
    assert (first.status_code, first.headers["content-type"]) == (200, "application/json")
    assert first.headers["access-control-allow-origin"] == "*"
    answer = decoded(first.text)
    assert list(answer) == ["results", "page"]
    assert answer["page"] == 1
    assert 0 < len(answer["results"]) <= 25
    for row in answer["results"]:
        check(row, LISTS[path])
    assert decoded(web.get(path.format(**keys) + "?page=1").text) == answer
    beyond = web.get(path.format(**keys) + "?page=99999")
    assert (beyond.status_code, decoded(beyond.text)) == (200, {"results": [], "page": 99999})
    for wrong in ("0", "-1", "abc", "", "1.5", str(1 << 31), str(1 << 70), "%00"):
        refused = web.get(path.format(**keys) + f"?page={wrong}")
        assert (refused.status_code, refused.text) == (404, "Not found"), wrong


@pytest.mark.parametrize("path", ONES)
def test_single_rows(web: Web, keys: dict[str, Any], path: str) -> None:
    answer = web.get(path.format(**keys))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    check(decoded(answer.text), ONES[path])


def test_pages_are_all_rows_in_order_and_once(web: Web, owner: Connection) -> None:
    for path, key, query in (
        ("/changesets", "id", "SELECT array_agg(id ORDER BY id) FROM changesets"),
        ("/countries", "id", "SELECT array_agg(id ORDER BY id) FROM countries"),
        ("/campaigns", "tag", 'SELECT array_agg(tag ORDER BY tag COLLATE "C") FROM hashtag_statistics'),
        ("/users", "uid", "SELECT array_agg(id ORDER BY id) FROM user_statistics"),
    ):
        found, page = [], 1
        while rows := decoded(web.get(f"{path}?page={page}").text)["results"]:
            found += [row[key] for row in rows]
            page += 1
        assert found == one(owner, query), path


def test_numbers_are_those_of_the_views_to_the_last_digit(
    web: Web, keys: dict[str, Any], owner: Connection
) -> None:
    row = decoded(web.get("/users/{uid}".format(**keys)).text)
    text = one(owner, "SELECT measurements::text FROM user_statistics WHERE id = %s", keys["uid"])
    assert row["measurements"] == decoded(text)
    assert row["edit_count"] == one(
        owner, "SELECT edit_count FROM user_statistics WHERE id = %s", keys["uid"]
    )
    last = one(owner, "SELECT last_edit FROM user_statistics WHERE id = %s", keys["uid"])
    assert datetime.fromisoformat(row["last_edit"]) == last


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/users/4711", "Unable to retrieve user record at 4711"),
        ("/users/-5", "Unable to retrieve user record at -5"),
        (f"/users/{(1 << 63) - 1}", f"Unable to retrieve user record at {(1 << 63) - 1}"),
        (f"/users/{1 << 63}", "Not found"),
        (f"/users/{'9' * 5000}", "Not found"),
        ("/users/abc", "Not found"),
        ("/users/1.0", "Not found"),
        ("/users/%D9%A1", "Not found"),  # a digit, of another script
        ("/changesets/4711", "Unable to retrieve changeset record at 4711"),
        (f"/changesets/{1 << 64}", "Not found"),
        ("/campaigns/nothing", "Unable to retrieve hashtag_statistics record at nothing"),
        ("/campaigns/hotosm-*", "Unable to retrieve hashtag_statistics record at hotosm-*"),
        ("/campaigns/a%2Fb", "Unable to retrieve hashtag_statistics record at a/b"),
        ("/campaigns/a.b", "Unable to retrieve hashtag_statistics record at a.b"),
        ("/campaigns/%E0%A4%A8%E0%A5%87", "Unable to retrieve hashtag_statistics record at ने"),
        ("/campaigns/%27%20OR%201%3D1", "Unable to retrieve hashtag_statistics record at ' OR 1=1"),
        ("/campaigns/a%00b", "Not found"),
        ("/campaigns/a/b/c", "Not found"),
        ("/campaigns/a/b", "Not found"),
        ("/campaigns/a/5", "Unable to retrieve hashtag_user_statistics record at a"),
        ("/campaigns/a%2Fb/5", "Unable to retrieve hashtag_user_statistics record at a/b"),
        ("/countries/4711", "Unable to retrieve country record at 4711"),
        ("/countries/KEN", "Not found"),
        ("/country-stats/XXX", "Unable to retrieve country record at XXX"),
        ("/country-stats/ken", "Unable to retrieve country record at ken"),
        ("/country-stats/a/b", "Not found"),
        ("/changesets-countries/1/4711", "Unable to retrieve changesetCountry record at (1,4711)"),
        ("/changesets-countries/1/x", "Not found"),
        ("/tiles/user/5/a/1/1.mvt", "Not found"),
        ("/tiles/other/5/1/1/1.mvt", "Not found"),
    ],
)
def test_what_is_not_there_is_said_in_its_words(web: Web, path: str, text: str) -> None:
    answer = web.get(path)
    assert (answer.status_code, answer.text) == (404, text)
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_page_of_a_hashtag_that_is_not_there_is_empty(web: Web) -> None:
    answer = web.get("/campaigns/nothing/users")
    assert (answer.status_code, decoded(answer.text)) == (200, {"results": [], "page": 1})


def test_old_codes_are_answered_under_the_code_that_was_asked_for(web: Web, owner: Connection) -> None:
    code, alias = "SSD", "SDS"
    there = one(owner, "SELECT owner_id FROM aggregates_ranked WHERE owner = 'country' LIMIT 1")
    south_sudan = one(owner, "SELECT id FROM countries WHERE code = %s", code)
    move = b"UPDATE aggregates SET owner_id = %s WHERE owner = 'country' AND owner_id = %s"
    owner.execute(move, (south_sudan, there))
    try:
        old, new = (decoded(web.get(f"/country-stats/{name}").text) for name in (alias, code))
    finally:
        owner.execute(move, (there, south_sudan))
    assert (old.pop("code"), new.pop("code")) == (alias, code)
    assert old == new


def test_status(web: Web, owner: Connection) -> None:
    answer = decoded(web.get("/status").text)
    names = ["user_stats_refresh", "country_stats_refresh", "hashtag_stats_refresh"]
    assert list(answer) == names
    assert all(TIME.fullmatch(time) for time in answer.values())
    owner.execute("CREATE TABLE kept AS TABLE refreshments")
    owner.execute("TRUNCATE refreshments")
    empty = web.get("/status")
    owner.execute("INSERT INTO refreshments TABLE kept")
    owner.execute("DROP TABLE kept")
    assert (empty.status_code, decoded(empty.text)) == (200, dict.fromkeys(names))


@pytest.mark.parametrize("path", ["/tiles/user/5/1/2/3.mvt", "/tiles/hashtag/a%2Fb/1/2/3"])
def test_a_tile_is_an_empty_one(web: Web, path: str) -> None:
    answer = web.get(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"


def test_who_is_hidden_is_in_no_answer_and_sums_keep_the_edits(
    web: Web, keys: dict[str, Any], owner: Connection
) -> None:
    uid, tag, code = keys["uid"], keys["tag"], keys["code"]
    paths = ["/users", f"/campaigns/{tag}/users", f"/campaigns/{tag}", "/campaigns", f"/country-stats/{code}"]
    before = {path: decoded(web.get(path).text) for path in paths}
    changeset = one(owner, "SELECT id FROM changesets WHERE user_id = %s LIMIT 1", uid)
    hidden_people.hide(owner, uid)
    try:
        hidden = web.get(f"/users/{uid}")
        unknown = web.get("/users/4711")
        assert hidden.status_code == unknown.status_code == 404
        assert hidden.text == unknown.text.replace("4711", str(uid))
        assert web.get(f"/campaigns/{tag}/{uid}").status_code == 404
        after = {path: decoded(web.get(path).text) for path in paths}
        for path in paths:
            assert f'"{uid}"' not in json.dumps(after[path], default=str), path
            assert f'"uid": {uid}' not in json.dumps(after[path], default=str), path
        assert f'"{uid}"' in json.dumps(before[f"/campaigns/{tag}"], default=str)
        for path in (f"/campaigns/{tag}", f"/country-stats/{code}"):
            assert after[path]["edit_count"] == before[path]["edit_count"]
        assert decoded(web.get(f"/changesets/{changeset}").text)["user_id"] is None
        assert len(after["/users"]["results"]) == len(before["/users"]["results"]) - 1
    finally:
        hidden_people.show(owner, uid)
    assert {path: decoded(web.get(path).text) for path in paths} == before


@pytest.mark.parametrize(("people", "lists", "alone"), [("names", 1, 200), ("none", 0, 404)])
def test_a_server_that_shows_fewer_of_people(
    counted: str, keys: dict[str, Any], people: str, lists: int, alone: int
) -> None:
    uid, tag = keys["uid"], keys["tag"]
    with served(counted, people=people) as web:
        assert decoded(web.get("/users").text) == {"results": [], "page": 1}
        assert web.get(f"/users/{uid}").text == f"Unable to retrieve user record at {uid}"
        assert bool(decoded(web.get(f"/campaigns/{tag}/users").text)["results"]) == bool(lists)
        assert web.get(f"/campaigns/{tag}/{uid}").status_code == alone
        assert bool(decoded(web.get(f"/campaigns/{tag}").text)["user_edits"]) == bool(lists)
        users = {row["user_id"] for row in decoded(web.get("/changesets").text)["results"]}
        assert (users == {None}) == (people == "none")


def test_people_are_not_for_search_engines(web: Web, keys: dict[str, Any]) -> None:
    for path in ("/users", "/users/{uid}", "/users/4711", "/campaigns/{tag}/users", "/campaigns/{tag}/{uid}"):
        assert web.get(path.format(**keys)).headers["x-robots-tag"] == "noindex", path
