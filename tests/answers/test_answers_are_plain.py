"""Answers equal plain Python over facts and changesets, for random combinations of filters."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats_assets.questions.windows import in_utc
from tests.answers.asking import Asked
from tests.answers.plain import Facts, Line, Wanted, family, grouped, sums
from tests.conftest import examples

CATEGORIES = ["roads", "buildings", "landuse", "pois", "railway_features"]
COLUMNS = [
    "edits",
    "changesets",
    "users",
    "buildings_added",
    "roads_modified",
    "road_km_added",
    "landuse_km2_added",
]


@pytest.fixture(scope="session")
def facts(asked: Asked) -> Facts:
    return Facts(asked.connection)


@st.composite
def wanteds(draw: st.DrawFn, facts: Facts, asked: Asked) -> Wanted:
    tags = sorted(facts.tags)
    some = st.lists(st.sampled_from(tags), max_size=3, unique=True)
    users = sorted({user for c in facts.of if (user := facts.user(c)) is not None})
    editors = sorted({one for c in facts.of if (one := family(facts.meta(c)["editor"]))})
    places = sorted({row["region"] for row in facts.places})
    minutes = int((asked.end - asked.begin) / timedelta(minutes=1))
    ends = sorted(draw(st.lists(st.integers(-3, minutes + 3), min_size=2, max_size=2, unique=True)))
    since, until = (draw(st.sampled_from((None, asked.begin + timedelta(minutes=end)))) for end in ends)
    chosen = draw(some)
    if draw(st.integers(0, 3)) == 0:
        chosen.append(draw(st.sampled_from([tag for tag in tags if len(tag) > 4]))[:4] + "*")
    return Wanted(
        tags=chosen if draw(st.booleans()) else [],
        also=draw(st.lists(st.sampled_from(tags), max_size=1)) if draw(st.integers(0, 4)) == 0 else [],
        users=draw(st.lists(st.sampled_from(users), max_size=4, unique=True)) if draw(st.booleans()) else [],
        country=draw(st.sampled_from([None, None, *places])),
        clock=draw(st.sampled_from(("upload", "changeset"))),
        editors=draw(st.lists(st.sampled_from(editors), max_size=2, unique=True))
        if draw(st.integers(0, 3)) == 0
        else [],
        categories=draw(st.lists(st.sampled_from(CATEGORIES), max_size=2, unique=True)),
        kinds=draw(st.lists(st.sampled_from(("added", "modified", "deleted")), max_size=2, unique=True)),
        since=since,
        until=until,
    )


def query_of(wanted: Wanted, **more: str) -> str:
    pairs = [("hashtag", tag) for tag in wanted.tags] + [("also", tag) for tag in wanted.also]
    pairs += [("user", str(user)) for user in wanted.users] + [("editor", one) for one in wanted.editors]
    pairs += [("category", one) for one in wanted.categories] + [("kind", one) for one in wanted.kinds]
    pairs += [("country", wanted.country)] if wanted.country else []
    pairs += [("from", in_utc(wanted.since))] if wanted.since else []
    pairs += [("to", in_utc(wanted.until))] if wanted.until else []
    return urlencode([*pairs, ("clock", wanted.clock), *more.items()])


def test_any_filters_give_what_the_facts_say(asked: Asked, facts: Facts) -> None:
    @examples(25)
    @given(
        wanteds(facts, asked),
        st.sampled_from(COLUMNS[:4]),
        st.sampled_from(("users", "hashtags", "countries", "editors")),
    )
    def same(wanted: Wanted, metric: str, of: str) -> None:
        lines = list(facts.lines(wanted))
        _same_totals(asked("totals", query_of(wanted))["totals"], lines)
        columns = ",".join(COLUMNS)
        series = asked("series", query_of(wanted, by="15min", columns=columns))
        _same_series(series["series"], wanted, lines, asked)
        board = asked("leaderboard", query_of(wanted, of=of, metric=metric, columns=columns, limit="1000"))
        _same_board(board, wanted, lines, facts, of, metric)
        rows = asked("changesets", query_of(wanted, columns=columns, limit="1000"))["rows"]
        expected = {key: sums(part) for key, part in grouped(lines, lambda line: line.changeset).items()}
        assert {row["changeset_id"]: _numbers(row) for row in rows} == {
            key: _numbers(value) for key, value in expected.items()
        }

    same()


def _numbers(row: Any) -> dict[str, Any]:
    return {name: row.get(name, 0) for name in COLUMNS}


def _same_totals(found: Any, lines: list[Line]) -> None:
    expected = sums(lines)
    numbers = {**found["counts"], **found["measurements"]}
    assert {key: value for key, value in numbers.items() if value} == {
        key: value for key, value in expected.items() if key not in ("edits", "changesets", "users")
    }
    assert [found[key] for key in ("edits", "changesets", "users")] == [
        expected[key] for key in ("edits", "changesets", "users")
    ]
    assert found["unattributed_edits"] == sum((line.edits for line in lines if line.user is None), Decimal(0))
    times = (
        [f"{time(line.at for line in lines):%Y-%m-%dT%H:%M:%SZ}" for time in (min, max)]
        if lines
        else [None, None]
    )
    assert [found["first"], found["last"]] == times


def _same_series(found: Any, wanted: Wanted, lines: list[Line], asked: Asked) -> None:
    steps = [step for step in found if any(_numbers(step).values())]
    by_step = grouped(lines, lambda line: -((asked.begin - line.end) // timedelta(minutes=15)))
    expected = [_numbers(sums(by_step[key])) for key in sorted(by_step)]
    assert [_numbers(step) for step in steps] == expected


def _same_board(found: Any, wanted: Wanted, lines: list[Line], facts: Facts, of: str, metric: str) -> None:
    groups: dict[Any, list[Line]] = {}
    if of == "users":
        groups = grouped([line for line in lines if line.user is not None], lambda line: line.user)
    elif of == "editors":
        groups = grouped([line for line in lines if line.editor], lambda line: family(line.editor))
    elif of == "hashtags":
        for tag in facts.tags:
            groups[tag] = [line for line in lines if tag in line.tags]
    else:
        for region in {row["region"] for row in facts.places}:
            if wanted.country in (None, region):
                groups[region] = list(facts.lines(wanted, region))
    expected = {key: sums(part) for key, part in groups.items() if part}
    key = {"users": "user_id", "hashtags": "hashtag", "countries": "country", "editors": "editor"}[of]
    order = sorted(
        expected,
        key=lambda one: (-expected[one].get(metric, 0), one if isinstance(one, int) else one.encode()),
    )
    assert [row[key] for row in found["rows"]] == order
    values = [expected[one].get(metric, 0) for one in order]
    assert [row["rank"] for row in found["rows"]] == [values.index(value) + 1 for value in values]
    assert [row["tied"] for row in found["rows"]] == [values.count(value) > 1 for value in values]
    assert [_numbers(row) for row in found["rows"]] == [_numbers(expected[one]) for one in order]
    assert found["total_rows"] == len(order)


def test_all_is_what_plain_sql_says(asked: Asked) -> None:
    found = asked("totals")["totals"]
    said = asked.connection.execute(
        "SELECT sum(total_edits), count(DISTINCT changeset_id) FROM changeset_edits"
    ).fetchone()
    assert (found["edits"], found["changesets"]) == said
    assert sum(found["counts"].values()) == found["edits"]
