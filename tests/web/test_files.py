"""Pages as files: the form by the last suffix or by Accept, names like files, badges, cards, feeds, oEmbed."""

import csv
import io
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as Xml

import pytest
from lxml import html

from stats_assets.database import hidden_people
from tests.answers.asking import Asked
from tests.web.test_api import Client, refused

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.fixture(scope="module")
def get(asked: Asked) -> Iterator[Client]:
    yield Client(asked)


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_page_s_address_with_a_suffix_is_what_is_behind_it(get: Client) -> None:
    board = read(get("/h/missingmaps.csv?last=1h&lang=fr&team=Red:1101&title=x").text)
    assert board == read(get("/api/v1/leaderboard.csv?hashtag=missingmaps&last=1h&limit=1000").text)
    assert board and list(board[0])[:5] == ["rank", "user_id", "name", "changesets", "edits"]
    totals = get("/h/missingmaps;youthmappers.json?last=1h").json()["totals"]
    asked = "/api/v1/totals?hashtag=missingmaps&hashtag=youthmappers&last=1h"
    assert totals == get(asked).json()["totals"]
    apart = get("/h/missingmaps,youthmappers.json?last=1h").json()["apart"]
    assert [one["hashtag"] for one in apart] == ["missingmaps", "youthmappers"]
    person = read(get("/uid/1101.csv").text)
    assert [row["user_id"] for row in person] == ["1101"]
    assert read(get("/c/NPL.csv?view=series&by=15min").text) == read(
        get("/api/v1/series.csv?country=NPL&by=15min").text
    )
    every = get("/h/missingmaps.ndjson?view=changesets").text.splitlines()
    assert len(every) == get("/api/v1/changesets?hashtag=missingmaps&limit=1").json()["total_rows"]
    following = get("/h/missingmaps.csv?limit=1").links["next"]["url"]
    assert read(get(following).text)[0] == read(get("/h/missingmaps.csv?limit=2").text)[1]
    refused(get("/h/missingmaps.csv?view=nonsense"), 400)
    refused(get("/h/missingmaps.csv?nonsense=1"), 400)


def test_who_accepts_a_form_gets_it_at_the_page_s_address(get: Client) -> None:
    for accept in (BROWSER, "*/*", "text/*"):
        assert get("/h/missingmaps", Accept=accept).headers["content-type"].startswith("text/html")
    accepted = {"text/csv": "text/csv", "application/json": "application/json", "image/*": "image/svg+xml"}
    for accept, given in accepted.items():
        response = get("/h/missingmaps?last=1h", Accept=accept)
        assert response.headers["content-type"].startswith(given)
        assert "Accept" in response.headers["vary"]
    assert "image/png" in refused(get("/h/missingmaps", Accept="video/mp4"), 406)["detail"]


@pytest.fixture
def renamed(asked: Asked) -> Iterator[tuple[int, str]]:
    """Somebody with a name like a file's, with a slash."""
    ((user, name),) = asked.connection.execute(
        "SELECT user_id, name FROM changesets JOIN users ON users.id = user_id WHERE name IS NOT NULL LIMIT 1"
    ).fetchall()
    asked.connection.execute("UPDATE users SET name = 'a/b.csv' WHERE id = %s", (user,))
    asked.serving.kept.__init__()  # type: ignore[misc]
    yield user, "a/b.csv"
    asked.connection.execute("UPDATE users SET name = %s WHERE id = %s", (name, user))
    asked.serving.kept.__init__()  # type: ignore[misc]


def test_who_is_called_like_a_file_has_a_page_and_files(get: Client, renamed: tuple[int, str]) -> None:
    user, name = renamed
    page = get(f"/u/{name}.html?last=7d")
    assert (page.status_code, page.headers["location"]) == (302, f"/uid/{user}?last=7d")
    rows = read(get(f"/u/{name}.csv").text)
    assert [(row["user_id"], row["name"]) for row in rows] == [(str(user), name)]
    refused(get("/u/a/b.csv"), 404)  # nobody is called a/b
    refused(get("/u/nobody.csv.html"), 404)
    assert f"/uid/{user}" in get("/search?q=a/b.csv").text


def test_a_badge_is_small_and_says_the_api_s_number(get: Client) -> None:
    totals = get("/api/v1/totals?hashtag=missingmaps").json()["totals"]
    shown = {
        "people": totals["users"],
        "edits": totals["edits"],
        "buildings": totals["counts"]["buildings_added"],
    }
    for show, number in shown.items():
        response = get(f"/badge/h/missingmaps.svg?show={show}")
        assert response.headers["content-type"] == "image/svg+xml"
        assert len(response.content) < 2_000
        tree = Xml.fromstring(response.text)  # noqa: S314 - our own
        assert f"#missingmaps: {number:,} " in tree.get("aria-label", "")
        again = get(f"/badge/h/missingmaps.svg?show={show}", If_None_Match=response.headers["etag"])
        assert again.status_code == 304
    hostile = get(f"/badge/h/missingmaps.svg?label={quote('</text><script>x</script>')}").text
    assert "<script" not in hostile
    Xml.fromstring(hostile)  # noqa: S314
    refused(get("/badge/h/missingmaps.svg?show=speed"), 400)
    refused(get("/badge/uid/99999999.svg"), 404)


