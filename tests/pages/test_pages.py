"""Each page from answers: what it says, in which words, and what must never be in it."""

import re
from collections.abc import Mapping
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast
from xml.etree import ElementTree

import pytest
from fastapi.testclient import TestClient
from lxml import html

from stats_assets.pages.page import targets_of
from stats_assets.pages.rendering import content_of, files
from stats_assets.pages.visit import Visit
from stats_assets.questions.answer import Answer, Given, Kind, Value
from stats_assets.questions.problem import Problem
from stats_assets.texts.language import LANGUAGES
from tests.pages import content
from tests.pages.conftest import client_of

TEAMS = "team=Red:1101,1103&team=Blue:1107&target=buildings_added:2000"
PAGES = [
    *("/", "/?last=7d", "/h/missingmaps", "/h/missingmaps;osmnepal?last=24h&tz=Africa/Nairobi"),
    *(f"/h/missingmaps?{TEAMS}", "/h/missingmaps,osmnepal", "/h/missingmaps/live?user=a&user=b"),
    *("/u/mapper-1101", "/u/a/b.c", "/uid/1101?period=2025", "/c/KEN", "/c/USA-TX", "/quality"),
    *("/quality?from=2025-02-20T14:00&tz=Asia/Kathmandu", "/search", "/search?q=misingmaps"),
    *("/about", "/about/counting", "/about/differences", "/about/privacy", "/nothing/here", "/about/nothing"),
    "/h/missingmaps?view=card",
]
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


def tree_of(page: str) -> Any:
    return html.fromstring(page)


def text_of(page: str) -> str:
    tree = tree_of(page)
    for one in tree.xpath("//script|//style|//template"):
        one.drop_tree()
    return " ".join(tree.text_content().split())


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole_small_and_of_this_host_alone(client: TestClient, path: str) -> None:
    """Nothing inline that a strict policy stops, nothing of others, hostile names as text."""
    answer = client.get(path)
    assert answer.status_code == (404 if "nothing" in path else 200)
    page = answer.text
    tree = tree_of(page)
    assert tree.xpath("string(/html/@lang)") == "en" and tree.xpath("string(/html/@dir)") == "ltr"
    assert len(tree.xpath("//h1")) == len(tree.xpath("//main")) == 1
    linked = tree.xpath(
        "//script/@src|//link[@rel!='alternate' and @rel!='canonical']/@href|//img/@src|//iframe/@src"
    )
    assert all(one.startswith("/static/") for one in linked)
    sizes = [len(content_of(one.split("?")[0].removeprefix("/static/"))) for one in set(linked)]
    assert len(page.encode()) + sum(sizes) < 70_000  # as it is opened, before anything is compressed
    assert sum(sizes) + len(content_of("htmx.min.js")) < 80_000  # which comes when somebody does something
    assert not tree.xpath("//@style|//style|//*[@onclick]|//script[not(@src)]|//b[@onmouseover]")
    assert not [name for one in tree.iter() for name in one.attrib if name.startswith("on")]
    assert "<b " not in page
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids)), "an id stands twice"
    for one in tree.xpath("//a/@href"):
        assert re.match(r"https://www\.openstreetmap\.org/copyright$|http://testserver/|/|$|#", one), one
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy and "script-src 'self'" in policy and "default-src 'none'" in policy


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_page_is_in_each_language(client: TestClient, code: str) -> None:
    for path in (
        "/",
        "/h/missingmaps",
        "/h/missingmaps/live",
        "/uid/1101",
        "/c/KEN",
        "/quality",
        "/about/counting",
    ):
        answer = client.get(path, headers={"accept-language": f"{code}, en;q=0.5"})
        tree = tree_of(answer.text)
        assert tree.xpath("string(/html/@lang)") == code == answer.headers["content-language"]
        assert tree.xpath("string(/html/@dir)") == ("rtl" if code == "ar" else "ltr")
        assert "Accept-Language" in answer.headers["vary"]
        assert "{" not in text_of(answer.text), "a value was not filled in"
        if code != "en":
            assert "Counts uploads" not in answer.text and "so far" not in text_of(answer.text)


