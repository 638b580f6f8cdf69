"""Which questions are of people, however they are written."""

from typing import Any
from urllib.parse import parse_qsl

import pytest

from stats_assets.questions.people import check, tells_of_people
from stats_assets.questions.problem import Problem


@pytest.mark.parametrize(
    ("kind", "query", "of_people"),
    [
        ("leaderboard", "", True),
        ("leaderboard", "of=users", True),
        ("leaderboard", "of=%20users%20", True),
        ("leaderboard", "of=hashtags", False),
        ("leaderboard", "of=hashtags&user=mapper-1", True),
        ("totals", "user=mapper-1", True),
        ("totals", "", False),
        ("series", "user=1&user=2", True),
    ],
)
def test_what_tells_of_people(kind: Any, query: str, of_people: bool) -> None:
    given = parse_qsl(query, keep_blank_values=True)
    assert tells_of_people(kind, given) is of_people
    if of_people:
        with pytest.raises(Problem):
            check("none", kind, given)
    else:
        check("none", kind, given)
