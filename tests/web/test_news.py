"""What a hashtag has reached, on its live events and in its feed; an event's files."""

import json
from datetime import date
from pathlib import Path
from xml.etree import ElementTree as Xml

from stats_assets.database.connection import Connection
from stats_assets.database.statistics.milestones import keep_rules, look_again
from stats_assets.osm.milestones import load_milestones
from tests.pages.conftest import EVENTS
from tests.web.running import Web, served
from tests.web.test_live import listening

RULES = """
hashtag_people: {of: hashtag, metric: people, levels: [2]}
hashtag_buildings: {of: hashtag, metric: sum, keys: [buildings_added], levels: [3, 30]}
"""


def test_a_hashtags_milestones_are_news_within_its_window(
    web: Web, owner: Connection, tmp_path: Path
) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    keep_rules(owner, load_milestones(tmp_path / "rules.yaml"))
    look_again(owner)
    rows = owner.execute(
        "SELECT h.hashtag, m.name, m.level, m.earned FROM milestones AS m JOIN hashtags AS h ON h.id = m.owner_id"
        " WHERE m.owner = 'hashtag'"
    ).fetchall()
    tag, name, level, day = max(rows, key=lambda row: (row[2], row[0]))
    assert isinstance(day, date)
    with listening(web, f"/api/v1/live?last=7d&hashtag={tag}") as events:
        news = json.loads(events.next()["data"])["news"]
    assert {(one["hashtag"], one["name"], one["level"], one["reached"]) for one in news} == {
        (row[0], row[1], int(row[2]), row[3].isoformat()) for row in rows if row[0] == tag
    }
    assert news[0]["kind"] == "milestone"
    assert f"{name.removeprefix('hashtag_')}_{level}" in {one["text_key"] for one in news}
    with listening(web, f"/api/v1/live?from=2013-01-01&to=2013-01-02&hashtag={tag}") as events:
        assert json.loads(events.next()["data"])["news"] == []
    with listening(web, "/api/v1/live?last=7d") as events:
        assert json.loads(events.next()["data"])["news"] == []
    said = {"hashtag_people": f"{level} people", "hashtag_buildings": f"{level} buildings added"}[name]
    feed = Xml.fromstring(web.get(f"/h/{tag}.rss").text)  # noqa: S314
    titles = [str(item.findtext("title")) for item in feed.iter("item")]
    assert sum(title.startswith(f"#{tag}: {said}, reached ") for title in titles) == 1


def test_an_events_files_are_its_hashtags_files(counted: str, tmp_path: Path) -> None:
    (tmp_path / "events.yaml").write_text(EVENTS)
    with served(counted, events_file=tmp_path / "events.yaml") as web:
        for form in ("csv", "png", "json", "rss"):
            beside = web.get(f"/e/nepal2025.{form}?lang=ne")
            assert beside.status_code == 302, beside.text
            to = beside.headers["location"]
            assert to.startswith(f"/h/osmnepal;missingmaps.{form}?") and "from=2025-02-20T14:00" in to
            assert "user=" not in to and web.get(to).status_code == 200
            assert web.get(f"/e/other.{form}").status_code == 404
        assert web.get("/e/nepal2025.exe").status_code == 404