def test_a_hashtags_page_says_window_numbers_and_how_good_they_are(client: TestClient) -> None:
    said = text_of(client.get("/h/MissingMaps?tz=Africa/Nairobi").text)
    for words in (
        "#missingmaps",
        "Uploaded 14:00–17:30, Nairobi",
        "20 February 2025 · UTC+3",
        "exactly #missingmaps",
        "Counts uploads up to 17:32",
        "3 of 210 minutes are missing",
        "1 minute is in doubt",
        "May still change until 18:35",
        "1,012",
        "41.2",
        "adds up to more than the total",
        "Not ranked: 14 edits without a user",
        "new to #missingmaps",
        "user 2200000017",
        '"quoted" <b onmouseover=alert(1)> & co',
        "Land use, m²5,12000",
        "Kenya",
        "Texas",
        "© OpenStreetMap contributors",
    ):
        assert words in said, words
    ranks = tree_of(client.get("/h/missingmaps").text).xpath("//section[@id='who']//td[1]/text()")
    assert ranks == ["1", "2 =", "2 =", "4", "5", "6", "7"]


def test_several_hashtags_say_how_they_are_put_together(client: TestClient) -> None:
    assert "together: each changeset once" in text_of(client.get("/h/a;b").text)
    assert "side by side" in text_of(client.get("/h/a,b").text)


def test_numbers_are_exact_behind_what_is_shown(client: TestClient) -> None:
    tree = tree_of(client.get("/h/missingmaps").text)
    (roads,) = tree.xpath("//a[@data-column='road_km_added']/data")
    assert (roads.get("value"), roads.get("title"), roads.text) == ("41.203118274", "41.203118274", "41.2")
    (edits,) = tree.xpath("//a[@data-column='edits']/data")
    assert (edits.get("value"), edits.get("title"), edits.text) == ("1243", None, "1,243")
    assert tree.xpath("//a[@data-column='users']/text()") == ["31"]


def asked(
    changes: Mapping[str, Any] | None = None, seen: list[tuple[Kind, Given]] | None = None, **about: Any
) -> Any:
    """content.answer with another `about` or other totals, remembering what was asked."""

    def answer(kind: Kind, given: Given, path: Mapping[str, str] | None = None) -> Answer:
        if seen is not None:
            seen.append((kind, given))
        found = content.answer(kind, given, path)
        own: Any = found.content.get("about", {})
        told = {**found.content, "about": {**own, **about}}
        if kind == "totals" and changes is not None:
            told["totals"] = {**content.TOTALS, **changes}
        return Answer(kind, given, told)

    return answer


def test_a_board_that_would_be_slow_is_shown_with_fewer_columns() -> None:
    def answer(kind: Kind, given: Given, path: Mapping[str, str] | None = None) -> Answer:
        if kind == "leaderboard" and dict(given)["columns"] != "edits,changesets":
            raise Problem("too-slow", "Too slow", "This would take too long.", status=422)
        return content.answer(kind, given, path)

    tree = tree_of(client_of(answer).get("/h/a").text)
    assert tree.xpath("//section[@id='who']//tbody/tr")
    assert len(tree.xpath("//p[@class='warn']")) == 2, "countries and editors have no fewer"


def test_a_curve_whose_people_would_be_slow_to_tell_apart_is_shown_without_them() -> None:
    def answer(kind: Kind, given: Given, path: Mapping[str, str] | None = None) -> Answer:
        if kind == "series" and "columns" not in dict(given):
            raise Problem("too-slow", "Too slow", "This would take too long.", status=422)
        return content.answer(kind, given, path)

    drawn = [
        tree_of(client_of(one).get("/h/a").text).xpath("//figure[.//svg]") for one in (answer, content.answer)
    ]
    assert len(drawn[0]) == len(drawn[1]) > 0


