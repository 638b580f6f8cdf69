"""Which question is answered where: the kinds by their names."""

from collections.abc import Callable, Mapping

from psycopg_pool import ConnectionPool

from stats_assets.database.answers import (
    badges,
    changesets,
    coverage,
    definitions,
    leaderboard,
    live,
    newcomers,
    search,
    series,
    totals,
    trending,
)
from stats_assets.database.answers.asked import Asking, Counting
from stats_assets.database.answers.snapshot import snapshot
from stats_assets.database.answers.standing import standing
from stats_assets.database.connection import Connection
from stats_assets.questions.answer import Answer, Given, Kind, Value
from stats_assets.questions.parsing import parse
from stats_assets.questions.question import Asked

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
        question = parse(kind, given, now.as_of, counting.vocabulary)
        asking = Asking(connection, question, now, counting)
        return badges.answer(asking, path) if kind == "badges" else KINDS[kind](asking)