def test_a_card_may_stand_in_other_sites_pages(get: Client) -> None:
    card = get("/card/h/missingmaps;youthmappers?last=1h")
    assert "frame-ancestors *" in card.headers["content-security-policy"]
    assert "x-frame-options" not in card.headers
    tree: Any = html.fromstring(card.text)
    link = tree.xpath("//h1/a")[0]
    assert link.get("href") == "http://server/h/missingmaps;youthmappers?last=1h"
    edits = get("/h/missingmaps;youthmappers.json?last=1h").json()["totals"]["edits"]
    assert edits in [Decimal(one.get("value")) for one in tree.xpath("//data")]


def test_a_page_says_where_its_picture_card_and_feed_are(get: Client) -> None:
    tree: Any = html.fromstring(get("/h/missingmaps?last=1h&metric=changesets").text)
    picture = tree.xpath("//meta[@property='og:image']/@content")[0]
    assert picture == "http://server/h/missingmaps.png?last=1h"
    assert tree.xpath("//meta[@property='og:title']/@content") == ["#missingmaps"]
    oembed = tree.xpath("//link[@type='application/json+oembed']/@href")[0]
    found = get(oembed.removeprefix("http://server")).json()
    assert (found["version"], found["type"]) == ("1.0", "rich")
    frame: Any = html.fromstring(found["html"])
    assert get(frame.get("src").removeprefix("http://server")).status_code == 200
    feed = tree.xpath("//link[@type='application/rss+xml']/@href")[0]
    assert get(feed.removeprefix("http://server")).status_code == 200
    small = get("/oembed?url=http://server/h/missingmaps&maxwidth=300&maxheight=9999").json()
    assert (small["width"], small["height"]) == (300, 315)
    refused(get("/oembed?url=http://elsewhere.example/h/missingmaps"), 404)
    refused(get("/oembed?url=http://server/quality"), 404)
    refused(get("/oembed?url=http://server/h/missingmaps&format=xml"), 501)


def test_snippets_are_what_they_say_whatever_the_title_is(get: Client) -> None:
    title = '"><script>alert(1)</script>](x) [[[y]]] `'
    tree: Any = html.fromstring(get(f"/h/missingmaps?title={quote(title)}").text)
    frame, markdown, wiki = (one.text for one in tree.xpath("//section[@id='take']//textarea"))
    assert html.fromstring(frame).get("title") == title
    assert len(re.findall(r"(?<!\\)]\(", markdown)) == 2 and not re.search(r"(?<!\\)<", markdown)
    assert wiki.count("[") == wiki.count("]") == 1


def test_a_feed_has_the_days_that_are_over(get: Client) -> None:
    window = "from=2025-02-01T00:00&to=2025-02-20T04:45"
    response = get(f"/h/missingmaps.rss?{window}")
    assert response.headers["content-type"].startswith("application/rss+xml")
    channel: Any = Xml.fromstring(response.text).find("channel")  # noqa: S314
    assert channel.find("title").text == "#missingmaps"
    series = get(f"/api/v1/series?hashtag=missingmaps&by=day&{window}").json()["series"]
    over = [step for step in series if step["edits"] and not step["running"]]
    items = channel.findall("item")
    assert len(items) == len(over) > 0
    assert len({item.find("guid").text for item in items}) == len(items)
    assert f"{over[-1]['edits']} edit" in items[0].find("title").text
    link = (
        items[0]
        .find("link")
        .text.removeprefix("http://server")
        .replace("/h/missingmaps?", "/h/missingmaps.json?")
    )
    assert json.loads(get(link).text)["totals"]["edits"] == over[-1]["edits"]
    refused(get("/u/nobody-of-this-name.rss"), 404)


def test_who_is_hidden_is_in_no_file(get: Client, asked: Asked) -> None:
    top = read(get("/api/v1/leaderboard.csv?hashtag=missingmaps").text)[0]
    user, name = int(top["user_id"]), top["name"].removeprefix("'")
    paths = (
        f"/uid/{user}.csv",
        f"/uid/{user}.png",
        f"/uid/{user}.rss",
        f"/badge/uid/{user}.svg",
        f"/card/uid/{user}",
    )
    lists = ("/h/missingmaps.csv", "/h/missingmaps.csv?view=changesets", "/api/v1/changesets.ndjson")
    assert all(get(path).status_code == 200 for path in paths)
    assert all(name in get(path).text for path in lists)
    hidden_people.hide(asked.connection, user)
    asked.serving.kept.__init__()  # type: ignore[misc] # without the answers that are kept for some seconds
    try:
        assert [get(path).status_code for path in paths] == [404] * len(paths)
        assert not any(f",{user}," in get(path).text or name in get(path).text for path in lists)
    finally:
        hidden_people.show(asked.connection, user)
        asked.serving.kept.__init__()  # type: ignore[misc]