WHOLE: dict[str, Any] = {"minutes": {"expected": 210, "missing": 0, "flagged": 0, "older_definitions": 0}}


def test_windows_are_compared_only_when_both_are_whole_and_from_twenty_up() -> None:
    def answer(kind: Kind, given: Given, path: Mapping[str, str] | None = None) -> Any:
        before = ("from", "2025-02-20T10:30+0300") in given
        edits = {"edits": 1000 if before else 1243, "users": 19 if before else 31}
        return asked(edits, **WHOLE)(kind, given, path)

    said = text_of(client_of(answer).get("/h/missingmaps").text)
    assert "+24% against 1,000 in the window before" in said
    assert "19 in the window before" in said and "% against 19" not in said
    said = text_of(client_of(content.answer).get("/h/missingmaps").text)
    assert "Not compared with the window before" in said and "in the window before." not in said.replace(
        "the window before, as", ""
    )


@pytest.mark.parametrize(
    ("complete_to", "to", "words"),
    [
        ("2025-02-20T14:32Z", "2025-02-20T15:30Z", "Counts uploads up to 17:32"),
        (
            "2025-02-20T14:21Z",
            "2025-02-20T15:30Z",
            "12 minutes behind: uploads after 17:21 are not counted yet",
        ),
        ("2025-02-20T13:02Z", "2025-02-20T15:30Z", "Stopped at 16:02"),
        (
            "2025-02-20T13:02Z",
            "2025-02-20T13:00Z",
            "Counts uploads up to 16:02",
        ),  # of what it needs all is there
        (None, "2025-02-20T15:30Z", "Nothing is counted yet"),
    ],
)
def test_how_fresh_it_is_is_said_in_words(complete_to: str | None, to: str, words: str) -> None:
    query = {**content.ABOUT["query"], "to": to}
    said = text_of(client_of(asked(complete_to=complete_to, query=query)).get("/h/missingmaps").text)
    assert words in said
    if words.startswith("Counts"):
        assert "behind" not in said and "Stopped" not in said


def test_a_zone_without_an_offset_is_said_once() -> None:
    ends = {"from": "2025-02-17T00:00Z", "to": "2025-02-24T00:00Z"}
    for zone, words in (("UTC", ["UTC"]), ("Asia/Kathmandu", ["Kathmandu", "UTC+5:45"])):
        query = {**content.ABOUT["query"], **ends, "tz": zone}
        tree = tree_of(client_of(asked(query=query)).get("/h/missingmaps").text)
        said = " ".join("".join(tree.xpath("//p[@class='window']/span[not(@hidden)]//text()")).split())
        assert re.findall(r"UTC(?:\+[0-9:]+)?|Kathmandu", said) == words


def test_a_window_behind_a_long_gap_calls_nobody_new() -> None:
    def answer(kind: Kind, given: Given, path: Mapping[str, str] | None = None) -> Any:
        if kind == "coverage":
            window = {**content.COVERAGE["window"], "known_since": "2025-02-20T11:00Z"}
            return Answer(kind, given, {**content.COVERAGE, "window": window})
        assert kind != "newcomers"
        return asked()(kind, given, path)

    assert "new to #missingmaps" not in text_of(client_of(answer).get("/h/missingmaps").text)


def test_a_window_from_before_the_data_says_so_and_calls_nobody_new() -> None:
    """Not as missing minutes, which sounds like a fault."""

    def answer(kind: Kind, given: Given, path: Mapping[str, str] | None = None) -> Any:
        if kind == "coverage":
            return Answer(kind, given, {**content.COVERAGE, "begins": "2025-02-20T11:30Z"})
        assert kind != "newcomers"
        minutes = {"expected": 210, "missing": 33, "flagged": 0, "older_definitions": 0}
        return asked(minutes=minutes)(kind, given, path)

    page = client_of(answer).get("/h/missingmaps").text
    said = text_of(page)
    assert "The data begin 20 Feb 2025 14:30." in said and "3 of 210 minutes are missing" in said
    assert "Who was here before the data begin is not known" in said and "new to #missingmaps" not in said
    (curve,) = re.findall(r"<svg[^>]*Edits over time.*?</svg>", page)
    assert curve.count('class="hole"') == 2 and "before the data begin" in said
    live = client_of(answer).get("/h/missingmaps/live").text
    assert 'data-past="unknown"' in live and "The data begin 20 Feb 2025 14:30." in text_of(live)


