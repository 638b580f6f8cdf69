"""What an answer says of itself: how far it reaches, what is missing, and whether it may change."""

import pytest

from tests.answers.asking import Asked
from tests.answers.byhand import FIRST, Byhand

Hand = tuple[Byhand, Asked]
WINDOW = "from=2025-02-20T14:00Z&to=2025-02-20T14:30Z"


def state(asked: Asked, query: str = WINDOW) -> str:
    return str(asked("totals", query)["about"]["state"])


def test_the_states_of_a_window(hand: Hand) -> None:
    made, asked = hand
    made.upload("14:10:30", 1)
    made.apply()
    made.counted("04:15", "14:20", now="14:21")
    assert state(asked) == "running"
    assert state(asked, "") == "running"
    made.clock("14:24")
    assert state(asked) == "behind"
    made.counted("14:20", "14:31", now="14:32")
    assert state(asked) == "settling"
    assert asked("totals", WINDOW)["about"]["final_at"] == "2025-02-20T15:35Z"
    made.counted("14:31", "15:36", now="15:37")
    assert state(asked) == "settling"  # the bodies are not settled
    made.connection.execute("UPDATE ledger SET settled_at = now()")
    assert state(asked) == "settled"
    made.connection.execute(
        "UPDATE ledger SET result = 'none', work = 'quarantined' WHERE sequence = %s", (FIRST + 590,)
    )
    about = asked("totals", WINDOW)["about"]
    assert (about["state"], about["minutes"]["missing"]) == ("gaps", 1)


def test_before_the_first_minute_none_is_missing(hand: Hand) -> None:
    made, asked = hand
    made.connection.execute(
        "INSERT INTO streams (stream, origin, checkpoint) VALUES ('augmented_diffs', %(begin)s, %(begin)s - 1)"
        " ON CONFLICT (stream) DO UPDATE SET origin = excluded.origin, checkpoint = excluded.checkpoint",
        {"begin": FIRST},
    )
    minutes = asked("totals", "")["about"]["minutes"]
    assert (minutes["expected"], minutes["missing"]) == (0, 0)


def test_missing_minutes_are_counted_and_told_with_why(hand: Hand) -> None:
    made, asked = hand
    made.counted("04:15", "14:10", now="14:41")
    made.counted("14:10", "14:40", now="14:41", flagged="1 geometry that the feed could not build")
    lost = FIRST + 590  # 14:05 to 14:08
    made.connection.execute(
        "UPDATE ledger SET result = 'none', work = 'quarantined', not_before = now() + interval '1 day'"
        " WHERE sequence BETWEEN %s AND %s",
        (lost, lost + 2),
    )
    made.connection.execute("UPDATE ledger SET result = 'skipped' WHERE sequence = %s", (lost + 4,))
    coverage = asked("coverage", WINDOW)
    window = coverage["window"]
    assert [(one["from"], one["to"], one["why"]) for one in window["missing"]] == [
        ("2025-02-20T14:05Z", "2025-02-20T14:08Z", "quarantined"),
        ("2025-02-20T14:09Z", "2025-02-20T14:10Z", "skipped"),
    ]
    assert window["missing"][0]["next_try"] == "2025-02-21T14:41Z"  # by the feed's clock
    assert [(one["from"], one["to"]) for one in window["flagged"]] == [
        ("2025-02-20T14:10Z", "2025-02-20T14:30Z")
    ]
    assert window["older_definitions"][0]["definitions"] == "here"
    minutes = asked("totals", WINDOW)["about"]["minutes"]
    assert minutes == {"expected": 30, "missing": 4, "flagged": 20, "older_definitions": 26}
    steps = asked("series", WINDOW + "&by=15min")["series"]
    assert [step["missing_minutes"] for step in steps] == [4, 0]
    before = asked("coverage", "from=2025-02-20T04:00Z&to=2025-02-20T04:20Z")["window"]
    assert [(one["from"], one["to"], one["why"]) for one in before["missing"]] == [
        ("2025-02-20T04:00Z", "2025-02-20T04:15Z", "before_begin")
    ]


def test_what_is_missing_in_whole_blocks_and_long_ago_is_counted_too(hand: Hand) -> None:
    made, asked = hand
    made.counted("04:15", "05:00")
    made.connection.execute(
        "INSERT INTO ledger (stream, sequence, result, epoch) VALUES ('augmented_diffs', 10, 'committed', 0)"
    )
    made.connection.execute(
        "INSERT INTO ledger_blocks (stream, block, done) VALUES ('augmented_diffs', 0, 1)"
    )
    minutes = asked("totals", "from=2012-09-12T07:05Z&to=2025-02-20T05:00Z")["about"]["minutes"]
    assert minutes["expected"] == FIRST + 45 - 10
    assert minutes["missing"] == FIRST - 11


