"""What a server shows of persons (PEOPLE), as rules over questions and answers: no SQL, no settings.

`full`: all. `names`: lists of who took part, with their numbers in that list; no page, badge or filter of one person,
which is what adds one up. `none`: how many people, and nothing else of them. Who is hidden is left out before that.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from stats_assets.questions.answer import Given, Kind, Value
from stats_assets.questions.problem import Problem

People = Literal["full", "names", "none"]
LISTS = ("leaderboard", "newcomers")
"""Kinds whose rows are people."""


def check(people: People, kind: Kind | Literal["live"], given: Given) -> None:
    """Raises Problem, the same for all people, for what would show more than this server does."""
    if people == "full":
        return
    asked = _asked(given)
    if kind == "badges" or "user" in asked:
        raise _not_shown(
            "This server shows no single people: leave the user out. /about/privacy says why.",
            "user",
            "/api/v1/totals?last=24h",
        )
    if people == "none" and kind in LISTS and asked.get("of", "users") == "users":
        raise _not_shown(
            "This server shows no people, only how many they are. /about/privacy says why.",
            "of",
            "/api/v1/leaderboard?of=hashtags&last=24h",
        )


def tells_of_people(kind: Kind | Literal["live"], given: Given) -> bool:
    """Whether an answer may name somebody: none is kept by others for longer than a wish to be hidden may take."""
    asked = _asked(given)
    if "user" in asked or (kind == "leaderboard" and asked.get("of", "users") == "users"):
        return True
    return kind in ("newcomers", "changesets", "search", "badges", "live")


def _asked(given: Given) -> dict[str, str]:
    """As they are understood: with what stands around a value left out."""
    return {name: value.strip() for name, value in given if value.strip()}


def shown(people: People, kind: Kind | Literal["live"], content: Mapping[str, Value]) -> Mapping[str, Value]:
    """The answer, as far as this server shows it."""
    if people == "full":
        return content
    told = dict(content)
    results = told.get("results")
    if kind == "search" and isinstance(results, Sequence):
        told["results"] = [one for one in results if isinstance(one, Mapping) and one.get("type") != "user"]
    if people == "names":
        return told
    if kind == "live":
        told |= {"rows": [], "without_hashtag": None}
    return {key: _nameless(value) for key, value in told.items()}


def _nameless(value: Value) -> Value:
    if isinstance(value, Mapping):
        person = "user_id" in value
        return {
            key: None if person and key in ("user_id", "name") else _nameless(part)
            for key, part in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_nameless(part) for part in value]
    return value


def _not_shown(why: str, parameter: str, attempt: str) -> Problem:
    return Problem(
        "people-not-shown", "People are not shown", why, status=404, parameter=parameter, attempt=attempt
    )