def test_nothing_uploaded_says_what_and_when_and_what_may_be_meant() -> None:
    said = text_of(client_of(asked({"edits": 0})).get("/h/misingmaps").text)
    assert (
        "No uploads with #misingmaps from 14:00 to 17:30. New uploads appear about 1 min later."
        " Did you mean #missingmaps?" in said
    )


def refusing(problem: Problem, *kinds: Kind) -> Any:
    def answer(kind: Kind, given: Given, path: Mapping[str, str] | None = None) -> Answer:
        if not kinds or kind in kinds:
            raise problem
        return content.answer(kind, given, path)

    return answer


def test_a_block_that_cannot_be_counted_leaves_the_others() -> None:
    busy = Problem("busy", "Busy", "The database is busy.", status=503, retry_after=20)
    answer = client_of(refusing(busy, "leaderboard", "newcomers", "series", "coverage")).get("/h/missingmaps")
    assert answer.status_code == 200
    said = text_of(answer.text)
    assert "1,012" in said and said.count("This could not be counted now.") == 4


def test_what_is_refused_is_said_with_a_way_on() -> None:
    answer = client_of(refusing(Problem("busy", "Busy", "…", status=503, retry_after=20))).get("/h/x")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "20")
    assert "This could not be counted now. Try again in 20 s." in text_of(answer.text)
    assert answer.headers["cache-control"] == "no-store"
    bad = client_of(refusing(Problem("time", "Bad", "'<x>' is no time.", parameter="from"))).get(
        "/h/x?from=<x>"
    )
    assert bad.status_code == 400
    assert "'<x>' is no time." in text_of(bad.text)
    assert tree_of(bad.text).xpath("//a[text()='Try this instead']/@href") == ["/h/x"]
    gone = client_of(refusing(Problem("no-user", "Nobody", "…", status=404)))
    hidden, unknown = gone.get("/uid/5"), gone.get("/u/nobody")
    assert hidden.status_code == unknown.status_code == 404
    assert "asked not to be shown" in text_of(hidden.text)
    assert text_of(hidden.text) == text_of(unknown.text)
    assert "Search for what you want" in text_of(gone.get("/c/XXX").text)


def test_people_are_left_out_by_search_engines_and_named_by_their_ids(client: TestClient) -> None:
    for path in ("/u/mapper-1101", "/uid/1101", "/search?q=a"):
        answer = client.get(path)
        assert "noindex" in answer.headers["x-robots-tag"] and 'content="noindex"' in answer.text
    assert client.get("/uid/mapper-1101").status_code == 404  # which is a name
    assert 'rel="canonical" href="http://testserver/uid/1101"' in client.get("/u/mapper-1101").text
    links = tree_of(client.get("/h/missingmaps").text).xpath("//section[@id='who']//tbody//a/@href")
    assert links[0] == "/uid/1101"


def test_names_are_left_out_for_a_class_and_pages_of_people_where_there_are_none(client: TestClient) -> None:
    for path in ("/h/missingmaps?names=0", "/h/missingmaps/live?names=0"):
        page = client.get(path).text
        assert "mapper-1101" not in page and "/uid/" not in page and "quoted" not in page
        assert "310" in page
    page = client_of(content.answer, people="names").get("/h/missingmaps").text
    assert "mapper-1101" in page and "/uid/" not in page
    unshown = Problem("people-not-shown", "People are not shown", "…", status=404)
    said = text_of(client_of(refusing(unshown, "newcomers", "leaderboard"), people="none").get("/h/a").text)
    assert said.count("This server shows no names.") == 2 and "mapper-1101" not in said


