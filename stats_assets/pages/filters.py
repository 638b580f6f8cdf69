"""By what a page's numbers are restricted, in words, and the address without each: no number without what it counts.

What the parameters mean is questions/'s; the window is window.py's.
"""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from stats_assets.pages import shown
from stats_assets.pages.visit import FILTERS, Visit, address
from stats_assets.texts import places
from stats_assets.texts.language import name

NAMED = frozenset(FILTERS) - {"clock"}
"""The clock is in the window's words."""


class Filter(NamedTuple):
    """One value of one parameter."""

    words: Markup
    without: str
    """The page's address without it."""


def filters(visit: Visit) -> Sequence[Filter]:
    """In the address's order."""
    found = []
    for place, (key, value) in enumerate(visit.query):
        if key in NAMED:
            for one in value.split(",") if key in ("category", "kind") else [value]:
                rest = ",".join(other for other in value.split(",") if other != one)
                kept = [(key, rest)] if key in ("category", "kind") and rest else []
                query = [*visit.query[:place], *kept, *visit.query[place + 1 :]]
                without = address(visit.path, [pair for pair in query if pair[0] != "after"])
                found.append(Filter(_words(visit, key, one.strip()), without))
    return found


def _words(visit: Visit, key: str, value: str) -> Markup:
    language = visit.language
    if key == "category":
        return name(shown.named(value, language))
    if key == "kind" and value in shown.KINDS:
        return language.say(value)
    if key == "also":
        return name(f"#{value.removeprefix('#')}")
    if key == "user":
        return language.say("n_people", n=1) if visit.nameless else name(value)
    if key == "country":
        return name(places.country(value.upper(), language.locale, None))
    return name(value)
