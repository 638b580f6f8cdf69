"""A hashtag's page, of several together or side by side; the live page of a screen; the card for other sites."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from markupsafe import Markup

from stats_assets.charts.code import code
from stats_assets.pages import blocks
from stats_assets.pages.embedding import snippets
from stats_assets.pages.filters import filters
from stats_assets.pages.milestones import OF_HASHTAGS
from stats_assets.pages.page import NOBODY_SHOWN, Numbers, Page, numbers_of, targets_of
from stats_assets.pages.visit import Found, Visit, address, hashtag_path
from stats_assets.texts.language import name

APART = 20
LIVE = (("columns", "edits,buildings_added"), ("limit", "10"))
NOT_LIVE = ("metric", "columns", "after", "by")
MOST_TEAMS = 10
UNKNOWN = "unknown-user"


def tags_of(text: str) -> tuple[Sequence[str], bool]:
    """Hashtags of a path, and whether they are together (`A;B`) or side by side (`A,B`)."""
    apart = "," in text and ";" not in text
    tags = [tag.strip().removeprefix("#").lower() for tag in text.split("," if apart else ";")]
    return [tag for tag in dict.fromkeys(tags) if tag], not apart


def tags_in(text: str) -> Sequence[str]:
    """Hashtags as somebody wrote them: with `;`, `,`, a line each, or with spaces where each has its `#`."""
    words = text.split()
    parts = words if all(word.startswith("#") for word in words) else [text]
    return tags_of(";".join(part for one in parts for part in re.split(r"[;,\n]", one)))[0]


def titled(tags: Sequence[str], between: str = " + ") -> Markup:
    """`#a + #b`."""
    return Markup(between).join(name(f"#{tag}") for tag in tags)  # noqa: S704 -- ours


def asked(visit: Visit, text: str) -> Page | str:
    """`/h/TAG`; with `with=`, the address of more hashtags together. Raises Problem."""
    if not visit.first("with"):
        return hashtag(visit, text)
    more = [tag for one in visit.all("with") for tag in tags_in(one)]
    return visit.link(hashtag_path(list(dict.fromkeys([*tags_of(text)[0], *more]))), drop=("with",))


def hashtag(visit: Visit, text: str) -> Page:
    """The page of hashtags. Raises Problem."""
    tags, together = tags_of(text)
    if not together and len(tags) > 1:
        return side_by_side(visit, tags)
    numbers = numbers_of(visit, *(("hashtag", tag) for tag in tags), ("combine", "together"))
    new = numbers.found("newcomers") if numbers.window.has_past else Found({})
    newcomers = blocks.newcomers(new.content, visit) if new.content else []
    countries, drawn = numbers.countries()
    title = str(visit.first("title")) or " + ".join(f"#{tag}" for tag in tags)
    told = numbers.told() | {
        "tags": tags,
        "shown": titled(tags),
        "own_title": visit.first("title"),
        "newcomers": newcomers,
        "new_problem": new.problem and ("no_names" if new.problem.name == NOBODY_SHOWN else "block_error"),
        "board": numbers.people(frozenset(row["id"] for row in newcomers)),
        "countries": countries,
        "map": drawn,
        "editors": numbers.board("editors"),
        "teams": teams(numbers),
        "live": visit.link(f"{hashtag_path(tags)}/live", drop=NOT_LIVE),
        "live_path": address(f"{hashtag_path(tags)}/live", ()),
        "live_query": [(key, value) for key, value in visit.query if key not in (*NOT_LIVE, "user")],
        "nothing": numbers.nothing("hashtag", titled(tags)) if numbers.empty else None,
        "meant": meant(visit, tags[0]) if numbers.empty and tags else [],
        "take": taken(visit, hashtag_path(tags), title),
    }
    return Page("hashtag.html", title, told, window=numbers.window)


def side_by_side(visit: Visit, tags: Sequence[str]) -> Page:
    """`/h/A,B`. Raises Problem for the first that can't be answered."""
    found = [numbers_of(visit, ("hashtag", tag)) for tag in tags[:APART]]
    columns = ("edits", "changesets", "users", "buildings_added", "road_km_added")
    told = {
        "tags": tags,
        "numbers": found[0],
        "window": found[0].window,
        "periods": found[0].periods(),
        "fixed": found[0].fixed(),
        "filters": filters(visit),
        "quality": visit.window_to("/quality"),
        "together": visit.link(hashtag_path(tags)),
        "columns": columns,
        "rows": [
            (
                titled([tag]),
                visit.link(hashtag_path([tag])),
                blocks.four(one.content, visit.language, columns=columns),
                blocks.categories(one.content, visit.language)[:4],
            )
            for tag, one in zip(tags, found, strict=False)
        ],
        "take": taken(visit, hashtag_path(tags, together=False), ", ".join(f"#{tag}" for tag in tags)),
    }
    return Page("apart.html", " | ".join(f"#{tag}" for tag in tags), told, window=found[0].window)


