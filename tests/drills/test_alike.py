"""OSMesa's own views, made of our tables, beside ours: row by row, on a synthetic history of 300,000 changesets."""

import pytest

from benchmarks.aggregates import History
from tests.conftest import database
from tests.database.test_osmesa_sql import COUNTED, VIEWS, ours_and_theirs, without_differences

SIZE = 300_000


@pytest.mark.drill
@pytest.mark.timeout(3600)  # making them, mostly
def test_osmesas_views_are_ours_row_by_row_on_a_long_history(server: str) -> None:
    with database(server, "template1") as url:
        history = History(url, SIZE)
        history.fill()
        history.batch()
        with history.connection as made, made.transaction():
            made.execute(
                "SET LOCAL statement_timeout = 0; CREATE SCHEMA alike; SET LOCAL search_path = alike, public"
            )
            made.execute(COUNTED)
            made.execute(without_differences().encode())
            compared = {view: ours_and_theirs(made, view) for view in VIEWS}
        print(compared)
        assert compared["user_statistics"] > SIZE / 25
        assert compared["hashtag_user_statistics"] > SIZE / 10
