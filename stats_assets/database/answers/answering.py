"""Which question is answered where: the kinds by their names."""

from collections.abc import Callable, Mapping
from typing import cast
from urllib.parse import parse_qsl

from psycopg_pool import ConnectionPool

from stats_assets.database.answers import (
    badges,
    changesets,
    coverage,
    definitions,
    leaderboard,
    live,
    newcomers,
    one_owner,
    search,
    series,
    totals,
    trending,
)
from stats_assets.database.answers.asked import Asking, Counting
from stats_assets.database.answers.snapshot import snapshot
from stats_assets.database.answers.standing import standing
from stats_assets.database.connection import Connection
from stats_assets.questions.addresses import API
from stats_assets.questions.answer import Answer, Given, Kind, Value
from stats_assets.questions.parsing import parse
from stats_assets.questions.problem import Problem
from stats_assets.questions.question import Asked

_DEEPEST = 5  # how often an attempt is mended
_OF_LINES = ("totals", "series", "leaderboard", "changesets", "newcomers", "trending", "live")
KINDS: dict[str, Callable[[Asking], dict[str, Value]]] = {
    "totals": totals.answer,
    "series": series.answer,
    "leaderboard": leaderboard.answer,
    "changesets": changesets.answer,
    "newcomers": newcomers.answer,
    "search": search.answer,
    "trending": trending.answer,
    "coverage": coverage.answer,
    "definitions": definitions.answer,
    "live": live.answer,
}


def answer(
    pool: ConnectionPool[Connection],
    counting: Counting,
    kind: Kind,
    given: Given,
    path: Mapping[str, str],
) -> Answer:
    """The answer, out of one snapshot. Raises Problem."""
    return Answer(kind, given, content(pool, counting, kind, given, path))


def content(
    pool: ConnectionPool[Connection],
    counting: Counting,
    kind: Asked,
    given: Given,
    path: Mapping[str, str],
) -> dict[str, Value]:
    """What is answered, also to `live`, which no other than its page sends. Raises Problem."""
    with snapshot(pool) as connection:
        now = standing(connection)

        def asking(kind: Asked, given: Given) -> Asking:
            return Asking(connection, parse(kind, given, now.as_of, counting.vocabulary), now, counting)

        try:
            asked = asking(kind, given)
            return badges.answer(asked, path) if kind == "badges" else KINDS[kind](asked)
        except Problem as problem:
            problem.attempt = _working(problem.attempt, asking)
            raise


def _working(attempt: str | None, asking: Callable[[Asked, Given], Asking]) -> str | None:
    """What can be asked instead: an attempt whose user or country is not known either, or that takes too long, has one
    of its own.
    """
    for _ in range(_DEEPEST):
        kind, _, query = (attempt or "").removeprefix(f"{API}/").partition("?")
        if kind not in _OF_LINES:
            return attempt
        try:
            instead = asking(cast(Asked, kind), parse_qsl(query, keep_blank_values=True))
            for one in instead.subjects:
                if one_owner.owner_of(instead, one) is None:  # else what was refused has named what is quick
                    instead.lines(one)
            if kind == "series":
                series.steps_of(instead)
            return attempt
        except Problem as problem:
            attempt = problem.attempt
    return None