def live(visit: Visit, text: str) -> Page | str:
    """`/h/TAG/live`: for a screen in the room; with `room=`, the address that names its people. Raises Problem."""
    tags, _ = tags_of(text)
    if visit.first("room"):
        people = [("user", one) for text in visit.all("room") for one in people_in(text)]
        return address(visit.path, [*((key, value) for key, value in visit.query if key != "room"), *people])
    given = tuple(("hashtag", tag) for tag in tags)
    if not visit.people:
        visit = replace(visit, query=[(key, value) for key, value in visit.query if key != "user"])
    room = [value for key, value in visit.query if key == "user"]
    asked = replace(visit, query=[(key, value) for key, value in visit.query if key != "user"])
    numbers = numbers_of(asked, *given)
    board = numbers.board("users", **dict(LIVE))
    here = visit.origin + visit.link()
    told = {
        "tags": tags,
        "shown": titled(tags),
        "own_title": visit.first("title"),
        "numbers": numbers,
        "window": numbers.window,
        "filters": filters(asked),
        "four": blocks.four(numbers.content, visit.language),
        "categories": blocks.categories(numbers.content, visit.language)[:5],
        "board": board,
        "targets": blocks.targets(numbers.content, targets_of(visit), visit.language),
        "here": here,
        "short": here.split("://", 1)[-1].split("?", 1)[0],
        "code": drawn_code(here, visit),
        "events": address("/api/v1/live", [*given, *visit.shared("live"), *LIVE]),
        "room": room,
        "milestones": {name.replace("_", "-"): key for name, key in OF_HASHTAGS.items()},
        "page_link": visit.link(hashtag_path(tags), drop=("user",)),
        "quality": visit.window_to("/quality"),
    }
    return Page("live.html", " + ".join(f"#{tag}" for tag in tags), told, window=numbers.window)


def people_in(text: str) -> Sequence[str]:
    """Names as somebody wrote them: a line each (a name may hold a comma), or one line with commas."""
    lines = text.strip().splitlines()
    parts = lines if len(lines) > 1 else text.split(",")
    return list(dict.fromkeys(part.strip() for part in parts if part.strip()))


def teams(numbers: Numbers) -> Sequence[tuple[str, Sequence[blocks.Big], Markup | None]]:
    """`team=Red:1101,mapper-2`, as often as there are teams: four numbers, most edits first; who of it is not found."""
    visit, language = numbers.visit, numbers.visit.language
    found: list[tuple[int, str, Sequence[blocks.Big], Markup | None]] = []
    for text in visit.all("team")[:MOST_TEAMS]:
        title, _, names = text.partition(":")
        people = [one.strip() for one in names.split(",") if one.strip()]
        if not title or not people:
            continue
        answer, absent = team(numbers, people)
        if answer:
            content = answer.content or {"totals": {}}
            who = Markup(", ").join(name(one) for one in absent)
            told = language.say("team_without", names=who) if absent else None
            edits = int(blocks.value_of(content["totals"], "edits"))
            found.append((-edits, title, blocks.four(content, language), told))
    return [(title, values, told) for _, title, values, told in sorted(found, key=lambda one: one[:2])]


def team(numbers: Numbers, people: Sequence[str]) -> tuple[Found, Sequence[str]]:
    """Totals of these people, and who of them has not edited yet (or is misspelt): the others count all the same."""
    answer = numbers.found("totals", *(("user", one) for one in people))
    if answer.problem is None or answer.problem.name != UNKNOWN:
        return answer, []
    each = [(one, numbers.found("totals", ("user", one)).problem) for one in people]
    absent = [one for one, problem in each if problem and problem.name == UNKNOWN]
    there = [("user", one) for one in people if one not in absent]
    return (numbers.found("totals", *there) if there else Found({})), absent


def meant(visit: Visit, text: str) -> Sequence[tuple[Markup, str]]:
    """Names that are like one that nobody uses."""
    found = visit.found("search", ("q", text), ("limit", "3"), shared=False)
    return [
        (name(one["label"]), visit.link(one["page"]))
        for one in found.content.get("results") or []
        if one.get("key") != text and one.get("page")
    ]


def drawn_code(here: str, visit: Visit) -> Markup:
    """The code of an address."""
    try:
        return Markup(code(here, str(visit.language.say("code_of", address=here))))  # noqa: S704 -- charts/ escapes
    except ValueError:  # too long for one: the address stands beside it
        return Markup("")


def taken(visit: Visit, path: str, title: str) -> Mapping[str, Any]:
    """What can be taken away: files, snippets, the code."""
    here = visit.origin + visit.link(path)
    return {
        "here": here,
        "code": drawn_code(here, visit),
        "files": [(key, visit.link(f"{path}.{end}")) for key, end in TAKEN],
        **snippets(visit, path, title),
    }


TAKEN = (("take_csv", "csv"), ("take_picture", "png"), ("take_json", "json"))


def card(visit: Visit, page: Page) -> Page:
    """A page of numbers as a card for other sites: its four numbers, and a link to the rest."""
    kept = {key: page.told[key] for key in ("four", "window", "numbers", "filters") if key in page.told}
    here = visit.origin + visit.link(drop=("view",))
    return Page("card.html", page.title, {**kept, "here": here}, of_a_person=True, window=page.window)
