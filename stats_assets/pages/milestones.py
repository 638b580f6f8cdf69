"""Milestones in words: a person's on their page, a hashtag's on its live page and in its feed."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from stats_assets.pages.visit import Visit
from stats_assets.questions.problem import Problem
from stats_assets.texts import times
from stats_assets.texts.language import Language

OF_HASHTAGS = {"hashtag_people": "n_of_people", "hashtag_buildings": "milestone_buildings"}
"""Which text says one of a hashtag."""


def milestones(visit: Visit, user_id: int | None) -> Sequence[Markup] | None:
    """`25 days, reached 3 May 2025`; None: they can't be told now."""
    if user_id is None:
        return None
    try:
        content = visit.ask("badges", [], {"uid": str(user_id)}).content
    except Problem:
        return None
    rows: Any = content.get("badges") or []
    return [said for row in rows if (said := reached(row, visit.language))]


def reached(row: Mapping[str, Any], language: Language) -> Markup | None:
    """A milestone of an answer in words; None: it does not say when."""
    when, name = times.parsed(row.get("reached")), str(row.get("name"))
    key = OF_HASHTAGS.get(name, f"milestone_{name}")
    if when is None:
        return None
    known = language.knows(key) and isinstance(row.get("level"), int | Decimal)
    title = language.say(key, n=row["level"]) if known else row.get("title") or name.replace("_", " ")
    return language.say("milestone_reached", title=title, date=times.day(when.date(), language.locale))
