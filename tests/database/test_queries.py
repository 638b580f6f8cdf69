"""A smoke of benchmarks/queries.py: each query reads rows in the measure of what it answers, by our views."""

from collections.abc import Iterator

import pytest

from benchmarks.aggregates import History
from benchmarks.queries import QUERIES, Cost, slowest, table
from tests.conftest import database

SIZE = 1_500
DAYS = 150  # changesets of the heaviest user, each on a day of its own
PAIRS = 181  # of a user and a hashtag; there are fewer users, and few hashtags
PAGE, ROW = 25, 4  # rows of a page; rows that a row of the views is read from, at most
MOST = {
    # what is small is sorted, or joined by merging
    **dict.fromkeys((name.format() for name in QUERIES), PAGE * ROW + 2 * PAIRS),
    # a function makes rows of a user's days, and each is filtered once
    "a user's days": 2 * DAYS,
    "a user's days, by two of them": 4 * DAYS,
}


@pytest.fixture(scope="module")
def costs(server: str) -> Iterator[dict[str, tuple[Cost, Cost]]]:
    with database(server, "template1") as url:
        history = History(url, SIZE)
        history.fill()
        history.make_views()
        history.connection.execute("SET enable_seqscan = off")  # as of tables that are not this small
        yield {name: (ours, theirs) for name, ours, theirs in table(history, 0)}
        history.connection.close()


@pytest.mark.parametrize("name", list(MOST))
def test_a_query_reads_what_it_answers_and_answers_as_many_rows_as_a_materialized_view(
    costs: dict[str, tuple[Cost, Cost]], name: str
) -> None:
    ours, theirs = costs[name]
    assert ours.answered == theirs.answered
    assert ours.answered
    assert ours.rows <= MOST[name]


def test_the_figures_are_of_the_slowest_question_and_the_slowest_deep_page(
    costs: dict[str, tuple[Cost, Cost]],
) -> None:
    timed = {name: Cost(float(n), 1, 1) for n, name in enumerate(costs)}
    question, deep = slowest((name, one, Cost(2.0, 1, 1)) for name, one in timed.items())
    assert question.ours == timed["scoreboard: a hashtag's users"].milliseconds
    assert deep.ours == timed["/changesets, a deep page"].milliseconds
    assert (question.ratio, question.wanted) == (question.ours / 2, "≤ 100 ms")
