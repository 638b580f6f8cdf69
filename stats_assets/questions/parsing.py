"""From parameters as they stand in an address to a Question, or to the Problem that says what is wrong with one.

Pure: what there is of hashtags, users and countries is the database's to say (database/answers/subjects.py).
"""

from datetime import datetime
from typing import cast

from stats_assets.questions import parameters, steps, windows
from stats_assets.questions.answer import Given
from stats_assets.questions.chosen_window import window as window_of
from stats_assets.questions.columns import columns
from stats_assets.questions.columns import metric as metric_of
from stats_assets.questions.cursors import after_of
from stats_assets.questions.editors import family
from stats_assets.questions.parameters import ALL
from stats_assets.questions.question import After, Asked, Clock, Of, Question
from stats_assets.questions.subjects import check_apart, country, tags
from stats_assets.questions.subjects import combine as combine_of
from stats_assets.questions.values import Values
from stats_assets.questions.vocabulary import Vocabulary
from stats_assets.questions.windows import NoTime


def parse(kind: Asked, given: Given, now: datetime, vocabulary: Vocabulary) -> Question:
    """What is asked. `now`: by the feed's clock, in UTC. Raises Problem."""
    return _question(Values(kind, given, now, vocabulary, _question))


def _question(values: Values) -> Question:
    zone_name = values.one("tz") or "UTC"
    try:
        zone = windows.zone_of(zone_name)
    except NoTime as error:
        values.refuse(
            "tz", "bad-zone", "A time zone that is not known", str(error), values.having("tz", "UTC")
        )
    countries = tuple(dict.fromkeys(country(values, one) for one in values.all.get("country", [])))
    combine = combine_of(values, countries)
    hashtags = tags(values, "hashtag")
    check_apart(values, combine, hashtags, countries)
    if values.kind == "newcomers" and not hashtags and not countries:
        values.refuse(
            "hashtag",
            "new-to-what",
            "New to what?",
            "Who is new to OpenStreetMap is not known here: name a hashtag or a country.",
            values.having("hashtag", ALL["hashtag"].example),
        )
    window, length = window_of(values, zone)
    of = cast(Of, values.choice("of"))
    metric = metric_of(values)
    return Question(
        kind=values.kind,
        given=tuple(values.given),
        hashtags=hashtags,
        also=tags(values, "also"),
        combine=combine,
        users=tuple(dict.fromkeys(value.strip() for value in values.all.get("user", []))),
        countries=countries,
        clock=cast(Clock, values.choice("clock")),
        editors=tuple(dict.fromkeys(map(family, values.all.get("editor", [])))),
        categories=values.listed("category", [name for name, _ in values.vocabulary.categories]),
        changes=values.listed("kind", ALL["kind"].choices),
        window=window,
        length=length,
        zone=zone,
        by=_by(values),
        of=of,
        metric=metric,
        columns=columns(values, metric),
        limit=_limit(values),
        after=_after(values),
        q=_q(values),
        names=values.choice("names") == "1",
        notes=tuple(values.notes),
    )


def _by(values: Values) -> str | None:
    by = values.one("by")
    if by is None:
        return None
    if by not in steps.LENGTHS:
        values.no_choice("by", by, tuple(steps.LENGTHS))
    return by


def _limit(values: Values) -> int:
    text = values.one("limit")
    if text is None:
        return {"search": 10, "trending": 10, "live": 10}.get(values.kind, parameters.USUAL_ROWS)
    if (
        not (text.isascii() and text.isdigit() and len(text) < 10)
        or not 1 <= int(text) <= parameters.MOST_ROWS
    ):
        good = str(parameters.MOST_ROWS if text.isascii() and text.isdigit() and text.strip("0") else 50)
        values.refuse(
            "limit",
            "bad-value",
            "A limit that can't be used",
            f"limit is a number from 1 to {parameters.MOST_ROWS:,}.",
            values.having("limit", good),
        )
    return int(text)


def _after(values: Values) -> After | None:
    text = values.one("after")
    if text is None:
        return None
    try:
        return after_of(text, by_id=values.kind != "leaderboard" or values.choice("of") == "users")
    except ValueError:
        values.refuse(
            "after",
            "bad-cursor",
            "No place to go on from",
            "after is the `next` of the answer before, as it stands there.",
            values.without("after"),
        )


def _q(values: Values) -> str:
    if values.kind != "search":
        return ""
    q = values.one("q")
    if q is None:
        values.refuse(
            "q", "missing", "Nothing is looked for", "q says what is looked for.", values.having("q", "osm")
        )
    return q
