"""A country's page: as a hashtag's, people last."""

from stats_assets.pages.hashtag import taken
from stats_assets.pages.page import Page, numbers_of
from stats_assets.pages.visit import Visit
from stats_assets.texts import places
from stats_assets.texts.language import name


def country(visit: Visit, code: str) -> Page:
    """`/c/CODE`. Raises Problem."""
    numbers = numbers_of(visit, ("country", code))
    label = places.country(code, visit.language.locale, called(visit, code))
    told = numbers.told() | {
        "shown": name(label),
        "hashtags": numbers.board("hashtags"),
        "editors": numbers.board("editors"),
        "board": numbers.people(),
        "nothing": numbers.nothing("country", name(label)) if numbers.empty else None,
        "take": taken(visit, f"/c/{code}", label),
    }
    return Page("country.html", label, told, window=numbers.window)


def called(visit: Visit, code: str) -> str | None:
    """A region's own name, for those that no list of countries has."""
    if len(code) == 3 and code.isalpha():
        return None
    found = visit.found("search", ("q", code), ("limit", "5"), shared=False).content.get("results") or []
    return next((str(one["label"]) for one in found if one.get("key") == code), None)
