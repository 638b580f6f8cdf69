"""The first page: what is trending by people, search, events. And what a search finds."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from stats_assets.pages import blocks
from stats_assets.pages.events import Event
from stats_assets.pages.hashtag import APART, tags_in, titled
from stats_assets.pages.page import Numbers, Page, coverage_of
from stats_assets.pages.visit import WINDOW, Visit, hashtag_path
from stats_assets.pages.window import window_of
from stats_assets.texts import places, times
from stats_assets.texts.language import name

MANY = "20"
USUAL = ("last", "24h")


def world(visit: Visit, events: Mapping[str, Event]) -> Page:
    """`/`."""
    given = () if any(visit.first(key) for key in WINDOW) else (USUAL,)
    trending = visit.found("trending", *given, ("limit", MANY))
    totals = visit.found("totals", *given)
    about = (totals.content or trending.content).get("about", {})
    coverage = coverage_of(visit, *given)
    window = window_of(about, visit.language, coverage)
    numbers = Numbers(visit, given, totals.content, window, coverage)
    told = {
        "window": window,
        "numbers": numbers,
        "periods": numbers.periods() if given == () else _usual(numbers.periods()),
        "fixed": numbers.fixed(),
        "four": blocks.four(totals.content, visit.language) if totals else [],
        "trending": trending_rows(trending.content, visit),
        "problem": trending.problem,
        "quality": visit.window_to("/quality"),
        "events": [(event.title, visit.elsewhere(f"/e/{key}")) for key, event in events.items()],
    }
    return Page("world.html", str(visit.language.say("world_title")), told, window=window)


def trending_rows(content: Mapping[str, Any], visit: Visit) -> Sequence[tuple[Markup, str, Markup, Markup]]:
    """Hashtags by people: name, page, people, edits."""
    found, usual = [], () if any(visit.first(key) for key in WINDOW) else (USUAL,)
    for row in content.get("rows") or content.get("trending") or content.get("results") or []:
        tag = str(row.get("hashtag") or row.get("key") or "")
        found.append(
            (
                name(f"#{tag}"),
                visit.window_to(hashtag_path([tag]), *usual),  # the window that its numbers are of
                visit.language.say("n_of_people", n=int(row.get("users") or 0)),
                visit.language.say("n_of_edits", n=int(row.get("edits") or 0)),
            )
        )
    return found


def search(visit: Visit) -> Page:
    """`/search?q=`. Raises Problem."""
    query = visit.first("q").strip()
    title = str(visit.language.say("search"))
    if not query:
        return Page("search.html", title, {"query": "", "rows": []})
    more = [(key, value) for key, value in visit.query if key == "limit"]
    content = visit.content("search", ("q", query), *more, shared=False)
    rows = [*several(query, visit), *(found(row, visit) for row in content.get("results") or [])]
    return Page("search.html", title, {"query": query, "rows": rows}, of_a_person=True)


def several(query: str, visit: Visit) -> Sequence[Mapping[str, Any]]:
    """`a;b`, `a, b`, `#a #b`: both pages of these hashtags, whatever they hold."""
    tags = tags_in(query)
    if not 1 < len(tags) <= APART:
        return []
    return [
        {
            "label": titled(tags, " + " if together else " | "),
            "link": visit.elsewhere(hashtag_path(tags, together)),
            "kind": visit.language.say("together" if together else "apart"),
            "changesets": None,
            "last": None,
        }
        for together in (True, False)
    ]


def found(row: Mapping[str, Any], visit: Visit) -> Mapping[str, Any]:
    """A result: what it is, its page, when it was last used."""
    language, kind = visit.language, str(row.get("type"))
    label = str(row.get("label") or row.get("key"))
    if kind == "country":
        label = places.country(str(row.get("key")), language.locale, label)
    last = times.parsed(row.get("last"))
    local = last and last.astimezone(times.zone(visit.first("tz")))
    when = local and f"{times.day(local.date(), language.locale)} {times.hour(local)}"
    return {
        "kind": language.say(f"result_{kind}") if language.knows(f"result_{kind}") else kind,
        "label": name(label),
        "link": visit.elsewhere(str(row.get("page") or "/")),
        "changesets": language.say("n_changesets", n=int(row.get("changesets") or 0)),
        "last": language.say("result_last", time=when) if when else None,
    }


def _usual(periods: Sequence[tuple[str, str, bool]]) -> Sequence[tuple[str, str, bool]]:
    """Without a window the first page shows a day."""
    return [(words, link, f"{USUAL[0]}={USUAL[1]}" in link) for words, link, _ in periods]