def test_every_question_gets_only_parameters_that_it_knows() -> None:
    """Whatever stands in the address: other sites add their own to links."""
    from stats_assets.questions.parameters import OF_KIND

    seen: list[tuple[Kind, Given]] = []
    known = (
        "from=2025-02-20T14:00&to=2025-02-20T17:30&tz=Africa/Nairobi&clock=upload&editor=JOSM&names=0&lang=en"
    )
    visited = client_of(asked(seen=seen))
    for path in ("/", "/h/a;b", "/h/a,b", "/h/a/live", "/uid/1", "/c/KEN", "/quality", "/search"):
        assert visited.get(f"{path}?{known}&utm_source=x&q=a&metric=edits&{TEAMS}").status_code == 200
    assert {kind for kind, _ in seen} >= {"totals", "series", "leaderboard", "coverage", "trending", "search"}
    for kind, given in seen:
        assert {name for name, _ in given} <= set(OF_KIND[kind]), kind


def test_all_state_is_in_the_address_and_stays_there(client: TestClient) -> None:
    page = client.get("/h/a;b?last=24h&tz=Africa/Nairobi&lang=fr&editor=JOSM").text
    tree = tree_of(page)
    (fixed,) = tree.xpath("//a[@class='fix']/@href")
    assert fixed == "/h/a;b?lang=fr&editor=JOSM&from=2025-02-20T14:00&to=2025-02-20T17:30&tz=Africa%2FNairobi"
    (live,) = [one for one in tree.xpath("//a/@href") if "/live" in one]
    assert live == "/h/a;b/live?last=24h&tz=Africa%2FNairobi&lang=fr&editor=JOSM"
    week = next(one for one in tree.xpath("//nav//a/@href") if "period=week" in one)
    assert week == "/h/a;b?tz=Africa%2FNairobi&lang=fr&editor=JOSM&period=week"
    (country,) = [one for one in tree.xpath("//section[@id='countries']//a/@href") if "KEN" in one]
    assert country == "/c/KEN?tz=Africa%2FNairobi&lang=fr&last=24h"
    assert client.get(fixed).status_code == 200


def test_forms_work_without_javascript_and_leave_no_empty_fields(client: TestClient) -> None:
    answer = client.get("/h/a?from=&to=2025-02-20T17:30&tz=&clock=upload")
    assert (answer.status_code, answer.headers["location"]) == (303, "/h/a?to=2025-02-20T17:30&clock=upload")
    tree = tree_of(client.get("/h/a?last=24h&lang=sw").text)
    window = next(form for form in tree.forms if "from" in form.fields)
    assert window.get("action") == "/h/a" and window.fields["lang"] == "sw" and "last" not in window.fields
    assert window.fields["from"] == "2025-02-20T14:00" and window.fields["tz"] == "Africa/Nairobi"


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("//evil.example/?a=", "/evil.example/"),
        ("/%2f/evil.example?a=&b=1", "/evil.example?b=1"),
        ("/u/two%20words?from=", "/u/two%20words"),
        ("/h/caf%C3%A9?to=", "/h/caf%C3%A9"),
        ("/u/50%25?to=", "/u/50%25"),
    ],
)
def test_an_address_without_its_empty_fields_is_the_same_page_of_this_host(
    client: TestClient, path: str, location: str
) -> None:
    answer = client.get(f"http://testserver{path}")
    assert (answer.status_code, answer.headers["location"]) == (303, location)


def test_no_link_leads_to_another_host_by_the_path(client: TestClient) -> None:
    page = client.get("http://testserver//evil.example/x")
    assert page.status_code == 404 and "//evil.example" not in page.text


