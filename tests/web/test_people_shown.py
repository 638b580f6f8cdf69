"""Who is shown: PEOPLE in all answers, hiding within them, and the command that hides."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from stats_assets.database import hidden_people
from stats_assets.database.connection import Connection
from tests.conftest import Run
from tests.web.running import Web, served

WINDOW = "last=24h"


def answer(web: Web, path: str) -> Any:
    given = web.get(f"/api/v1/{path}")
    assert given.status_code == 200, given.text
    return given.json()


def mentions(value: Any, uid: int, name: str) -> bool:
    if isinstance(value, dict):
        return any(mentions(part, uid, name) for key, part in value.items() if key != "query")
    if isinstance(value, list):
        return any(mentions(part, uid, name) for part in value)
    return value in (uid, name) or (isinstance(value, str) and f"/uid/{uid}" in value)


@pytest.fixture
def mapper(owner: Connection) -> Iterator[tuple[int, str]]:
    """Who edited most."""
    row = owner.execute("SELECT id, name FROM user_statistics ORDER BY edit_count DESC LIMIT 1").fetchone()
    assert row is not None
    yield row[0], row[1]
    hidden_people.show(owner, row[0])


LISTS = (
    f"leaderboard?{WINDOW}",
    f"changesets?{WINDOW}&limit=1000",
    "search?q={name}",
    "search?q={uid}",
    f"newcomers?country=DEU&{WINDOW}",
)


def test_who_is_hidden_is_gone_and_sums_stay(
    counted: str, owner: Connection, mapper: tuple[int, str]
) -> None:
    uid, name = mapper
    paths = [path.format(uid=uid, name=name) for path in LISTS]
    with served(counted) as web:
        before = {path: answer(web, path) for path in paths}
        totals = answer(web, f"totals?{WINDOW}")
    assert mentions(before[paths[0]], uid, name)
    assert mentions(before[paths[2]], uid, name)
    hidden_people.hide(owner, uid)
    with served(counted) as web:  # without the answers that are kept for some seconds
        for path in paths:
            assert not mentions(answer(web, path), uid, name), path
        after = answer(web, f"totals?{WINDOW}")
        assert after["totals"].pop("hidden_users") == totals["totals"].pop("hidden_users") + 1
        assert after["totals"] == totals["totals"]
        ranks = [row["rank"] for row in answer(web, paths[0])["rows"]]
        assert ranks[0] == 1
        assert len(ranks) == len(before[paths[0]]["rows"]) - 1
        like = f"search?q={name[:-1]}%C3%9F"  # one letter of it is wrong
        assert not mentions(answer(web, like), uid, name)
        for path in (f"totals?user={uid}", f"totals?user={name}", f"badges/{uid}"):
            hidden = web.get(f"/api/v1/{path}")
            unknown = web.get(f"/api/v1/{path.replace(name, 'nobody').replace(str(uid), '4711')}")
            assert hidden.status_code == unknown.status_code == 404
            assert hidden.json()["detail"] == unknown.json()["detail"]


def test_names_are_shown_and_nobody_is_added_up(counted: str, mapper: tuple[int, str]) -> None:
    uid, name = mapper
    with served(counted, people="names") as web:
        assert mentions(answer(web, f"leaderboard?{WINDOW}"), uid, name)
        assert answer(web, f"search?q={name}")["results"] == []
        for path in (
            f"totals?user={uid}",
            "totals?user=nobody",
            f"badges/{uid}",
            f"live?{WINDOW}&user={uid}",
        ):
            refused = web.get(f"/api/v1/{path}")
            assert (refused.status_code, refused.json()["type"]) == (404, "/problems/people-not-shown")
            assert web.get(refused.json()["try"]).status_code == 200


def test_no_people_are_shown(counted: str, mapper: tuple[int, str]) -> None:
    uid, name = mapper
    with served(counted, people="none") as web:
        assert answer(web, f"totals?{WINDOW}")["totals"]["users"] > 1
        for path in (f"leaderboard?{WINDOW}", f"newcomers?country=DEU&{WINDOW}", f"totals?user={uid}"):
            refused = web.get(f"/api/v1/{path}")
            assert (refused.status_code, refused.json()["type"]) == (404, "/problems/people-not-shown")
            assert web.get(refused.json()["try"]).status_code == 200
        assert not mentions(answer(web, f"changesets?{WINDOW}&limit=1000"), uid, name)
        assert not mentions(answer(web, f"search?q={name}"), uid, name)
        with web.client.stream("GET", f"/api/v1/live?{WINDOW}") as events:
            data = next(line for line in events.iter_lines() if line.startswith("data: "))
        assert not mentions(json.loads(data.removeprefix("data: ")), uid, name)


def test_the_command(run: Run, counted: str, owner: Connection, mapper: tuple[int, str]) -> None:
    uid, name = mapper

    def people(*words: str) -> Any:
        return run("people", *words, DATABASE_URL=counted)

    assert "is hidden now" in people("hide", str(uid)).stderr
    assert hidden_people.hidden_ids(owner) == [uid]
    assert "is hidden already" in people("hide", str(uid)).stderr
    listed = json.loads(people("list", "--json").stdout)
    assert [(one["user_id"], one["name"], one["reason"]) for one in listed] == [(uid, name, "asked")]
    assert str(uid) in people("list").stdout
    assert "is shown now" in people("show", str(uid)).stderr
    assert "was not hidden" in people("show", str(uid)).stderr
    assert hidden_people.hidden_ids(owner) == []
    wrong = people("hide", name)
    assert (wrong.returncode, f"Of that name is {uid}" in wrong.stderr) == (2, True)
    for words in (
        ("hide",),
        ("list", "5"),
        ("hide", "0"),
        ("hide", "-- -5"),
        ("hide", str(1 << 63)),
        ("do", "5"),
    ):
        assert people(*words).returncode == 2, words
    owner.execute("INSERT INTO hidden_people (user_id, reason) VALUES (%s, 'deleted')", (uid,))
    try:
        stays = people("show", str(uid))
        assert (stays.returncode, "stays hidden" in stays.stderr) == (1, True)
    finally:
        owner.execute("DELETE FROM hidden_people")


def test_an_answer_that_names_somebody_is_kept_for_less_than_a_minute_and_not_for_search_engines(
    web: Web, owner: Connection, mapper: tuple[int, str]
) -> None:
    uid, name = mapper
    end = datetime.fromisoformat(answer(web, f"totals?{WINDOW}")["about"]["complete_to"])
    since, until = (f"{end - timedelta(minutes=minutes):%Y-%m-%dT%H:%MZ}" for minutes in (12, 2))
    window = f"from={since}&to={until}"
    owner.execute("UPDATE ledger SET settled_at = now()")
    owner.execute(  # it is three hours later, by the feeds
        "INSERT INTO heads (stream, head, feed_time, moved_at) SELECT stream, max(sequence), now() + interval '3 h',"
        " now() FROM ledger GROUP BY stream ON CONFLICT (stream) DO UPDATE SET head = excluded.head,"
        " feed_time = excluded.feed_time, moved_at = excluded.moved_at"
    )
    try:
        _are_kept(web, window, uid, name)
    finally:
        owner.execute("UPDATE heads SET feed_time = feed_time - interval '3 h'")


def _are_kept(web: Web, window: str, uid: int, name: str) -> None:
    settled = web.get(f"/api/v1/totals?{window}")
    assert settled.json()["about"]["state"] == "settled"
    assert "max-age=300" in settled.headers["cache-control"]
    named = [path.format(uid=uid, name=name).replace(WINDOW, window) for path in LISTS]
    for path in (*named, f"totals?user={uid}&{window}", f"badges/{uid}"):
        headers = web.get(f"/api/v1/{path}").headers
        assert headers["cache-control"] == "public, max-age=10, stale-while-revalidate=30", path
        assert headers["x-robots-tag"] == "noindex", path
    for path in (f"totals?{window}", f"leaderboard?of=hashtags&{window}"):
        assert "x-robots-tag" not in web.get(f"/api/v1/{path}").headers, path
