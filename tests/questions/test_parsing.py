"""From parameters to a question, or to a problem whose try works."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats_assets.questions.parameters import ALL, OF_KIND
from stats_assets.questions.parsing import parse
from stats_assets.questions.problem import Problem
from stats_assets.questions.question import Question, Tag
from stats_assets.questions.vocabulary import Vocabulary
from tests.conftest import examples

NOW = datetime(2025, 2, 20, 14, 33, 12, tzinfo=UTC)
WORDS = Vocabulary((("roads", ("road_km",)), ("buildings", ()), ("pois", ()), ("landuse", ("landuse_km2",))))


def asked(query: str, kind: Any = "totals") -> Question:
    return parse(kind, parse_qsl(query, keep_blank_values=True), NOW, WORDS)


def refused(query: str, kind: Any = "totals") -> Problem:
    """The problem; its try must be a question."""
    with pytest.raises(Problem) as told:
        asked(query, kind)
    problem = told.value
    assert problem.detail and problem.title
    if problem.attempt is not None:
        parts = urlsplit(problem.attempt)
        asked(parts.query, parts.path.rsplit("/", 1)[1])
    return problem


def test_all_that_can_be_said() -> None:
    question = asked(
        "hashtag=%23MissingMaps&hashtag=hotosm-*&hashtag=missingmaps&also=kenya&combine=together&user=Zo%C3%AB&user=12"
        "&country=KEN&clock=changeset&editor=JOSM/1.5 (18513 en)&editor=iD 2.20&category=roads,pois&kind=added"
        "&from=2025-02-20T14:00&to=2025-02-20T17:30&tz=Africa/Nairobi&of=hashtags&metric=road_km_added"
        "&columns=edits,users&columns=days&limit=1000",
        "leaderboard",
    )
    assert question.hashtags == (Tag("missingmaps"), Tag("hotosm-", wildcard=True))
    assert (question.also, question.users, question.countries) == ((Tag("kenya"),), ("Zoë", "12"), ("KEN",))
    assert (question.editors, question.categories, question.changes) == (
        ("JOSM", "iD"),
        ("roads", "pois"),
        ("added",),
    )
    assert question.as_json["from"] == "2025-02-20T11:00Z"
    assert question.as_json["to"] == "2025-02-20T14:30Z"
    assert question.columns == ("road_km_added", "edits", "users", "days")
    assert (question.of, question.clock, question.limit) == ("hashtags", "changeset", 1000)


def test_what_is_not_said_is_written_out() -> None:
    assert asked("").as_json == {
        "combine": "together",
        "clock": "upload",
        "from": None,
        "to": None,
        "tz": "UTC",
    }
    board = asked("", "leaderboard")
    assert (board.of, board.metric, board.limit, len(board.columns)) == ("users", "edits", 50, 6)


@pytest.mark.parametrize(
    ("query", "since", "until"),
    [
        ("from=2025-02-20T14:00Z", "2025-02-20T14:00Z", None),
        ("from=2025-02-20T14:00+03:00", "2025-02-20T11:00Z", None),  # + has become a space
        ("from=2025-02-20T14:00%2B0545", "2025-02-20T08:15Z", None),
        ("from=2025-02-20T14:00-03", "2025-02-20T17:00Z", None),
        ("to=2025-02-20&tz=Asia/Kathmandu", None, "2025-02-19T18:15Z"),
        ("last=90min", "2025-02-20T13:03Z", "2025-02-20T14:33Z"),
        ("last=24h", "2025-02-19T14:33Z", "2025-02-20T14:33Z"),
        ("last=2w", "2025-02-06T14:33Z", "2025-02-20T14:33Z"),
        ("period=week", "2025-02-17T00:00Z", "2025-02-24T00:00Z"),
        ("period=week&tz=Asia/Kathmandu", "2025-02-16T18:15Z", "2025-02-23T18:15Z"),
        ("period=day", "2025-02-20T00:00Z", "2025-02-21T00:00Z"),
        ("period=2024", "2024-01-01T00:00Z", "2025-01-01T00:00Z"),
        ("period=2024-12&tz=America/New_York", "2024-12-01T05:00Z", "2025-01-01T05:00Z"),
        ("period=2020-W53", "2020-12-28T00:00Z", "2021-01-04T00:00Z"),
        ("period=2025-03-30&tz=Europe/Berlin", "2025-03-29T23:00Z", "2025-03-30T22:00Z"),
    ],
)
def test_windows(query: str, since: str | None, until: str | None) -> None:
    said = asked(query).as_json
    assert (said["from"], said["to"]) == (since, until)


def test_the_same_window_in_two_zones_is_one() -> None:
    here = asked("from=2025-02-20T14:00&to=2025-02-20T17:30&tz=Africa/Nairobi").window
    assert here == asked("from=2025-02-20T16:45&to=2025-02-20T20:15&tz=Asia/Kathmandu").window
    assert here == asked("from=2025-02-20T11:00Z&to=2025-02-20T17:30+03:00").window


def test_a_time_that_comes_twice_is_said_and_the_other_can_be_asked() -> None:
    question = asked("from=2025-10-26T02:30&tz=Europe/Berlin")
    assert question.as_json["from"] == "2025-10-26T00:30Z"
    assert "02:30+02:00" in question.notes[0] and "02:30+01:00" in question.notes[0]
    assert not asked("from=2025-10-26T02:30+01:00&tz=Europe/Berlin").notes


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "Africa/Monrovia", "Pacific/Kiritimati"])
def test_no_end_is_so_far_that_it_cannot_be_reckoned_with(zone: str) -> None:
    for query in (
        "from=0002-01-01&to=9998-12-31T23:59",
        "last=99999d",
        "from=0999-01-01T00:00Z",
        "to=9000-01-01",
    ):
        question = asked(f"{query}&tz={zone}")
        since, until = question.window.since, question.window.until
        assert since is None or since == datetime(1970, 1, 1, tzinfo=UTC)
        assert until is None or until in (NOW.replace(second=0), datetime(2500, 1, 1, tzinfo=UTC))
        assert "last" in query or "nothing was edited beyond" in question.notes[0]


@pytest.mark.parametrize(
    ("query", "name", "parameter", "attempt"),
    [
        ("hashtags=a", "unknown-parameter", "hashtags", "/api/v1/totals"),
        ("hashtag=", "bad-value", "hashtag", None),
        ("hashtag=a%00b", "bad-value", "hashtag", None),
        ("hashtag=a,b", "bad-hashtag", "hashtag", "/api/v1/totals?hashtag=a&hashtag=b"),
        ("hashtag=a;b", "bad-hashtag", "hashtag", "/api/v1/totals?hashtag=a&hashtag=b"),
        ("hashtag=two words", "bad-hashtag", "hashtag", None),
        ("hashtag=' OR 1=1 --", "bad-hashtag", "hashtag", None),
        ("hashtag=ab*", "short-wildcard", "hashtag", "/api/v1/totals?hashtag=ab"),
        ("hashtag=*abc", "bad-hashtag", "hashtag", None),
        ("also=abc*", "bad-hashtag", "also", None),
        ("also=a&also=b&also=c&also=d&also=e&also=f", "too-many", "also", None),
        ("country=KEN&country=UGA&combine=together", "regions-do-not-add", "combine", None),
        ("country=KEN,UGA", "bad-value", "country", "/api/v1/totals?country=KEN&country=UGA"),
        ("clock=wall", "bad-value", "clock", "/api/v1/totals?clock=upload"),
        ("clock=upload&clock=upload", "repeated", "clock", "/api/v1/totals?clock=upload"),
        ("kind=moved", "bad-value", "kind", "/api/v1/totals?kind=added"),
        ("category=trees", "bad-value", "category", "/api/v1/totals?category=buildings"),
        ("from=2025-02-20T14:00:30", "seconds", "from", "/api/v1/totals?from=2025-02-20T14:00"),
        ("from=2025-02-20T14:00:00Z", "seconds", "from", "/api/v1/totals?from=2025-02-20T14:00Z"),
        ("from=yesterday", "bad-time", "from", "/api/v1/totals"),
        ("from=2025-02-30", "bad-time", "from", None),
        ("from=2025-02-20T24:00", "bad-time", "from", None),
        ("from=0001-01-01T00:00+14:00", "bad-time", "from", None),
        ("from=2025-02-20T14:00+25:00", "bad-time", "from", None),
        (
            "from=2025-03-30T02:30&tz=Europe/Berlin",
            "no-such-time",
            "from",
            "/api/v1/totals?from=2025-03-30T03:30&tz=Europe%2FBerlin",
        ),
        (
            "from=2025-02-21&to=2025-02-20",
            "empty-window",
            "to",
            "/api/v1/totals?from=2025-02-20&to=2025-02-21",
        ),
        ("from=2025-02-21&to=2025-02-21", "empty-window", "to", "/api/v1/totals?from=2025-02-21"),
        ("from=2025-02-21&last=7d", "two-windows", "last", "/api/v1/totals?last=7d"),
        ("last=7d&period=week", "two-windows", "period", "/api/v1/totals?period=week"),
        ("last=7months", "bad-time", "last", "/api/v1/totals?last=7d"),
        ("last=0d", "bad-time", "last", None),
        *((f"period={one}", "bad-time", "period", None) for one in ("0001", "1969", "2500", "9999-12-31")),
        ("period=2011-12-30&tz=Pacific/Apia", "bad-time", "period", None),
        ("period=2025-13", "bad-time", "period", "/api/v1/totals?period=week"),
        ("period=2025-W54", "bad-time", "period", None),
        ("tz=Mars/Olympus", "bad-zone", "tz", "/api/v1/totals?tz=UTC"),
        ("tz=../../etc/passwd", "bad-zone", "tz", None),
        ("user=%00", "bad-value", "user", None),
    ],
)
def test_refusals(query: str, name: str, parameter: str, attempt: str | None) -> None:
    problem = refused(query)
    assert (problem.name, problem.parameter) == (name, parameter)
    if attempt is not None:
        assert problem.attempt == attempt


@pytest.mark.parametrize(
    ("kind", "query", "parameter"),
    [
        ("leaderboard", "metric=speed", "metric"),
        ("leaderboard", "columns=edits,speed", "columns"),
        ("leaderboard", "columns=" + ",".join(WORDS.columns[:13]), "columns"),
        ("leaderboard", "limit=1001", "limit"),
        ("leaderboard", "limit=0", "limit"),
        ("leaderboard", "limit=ten", "limit"),
        ("leaderboard", "limit=1%00", "limit"),
        ("leaderboard", "after=bm90aGluZw", "after"),
        ("leaderboard", "after=eyJ2IjoiMSIsImsiOiInOyBEUk9QIn0", "after"),
        ("leaderboard", "of=teams", "of"),
        ("series", "by=minute", "by"),
        ("search", "", "q"),
        ("search", "hashtag=a", "hashtag"),
        ("definitions", "tz=UTC", "tz"),
        ("changesets", "combine=apart&hashtag=a&hashtag=b", "combine"),
        ("newcomers", "country=KEN&country=UGA", "country"),
    ],
)
def test_refusals_of_kinds(kind: str, query: str, parameter: str) -> None:
    assert refused(query, kind).parameter == parameter


def test_limits_of_lists() -> None:
    tags = [f"hashtag=tag_{number}" for number in range(201)]
    assert len(asked("&".join(tags[:200])).hashtags) == 200
    assert refused("&".join(tags)).name == "too-many"
    assert len(asked("&".join([*tags[:20], "combine=apart"])).hashtags) == 20
    assert refused("&".join([*tags[:21], "combine=apart"])).name == "too-many"
    assert len(asked("&".join(f"user={number}" for number in range(200))).users) == 200
    assert refused("&".join(f"user={number}" for number in range(201))).parameter == "user"
    assert asked("&".join(f"country=C{number}" for number in range(20))).combine == "apart"
    assert refused("&".join(f"country=C{number}" for number in range(21))).parameter == "country"
    assert refused("hashtag=a&" * 1_000_000).name == "too-many"


def test_countries_are_apart_unless_it_is_one() -> None:
    assert asked("country=KEN&country=UGA").as_json["combine"] == "apart"
    assert asked("country=KEN").as_json["combine"] == "together"


VALUES = st.one_of(
    st.sampled_from([one.example for one in ALL.values() if one.example]),
    st.text(max_size=30),
    st.sampled_from(
        ["", "*", "abc*", "9" * 400, "2025-13-01T25:61", "' OR '1'='1", "\ud800", "\0", "١٢", "+", "%"]
    ),
)


@examples(150)
@given(
    st.sampled_from(sorted(OF_KIND)),
    st.lists(st.tuples(st.sampled_from([*ALL, "x", "HASHTAG", ""]), VALUES), max_size=6),
)
def test_whatever_is_asked_is_a_question_or_a_problem_with_a_way_out(
    kind: Any, pairs: list[tuple[str, str]]
) -> None:
    try:
        parse(kind, pairs, NOW, WORDS)
    except Problem as problem:
        if problem.attempt is not None:
            parts = urlsplit(problem.attempt)
            asked(parts.query, kind)