def test_an_organiser_reaches_each_answer_by_clicking(client: TestClient) -> None:
    tree = tree_of(client.get("/h/a?last=24h&tz=Africa/Nairobi").text)
    more = next(form for form in tree.forms if "with" in form.fields)
    room = next(form for form in tree.forms if "room" in form.fields)
    assert more.get("action") is None and dict(more.fields) | {"with": ""} == {
        "last": "24h",
        "tz": "Africa/Nairobi",
        "with": "",
    }
    assert room.get("action") == "/h/a/live" and room.fields["last"] == "24h"
    to = client.get("/h/a?last=24h&with=%23B, c;a").headers["location"]
    assert to == "/h/a;b;c?last=24h"
    for written, people in (
        ("anna, ben", "user=anna&user=ben"),
        ("anna%0D%0A O, ben %0D%0A", "user=anna&user=O,%20ben"),
    ):
        to = client.get(f"/h/a/live?room={written}&last=24h").headers["location"]
        assert to == f"/h/a/live?last=24h&{people}"
    for query, paths in (
        ("a;b", ["/h/a;b", "/h/a,b"]),
        ("%23a %23b", ["/h/a;b", "/h/a,b"]),
        ("a b", []),
        ("a", []),
    ):
        tree = tree_of(client.get(f"/search?q={query}").text)
        assert tree.xpath("//div[@id='results']//a/@href") == [*paths, "/h/missingmaps"]
    trending = tree_of(client.get("/").text).xpath("//section[@id='trending']//a/@href")
    assert trending == ["/h/missingmaps?last=24h"]  # the window of the numbers beside it
    trending = tree_of(client.get("/?period=week").text).xpath("//section[@id='trending']//a/@href")
    assert trending == ["/h/missingmaps?period=week"]


def test_a_team_counts_without_who_has_not_edited_yet() -> None:
    def answer(kind: Kind, given: Given, path: Mapping[str, str] | None = None) -> Answer:
        if ("user", "not-yet") in given:
            raise Problem("unknown-user", "No such user", "", status=404)
        return content.answer(kind, given, path)

    tree = tree_of(client_of(answer).get("/h/a?team=Red:anna,not-yet&team=Blue:not-yet&team=Green:ben").text)
    rows = [
        [cell.text_content() for cell in row.xpath("th|td")]
        for row in tree.xpath("//section[@id='teams']//tr")
    ]
    assert rows[0][-2:] == ["People", "Edits"]
    assert rows[1:] == [
        ["Green", "1,012", "41.2", "31", "1,243"],
        ["RedNo uploads yet, or misspelt: not-yet", "1,012", "41.2", "31", "1,243"],
        ["BlueNo uploads yet, or misspelt: not-yet", "0", "0", "0", "0"],
    ]


def test_columns_and_order_can_be_chosen(client: TestClient) -> None:
    tree = tree_of(client.get("/h/a?columns=edits&columns=road_km_added").text)
    headings = [one.text_content() for one in tree.xpath("//section[@id='who']//thead//th")]
    assert headings == ["Rank", "Name", "Edits", "Roads, km +"]
    assert tree.xpath("//section[@id='who']//th[@aria-sort='descending']//a/text()") == ["Edits"]
    chosen = tree.xpath("//section[@id='who']//input[@checked]/@value")
    assert chosen == ["edits", "road_km_added"]
    more = tree.xpath("//section[@id='who']//a[text()='More']/@href")
    assert more == ["/h/a?columns=edits&columns=road_km_added&after=eyJ2Ijo5NX0#who"]


@pytest.mark.parametrize("path", ["/h/missingmaps/live", "/h/missingmaps,osmnepal", "/h/missingmaps"])
def test_so_is_it_on_screens_side_by_side_and_in_cards(client: TestClient, path: str) -> None:
    query = "category=buildings&editor=JOSM" + ("&view=card" if path == "/h/missingmaps" else "")
    said = text_of(client.get(f"{path}?{query}").text)
    assert re.search(r"Only: Buildings( ×|,) JOSM", said), said[:300]


