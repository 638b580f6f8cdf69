"""A person's page: numbers, days, countries, hashtags, milestones. By the name, or by the id, which lasts."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from markupsafe import Markup

from stats_assets.pages.hashtag import taken
from stats_assets.pages.milestones import milestones
from stats_assets.pages.page import Numbers, Page, numbers_of
from stats_assets.pages.timeline import calendar_of
from stats_assets.pages.visit import WINDOW, Content, Visit
from stats_assets.questions.windows import in_utc, midnight
from stats_assets.texts.language import name

FOUR = ("buildings_added", "road_km_added", "changesets", "edits")


def person(visit: Visit, who: str) -> Page | None:
    """`/u/NAME` and `/uid/N`. Raises Problem: 404 for whom nobody knows, and who is hidden, alike."""
    if visit.path.startswith("/uid/") and not (who.isascii() and who.isdecimal()):
        return None
    numbers = numbers_of(visit, ("user", who))
    user_id, known = identity(visit, who)
    shown = name(known) if known else visit.language.say("user_number", id=who)
    path = f"/uid/{user_id}" if user_id is not None else visit.path
    told = numbers.told(FOUR)
    countries, drawn = numbers.countries()
    told |= {
        "shown": shown,
        "calendar": calendar(numbers, numbers.coverage),
        "countries": countries,
        "map": drawn,
        "hashtags": numbers.board("hashtags", columns="edits,changesets"),
        "milestones": milestones(visit, user_id),
        "nothing": numbers.nothing("user", shown) if numbers.empty else None,
        "take": taken(visit, path, known or f"user {who}"),
        "canonical": visit.origin + visit.link(path),
    }
    return Page("person.html", known or str(shown.striptags()), told, of_a_person=True, window=numbers.window)


def identity(visit: Visit, who: str) -> tuple[int | None, str | None]:
    """The id and the newest name."""
    found = visit.found("leaderboard", ("of", "users"), ("user", who), ("limit", "1"), shared=False)
    row: Mapping[str, Any] = next(iter(found.content.get("rows") or []), {})
    if row:
        return row.get("user_id"), row.get("name")
    return (int(who), None) if who.isdecimal() and visit.path.startswith("/uid/") else (None, who)


def calendar(numbers: Numbers, coverage: Content) -> Markup | None:
    """The days of the year that ends with the window."""
    kept = [(key, value) for key, value in numbers.visit.query if key not in WINDOW]
    window = numbers.window
    begin, end = midnight(_year_before(window.now.date()), window.zone), window.now
    if window.begin and window.end and (window.end - window.begin).days > 31:
        begin, end = window.begin, window.end
    year = [("from", in_utc(begin)), ("to", in_utc(end))]
    found = numbers.visit.at([*kept, *year]).found("series", *numbers.given, ("by", "day"))
    return calendar_of(found.content, coverage, window, numbers.visit.language) if found else None


def _year_before(today: date) -> date:
    return date.fromordinal(today.toordinal() - 370)
