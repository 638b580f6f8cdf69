"""Of whom and what is asked: hashtags, countries, and whether they are together or side by side.

Which of them there are is the database's to say (database/answers/subjects.py).
"""

from typing import cast

from stats_assets.osm.hashtags import hashtags_in_comment
from stats_assets.questions import parameters
from stats_assets.questions.addresses import instead
from stats_assets.questions.parameters import ALL
from stats_assets.questions.question import Combine, Tag
from stats_assets.questions.values import Values


def tags(values: Values, name: str) -> tuple[Tag, ...]:
    """The hashtags of a parameter, each once. Raises Problem."""
    return tuple(dict.fromkeys(_tag(values, name, value) for value in values.all.get(name, [])))


def _tag(values: Values, name: str, value: str) -> Tag:
    text = value.strip()
    wildcard = text.endswith("*") and name == "hashtag"
    stem = text[:-1] if wildcard else text
    found = hashtags_in_comment("#" + stem.removeprefix("#").removeprefix("\uff03"))
    same = len(found) == 1 and len(found[0]) >= len(stem.removeprefix("#").rstrip(":")) - 3
    if not same or any(mark in stem.removeprefix("#") for mark in "#,;* \t\n"):
        better = found[0] if found else ALL[name].example
        parts = [part for part in stem.replace(";", ",").split(",") if hashtags_in_comment(f"#{part}")]
        values.refuse(
            name,
            "bad-hashtag",
            "This is no hashtag",
            f"{text[:60]!r} is no hashtag as changesets have them. Several are given as {name}=a&{name}=b; a *"
            " stands at the end alone, and not in also.",
            values.having(name, parts[: ALL[name].most] if len(parts) > 1 else better),
        )
    if wildcard and len(found[0]) < parameters.LETTERS:
        values.refuse(
            name,
            "short-wildcard",
            "Too few letters before *",
            f"{text!r} would be nearly everything: at least {parameters.LETTERS} letters come before the *.",
            values.having(name, found[0]),
        )
    return Tag(found[0], wildcard)


def country(values: Values, value: str) -> str:
    """A code, as it was given. Raises Problem for what can be none."""
    code = value.strip().upper()
    if not all(c.isalnum() or c in "-_. " for c in code):
        parts = [part.strip() for part in code.replace(";", ",").split(",")]
        values.refuse(
            "country",
            "bad-value",
            "This is no code of a country",
            f"{value[:60]!r} is no code of a country such as KEN. Several are given as country=KEN&country=UGA.",
            values.having("country", [p for p in parts if p.isalnum()][: parameters.COUNTRIES] or "KEN"),
        )
    return value.strip()


def combine(values: Values, countries: tuple[str, ...]) -> Combine:
    """Together or side by side. Raises Problem for what can only be the other."""
    given = values.one("combine")
    combine = cast(Combine, values.choice("combine"))
    if values.kind not in parameters.WITH_APART:
        if combine == "apart" or len(countries) > 1:
            name = "combine" if combine == "apart" else "country"
            rest = instead(values.given, {"combine": None, "country": list(countries[:1]) or None})
            if combine == "apart":
                rest = instead(rest, {"hashtag": values.all.get("hashtag", [])[:1] or None})
            values.refuse(
                name,
                "not-apart",
                "This is not answered side by side",
                f"{values.kind} are of one country, and of hashtags together. Ask for each by itself.",
                rest,
                status=422,
            )
        return combine
    if len(countries) > 1:
        if given == "together":
            values.refuse(
                "combine",
                "regions-do-not-add",
                "Countries cannot be added together",
                "A road across a border counts in both. Ask for each (combine=apart), or for a region of your own"
                " that holds both.",
                values.having("combine", "apart"),
                status=422,
            )
        return "apart"
    return combine


def check_apart(values: Values, combine: Combine, tags: tuple[Tag, ...], countries: tuple[str, ...]) -> None:
    """Raises Problem for more side by side than an answer has."""
    users = len(dict.fromkeys(values.all.get("user", []))) if not tags and not countries else 1
    number = max(1, len(tags)) * max(1, len(countries)) * max(1, users)
    if combine == "apart" and number > parameters.APART:
        name = "hashtag" if len(tags) > 1 else "user" if users > 1 else "country"
        values.refuse(
            name,
            "too-many",
            "Too many side by side",
            f"{number} side by side: {parameters.APART} are the most.",
            instead(
                values.given,
                {"combine": "together", "country": list(countries[:1]) or None},
            ),
        )