@pytest.mark.parametrize("path", ["/h/missingmaps", "/c/KEN", "/uid/1101"])
def test_by_what_numbers_are_restricted_is_said_and_can_be_taken_back(client: TestClient, path: str) -> None:
    assert "Only:" not in text_of(client.get(path).text)
    query = "category=buildings,roads&kind=added&editor=JOSM%3Cb%3E&also=osm&user=a%26b&country=NPL&last=24h"
    page = client.get(f"{path}?{query}&after=x" if path == "/h/missingmaps" else f"{path}?{query}").text
    said = text_of(page).split("Only: ", 1)[1]
    for words in ("Buildings ×", "Roads ×", "added ×", "JOSM<b> ×", "#osm ×", "a&b ×", "Nepal ×"):
        assert words in said, words
    links = tree_of(page).xpath("//p[@class='only']//a")
    assert [one.get("aria-label") for one in links][:3] == [
        "Remove Buildings",
        "Remove Roads",
        "Remove added",
    ]
    without = [one.get("href") for one in links]
    assert without[0].startswith(f"{path}?category=roads&kind=added&") and "after=" not in without[0]
    assert (
        "country=" not in without[-1]
        and "last=24h" in without[-1]
        and "category=buildings,roads" in without[-1]
    )


def test_events_of_a_file_are_addresses_with_names(client: TestClient) -> None:
    assert "Mapathon &lt;b&gt;Kathmandu&lt;/b&gt;" in client.get("/").text
    answer = client.get("/e/nepal2025?lang=ne")
    assert answer.status_code == 302
    to = answer.headers["location"]
    assert to.startswith("/h/osmnepal;missingmaps?") and "from=2025-02-20T14:00" in to and "lang=ne" in to
    assert "user=" not in to and "user=mapper-1101" in client.get("/e/nepal2025/live").headers["location"]
    said = text_of(client.get(to.replace("lang=ne", "lang=en")).text)
    for words in ("Mapathon <b>Kathmandu</b>", "Teams", "Red", "Blue", "1,012 of 2,000", "41.2 of 41.2"):
        assert words in said, words
    assert client.get("/e/other").status_code == 404


def test_pages_are_cached_shortly_and_not_sent_twice(client: TestClient) -> None:
    first = client.get("/h/missingmaps")
    assert first.headers["cache-control"] == "public, max-age=10, stale-while-revalidate=30"
    again = client.get("/h/missingmaps", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.text) == (304, "")
    other = client.get("/h/missingmaps", headers={"accept-language": "ne"})
    assert other.headers["etag"] != first.headers["etag"]
    settled = client_of(asked(state="settled")).get("/h/missingmaps")
    assert "max-age=300" in settled.headers["cache-control"]


def test_static_files_are_ours_and_htmx_has_its_licence(client: TestClient) -> None:
    assert {"htmx.min.js", "LICENSE-htmx.txt", "pages.css", "pages.js", "live.js", "icon.svg"} == files()
    for one in files():
        answer = client.get(f"/static/{one}")
        assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]
    assert b"Zero-Clause BSD" in content_of("LICENSE-htmx.txt")
    for path in ("/static/nothing.js", "/static/..%2frendering.py", "/static/../rendering.py"):
        assert client.get(path).status_code == 404


def test_charts_are_well_formed_and_say_holes_and_doubts(client: TestClient) -> None:
    page = client.get("/h/missingmaps").text
    drawn = re.findall(r"<svg.*?</svg>", page)
    assert len(drawn) >= 6
    for one in drawn:
        ElementTree.fromstring(one)  # noqa: S314 -- our own
    (curve,) = [one for one in drawn if "Edits over time" in one]
    assert curve.count('class="hole"') == 1 and curve.count('class="outlined"') == 1
    assert "3 minutes are missing" in curve and "in doubt" in curve


def test_a_live_page_holds_all_that_counts_on(client: TestClient) -> None:
    page = client.get("/h/missingmaps/live?user=mapper-1101&from=2025-02-20T14:00&tz=Africa/Nairobi").text
    tree = tree_of(page)
    (body,) = tree.xpath("//body")
    assert body.get("data-events") == (
        "/api/v1/live?hashtag=missingmaps&user=mapper-1101&from=2025-02-20T14:00&tz=Africa%2FNairobi"
        "&columns=edits,buildings_added&limit=10"
    )
    assert len(tree.xpath("//table[@id='board']/tbody/tr")) == 7
    assert tree.xpath("//button[@id='pause']") and tree.xpath("//p[@id='said' and @aria-live='polite']")
    assert "testserver/h/missingmaps/live" in text_of(page)