def test_the_data_begin_where_they_go_on_from_not_with_what_was_backfilled_long_before(hand: Hand) -> None:
    made, asked = hand
    made.counted("04:15", "14:40")
    begun = asked("coverage", "")
    assert begun["begins"] == "2025-02-20T04:15Z"
    made.connection.execute(
        "INSERT INTO ledger (stream, sequence, result, epoch)"
        " SELECT 'augmented_diffs', s, 'committed', 0 FROM generate_series(110, 120) AS s"
    )
    made.connection.execute(
        "INSERT INTO ledger_blocks (stream, block, done) VALUES ('augmented_diffs', 100, 11)"
    )
    assert asked("coverage", "") == begun
    island = "from=2012-09-12T08:45Z&to=2012-09-12T08:55Z"
    assert asked("coverage", island)["begins"] == begun["begins"]
    assert asked("totals", island)["about"]["minutes"]["missing"] == 0
    made.counted("03:00", "04:15")  # and what adjoins it
    assert asked("coverage", "")["begins"] == "2025-02-20T03:00Z"


def test_what_was_before_a_window_is_known_since_the_data_begin_or_a_long_skip_ends(hand: Hand) -> None:
    made, asked = hand
    made.counted("04:15", "14:40")

    def known_since(since: str) -> str:
        return str(
            asked("coverage", f"from=2025-02-20T{since}Z&to=2025-02-20T14:30Z")["window"]["known_since"]
        )

    made.connection.execute(
        "UPDATE ledger SET result = 'skipped' WHERE sequence BETWEEN %s AND %s", (FIRST + 105, FIRST + 224)
    )  # 06:00 to 08:00
    made.connection.execute("UPDATE ledger SET result = 'skipped' WHERE sequence = %s", (FIRST + 300,))
    assert known_since("05:00") == "2025-02-20T04:15Z"
    assert known_since("08:00") == known_since("14:00") == "2025-02-20T08:00Z"


def test_complete_to_waits_for_the_queue(hand: Hand) -> None:
    made, asked = hand
    made.upload("14:10:30", 1)
    made.counted("04:15", "14:20")
    made.apply()
    assert asked("totals", "hashtag=a")["about"]["complete_to"] == "2025-02-20T14:20Z"
    made.upload("14:15:30", 1)
    assert asked("totals", "hashtag=a")["about"]["complete_to"] == "2025-02-20T14:15Z"
    assert asked("totals", "country=KEN")["about"]["complete_to"] == "2025-02-20T14:15Z"
    made.apply()
    made.connection.execute(
        "INSERT INTO statistics_queue (changeset_id, sequence) VALUES (1, %s)", (FIRST + 595,)
    )
    assert asked("totals", "hashtag=a")["about"]["complete_to"] == "2025-02-20T14:20Z"  # counted anew


def test_facts_that_are_away_are_missing_minutes_never_less_in_silence(hand: Hand) -> None:
    made, asked = hand
    made.upload("14:10:30", 1, buildings_added=5)
    made.told(1, "a", closed="14:11")
    made.counted("04:15", "14:40", facts=1, country_facts=0)
    made.apply()
    first = FIRST - FIRST % 100_000
    made.connection.execute(
        f"ALTER TABLE changeset_edits DETACH PARTITION changeset_edits_{first:09d}".encode()
    )
    found = asked("totals", WINDOW + "&hashtag=a")
    assert (found["totals"]["edits"], found["about"]["state"]) == (0, "gaps")
    assert found["about"]["minutes"]["missing"] == 30
    why = asked("coverage", WINDOW)["window"]["missing"]
    assert [(one["why"], "not attached" in one["detail"]) for one in why] == [("away", True)]
    by_changeset = asked("totals", WINDOW + "&hashtag=a&clock=changeset")
    assert (by_changeset["totals"]["edits"], by_changeset["about"]["minutes"]["missing"]) == (5, 0)


@pytest.mark.parametrize("query", ["", "hashtag=a", "user=1", "clock=changeset"])
def test_an_empty_database_answers(hand: Hand, query: str) -> None:
    made, asked = hand
    made.connection.execute("INSERT INTO users (id, name) VALUES (1, 'Sam')")
    for kind in ("totals", "series", "leaderboard", "changesets"):
        about = asked(kind, query)["about"]
        assert (about["complete_to"], about["minutes"]["expected"]) == (None, 0)
    assert asked("coverage")["window"]["minutes"] == 0
    assert asked("trending")["rows"] == []


def test_how_far_diffs_are_made_here_is_told_where_they_are(hand: Hand) -> None:
    made, asked = hand
    assert asked("coverage")["made_diffs"] is None
    made.connection.execute(
        "INSERT INTO made_diffs (made, tallies, ticked_at) VALUES (%s, %s, clock_timestamp())",
        (FIRST + 599, '{"late": 2, "passed": 1, "held": 4, "versions": 900}'),
    )
    assert asked("coverage")["made_diffs"] == {
        "complete_to": "2025-02-20T14:15Z",
        "sequence": FIRST + 599,
        "late_versions": 3,
        "held_versions": 4,
    }
    made.connection.execute("UPDATE made_diffs SET ticked_at = clock_timestamp() - interval '2 days'")
    assert asked("coverage")["made_diffs"] is None
