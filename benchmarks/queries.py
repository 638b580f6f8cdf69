"""What clients ask, beside OSMesa's materialized views: python -m benchmarks.queries

The queries of OSMesa's stat-server and of scoreboard, and what people ask, on a synthetic history (synthetic.sql): the
median time of each, and its plan's cost in rows, which no machine's speed changes. Not here: assertions; the tests have
a smoke of it.
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any, NamedTuple

import psycopg

from benchmarks.aggregates import History, filled_history, say, seconds, tell
from benchmarks.figures import Figure
from stats_assets.database.connection import Connection

QUERIES = {
    "/users": "SELECT * FROM user_statistics ORDER BY id LIMIT 25",
    "/users, a deep page": "SELECT * FROM user_statistics ORDER BY id LIMIT 25 OFFSET {deep}",
    "/users/{{id}}": "SELECT * FROM user_statistics WHERE id = 2",
    "/campaigns": "SELECT * FROM hashtag_statistics ORDER BY tag LIMIT 25",
    "/campaigns, a deep page": "SELECT * FROM hashtag_statistics ORDER BY tag LIMIT 25 OFFSET {deep_tag}",
    "/campaigns/{{tag}}": "SELECT * FROM hashtag_statistics WHERE tag = 'heavy'",
    "/campaigns/{{tag}}/users": "SELECT * FROM hashtag_user_statistics WHERE hashtag = 'heavy'"
    " ORDER BY hashtag, user_id LIMIT 25",
    "/campaigns/{{tag}}/{{uid}}": "SELECT * FROM hashtag_user_statistics WHERE hashtag = 'heavy' AND user_id = 2",
    "/country-stats/{{code}}": "SELECT * FROM country_statistics WHERE country_code = 'C0'",
    "/changesets": "SELECT * FROM changesets ORDER BY id LIMIT 25",
    "/changesets, a deep page": "SELECT * FROM changesets ORDER BY id LIMIT 25 OFFSET {deep}",
    "/status": "SELECT mat_view, updated_at FROM refreshments",
    "scoreboard: users": "SELECT * FROM user_statistics WHERE id IN (2, 3, 5, 8, 13, 21)",
    "scoreboard: a hashtag's users": "SELECT * FROM hashtag_user_statistics WHERE hashtag = 'tag0'",
    "the users with most edits": "SELECT * FROM user_statistics ORDER BY edit_count DESC LIMIT 10",
    "… with most changesets": "SELECT * FROM user_statistics ORDER BY changeset_count DESC LIMIT 10",
    "… of a hashtag": "SELECT * FROM hashtag_user_statistics WHERE hashtag = 'heavy' ORDER BY edit_count DESC LIMIT 10",
    "the pairs with most edits": "SELECT * FROM hashtag_user_statistics ORDER BY edit_count DESC LIMIT 10",
    "the hashtags with most edits": "SELECT * FROM hashtag_statistics ORDER BY edit_count DESC LIMIT 10",
    "a hashtag's users, a deep page": "SELECT * FROM hashtag_user_statistics WHERE hashtag = 'heavy'"
    " ORDER BY hashtag, user_id LIMIT 25 OFFSET {deep_of_tag}",
    "the users who were last": "SELECT * FROM user_statistics ORDER BY last_edit DESC LIMIT 25",
    "… with a hashtag": "SELECT * FROM hashtag_user_statistics WHERE hashtag = 'heavy'"
    " ORDER BY last_edit DESC LIMIT 25",
    "the hashtags that were last": "SELECT * FROM hashtag_statistics ORDER BY last_edit DESC LIMIT 25",
    "a user's days": "SELECT day, edits, day_changesets->day"
    " FROM user_statistics, jsonb_each(day_edits) AS d(day, edits)"
    " WHERE id = 2 ORDER BY day",
    "a user's days, by two of them": "SELECT e.key, e.value, c.value"
    " FROM user_statistics, jsonb_each(day_edits) AS e, jsonb_each(day_changesets) AS c"
    " WHERE id = 2 AND e.key = c.key",
}


class Cost(NamedTuple):
    """A query's median time in ms, how many rows its plan's scans read, and how many it answered."""

    milliseconds: float
    rows: int
    answered: int


def cost(connection: Connection | psycopg.Connection[Any], query: str, times: int = 5) -> Cost:
    """Run it so often, and once more to count rows, those that an index or a filter threw away too."""
    taken = [seconds(lambda: connection.execute(query.encode()).fetchall()) for _ in range(times)]
    row = connection.execute(f"EXPLAIN (ANALYZE, TIMING off, FORMAT JSON) {query}".encode()).fetchone()
    assert row is not None
    plan = row[0][0]["Plan"]
    read = sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in _nodes(plan)
        if "Scan" in node["Node Type"]
    )
    return Cost(median(taken) * 1000 if taken else 0, round(read), round(plan["Actual Rows"]))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


def table(history: History, times: int) -> Iterator[tuple[str, Cost, Cost]]:
    """Each query with its cost by our views and by materialized ones, which `History.make_views` made."""
    with psycopg.connect(history.url, autocommit=True) as theirs:
        theirs.execute("SET search_path = osmesa_like, public")
        sizes = theirs.execute(
            "SELECT (SELECT count(*) FROM user_statistics), (SELECT count(*) FROM hashtag_statistics),"
            " (SELECT count(*) FROM hashtag_user_statistics WHERE hashtag = 'heavy')"
        ).fetchone()
        assert sizes is not None
        names = ("deep", "deep_tag", "deep_of_tag")
        deep = {name: min(100_000, size // 2) for name, size in zip(names, sizes, strict=True)}
        for name, query in QUERIES.items():
            asked = query.format(**deep)
            yield name.format(), cost(history.connection, asked, times), cost(theirs, asked, times)


@contextmanager
def asked(size: int, times: int) -> Iterator[Iterator[tuple[str, Cost, Cost]]]:
    """The table of a history of so many changesets."""
    with filled_history(size) as history:
        tell(f"materialized views made in {seconds(history.make_views):.0f} s")
        yield table(history, times)


def figures(*, small: bool) -> list[Figure]:
    """F7: the slowest questions of OSMesa's clients, those by deep pages apart."""
    with asked(1_500 if small else 1_600_000, 1 if small else 9) as answers:
        return slowest(answers)


def slowest(answers: Iterable[tuple[str, Cost, Cost]]) -> list[Figure]:
    """Of the table's rows."""
    theirs = [one for one in answers if one[0].startswith(("/", "scoreboard"))]
    found = []
    for deep, most in ((False, 100), (True, 1000)):
        name, ours, view = max(
            (one for one in theirs if ("deep" in one[0]) is deep), key=lambda one: one[1].milliseconds
        )
        what = f"the slowest {'deep page' if deep else 'question'} of OSMesa's clients ({name})"
        found.append(
            Figure("F7", what, "ms", ours.milliseconds, "a materialized view", view.milliseconds, most=most)
        )
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=1_600_000, help="changesets (1600000)")
    given = parser.parse_args(arguments)
    with asked(given.size, 5) as answers:
        say(
            "| question | ms | rows read | of a materialized view, ms | rows read |\n|---|---:|---:|---:|---:|"
        )
        for name, ours, theirs in answers:
            say(
                f"| {name} | {ours.milliseconds:.1f} | {ours.rows:,} | {theirs.milliseconds:.1f} | {theirs.rows:,} |"
            )


if __name__ == "__main__":
    main()