def test_the_quality_page_says_feeds_holes_and_the_verification(client: TestClient) -> None:
    said = text_of(client.get("/quality").text)
    for words in (
        "read up to 14:32",
        "1 minute old",
        "behind",
        "13 minutes old",
        "2 changesets wait to be counted again.",
        "The data begin 19 Feb 2025.",
        "12:41 – 12:44it could not be read after several tries21 Feb 2025 12:41",
        "1 geometry could not be built",
        "All minutes were counted by the same definitions.",
        "there was no difference",
    ):
        assert words in said, words
    assert "OsmChange" not in said


def test_the_quality_page_says_how_far_diffs_are_made_here_where_they_are(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {"complete_to": "2025-02-20T14:31Z", "sequence": 6543815, "late_versions": 3, "held_versions": 0}
    monkeypatch.setitem(content.COVERAGE, "made_diffs", made)
    said = text_of(client.get("/quality").text)
    assert (
        "Made here of OsmChange, up to 14:31. Versions that came late: 3; that were of the future: 0." in said
    )


def test_snippets_are_for_other_pages_and_escaped(client: TestClient) -> None:
    tree = tree_of(client.get('/h/a?title="><script>x</script>').text)
    frame, markdown, wiki = (one.text for one in tree.xpath("//textarea[@readonly]"))
    assert tree_of(frame).tag == "iframe" and len(list(tree_of(frame).iter())) == 1
    assert "\n" not in markdown and wiki.startswith("[http://testserver/h/a?")


def test_targets_that_cannot_be_read_are_left_out(client: TestClient) -> None:
    page = client.get("/h/a?target=buildings_added:NaN&target=x&target=:5&target=edits:-1&target=edits:1e9")
    assert page.status_code == 200
    assert text_of(page.text).count(" of 1,000,000,000") + text_of(page.text).count("of 1B") == 1
    assert Decimal("1e9") == 1_000_000_000


@pytest.mark.parametrize("number", ["1e999999", "1e-999999", "1e-400", "9" * 400, "1e16", "sNaN", "-0"])
def test_a_target_that_would_fill_the_memory_is_left_out(number: str) -> None:
    visit = SimpleNamespace(all=lambda name: [f"edits:{number}"])
    assert not targets_of(cast(Visit, visit))


def test_long_boards_are_cut_and_can_be_had_whole() -> None:
    def answer(kind: Kind, given: Given, path: Mapping[str, str] | None = None) -> Answer:
        found = content.answer(kind, given, path)
        if kind != "leaderboard" or ("of", "editors") not in given:
            return found
        rows: list[Value] = [
            {"rank": n, "tied": False, "editor": f"editor {n}", "edits": 100 - n} for n in range(1, 51)
        ]
        return Answer(kind, given, {**found.content, "rows": rows})

    def lines(path: str) -> int:
        return len(tree_of(client.get(path).text).xpath("//section[@id='editors']//tbody/tr"))

    client = client_of(answer)
    assert [lines(f"/h/a{query}") for query in ("", "?rows=30", "?rows=300", "?rows=x")] == [20, 30, 50, 20]
    tree = tree_of(client.get("/h/a?last=24h").text)
    assert tree.xpath("//section[@id='editors']//a[text()='More']/@href") == [
        "/h/a?last=24h&rows=300#editors"
    ]


def test_milestones_are_said_with_their_day_in_the_language(client: TestClient) -> None:
    said = text_of(client.get("/uid/1101").text)
    assert "25 days, reached 3 May 2025" in said and "of a file <of> yours, reached 4 May 2025" in said
    assert "25 jours, atteint le 3 mai 2025" in text_of(client.get("/uid/1101?lang=fr").text)
